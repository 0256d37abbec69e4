//===- FormulaTest.h - One instruction against a C++ formula ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A test of arithmetic is a row: a PTX statement on registers $d, $a, $b, $c
// and a formula in C++. The rows of a table become kernels of one module; each
// runs over all pairs of edge values of its operand types and over random
// triples, in a full and in a partly predicated warp.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_UNITTESTS_EMULATOR_FORMULATEST_H
#define MOE_UNITTESTS_EMULATOR_FORMULATEST_H

#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/Numerics.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <limits>
#include <random>

namespace moe::emulator::testing {

/// 16-bit floating-point bits, so that edge values fit the type.
struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};

struct FormulaRow {
  std::string statement;
  unsigned widths[4]; ///< bytes of $d, $a, $b, $c
  std::vector<uint64_t> edges[3];
  std::function<uint64_t(uint64_t, uint64_t, uint64_t)> formula;
  /// Compares bits; false where both are NaN of any payload.
  bool exactNaN = true;
};

template <typename T>
std::vector<uint64_t> edgesOf() {
  if constexpr (std::is_same_v<T, float>) {
    std::vector<uint64_t> bits;
    for (float x : {0.0f,
                    1.0f,
                    0.5f,
                    1.5f,
                    2.5f,
                    3.0f,
                    0x1p-149f,
                    0x1.8p-127f,
                    0x1p-126f,
                    0x1.fffffep127f,
                    3e9f,
                    5e9f,
                    1e19f,
                    2e19f,
                    254.5f,
                    65519.0f,
                    0x1.000002p0f,
                    0.1f,
                    0x1p126f,
                    0x1.8p126f,
                    std::numeric_limits<float>::infinity(),
                    std::numeric_limits<float>::quiet_NaN()})
      for (uint32_t sign : {0u, 0x80000000u})
        bits.push_back(bitCast<uint32_t>(x) ^ sign);
    return bits;
  } else if constexpr (std::is_same_v<T, double>) {
    std::vector<uint64_t> bits;
    for (double x :
         {0.0, 1.0, 0.5, 2.5, 3.0, 5e-324, 0x1p-1022, 0x1.fffffffffffffp1023,
          3e9, 1e19, 1e300, 0.1, 0x1.000001p0, 1e-40,
          std::numeric_limits<double>::infinity(),
          std::numeric_limits<double>::quiet_NaN()})
      for (uint64_t sign : {uint64_t(0), uint64_t(1) << 63})
        bits.push_back(bitCast<uint64_t>(x) ^ sign);
    return bits;
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>) {
    std::vector<uint64_t> bits;
    for (uint64_t x : {0x0000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x3c01, 0x4200,
                       0x7bff, 0x7c00, 0x7c01, 0x7e00, 0x3f80, 0x3f81, 0x007f,
                       0x0080, 0x7f7f, 0x7f80, 0x7fc0, 0x5555})
      for (uint64_t sign : {0, 0x8000})
        bits.push_back(x ^ sign);
    return bits;
  } else {
    constexpr unsigned width = 8 * sizeof(T);
    constexpr uint64_t all = ~uint64_t(0) >> (64 - width);
    std::vector<uint64_t> bits;
    for (uint64_t x :
         {uint64_t(0), uint64_t(1), uint64_t(2), uint64_t(3), uint64_t(7),
          uint64_t(31), uint64_t(32), uint64_t(33), uint64_t(63), uint64_t(64),
          uint64_t(255), uint64_t(0x0408), uint64_t(0x7654),
          uint64_t(0x80ff7f01), uint64_t(0x123456789abcdef0),
          uint64_t(0x8000800080008000), uint64_t(0x7fff7fff7fff7fff)})
      bits.push_back(x & all), bits.push_back(~x & all);
    bits.push_back(uint64_t(1) << (width - 1));
    bits.push_back((uint64_t(1) << (width - 1)) - 1);
    return bits;
  }
}

