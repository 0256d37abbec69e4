//===- NumericsTest.cpp - PTX scalar arithmetic against exact values ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rounding is checked against a search: the exact value, held in 113 bits, lies
// between two neighbours of the format, and the mode says which one is right.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Numerics.h"

#include "gtest/gtest.h"

#include <cfenv>
#include <limits>
#include <random>

using namespace moe::emulator;

namespace {

using Exact = __float128; // 113 bits

constexpr Round kRounds[] = {Round::NearestEven, Round::Zero, Round::Down,
                             Round::Up, Round::NearestAway};
constexpr FloatFormat kNarrow[] = {kF16, kBF16, kE4M3, kE5M2, kTF32};

const float kInf = std::numeric_limits<float>::infinity();
const float kNaN = std::numeric_limits<float>::quiet_NaN();

/// The code of `magnitude` >= 0 by binary search over the codes of `f`. One
/// binade above the largest value stands for the value that overflow begins at.
uint64_t searchMagnitude(FloatFormat f, Exact magnitude, Round round,
                         bool negative) {
  auto value = [&](uint64_t code) -> Exact {
    if (code <= f.largest())
      return decode(f, code);
    Exact last = decode(f, f.largest());
    return last + (last - Exact(decode(f, f.largest() - 1)));
  };
  uint64_t low = 0, high = f.largest() + 1;
  bool beyond = magnitude >= value(high);
  while (high - low > 1) {
    uint64_t middle = (low + high) / 2;
    (value(middle) <= magnitude ? low : high) = middle;
  }
  if (!beyond && value(low) == magnitude)
    return low;
  Exact below = magnitude - value(low), above = value(high) - magnitude;
  bool up = round == Round::Up     ? !negative
            : round == Round::Down ? negative
            : round == Round::Zero ? false
            : below != above       ? above < below
                                   : round == Round::NearestAway || low % 2;
  return up ? high : low;
}

uint64_t searchRound(FloatFormat f, Exact exact, Round round,
                     bool satFinite = false) {
  bool negative = exact < 0;
  uint64_t code =
      searchMagnitude(f, negative ? -exact : exact, round, negative);
  if (code > f.largest())
    code = satFinite ? f.largest() : f.hasInfinity ? f.infinity() : f.nan();
  return negative ? code | f.signBit() : code;
}

class Random {
public:
  /// A float whose exponent is uniform in [-range, range], with few significant
  /// bits half of the time, so that ties happen.
  double real(int range, int bits) {
    uint64_t significand = engine();
    if (engine() & 1)
      significand &= 0xff00000000000000u;
    significand = (significand | uint64_t(1) << 63) >> (64 - bits);
    int exponent = int(engine() % uint64_t(2 * range + 1)) - range;
    double value = std::ldexp(double(significand), exponent - bits + 1);
    return engine() & 1 ? value : -value;
  }
  float f32(int range) { return float(real(range, 24)); }
  uint64_t bits() { return engine(); }

private:
  std::mt19937_64 engine{20240229};
};

uint32_t bitsOf(float x) { return bitCast<uint32_t>(x); }

TEST(Formats, Landmarks) {
  EXPECT_EQ(decode(kF16, 0x3c00), 1.0);
  EXPECT_EQ(decode(kF16, 0x7bff), 65504.0);
  EXPECT_EQ(decode(kF16, 0x0001), 0x1p-24);
  EXPECT_EQ(decode(kBF16, 0xc000), -2.0);
  EXPECT_EQ(decode(kBF16, 0x0001), 0x1p-133);
  EXPECT_EQ(decode(kE4M3, 0x7e), 448.0);
  EXPECT_EQ(decode(kE4M3, 0x01), 0x1p-9);
  EXPECT_TRUE(std::isnan(decode(kE4M3, 0xff)));
  EXPECT_EQ(decode(kE5M2, 0x7b), 57344.0);
  EXPECT_EQ(decode(kE5M2, 0xfc), -double(kInf));
  EXPECT_EQ(encode(kE4M3, 1e9, Round::NearestEven), 0x7fu);
  EXPECT_EQ(encode(kE4M3, 1e9, Round::NearestEven, true), 0x7eu);
  EXPECT_EQ(encode(kE4M3, -double(kInf), Round::NearestEven, true), 0xfeu);
  EXPECT_EQ(encode(kE5M2, double(kInf), Round::NearestEven, true), 0x7bu);
  EXPECT_EQ(encode(kE5M2, double(kNaN), Round::NearestEven, true), 0x7fu);
  EXPECT_EQ(encode(kF16, -0.0, Round::NearestEven), 0x8000u);
}

TEST(Formats, EveryNarrowCodeSurvivesEveryMode) {
  for (FloatFormat f : kNarrow)
    for (Round round : kRounds)
      for (uint64_t code = 0; code < uint64_t(1) << f.width(); ++code) {
        double value = decode(f, code);
        uint64_t expected = value != value ? f.nan() : code;
        ASSERT_EQ(encode(f, value, round), expected) << code;
      }
}

TEST(Formats, EncodeRoundsToTheRightNeighbour) {
  Random random;
  for (FloatFormat f : kNarrow)
    for (Round round : kRounds)
      for (int i = 0; i < 4000; ++i) {
        // Values around every boundary: within and beyond the format's range.
        double value = i % 2 ? random.real(f.bias() + 12, 53)
                             : decode(f, random.bits() % f.largest()) *
                                   (1 + random.real(1, 2) * 0x1p-5);
        bool satFinite = i % 3 == 0;
        ASSERT_EQ(encode(f, value, round, satFinite),
                  searchRound(f, value, round, satFinite))
            << value;
      }
}

TEST(Formats, F32FromF64MatchesTheHost) {
  Random random;
  for (int i = 0; i < 100000; ++i) {
    double value = random.real(160, 53);
    ASSERT_EQ(encode(kF32, value, Round::NearestEven), bitsOf(float(value)));
  }
}

TEST(Formats, FastPathsEqualTheGeneralOnes) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    ASSERT_EQ(bitsOf(f32FromF16(uint16_t(code))),
              convertFloat(kF32, kF16, code, {}));
    ASSERT_EQ(bitsOf(f32FromBF16(uint16_t(code))),
              convertFloat(kF32, kBF16, code, {}));
  }
  Random random;
  auto check = [](uint32_t bits) {
    float f = bitCast<float>(bits);
    ASSERT_EQ(f16FromF32(f), convertFloat(kF16, kF32, bits, {})) << f;
    ASSERT_EQ(bf16FromF32(f), convertFloat(kBF16, kF32, bits, {})) << f;
  };
  for (int i = 0; i < 200000; ++i)
    check(uint32_t(random.bits()));
  for (uint32_t bits = 0x33000000; bits < 0x47900000; bits += 0x0fff)
    for (uint32_t near = bits - 1; near != bits + 2; ++near)
      check(near | (bits << 31)); // both signs, f16 subnormal to overflow
}

