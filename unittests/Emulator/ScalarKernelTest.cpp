//===- ScalarKernelTest.cpp - Compiled elementwise kernels ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelFixture.h"

#include <cmath>
#include <cstdlib>
#include <numeric>

using namespace moe::emulator;
using namespace moe::emulator::testing;

namespace {

class ScalarKernels : public KernelFixture {
protected:
  ScalarKernels() : KernelFixture("Scalar") {}
};

TEST_P(ScalarKernels, Saxpy) {
  for (int n : {1, 33, 1000}) {
    std::vector<float> x = uniforms(n, -2, 2), y = uniforms(n, -2, 2);
    uint64_t dx = upload(x), dy = upload(y);
    launch("saxpy", 3, 64, n, 1.5f, dx, dy);
    std::vector<float> got = download<float>(dy, n);
    for (int i = 0; i < n; ++i) // contracted or not, both are IEEE
      ASSERT_TRUE(got[i] == std::fma(1.5f, x[i], y[i]) ||
                  got[i] == 1.5f * x[i] + y[i]);
  }
}

TEST_P(ScalarKernels, Doubles) {
  const int n = 100;
  std::vector<double> x(n), y(n);
  for (int i = 0; i < n; ++i)
    x[i] = uniform(-9, 9), y[i] = uniform(-9, 9) + 1e-9;
  uint64_t dx = upload(x), dy = upload(y), out = reserve<double>(4 * n);
  launch("doubles", 2, 64, n, dx, dy, out);
  std::vector<double> got = download<double>(out, 4 * n);
  for (int i = 0; i < n; ++i) {
    ASSERT_EQ(got[4 * i], x[i] / y[i]);
    ASSERT_EQ(got[4 * i + 1], std::sqrt(x[i] * x[i]));
    ASSERT_EQ(got[4 * i + 2], std::fma(x[i], y[i], -1.0));
    ASSERT_EQ(got[4 * i + 3], double(float(x[i])) - y[i]);
  }
}

TEST_P(ScalarKernels, Halves) {
  const int n = 300;
  std::vector<uint16_t> x(n), y(n);
  for (int i = 0; i < n; ++i) {
    x[i] = f16FromF32(uniform(-30, 30));
    y[i] = bf16FromF32(uniform(-30, 30));
  }
  uint64_t dx = upload(x), dy = upload(y);
  uint64_t sum = reserve<uint16_t>(n), product = reserve<uint16_t>(n);
  uint64_t wide = reserve<float>(n);
  launch("halves", 5, 64, n, dx, dy, sum, product, wide);
  std::vector<uint16_t> sums = download<uint16_t>(sum, n);
  std::vector<uint16_t> products = download<uint16_t>(product, n);
  std::vector<float> wides = download<float>(wide, n);
  for (int i = 0; i < n; ++i) {
    float fx = f32FromF16(x[i]), fy = f32FromBF16(y[i]);
    // x * x + 1.5 is exact in double: one rounding if contracted, else two.
    uint16_t once =
        uint16_t(encode(kF16, double(fx) * fx + 1.5, Round::NearestEven));
    uint16_t twice = f16FromF32(f32FromF16(f16FromF32(fx * fx)) + 1.5f);
    ASSERT_TRUE(sums[i] == once || sums[i] == twice);
    ASSERT_EQ(products[i], bf16FromF32(fy * fx));
    ASSERT_EQ(wides[i], fx - fy);
  }
}

TEST_P(ScalarKernels, Activations) {
  const int n = 500;
  std::vector<float> x = uniforms(n, -10, 10);
  x[0] = 0, x[1] = 80, x[2] = -80;
  uint64_t dx = upload(x), out = reserve<float>(4 * n);
  launch("activations", 4, 128, n, dx, out);
  std::vector<float> got = download<float>(out, 4 * n);
  for (int i = 0; i < n; ++i) {
    double v = x[i], sigmoid = 1 / (1 + std::exp(-v));
    double u = 0.7978845608 * (v + 0.044715 * v * v * v);
    double gelu = 0.5 * v * (2 - 2 / (1 + std::exp(2 * u)));
    // The argument of ex2 carries half an ulp of |1.44 v| <= 116, i.e. 2^-17.
    double relative = 0x1p-16;
    ASSERT_NEAR(got[4 * i], v * sigmoid, relative * std::fabs(v * sigmoid));
    // 2 - 2 / (1 + t) cancels for negative v: absolute in units of |v|.
    ASSERT_NEAR(got[4 * i + 1], gelu, 0x1p-20 * (1 + std::fabs(v)));
    ASSERT_NEAR(got[4 * i + 2], sigmoid, relative * sigmoid);
    ASSERT_EQ(got[4 * i + 3], std::max(x[i], 0.0f));
  }
}

uint32_t permuteBytes(uint32_t a, uint32_t b, uint32_t selector) {
  uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i)
    result |= uint32_t(bytes >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return result;
}

TEST_P(ScalarKernels, Integers) {
  const int n = 200;
  std::vector<int> a = integers(n, INT32_MIN, INT32_MAX);
  std::vector<int> b = integers(n, INT32_MIN, INT32_MAX);
  a[0] = 0, b[0] = 0, a[1] = INT32_MAX, b[1] = -1, a[2] = 1, b[2] = INT32_MIN;
  a[3] = -1, b[3] = INT32_MAX;
  uint64_t da = upload(a), db = upload(b), out = reserve<uint32_t>(16 * n);
  launch("integers", 2, 128, n, da, db, out);
  std::vector<uint32_t> got = download<uint32_t>(out, 16 * n);
  for (int i = 0; i < n; ++i) {
    int x = a[i], y = b[i];
    uint32_t u = uint32_t(x), v = uint32_t(y), s = v & 31;
    uint32_t reversed = 0;
    for (int bit = 0; bit < 32; ++bit)
      reversed |= (u >> bit & 1) << (31 - bit);
    uint32_t expected[16] = {
        u / (v | 1),
        uint32_t(x % (y | 1)),
        uint32_t(int64_t(x) * y >> 32),
        uint32_t(uint64_t(u) * v >> 32),
        uint32_t(__builtin_popcount(u) + __builtin_clz(v | 1)),
        reversed,
        s ? u << s | u >> (32 - s) : u | u,
        uint32_t(std::min(x, y)) ^ std::max(u, v),
        permuteBytes(u, v, 0x7512),
        u >> 5 & 0x3ff,
        x < 0 ? 0u - u : u,
        uint32_t((uint64_t(u) << 32 | v) / (uint64_t(v) << 3 | 5)),
        ((u & v) | (~u & 0x55555555u)) ^ v,
        uint32_t(int(int16_t(u))) + uint8_t(v),
        uint32_t(__builtin_ctz(u | 0x80000000u)),
        uint32_t((int64_t(x) * (1 << 20)) >> (v & 63))};
    for (int j = 0; j < 16; ++j)
      ASSERT_EQ(got[16 * i + j], expected[j])
          << "operation " << j << " of " << x << ", " << y;
  }
}

TEST_P(ScalarKernels, Conversions) {
  const int n = 100;
  std::vector<float> x = uniforms(n, 0, 255);
  for (int i = 0; i < n; i += 3)
    x[i] = std::floor(x[i]) + 0.5f; // ties
  uint64_t dx = upload(x), ints = reserve<int>(n), longs = reserve<int64_t>(n);
  uint64_t bytes = reserve<uint8_t>(n), back = reserve<float>(n);
  launch("conversions", 1, 128, n, dx, ints, longs, bytes, back);
  std::vector<int> gotInts = download<int>(ints, n);
  std::vector<int64_t> gotLongs = download<int64_t>(longs, n);
  std::vector<uint8_t> gotBytes = download<uint8_t>(bytes, n);
  std::vector<float> gotBack = download<float>(back, n);
  for (int i = 0; i < n; ++i) {
    ASSERT_EQ(gotInts[i], int(std::nearbyint(x[i])));
    ASSERT_EQ(gotLongs[i], int64_t(x[i]));
    ASSERT_EQ(gotBytes[i], uint8_t(x[i]));
    ASSERT_EQ(gotBack[i],
              float(int64_t(x[i])) + float(gotInts[i]) + std::floor(x[i]));
  }
}

int collatz(int x) {
  int steps = 0;
  for (; x > 1; ++steps)
    x = x % 2 ? 3 * x + 1 : x / 2;
  return steps;
}

TEST_P(ScalarKernels, Calls) {
  const int n = 150;
  std::vector<int> x = integers(n, 0, 5000);
  uint64_t dx = upload(x), out = reserve<int>(n);
  launch("calls", 2, 96, n, dx, out);
  std::vector<int> got = download<int>(out, n);
  for (int i = 0; i < n; ++i) {
    int v = x[i];
    int expected[] = {collatz(v + 1), v * 3 + 1, int(float(v) * 0.5f),
                      v ^ 0x55,       v * 8,     -v,
                      v * v,          v / 7,     collatz(2 * v)};
    ASSERT_EQ(got[i], expected[v % 9]) << v;
  }
}

TEST_P(ScalarKernels, LocalArray) {
  const int n = 70;
  std::vector<int> x = integers(n, INT32_MIN, INT32_MAX);
  uint64_t dx = upload(x), out = reserve<int>(n);
  launch("localArray", 3, 32, n, dx, out);
  std::vector<int> got = download<int>(out, n);
  for (int i = 0; i < n; ++i) {
    int counts[8] = {};
    for (int j = 0; j < 32; ++j)
      counts[x[i] >> j % 24 & 7] += j;
    int best = int(std::max_element(counts, counts + 8) - counts);
    ASSERT_EQ(got[i], best * 1000 + counts[best]);
  }
}

TEST_P(ScalarKernels, GatherAndScatterRows) {
  const int rows = 37, width = 20;
  std::vector<int> index(rows);
  std::iota(index.begin(), index.end(), 0);
  std::shuffle(index.begin(), index.end(), random);
  std::vector<float> x = uniforms(rows * width, -1, 1);
  uint64_t di = upload(index), dx = upload(x);
  uint64_t gathered = reserve<float>(x.size());
  uint64_t scattered = reserve<float>(x.size());
  launch("gatherRows", 2, 64, rows, width / 4, di, dx, gathered);
  launch("scatterRows", 2, 64, rows, width / 4, di, gathered, scattered);
  std::vector<float> got = download<float>(gathered, x.size());
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < width; ++c)
      ASSERT_EQ(got[r * width + c], x[index[r] * width + c]);
  EXPECT_EQ(download<float>(scattered, x.size()), x);
}

INSTANTIATE_TEST_SUITE_P(
    Compiled, ScalarKernels,
    ::testing::Combine(::testing::ValuesIn(kOrders),
                       ::testing::Values(Build{"sm_80", "O0"},
                                         Build{"sm_80", "O3"},
                                         Build{"sm_90a", "O3"})));

} // namespace