template <typename T>
T fromBits(uint64_t bits) {
  if constexpr (std::is_same_v<T, float>)
    return bitCast<float>(uint32_t(bits));
  else if constexpr (std::is_same_v<T, double>)
    return bitCast<double>(bits);
  else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>)
    return T{uint16_t(bits)};
  else
    return T(bits);
}

template <typename T>
uint64_t toBits(T value) {
  if constexpr (std::is_same_v<T, float>)
    return bitCast<uint32_t>(value);
  else if constexpr (std::is_same_v<T, double>)
    return bitCast<uint64_t>(value);
  else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>)
    return value.bits;
  else
    return uint64_t(value) & (~uint64_t(0) >> (64 - 8 * sizeof(T)));
}

/// Rows of one, two and three operands; D and the rest give the register
/// widths.
template <typename D, typename A, typename F>
FormulaRow row1(std::string statement, F f) {
  return {std::move(statement),
          {sizeof(D), sizeof(A), 0, 0},
          {edgesOf<A>(), {}, {}},
          [f](uint64_t a, uint64_t, uint64_t) {
            return toBits<D>(D(f(fromBits<A>(a))));
          },
          !std::is_same_v<D, double>};
}
template <typename D, typename A, typename B, typename F>
FormulaRow row2(std::string statement, F f) {
  return {std::move(statement),
          {sizeof(D), sizeof(A), sizeof(B), 0},
          {edgesOf<A>(), edgesOf<B>(), {}},
          [f](uint64_t a, uint64_t b, uint64_t) {
            return toBits<D>(D(f(fromBits<A>(a), fromBits<B>(b))));
          },
          !std::is_same_v<D, double>};
}
template <typename D, typename A, typename B, typename C, typename F>
FormulaRow row3(std::string statement, F f) {
  return {std::move(statement),
          {sizeof(D), sizeof(A), sizeof(B), sizeof(C)},
          {edgesOf<A>(), edgesOf<B>(), edgesOf<C>()},
          [f](uint64_t a, uint64_t b, uint64_t c) {
            return toBits<D>(
                D(f(fromBits<A>(a), fromBits<B>(b), fromBits<C>(c))));
          },
          !std::is_same_v<D, double>};
}

/// Drops rows' operands for which PTX leaves the result open.
inline FormulaRow avoiding(FormulaRow row, unsigned operand, uint64_t bits) {
  auto &edges = row.edges[operand];
  edges.erase(std::remove(edges.begin(), edges.end(), bits), edges.end());
  return row;
}

class FormulaRunner {
public:
  explicit FormulaRunner(std::vector<FormulaRow> rows)
      : rows(std::move(rows)) {}

  void run() {
    std::string text = ".version 8.6\n.target sm_90\n.address_size 64\n";
    for (size_t i = 0; i < rows.size(); ++i)
      text += kernel(i);
    auto module = Module::load(text, "formulas.ptx");
    ASSERT_TRUE(bool(module)) << module.error().message;
    for (size_t i = 0; i < rows.size(); ++i)
      check(*module, i);
  }

private:
  using Triple = std::array<uint64_t, 3>;

  static std::string registerName(unsigned bytes, char letter) {
    return std::string(bytes == 2 ? "%h" : bytes == 4 ? "%w" : "%l") + letter;
  }