TEST(Convert, TensorFloat32KeepsTenBits) {
  ConvertMode rna;
  rna.round = Round::NearestAway;
  EXPECT_EQ(tf32FromF32(1.0f + 0x1p-11f, rna), bitsOf(1.0f + 0x1p-10f));
  EXPECT_EQ(tf32FromF32(1.0f + 0x1p-12f, rna), bitsOf(1.0f));
  EXPECT_EQ(f32FromTF32(bitsOf(1.0f + 0x1p-23f)), 1.0f);
  EXPECT_EQ(tf32FromF32(kNaN, rna), 0x7fffe000u);
}

TEST(Convert, Modifiers) {
  auto f32 = [](float x, ConvertMode m) {
    return bitCast<float>(uint32_t(convertFloat(kF32, kF32, bitsOf(x), m)));
  };
  ConvertMode sat, relu, ftz, rni, rzi;
  sat.sat = relu.relu = ftz.ftz = rni.toIntegral = rzi.toIntegral = true;
  rzi.round = Round::Zero;
  EXPECT_EQ(f32(2.0f, sat), 1.0f);
  EXPECT_EQ(bitsOf(f32(-1.0f, sat)), 0u);
  EXPECT_EQ(bitsOf(f32(kNaN, sat)), 0u);
  EXPECT_EQ(bitsOf(f32(-0.0f, relu)), 0u);
  EXPECT_EQ(convertFloat(kBF16, kF32, bitsOf(-3.0f), relu), 0u);
  EXPECT_EQ(convertFloat(kF16, kF32, bitsOf(kNaN), relu), 0x7fffu);
  EXPECT_EQ(bitsOf(f32(-0x1p-127f, ftz)), 0x80000000u);
  EXPECT_EQ(f32(2.5f, rni), 2.0f);
  EXPECT_EQ(f32(3.5f, rni), 4.0f);
  EXPECT_EQ(bitsOf(f32(-0.5f, rzi)), 0x80000000u);
  // ftz is about f32 alone: a subnormal f16 becomes a normal f32.
  EXPECT_EQ(convertFloat(kF32, kF16, 1, ftz), bitsOf(0x1p-24f));
  EXPECT_EQ(convertFloat(kF32, kF64, bitCast<uint64_t>(0x1p-130), ftz), 0u);
}

