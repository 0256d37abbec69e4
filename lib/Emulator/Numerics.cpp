//===- Numerics.cpp - PTX scalar arithmetic, bit for bit ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The packer behind every conversion, directed rounding, 16-bit arithmetic, and
// the approximate functions.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Numerics.h"

#include <algorithm>
#include <cfenv>
#include <limits>

namespace moe::emulator {

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

namespace {

/// Whether a value with discarded part `rest` (compared with `half`, one half
/// of the last kept bit) moves away from zero.
bool roundsAway(Round round, bool negative, bool odd, uint64_t rest,
                uint64_t half) {
  switch (round) {
  case Round::NearestEven:
    return rest > half || (rest == half && odd);
  case Round::NearestAway:
    return rest >= half;
  case Round::Zero:
    return false;
  case Round::Down:
    return negative && rest != 0;
  case Round::Up:
    return !negative && rest != 0;
  }
  return false;
}

/// Whether overflow in this mode stops at the largest finite value.
bool overflowsToLargest(Round round, bool negative) {
  return round == Round::Zero || (round == Round::Down && !negative) ||
         (round == Round::Up && negative);
}

uint64_t overflow(FloatFormat f, Round round, bool negative, bool satFinite) {
  if (satFinite || overflowsToLargest(round, negative))
    return f.largest();
  return f.hasInfinity ? f.infinity() : f.nan();
}

/// Packs `significand * 2^exponent`, `significand` not zero, rounding once.
uint64_t pack(FloatFormat f, bool negative, uint64_t significand, int exponent,
              Round round, bool satFinite) {
  int zeros = __builtin_clzll(significand);
  significand <<= zeros;
  int top = exponent - zeros + 63; // the value is in [2^top, 2^(top + 1))
  int lowest = 1 - f.bias();
  int drop = 63 - f.significandBits + std::max(0, lowest - top);
  uint64_t kept = 0, rest = significand, half = ~uint64_t(0);
  if (drop < 64) {
    kept = significand >> drop;
    rest = significand & ((uint64_t(1) << drop) - 1);
    half = uint64_t(1) << (drop - 1);
  } else if (drop == 64) {
    half = uint64_t(1) << 63;
  }
  kept += roundsAway(round, negative, kept & 1, rest, half);
  // A carry out of the significand raises the exponent by itself.
  uint64_t magnitude =
      top < lowest ? kept
                   : (uint64_t(top - lowest) << f.significandBits) + kept;
  if (magnitude > f.largest())
    magnitude = overflow(f, round, negative, satFinite);
  return negative ? magnitude | f.signBit() : magnitude;
}

} // namespace

uint64_t encode(FloatFormat f, double value, Round round, bool satFinite) {
  uint64_t bits = bitCast<uint64_t>(value);
  if (f == kF64)
    return bits;
  if (value != value)
    return f.nan();
  bool negative = bits >> 63;
  uint64_t sign = negative ? f.signBit() : 0;
  if (value == 0)
    return sign;
  uint64_t significand = bits & ((uint64_t(1) << 52) - 1);
  int exponent = int(bits >> 52 & 0x7ff);
  if (exponent == 0x7ff) {
    uint64_t infinity = f.hasInfinity ? f.infinity() : f.nan();
    return sign | (satFinite ? f.largest() : infinity);
  }
  if (exponent != 0)
    significand |= uint64_t(1) << 52;
  return pack(f, negative, significand, std::max(exponent, 1) - 1075, round,
              satFinite);
}

uint64_t encodeInteger(FloatFormat f, bool negative, uint64_t magnitude,
                       Round round) {
  if (magnitude == 0)
    return 0;
  return pack(f, negative, magnitude, 0, round, /*satFinite=*/false);
}

double decode(FloatFormat f, uint64_t bits) {
  if (f == kF64)
    return bitCast<double>(bits);
  bool negative = bits & f.signBit();
  uint64_t magnitude = bits & f.nan();
  uint64_t significand = magnitude & ((uint64_t(1) << f.significandBits) - 1);
  int exponent = int(magnitude >> f.significandBits);
  if (f.hasInfinity && magnitude >= f.infinity()) {
    double special = magnitude == f.infinity()
                         ? std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
    return negative ? -special : special;
  }
  if (!f.hasInfinity && magnitude == f.nan())
    return std::numeric_limits<double>::quiet_NaN();
  if (exponent != 0)
    significand |= uint64_t(1) << f.significandBits;
  double value =
      std::ldexp(double(significand),
                 std::max(exponent, 1) - f.bias() - f.significandBits);
  return negative ? -value : value;
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

double roundToIntegral(double value, Round round) {
  double result = value;
  switch (round) {
  case Round::Zero:
    result = std::trunc(value);
    break;
  case Round::Down:
    result = std::floor(value);
    break;
  case Round::Up:
    result = std::ceil(value);
    break;
  case Round::NearestAway:
    result = std::round(value);
    break;
  case Round::NearestEven:
    result = std::nearbyint(value); // the thread's mode is never changed
    break;
  }
  return std::copysign(result, value);
}

namespace {

double saturateDouble(double x) { return x > 0 ? std::min(x, 1.0) : 0.0; }

} // namespace

uint64_t convertFloat(FloatFormat to, FloatFormat from, uint64_t bits,
                      ConvertMode m) {
  double value = decode(from, flushBits(from, bits, m.ftz && from == kF32));
  if (m.toIntegral)
    value = roundToIntegral(value, m.round);
  if (m.sat)
    value = saturateDouble(value);
  // NaN compares false and stays.
  if (m.relu && (value < 0 || value == 0))
    value = 0.0;
  uint64_t result = encode(to, value, m.round, m.satFinite);
  return flushBits(to, result, m.ftz && to == kF32);
}

uint64_t convertToInteger(FloatFormat from, uint64_t bits, int width,
                          bool isSigned, Round round, bool ftz) {
  double value = decode(from, flushBits(from, bits, ftz && from == kF32));
  uint64_t topBit = uint64_t(1) << (width - 1);
  if (value != value) {
    if (!(from == kF64) && width != 64)
      return 0;
    return isSigned ? uint64_t(0) - topBit : topBit;
  }
  value = roundToIntegral(value, round);
  // Both limits are powers of two, exact in double.
  double limit = std::ldexp(1.0, isSigned ? width - 1 : width);
  if (value >= limit)
    return isSigned ? topBit - 1 : topBit | (topBit - 1);
  if (isSigned)
    return value < -limit ? uint64_t(0) - topBit : uint64_t(int64_t(value));
  return value <= 0 ? 0 : uint64_t(value);
}

uint64_t convertFromInteger(FloatFormat to, uint64_t value, bool isSigned,
                            ConvertMode m) {
  bool negative = isSigned && int64_t(value) < 0;
  uint64_t magnitude = negative ? uint64_t(0) - value : value;
  if (m.sat) // integers in [0, 1] are 0 and 1
    return negative ? 0 : encodeInteger(to, false, magnitude != 0, m.round);
  return encodeInteger(to, negative, magnitude, m.round);
}

//===----------------------------------------------------------------------===//
// Directed rounding
//===----------------------------------------------------------------------===//

namespace {

int hostRound(Round round) {
  switch (round) {
  case Round::Zero:
    return FE_TOWARDZERO;
  case Round::Down:
    return FE_DOWNWARD;
  case Round::Up:
    return FE_UPWARD;
  default:
    return FE_TONEAREST;
  }
}

/// Sets the host's rounding mode for one operation. Volatile operands and
/// result pin the operation between the two mode changes: the compiler may move
/// plain arithmetic across `fesetround`.
template <typename T>
T compute(detail::FloatOp op, T a, T b, T c, Round round) {
  volatile T x = a, y = b, z = c, result = 0;
  std::fesetround(hostRound(round));
  switch (op) {
  case detail::FloatOp::Add:
    result = x + y;
    break;
  case detail::FloatOp::Mul:
    result = x * y;
    break;
  case detail::FloatOp::Fma:
    result = std::fma(x, y, z);
    break;
  case detail::FloatOp::Div:
    result = x / y;
    break;
  case detail::FloatOp::Sqrt:
    result = std::sqrt(x);
    break;
  }
  std::fesetround(FE_TONEAREST);
  return result;
}

} // namespace

float detail::directed(FloatOp op, float a, float b, float c, Round round) {
  return compute<float>(op, a, b, c, round);
}
double detail::directed(FloatOp op, double a, double b, double c, Round round) {
  return compute<double>(op, a, b, c, round);
}

//===----------------------------------------------------------------------===//
// 16-bit arithmetic
//===----------------------------------------------------------------------===//

namespace {

/// `p + c` with the last bit set if anything was lost (round to odd).
double addToOdd(double p, double c) {
  double sum = p + c;
  double pPart = sum - c, cPart = sum - pPart;
  double error = (p - pPart) + (c - cPart);
  uint64_t bits = bitCast<uint64_t>(sum);
  if (!(error != 0) || !std::isfinite(sum) || (bits & 1))
    return sum;
  // An even neighbour was chosen: step towards the exact value.
  bool awayFromZero = (error > 0) == (sum > 0);
  return bitCast<double>(awayFromZero ? bits + 1 : bits - 1);
}

uint16_t finishHalf(FloatFormat f, double value, HalfMode m) {
  if (m.sat)
    value = saturateDouble(value);
  if (m.relu && (value < 0 || value == 0))
    value = 0.0;
  return uint16_t(flushBits(f, encode(f, value, Round::NearestEven), m.ftz));
}

double operand(FloatFormat f, uint16_t bits, HalfMode m) {
  return decode(f, flushBits(f, bits, m.ftz));
}

} // namespace

uint16_t fmaHalf(FloatFormat f, uint16_t a, uint16_t b, uint16_t c,
                 HalfMode m) {
  double product = operand(f, a, m) * operand(f, b, m); // exact: 22 bits
  return finishHalf(f, addToOdd(product, operand(f, c, m)), m);
}
uint16_t addHalf(FloatFormat f, uint16_t a, uint16_t b, HalfMode m) {
  return finishHalf(f, addToOdd(operand(f, a, m), operand(f, b, m)), m);
}
uint16_t subHalf(FloatFormat f, uint16_t a, uint16_t b, HalfMode m) {
  return finishHalf(f, addToOdd(operand(f, a, m), -operand(f, b, m)), m);
}
uint16_t mulHalf(FloatFormat f, uint16_t a, uint16_t b, HalfMode m) {
  return finishHalf(f, operand(f, a, m) * operand(f, b, m), m);
}

//===----------------------------------------------------------------------===//
// Approximate functions
//===----------------------------------------------------------------------===//

namespace {
float finishApprox(float x, bool ftz) { return flush(canonical(x), ftz); }
} // namespace

float ex2Approx(float x, bool ftz) {
  return finishApprox(std::exp2(flush(x, ftz)), ftz);
}
float lg2Approx(float x, bool ftz) {
  return finishApprox(std::log2(flush(x, ftz)), ftz);
}
float sinApprox(float x, bool ftz) {
  return finishApprox(std::sin(flush(x, ftz)), ftz);
}
float cosApprox(float x, bool ftz) {
  return finishApprox(std::cos(flush(x, ftz)), ftz);
}
float tanhApprox(float x) { return canonical(std::tanh(x)); }
float rcpApprox(float x, bool ftz) {
  return finishApprox(1.0f / flush(x, ftz), ftz);
}
float rsqrtApprox(float x, bool ftz) {
  return finishApprox(float(1.0 / std::sqrt(double(flush(x, ftz)))), ftz);
}
float sqrtApprox(float x, bool ftz) {
  return finishApprox(std::sqrt(flush(x, ftz)), ftz);
}

float divApprox(float a, float b, bool ftz) {
  a = flush(a, ftz), b = flush(b, ftz);
  float magnitude = std::fabs(b);
  if (magnitude > 0x1p126f && std::isfinite(b)) {
    float zero = std::copysign(0.0f, a) * std::copysign(1.0f, b);
    return std::isfinite(a) ? zero : bitCast<float>(kCanonicalNaN32);
  }
  return finishApprox(a / b, ftz);
}
float divFull(float a, float b, bool ftz) {
  return finishApprox(flush(a, ftz) / flush(b, ftz), ftz);
}

namespace {
double highWord(double x) {
  return bitCast<double>(bitCast<uint64_t>(x) & 0xffffffff00000000u);
}
double flushF64(double x, bool ftz) {
  return bitCast<double>(flushBits(kF64, bitCast<uint64_t>(x), ftz));
}
} // namespace

double rcpApproxF64(double x) {
  return highWord(flushF64(1.0 / flushF64(x, true), true));
}
double rsqrtApproxF64(double x, bool ftz) {
  return highWord(1.0 / std::sqrt(flushF64(x, ftz)));
}

uint16_t ex2ApproxHalf(FloatFormat f, uint16_t x, bool ftz) {
  double value = std::exp2(decode(f, flushBits(f, x, ftz)));
  return uint16_t(flushBits(f, encode(f, value, Round::NearestEven), ftz));
}
uint16_t tanhApproxHalf(FloatFormat f, uint16_t x) {
  return uint16_t(encode(f, std::tanh(decode(f, x)), Round::NearestEven));
}

} // namespace moe::emulator