  std::string kernel(size_t index) const {
    const FormulaRow &row = rows[index];
    std::string body = row.statement;
    for (unsigned i = 0; i < 4; ++i) {
      std::string placeholder = std::string("$") + "dabc"[i];
      std::string name = registerName(row.widths[i], "dabc"[i]);
      for (size_t at; (at = body.find(placeholder)) != std::string::npos;)
        body.replace(at, 2, name);
    }
    std::string text = ".visible .entry k" + std::to_string(index) +
                       R"((.param .u64 in, .param .u64 out, .param .u32 n)
{
  .reg .pred %p, %q, %inside;
  .reg .b16 %hd, %ha, %hb, %hc, %h0;
  .reg .b32 %wd, %wa, %wb, %wc, %w0, %w1, %w2, %w3;
  .reg .b64 %ld, %la, %lb, %lc, %l0, %l1;
  mov.u32 %w0, %ctaid.x;
  mov.u32 %w1, %ntid.x;
  mov.u32 %w2, %tid.x;
  mad.lo.u32 %w0, %w0, %w1, %w2;
  ld.param.u32 %w1, [n];
  setp.lt.u32 %inside, %w0, %w1;
  @!%inside ret;
  ld.param.u64 %l0, [in];
  ld.param.u64 %l1, [out];
  cvta.to.global.u64 %l0, %l0;
  cvta.to.global.u64 %l1, %l1;
  mad.wide.u32 %l0, %w0, 24, %l0;
  mad.wide.u32 %l1, %w0, 8, %l1;
)";
    for (unsigned i = 1; i < 4; ++i)
      if (row.widths[i])
        text += "  ld.global.b" + std::to_string(8 * row.widths[i]) + " " +
                registerName(row.widths[i], "dabc"[i]) + ", [%l0+" +
                std::to_string(8 * (i - 1)) + "];\n";
    text += "  " + body + "\n  st.global.b" +
            std::to_string(8 * row.widths[0]) + " [%l1], " +
            registerName(row.widths[0], 'd') + ";\n  ret;\n}\n";
    return text;
  }

  std::vector<Triple> inputs(const FormulaRow &row) {
    auto or0 = [](const std::vector<uint64_t> &edges) {
      return edges.empty() ? std::vector<uint64_t>{0} : edges;
    };
    std::vector<uint64_t> a = or0(row.edges[0]), b = or0(row.edges[1]),
                          c = or0(row.edges[2]);
    std::vector<Triple> triples;
    for (uint64_t x : a)
      for (uint64_t y : b)
        triples.push_back({x, y, c[random() % c.size()]});
    if (!row.edges[2].empty())
      for (int i = 0; i < 1000; ++i)
        triples.push_back({a[random() % a.size()], b[random() % b.size()],
                           c[random() % c.size()]});
    return triples;
  }

  void check(const std::shared_ptr<const Module> &module, size_t index) {
    const FormulaRow &row = rows[index];
    SCOPED_TRACE(row.statement);
    std::vector<Triple> in = inputs(row);
    std::vector<uint64_t> out(in.size(), 0);
    uint32_t n = uint32_t(in.size());
    Device device;
    uint64_t din = *device.allocate(in.size() * sizeof(Triple));
    uint64_t dout = *device.allocate(out.size() * 8);
    ASSERT_TRUE(
        bool(device.copyToDevice(din, in.data(), in.size() * sizeof(Triple))));
    ASSERT_TRUE(bool(device.copyToDevice(dout, out.data(), out.size() * 8)));
    LaunchConfig config;
    config.block.x = 64;
    config.grid.x = (n + 63) / 64;
    auto result = device.launch(module, "k" + std::to_string(index), config,
                                {{&din, 8}, {&dout, 8}, {&n, 4}});
    ASSERT_TRUE(bool(result)) << result.error().message;
    for (const Report &report : result->reports)
      ADD_FAILURE() << report.str();
    ASSERT_TRUE(bool(device.copyToHost(out.data(), dout, out.size() * 8)));
    for (size_t i = 0; i < in.size(); ++i) {
      uint64_t expected = row.formula(in[i][0], in[i][1], in[i][2]);
      double e = bitCast<double>(expected), g = bitCast<double>(out[i]);
      bool same = expected == out[i] || (!row.exactNaN && e != e && g != g);
      if (!same) {
        char message[160];
        std::snprintf(message, sizeof(message),
                      "of %#llx, %#llx, %#llx: expected %#llx, got %#llx",
                      (unsigned long long)in[i][0],
                      (unsigned long long)in[i][1],
                      (unsigned long long)in[i][2],
                      (unsigned long long)expected, (unsigned long long)out[i]);
        ADD_FAILURE() << message;
        return;
      }
    }
  }

  std::vector<FormulaRow> rows;
  std::mt19937_64 random{5};
};

} // namespace moe::emulator::testing

#endif // MOE_UNITTESTS_EMULATOR_FORMULATEST_H