TEST(Convert, FloatToInteger) {
  auto toInt = [](float x, int width, bool isSigned,
                  Round round = Round::Zero) {
    return int64_t(convertToInteger(kF32, bitsOf(x), width, isSigned, round));
  };
  EXPECT_EQ(toInt(-1.9f, 32, true), -1);
  EXPECT_EQ(toInt(-1.5f, 32, true, Round::NearestEven), -2);
  EXPECT_EQ(toInt(2.5f, 32, true, Round::NearestEven), 2);
  EXPECT_EQ(toInt(-1.1f, 32, true, Round::Down), -2);
  EXPECT_EQ(toInt(1.1f, 32, true, Round::Up), 2);
  EXPECT_EQ(toInt(3e9f, 32, true), INT32_MAX);
  EXPECT_EQ(toInt(-kInf, 32, true), INT32_MIN);
  EXPECT_EQ(toInt(-5.0f, 32, false), 0);
  EXPECT_EQ(toInt(1e10f, 32, false), int64_t(UINT32_MAX));
  EXPECT_EQ(toInt(127.6f, 8, true, Round::NearestEven), 127);
  EXPECT_EQ(toInt(-200.0f, 8, true), -128);
  EXPECT_EQ(toInt(300.0f, 8, false), 255);
  EXPECT_EQ(toInt(kInf, 64, true), INT64_MAX);
  EXPECT_EQ(uint64_t(toInt(kInf, 64, false)), UINT64_MAX);
  EXPECT_EQ(toInt(-0x1p63f, 64, true), INT64_MIN);
  EXPECT_EQ(uint64_t(toInt(0x1p63f, 64, false)), uint64_t(1) << 63);
  // NaN: zero only if neither side is 64 bits wide.
  EXPECT_EQ(toInt(kNaN, 32, true), 0);
  EXPECT_EQ(toInt(kNaN, 64, true), INT64_MIN);
  uint64_t nan64 = bitCast<uint64_t>(double(kNaN));
  EXPECT_EQ(int64_t(convertToInteger(kF64, nan64, 32, true, Round::Zero)),
            INT32_MIN);
  EXPECT_EQ(convertToInteger(kF64, nan64, 32, false, Round::Zero), 0x80000000u);
}

TEST(Convert, IntegerToFloat) {
  Random random;
  for (int i = 0; i < 20000; ++i) {
    uint64_t value = random.bits() >> (random.bits() % 64);
    for (bool isSigned : {false, true})
      for (Round round : kRounds) {
        Exact exact = isSigned ? Exact(int64_t(value)) : Exact(value);
        ConvertMode mode;
        mode.round = round;
        for (FloatFormat f : {kF32, kF16, kBF16})
          ASSERT_EQ(convertFromInteger(f, value, isSigned, mode),
                    searchRound(f, exact, round));
      }
    ASSERT_EQ(convertFromInteger(kF64, value, true, {}),
              bitCast<uint64_t>(double(int64_t(value))));
  }
}

/// Checks that `r` is `exact` rounded to T in `round`, by its neighbours.
template <typename T>
void expectRounded(T r, Exact exact, Round round) {
  Exact value = r;
  T inf = std::numeric_limits<T>::infinity();
  Exact below = std::nextafter(r, -inf), above = std::nextafter(r, inf);
  switch (round) {
  case Round::Down:
    ASSERT_TRUE(value <= exact && exact < above);
    break;
  case Round::Up:
    ASSERT_TRUE(below < exact && exact <= value);
    break;
  case Round::Zero:
    if (exact >= 0)
      ASSERT_TRUE(value <= exact && exact < above);
    else
      ASSERT_TRUE(below < exact && exact <= value);
    break;
  default:
    ASSERT_TRUE(2 * exact <= value + above && 2 * exact >= value + below);
  }
}

