//===- FloatFormulaTest.cpp - Float instructions over edge values ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whether each modifier reaches the arithmetic. The functions of Numerics.h
// have tests of their own; plain operations are compared with the host's.
//
//===----------------------------------------------------------------------===//

#include "FormulaTest.h"

#include <cmath>

using namespace moe::emulator;
using namespace moe::emulator::testing;

namespace {

using s32 = int32_t;
using s64 = int64_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;

constexpr struct {
  const char *name;
  Round round;
} kRounds[] = {{"rn", Round::NearestEven},
               {"rz", Round::Zero},
               {"rm", Round::Down},
               {"rp", Round::Up}};

TEST(Formulas, ArithmeticInEveryMode) {
  std::vector<FormulaRow> rows;
  for (auto [name, round] : kRounds) {
    std::string rnd = std::string(".") + name;
    Round r = round;
    rows.push_back(row2<double, double, double>(
        "add" + rnd + ".f64 $d, $a, $b;",
        [r](double a, double b) { return addF64(a, b, r); }));
    rows.push_back(row2<double, double, double>(
        "sub" + rnd + ".f64 $d, $a, $b;",
        [r](double a, double b) { return subF64(a, b, r); }));
    rows.push_back(row2<double, double, double>(
        "mul" + rnd + ".f64 $d, $a, $b;",
        [r](double a, double b) { return mulF64(a, b, r); }));
    rows.push_back(row3<double, double, double, double>(
        "fma" + rnd + ".f64 $d, $a, $b, $c;",
        [r](double a, double b, double c) { return fmaF64(a, b, c, r); }));
    rows.push_back(row2<double, double, double>(
        "div" + rnd + ".f64 $d, $a, $b;",
        [r](double a, double b) { return divF64(a, b, r); }));
    rows.push_back(row1<double, double>(
        "rcp" + rnd + ".f64 $d, $a;", [r](double a) { return rcpF64(a, r); }));
    rows.push_back(
        row1<double, double>("sqrt" + rnd + ".f64 $d, $a;",
                             [r](double a) { return sqrtF64(a, r); }));
    for (bool ftz : {false, true}) {
      FloatMode m{r, ftz, false};
      std::string suffix = rnd + (ftz ? ".ftz" : "") + ".f32 ";
      rows.push_back(row2<float, float, float>(
          "div" + suffix + "$d, $a, $b;",
          [m](float a, float b) { return divF32(a, b, m); }));
      rows.push_back(row1<float, float>("rcp" + suffix + "$d, $a;",
                                        [m](float a) { return rcpF32(a, m); }));
      rows.push_back(row1<float, float>(
          "sqrt" + suffix + "$d, $a;", [m](float a) { return sqrtF32(a, m); }));
      for (bool sat : {false, true}) {
        m.sat = sat;
        suffix = rnd + (ftz ? ".ftz" : "") + (sat ? ".sat" : "") + ".f32 ";
        rows.push_back(row2<float, float, float>(
            "add" + suffix + "$d, $a, $b;",
            [m](float a, float b) { return addF32(a, b, m); }));
        rows.push_back(row2<float, float, float>(
            "sub" + suffix + "$d, $a, $b;",
            [m](float a, float b) { return subF32(a, b, m); }));
        rows.push_back(row2<float, float, float>(
            "mul" + suffix + "$d, $a, $b;",
            [m](float a, float b) { return mulF32(a, b, m); }));
        rows.push_back(row3<float, float, float, float>(
            "fma" + suffix + "$d, $a, $b, $c;",
            [m](float a, float b, float c) { return fmaF32(a, b, c, m); }));
      }
    }
  }
  FormulaRunner(std::move(rows)).run();
}

/// Bits of NaN-free results compare; `canonical` gives the NaN of PTX.
TEST(Formulas, DefaultsAreTheHostsArithmetic) {
  FormulaRunner({
                    row2<float, float, float>(
                        "add.f32 $d, $a, $b;",
                        [](float a, float b) { return canonical(a + b); }),
                    row2<float, float, float>(
                        "mul.f32 $d, $a, $b;",
                        [](float a, float b) { return canonical(a * b); }),
                    row2<float, float, float>(
                        "sub.f32 $d, $a, $b;",
                        [](float a, float b) { return canonical(a - b); }),
                    row2<float, float, float>(
                        "mul.f32 $d, $a, 0f40400000; add.f32 $d, $d, $b;",
                        [](float a, float b) {
                          float product = a * 3.0f;
                          return canonical(product + b);
                        }),
                    row1<float, float>("abs.ftz.f32 $d, $a;",
                                       [](float a) {
                                         return flush(std::fabs(canonical(a)),
                                                      true);
                                       }),
                })
      .run();
}

TEST(Formulas, MinimumMaximumAndSigns) {
  std::vector<FormulaRow> rows;
  for (bool max : {false, true})
    for (bool ftz : {false, true})
      for (bool nan : {false, true})
        for (bool xorSign : {false, true}) {
          MinMaxMode m{max, ftz, nan, xorSign};
          rows.push_back(row2<u32, float, float>(
              std::string(max ? "max" : "min") + (ftz ? ".ftz" : "") +
                  (nan ? ".NaN" : "") + (xorSign ? ".xorsign.abs" : "") +
                  ".f32 $d, $a, $b;",
              [m](float a, float b) {
                return minMax(kF32, bitCast<u32>(a), bitCast<u32>(b), m);
              }));
        }
  for (bool max : {false, true})
    for (bool nan : {false, true}) {
      MinMaxMode m{max, false, nan, false};
      std::string name = std::string(max ? "max" : "min") + (nan ? ".NaN" : "");
      rows.push_back(row2<Half, Half, Half>(
          name + ".f16 $d, $a, $b;", [m](Half a, Half b) {
            return Half{u16(minMax(kF16, a.bits, b.bits, m))};
          }));
      rows.push_back(row2<Brain, Brain, Brain>(
          name + ".bf16 $d, $a, $b;", [m](Brain a, Brain b) {
            return Brain{u16(minMax(kBF16, a.bits, b.bits, m))};
          }));
    }
  rows.push_back(row2<double, double, double>(
      "max.f64 $d, $a, $b;",
      [](double a, double b) { return std::fmax(a, b); }));
  rows.push_back(row1<u32, u32>("neg.f32 $d, $a;", [](u32 a) {
    return (a & 0x7fffffff) > 0x7f800000 ? kCanonicalNaN32 : a ^ 0x80000000u;
  }));
  rows.push_back(row1<u16, u16>("abs.f16 $d, $a;", [](u16 a) {
    return (a & 0x7fff) > 0x7c00 ? u16(kCanonicalNaN16) : u16(a & 0x7fff);
  }));
  rows.push_back(
      row2<u32, u32, u32>("copysign.f32 $d, $a, $b;", [](u32 a, u32 b) {
        return (a & 0x80000000u) | (b & 0x7fffffffu);
      }));
  // min and max of double zeros may have either sign on the host.
  rows[rows.size() - 4] = avoiding(std::move(rows[rows.size() - 4]), 0, 0);
  rows[rows.size() - 4] =
      avoiding(std::move(rows[rows.size() - 4]), 0, u64(1) << 63);
  FormulaRunner(std::move(rows)).run();
}

bool ordered(float a, float b) { return a == a && b == b; }

TEST(Formulas, Comparisons) {
  auto compare = [](const char *op, bool (*f)(float, float)) {
    return row2<u32, float, float>(
        std::string("setp.") + op + ".f32 %p, $a, $b; selp.b32 $d, 1, 0, %p;",
        f);
  };
  FormulaRunner(
      {
          compare("eq", [](float a, float b) { return a == b; }),
          compare("ne",
                  [](float a, float b) { return ordered(a, b) && a != b; }),
          compare("lt", [](float a, float b) { return a < b; }),
          compare("le", [](float a, float b) { return a <= b; }),
          compare("gt", [](float a, float b) { return a > b; }),
          compare("ge", [](float a, float b) { return a >= b; }),
          compare("equ",
                  [](float a, float b) { return !ordered(a, b) || a == b; }),
          compare("neu", [](float a, float b) { return !(a == b); }),
          compare("ltu", [](float a, float b) { return !(a >= b); }),
          compare("leu", [](float a, float b) { return !(a > b); }),
          compare("gtu", [](float a, float b) { return !(a <= b); }),
          compare("geu", [](float a, float b) { return !(a < b); }),
          compare("num", ordered),
          compare("nan", [](float a, float b) { return !ordered(a, b); }),
          compare("eq.ftz",
                  [](float a, float b) {
                    return flush(a, true) == flush(b, true);
                  }),
          row2<u32, double, double>(
              "setp.ltu.f64 %p, $a, $b; selp.b32 $d, 1, 0, %p;",
              [](double a, double b) { return !(a >= b); }),
          row2<u32, Half, Half>(
              "setp.gt.f16 %p, $a, $b; selp.b32 $d, 1, 0, %p;",
              [](Half a, Half b) {
                return f32FromF16(a.bits) > f32FromF16(b.bits);
              }),
          row2<u32, Brain, Brain>(
              "setp.leu.bf16 %p, $a, $b; selp.b32 $d, 1, 0, %p;",
              [](Brain a, Brain b) {
                return !(f32FromBF16(a.bits) > f32FromBF16(b.bits));
              }),
          row2<u32, float, float>(
              "set.lt.u32.f32 $d, $a, $b;",
              [](float a, float b) { return a < b ? ~0u : 0u; }),
          row1<u32, float>("testp.finite.f32 %p, $a; selp.b32 $d, 1, 0, %p;",
                           [](float a) { return std::isfinite(a); }),
          row1<u32, float>(
              "testp.subnormal.f32 %p, $a; selp.b32 $d, 1, 0, %p;",
              [](float a) { return std::fpclassify(a) == FP_SUBNORMAL; }),
          row1<u32, float>("testp.number.f32 %p, $a; selp.b32 $d, 1, 0, %p;",
                           [](float a) { return !std::isnan(a); }),
      })
      .run();
}

template <typename T>
constexpr FloatFormat formatOf = std::is_same_v<T, Half> ? kF16 : kBF16;

template <typename T>
void pushHalves(std::vector<FormulaRow> &rows, const std::string &type) {
  for (bool relu : {false, true}) {
    HalfMode m;
    m.relu = relu;
    rows.push_back(row3<T, T, T, T>(
        "fma.rn" + std::string(relu ? ".relu" : "") + type + " $d, $a, $b, $c;",
        [m](T a, T b, T c) {
          return T{fmaHalf(formatOf<T>, a.bits, b.bits, c.bits, m)};
        }));
  }
  rows.push_back(row2<T, T, T>("add" + type + " $d, $a, $b;", [](T a, T b) {
    return T{addHalf(formatOf<T>, a.bits, b.bits, {})};
  }));
  rows.push_back(row2<T, T, T>("sub" + type + " $d, $a, $b;", [](T a, T b) {
    return T{subHalf(formatOf<T>, a.bits, b.bits, {})};
  }));
  rows.push_back(row2<T, T, T>("mul" + type + " $d, $a, $b;", [](T a, T b) {
    return T{mulHalf(formatOf<T>, a.bits, b.bits, {})};
  }));
  rows.push_back(
      row2<u32, u32, u32>("add" + type + "x2 $d, $a, $b;", [](u32 a, u32 b) {
        return u32(addHalf(formatOf<T>, u16(a >> 16), u16(b >> 16), {})) << 16 |
               addHalf(formatOf<T>, u16(a), u16(b), {});
      }));
  rows.push_back(row3<u32, u32, u32, u32>(
      "fma.rn" + type + "x2 $d, $a, $b, $c;", [](u32 a, u32 b, u32 c) {
        return u32(fmaHalf(formatOf<T>, u16(a >> 16), u16(b >> 16),
                           u16(c >> 16), {}))
                   << 16 |
               fmaHalf(formatOf<T>, u16(a), u16(b), u16(c), {});
      }));
}

TEST(Formulas, Halves) {
  std::vector<FormulaRow> rows;
  pushHalves<Half>(rows, ".f16");
  pushHalves<Brain>(rows, ".bf16");
  HalfMode ftz, sat;
  ftz.ftz = sat.sat = true;
  rows.push_back(
      row2<Half, Half, Half>("add.ftz.f16 $d, $a, $b;", [ftz](Half a, Half b) {
        return Half{addHalf(kF16, a.bits, b.bits, ftz)};
      }));
  rows.push_back(
      row2<Half, Half, Half>("mul.sat.f16 $d, $a, $b;", [sat](Half a, Half b) {
        return Half{mulHalf(kF16, a.bits, b.bits, sat)};
      }));
  rows.push_back(row1<Half, Half>("ex2.approx.f16 $d, $a;", [](Half a) {
    return Half{ex2ApproxHalf(kF16, a.bits, false)};
  }));
  rows.push_back(row1<Brain, Brain>("ex2.approx.ftz.bf16 $d, $a;", [](Brain a) {
    return Brain{ex2ApproxHalf(kBF16, a.bits, true)};
  }));
  rows.push_back(row1<Half, Half>("tanh.approx.f16 $d, $a;", [](Half a) {
    return Half{tanhApproxHalf(kF16, a.bits)};
  }));
  FormulaRunner(std::move(rows)).run();
}

TEST(Formulas, Approximations) {
  std::vector<FormulaRow> rows;
  for (bool ftz : {false, true}) {
    std::string suffix =
        std::string(".approx") + (ftz ? ".ftz" : "") + ".f32 $d, $a";
    auto unary = [&](const char *name, float (*f)(float, bool)) {
      rows.push_back(row1<float, float>(
          name + suffix + ";", [f, ftz](float a) { return f(a, ftz); }));
    };
    unary("ex2", ex2Approx);
    unary("lg2", lg2Approx);
    unary("sin", sinApprox);
    unary("cos", cosApprox);
    unary("rcp", rcpApprox);
    unary("rsqrt", rsqrtApprox);
    unary("sqrt", sqrtApprox);
    rows.push_back(row2<float, float, float>(
        "div" + suffix + ", $b;",
        [ftz](float a, float b) { return divApprox(a, b, ftz); }));
    rows.push_back(row2<float, float, float>(
        std::string("div.full") + (ftz ? ".ftz" : "") + ".f32 $d, $a, $b;",
        [ftz](float a, float b) { return divFull(a, b, ftz); }));
  }
  rows.push_back(row1<float, float>("tanh.approx.f32 $d, $a;", tanhApprox));
  rows.push_back(
      row1<double, double>("rcp.approx.ftz.f64 $d, $a;", rcpApproxF64));
  rows.push_back(row1<double, double>("rsqrt.approx.f64 $d, $a;", [](double a) {
    return rsqrtApproxF64(a, false);
  }));
  FormulaRunner(std::move(rows)).run();
}

TEST(Formulas, FloatConversions) {
  std::vector<FormulaRow> rows;
  for (auto [name, round] : kRounds) {
    std::string rnd = std::string(".") + name;
    Round r = round;
    for (bool isSigned : {false, true}) {
      std::string letter = isSigned ? "s" : "u";
      for (int width : {16, 32, 64}) {
        std::string type = "." + letter + std::to_string(width);
        auto toInt = [=](float a) {
          return convertToInteger(kF32, bitCast<u32>(a), width, isSigned, r);
        };
        std::string statement = "cvt" + rnd + "i" + type + ".f32 $d, $a;";
        rows.push_back(width == 16   ? row1<u16, float>(statement, toInt)
                       : width == 32 ? row1<u32, float>(statement, toInt)
                                     : row1<u64, float>(statement, toInt));
      }
      rows.push_back(row1<u32, double>(
          "cvt" + rnd + "i." + letter + "32.f64 $d, $a;", [=](double a) {
            return convertToInteger(kF64, bitCast<u64>(a), 32, isSigned, r);
          }));
      ConvertMode m;
      m.round = r;
      auto toFloat = [=](FloatFormat f, u64 value) {
        return convertFromInteger(f, value, isSigned, m);
      };
      rows.push_back(row1<u32, u32>(
          "cvt" + rnd + ".f32." + letter + "32 $d, $a;", [=](u32 a) {
            return toFloat(kF32, isSigned ? u64(s64(s32(a))) : a);
          }));
      rows.push_back(
          row1<u32, u64>("cvt" + rnd + ".f32." + letter + "64 $d, $a;",
                         [=](u64 a) { return toFloat(kF32, a); }));
      rows.push_back(
          row1<u64, u64>("cvt" + rnd + ".f64." + letter + "64 $d, $a;",
                         [=](u64 a) { return toFloat(kF64, a); }));
      rows.push_back(row1<u16, u32>(
          "cvt" + rnd + ".f16." + letter + "32 $d, $a;", [=](u32 a) {
            return toFloat(kF16, isSigned ? u64(s64(s32(a))) : a);
          }));
    }
    ConvertMode integral;
    integral.round = r;
    integral.toIntegral = true;
    rows.push_back(
        row1<u32, float>("cvt" + rnd + "i.f32.f32 $d, $a;", [=](float a) {
          return convertFloat(kF32, kF32, bitCast<u32>(a), integral);
        }));
    ConvertMode m;
    m.round = r;
    rows.push_back(
        row1<u32, double>("cvt" + rnd + ".f32.f64 $d, $a;", [=](double a) {
          return convertFloat(kF32, kF64, bitCast<u64>(a), m);
        }));
    rows.push_back(
        row1<u16, float>("cvt" + rnd + ".f16.f32 $d, $a;", [=](float a) {
          return convertFloat(kF16, kF32, bitCast<u32>(a), m);
        }));
  }
  ConvertMode rna, relu, satFinite, sat, ftz;
  rna.round = Round::NearestAway;
  relu.relu = satFinite.satFinite = sat.sat = ftz.ftz = true;
  auto both = [](FloatFormat f, float high, float low, ConvertMode m) {
    return convertFloat(f, kF32, bitCast<u32>(high), m) << f.width() |
           convertFloat(f, kF32, bitCast<u32>(low), m);
  };
  rows.push_back(row1<u32, float>("cvt.rna.tf32.f32 $d, $a;", [=](float a) {
    return tf32FromF32(a, rna);
  }));
  rows.push_back(row1<u16, float>("cvt.rn.bf16.f32 $d, $a;", bf16FromF32));
  rows.push_back(row1<u32, u16>("cvt.f32.f16 $d, $a;", [](u16 a) {
    return bitCast<u32>(f32FromF16(a));
  }));
  rows.push_back(row1<u32, u16>("cvt.f32.bf16 $d, $a;", [](u16 a) {
    return bitCast<u32>(f32FromBF16(a));
  }));
  rows.push_back(row1<double, float>("cvt.f64.f32 $d, $a;",
                                     [](float a) { return double(a); }));
  rows.push_back(row1<u32, float>("cvt.sat.f32.f32 $d, $a;", [=](float a) {
    return convertFloat(kF32, kF32, bitCast<u32>(a), sat);
  }));
  rows.push_back(row1<double, double>("cvt.sat.f64.f64 $d, $a;", [](double a) {
    return a > 0 ? std::fmin(a, 1.0) : 0.0;
  }));
  rows.push_back(row1<u32, double>("cvt.rn.ftz.f32.f64 $d, $a;", [=](double a) {
    return convertFloat(kF32, kF64, bitCast<u64>(a), ftz);
  }));
  rows.push_back(row2<u32, float, float>(
      "cvt.rn.f16x2.f32 $d, $a, $b;",
      [=](float a, float b) { return both(kF16, a, b, {}); }));
  rows.push_back(row2<u32, float, float>(
      "cvt.rn.relu.bf16x2.f32 $d, $a, $b;",
      [=](float a, float b) { return both(kBF16, a, b, relu); }));
  rows.push_back(row2<u16, float, float>(
      "cvt.rn.satfinite.e4m3x2.f32 $d, $a, $b;",
      [=](float a, float b) { return both(kE4M3, a, b, satFinite); }));
  rows.push_back(row2<u16, float, float>(
      "cvt.rn.satfinite.e5m2x2.f32 $d, $a, $b;",
      [=](float a, float b) { return both(kE5M2, a, b, satFinite); }));
  rows.push_back(row1<u32, u16>("cvt.rn.f16x2.e4m3x2 $d, $a;", [](u16 a) {
    return convertFloat(kF16, kE4M3, a >> 8, {}) << 16 |
           convertFloat(kF16, kE4M3, a & 0xff, {});
  }));
  FormulaRunner(std::move(rows)).run();
}

} // namespace