constexpr Round kArithmetic[] = {Round::NearestEven, Round::Zero, Round::Down,
                                 Round::Up};

TEST(Arithmetic, F32IsCorrectlyRoundedInEveryMode) {
  Random random;
  for (int i = 0; i < 20000; ++i) {
    float a = random.f32(20), b = random.f32(20), c = random.f32(20);
    for (Round round : kArithmetic) {
      FloatMode m{round, false, false};
      expectRounded(addF32(a, b, m), Exact(a) + b, round);
      expectRounded(mulF32(a, b, m), Exact(a) * b, round);
      expectRounded(fmaF32(a, b, c, m), Exact(a) * b + c, round);
      // 113 bits decide the quotient unless it is exact or nearly a tie.
      expectRounded(divF32(a, b, m), Exact(a) / b, round);
      float root = sqrtF32(std::fabs(a), m);
      float next = std::nextafter(root, kInf);
      float last = std::nextafter(root, 0.0f);
      Exact x = std::fabs(a);
      if (round == Round::Down || round == Round::Zero)
        ASSERT_TRUE(Exact(root) * root <= x && x < Exact(next) * next);
      if (round == Round::Up)
        ASSERT_TRUE(Exact(last) * last < x && x <= Exact(root) * root);
    }
  }
}

TEST(Arithmetic, F64IsCorrectlyRoundedInEveryMode) {
  Random random;
  for (int i = 0; i < 20000; ++i) {
    // Exponents close together keep the sum within 113 bits.
    double a = random.real(25, 53), b = random.real(25, 53);
    double c = random.real(2, 53), d = random.real(2, 30),
           e = random.real(2, 30);
    for (Round round : kArithmetic) {
      expectRounded(addF64(a, b, round), Exact(a) + b, round);
      expectRounded(mulF64(a, b, round), Exact(a) * b, round);
      expectRounded(fmaF64(d, e, c, round), Exact(d) * e + c, round);
      expectRounded(divF64(a, b, round), Exact(a) / b, round);
    }
    double x = std::fabs(a), down = sqrtF64(x, Round::Down);
    double up = sqrtF64(x, Round::Up);
    ASSERT_TRUE(Exact(down) * down <= x && x <= Exact(up) * up);
    ASSERT_TRUE(down == up || std::nextafter(down, 1e300) == up);
  }
}

TEST(Arithmetic, SpecialValues) {
  FloatMode rn, rm, rz, rp, ftz, sat;
  rm.round = Round::Down, rz.round = Round::Zero, rp.round = Round::Up;
  ftz.ftz = sat.sat = true;
  EXPECT_EQ(bitsOf(addF32(1.0f, -1.0f, rn)), 0u);
  EXPECT_EQ(bitsOf(addF32(1.0f, -1.0f, rm)), 0x80000000u);
  EXPECT_EQ(bitsOf(addF32(-0.0f, -0.0f, rn)), 0x80000000u);
  EXPECT_EQ(bitsOf(addF32(kInf, -kInf, rn)), kCanonicalNaN32);
  EXPECT_EQ(bitsOf(subF32(kInf, kInf, rz)), kCanonicalNaN32);
  EXPECT_EQ(bitsOf(sqrtF32(-1.0f, rn)), kCanonicalNaN32);
  EXPECT_EQ(bitsOf(divF32(0.0f, 0.0f, rn)), kCanonicalNaN32);
  EXPECT_EQ(mulF32(0x1p127f, 2.0f, rz), 0x1.fffffep127f);
  EXPECT_EQ(mulF32(0x1p127f, -2.0f, rp), -0x1.fffffep127f);
  EXPECT_EQ(mulF32(0x1p127f, 2.0f, rp), kInf);
  EXPECT_EQ(mulF32(0x1p-100f, 0x1p-100f, rp), 0x1p-149f);
  EXPECT_EQ(bitsOf(mulF32(-0x1p-64f, 0x1p-64f, ftz)), 0x80000000u);
  EXPECT_EQ(addF32(0x1p-127f, 0x1p-127f, ftz), 0.0f); // flushed inputs
  EXPECT_EQ(addF32(0x1p-127f, 0x1p-127f, rn), 0x1p-126f);
  EXPECT_EQ(fmaF32(2.0f, 3.0f, 1.0f, sat), 1.0f);
  EXPECT_EQ(bitsOf(fmaF32(kNaN, 3.0f, 1.0f, sat)), 0u);
  EXPECT_EQ(rcpF32(0.0f, rn), kInf);
  EXPECT_EQ(rcpF64(-0.0, Round::Down), -double(kInf));
}

TEST(Arithmetic, LeavesTheHostsRoundingModeAlone) {
  FloatMode up;
  up.round = Round::Up;
  addF32(1.0f, 0x1p-30f, up);
  sqrtF64(2.0, Round::Down);
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

TEST(Half, ArithmeticIsRoundedOnce) {
  Random random;
  for (FloatFormat f : {kF16, kBF16})
    for (int i = 0; i < 100000; ++i) {
      // A narrow band of exponents keeps bf16 within 113 bits and cancels
      // often; f16 takes all codes.
      auto operand = [&] {
        uint64_t code = random.bits() & 0xffff;
        if (f == kBF16)
          code = (code & 0x87ff) | 0x3c00;
        return uint16_t(std::isfinite(decode(f, code)) ? code : 0x3c01);
      };
      uint16_t a = operand(), b = operand(), c = operand();
      Exact x = decode(f, a), y = decode(f, b), z = decode(f, c);
      auto check = [&](uint16_t result, Exact exact) {
        if (exact == 0)
          ASSERT_EQ(result & 0x7fff, 0);
        else
          ASSERT_EQ(result, searchRound(f, exact, Round::NearestEven));
      };
      check(addHalf(f, a, b, {}), x + y);
      check(subHalf(f, a, b, {}), x - y);
      check(mulHalf(f, a, b, {}), x * y);
      check(fmaHalf(f, a, b, c, {}), x * y + z);
    }
}

TEST(Half, StickyBitDecidesATie) {
  // 17 * 17 = 289 is half way between the bf16 values 288 and 290. 2^-100
  // beside it decides, though it is far below the last bit of a double.
  auto bf16 = [](double x) { return uint16_t(encode(kBF16, x, Round::Zero)); };
  uint16_t a = bf16(17.0);
  EXPECT_EQ(fmaHalf(kBF16, a, a, bf16(0.0), {}), bf16(288.0));
  EXPECT_EQ(fmaHalf(kBF16, a, a, bf16(0x1p-100), {}), bf16(290.0));
  EXPECT_EQ(fmaHalf(kBF16, a, a, bf16(-0x1p-100), {}), bf16(288.0));
}

TEST(Half, Modifiers) {
  HalfMode sat, relu, ftz;
  sat.sat = relu.relu = ftz.ftz = true;
  EXPECT_EQ(addHalf(kF16, 0x4000, 0x4000, sat), 0x3c00);
  EXPECT_EQ(addHalf(kF16, 0x7e00, 0x4000, sat), 0x0000);
  EXPECT_EQ(fmaHalf(kF16, 0xbc00, 0x3c00, 0x0000, relu), 0x0000);
  EXPECT_EQ(fmaHalf(kF16, 0x7e00, 0x3c00, 0x0000, relu), 0x7fff);
  EXPECT_EQ(addHalf(kF16, 0x8001, 0x8001, ftz), 0x8000);
  EXPECT_EQ(addHalf(kF16, 0x7c00, 0xfc00, {}), kCanonicalNaN16);
  EXPECT_EQ(addHalf(kF16, 0x8000, 0x8000, {}), 0x8000);
}

TEST(MinMax, NaNZeroAndSigns) {
  auto f32 = [](float a, float b, MinMaxMode m) {
    return uint32_t(minMax(kF32, bitsOf(a), bitsOf(b), m));
  };
  MinMaxMode min, max, nan, xorSign;
  max.max = nan.nan = true;
  xorSign.xorSignAbs = true;
  EXPECT_EQ(f32(0.0f, -0.0f, min), bitsOf(-0.0f));
  EXPECT_EQ(f32(-0.0f, 0.0f, max), bitsOf(0.0f));
  EXPECT_EQ(f32(-1.0f, 2.0f, min), bitsOf(-1.0f));
  EXPECT_EQ(f32(-1.0f, -2.0f, max), bitsOf(-1.0f));
  EXPECT_EQ(f32(kNaN, 2.0f, min), bitsOf(2.0f));
  EXPECT_EQ(f32(2.0f, kNaN, max), bitsOf(2.0f));
  EXPECT_EQ(f32(kNaN, -kNaN, max), kCanonicalNaN32);
  EXPECT_EQ(f32(kNaN, 2.0f, nan), kCanonicalNaN32);
  EXPECT_EQ(f32(-3.0f, 2.0f, xorSign), bitsOf(-2.0f));
  EXPECT_EQ(f32(-3.0f, -2.0f, xorSign), bitsOf(2.0f));
  EXPECT_EQ(minMax(kF16, 0xfe00, 0x3c00, nan), kCanonicalNaN16);
  EXPECT_EQ(minMax(kBF16, 0xbf80, 0x3f80, max), 0x3f80u);
  EXPECT_EQ(bitCast<double>(minMax(kF64, bitCast<uint64_t>(-1.0),
                                   bitCast<uint64_t>(-2.0), min)),
            -2.0);
}

TEST(Approximate, WithinTheDocumentedError) {
  Random random;
  auto ulps = [](float got, double exact) {
    double ulp = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
    return std::fabs(got - exact) / ulp;
  };
  for (int i = 0; i < 20000; ++i) {
    float x = random.f32(6), positive = std::fabs(random.f32(100));
    ASSERT_LE(ulps(ex2Approx(x, false), std::exp2(double(x))), 2.0) << x;
    ASSERT_LE(
        std::fabs(lg2Approx(positive, false) - std::log2(double(positive))),
        std::max(0x1p-22, 0x1p-22 * std::fabs(std::log2(double(positive)))));
    float angle = random.f32(1); // within [-4, 4]
    ASSERT_NEAR(sinApprox(angle, false), std::sin(double(angle)), 0x1p-20);
    ASSERT_NEAR(cosApprox(angle, false), std::cos(double(angle)), 0x1p-20);
    double tanh = std::tanh(double(x));
    ASSERT_NEAR(tanhApprox(x), tanh, std::fabs(tanh) * 0x1p-11);
    ASSERT_LE(ulps(rcpApprox(x, false), 1.0 / double(x)), 1.0);
    ASSERT_LE(
        ulps(rsqrtApprox(positive, false), 1.0 / std::sqrt(double(positive))),
        1.0);
    ASSERT_LE(ulps(divFull(x, positive, false), double(x) / positive), 2.0);
    double y = std::fabs(random.real(300, 53));
    ASSERT_NEAR(rcpApproxF64(y) * y, 1.0, 0x1p-19);
    ASSERT_NEAR(rsqrtApproxF64(y, false) * std::sqrt(y), 1.0, 0x1p-19);
  }
}

TEST(Approximate, SpecialValues) {
  EXPECT_EQ(ex2Approx(-kInf, false), 0.0f);
  EXPECT_EQ(ex2Approx(0x1p-140f, true), 1.0f);
  EXPECT_EQ(lg2Approx(-0.0f, false), -kInf);
  EXPECT_EQ(lg2Approx(0x1p-140f, true), -kInf);
  EXPECT_EQ(bitsOf(lg2Approx(-1.0f, false)), kCanonicalNaN32);
  EXPECT_EQ(bitsOf(sinApprox(kInf, false)), kCanonicalNaN32);
  EXPECT_EQ(rcpApprox(-0x1p-140f, true), -kInf);
  EXPECT_EQ(rsqrtApprox(-0.0f, false), -kInf);
  EXPECT_EQ(bitsOf(rsqrtApprox(-1.0f, false)), kCanonicalNaN32);
  EXPECT_EQ(bitsOf(sqrtApprox(-0.0f, false)), 0x80000000u);
  EXPECT_EQ(bitsOf(divApprox(1.0f, -0x1.8p126f, false)), 0x80000000u);
  EXPECT_EQ(bitsOf(divApprox(kInf, 0x1.8p126f, false)), kCanonicalNaN32);
  EXPECT_EQ(divFull(0x1p127f, 0x1p127f, false), 1.0f);
  EXPECT_EQ(tanhApprox(kInf), 1.0f);
  EXPECT_EQ(ex2ApproxHalf(kF16, 0x3c00, false), 0x4000);
  EXPECT_EQ(tanhApproxHalf(kBF16, 0xff80), 0xbf80);
}

} // namespace
