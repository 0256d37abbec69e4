//===- Numerics.h - PTX scalar arithmetic, bit for bit ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scalar floating-point operations and conversions as the PTX ISA defines them.
//
// PTX names a rounding mode in every instruction, so the mode is an argument
// here and never the state of the thread. Three ideas carry the whole file:
//
// * One packer. Every conversion into a format (f64 to e4m3, s64 to f32, ...)
//   writes its value as `significand * 2^exponent` and rounds once, in integer
//   arithmetic, in `encode` or `encodeInteger`. A new format is one
//   `FloatFormat` constant.
// * Round to nearest even is the host's own arithmetic. The other modes are
//   rare; they go out of line and set the host's mode for one operation.
// * 16-bit arithmetic computes in double with the last bit made sticky ("round
//   to odd") and packs once: 53 bits leave enough room that the second
//   rounding is the only one that matters.
//
// NaN results of f32 and narrower operations are PTX's canonical NaN (all
// significand bits one, sign clear). `ftz` flushes subnormal inputs and results
// to zero of the same sign; `sat` clamps to [0, 1] and turns NaN into +0.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_EMULATOR_NUMERICS_H
#define MOE_EMULATOR_NUMERICS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace moe::emulator {

//===----------------------------------------------------------------------===//
// Modes and formats
//===----------------------------------------------------------------------===//

/// Rounding: `.rn`/`.rni`, `.rz`/`.rzi`, `.rm`/`.rmi`, `.rp`/`.rpi`, `.rna`.
enum class Round : uint8_t { NearestEven, Zero, Down, Up, NearestAway };

/// Modifiers of a floating-point operation.
struct FloatMode {
  Round round = Round::NearestEven;
  bool ftz = false;
  bool sat = false;
};

/// Modifiers of a conversion. `toIntegral` (`.rni` and the like between float
/// types) rounds to an integral value of the same format.
struct ConvertMode {
  Round round = Round::NearestEven;
  bool toIntegral = false;
  bool ftz = false;
  bool sat = false;
  /// Overflow and infinity become the largest finite value.
  bool satFinite = false;
  /// Negative results become +0, NaN stays NaN.
  bool relu = false;
};

/// A binary floating-point format with a sign bit on top. Without infinities
/// (e4m3) the code of all ones is NaN and the other codes of the highest
/// exponent are finite.
struct FloatFormat {
  uint8_t exponentBits;
  uint8_t significandBits; ///< Stored bits, without the implied one.
  bool hasInfinity = true;

  constexpr int bias() const { return (1 << (exponentBits - 1)) - 1; }
  constexpr int width() const { return 1 + exponentBits + significandBits; }
  constexpr uint64_t signBit() const { return uint64_t(1) << (width() - 1); }
  /// PTX's canonical NaN: every bit set but the sign.
  constexpr uint64_t nan() const { return signBit() - 1; }
  constexpr uint64_t infinity() const {
    return ((uint64_t(1) << exponentBits) - 1) << significandBits;
  }
  constexpr uint64_t largest() const {
    return hasInfinity ? infinity() - 1 : nan() - 1;
  }
  constexpr bool operator==(const FloatFormat &o) const {
    return exponentBits == o.exponentBits &&
           significandBits == o.significandBits && hasInfinity == o.hasInfinity;
  }
};

inline constexpr FloatFormat kF16{5, 10};
inline constexpr FloatFormat kBF16{8, 7};
inline constexpr FloatFormat kE4M3{4, 3, false};
inline constexpr FloatFormat kE5M2{5, 2};
inline constexpr FloatFormat kF32{8, 23};
inline constexpr FloatFormat kF64{11, 52};
/// The 19 significant bits of tf32; PTX keeps them in the upper bits of a
/// 32-bit register, see `tf32FromF32`.
inline constexpr FloatFormat kTF32{8, 10};

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

template <typename To, typename From>
inline To bitCast(From from) {
  static_assert(sizeof(To) == sizeof(From), "bit cast between sizes");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

inline constexpr uint32_t kCanonicalNaN32 = 0x7fffffffu;
inline constexpr uint16_t kCanonicalNaN16 = 0x7fffu;

/// Replaces any NaN by the canonical one.
inline float canonical(float x) {
  return x != x ? bitCast<float>(kCanonicalNaN32) : x;
}
/// Flushes a subnormal to zero of its sign when `ftz` is set.
inline float flush(float x, bool ftz) {
  uint32_t bits = bitCast<uint32_t>(x);
  bool subnormal = (bits & 0x7f800000u) == 0;
  return ftz && subnormal ? bitCast<float>(bits & 0x80000000u) : x;
}
/// `flush` on the bits of any format.
inline uint64_t flushBits(FloatFormat format, uint64_t bits, bool ftz) {
  bool subnormal = (bits & format.infinity()) == 0;
  return ftz && subnormal ? bits & format.signBit() : bits;
}
/// Clamps to [0, 1], NaN to +0, when `sat` is set.
inline float saturate(float x, bool sat) {
  float clamped = x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
  return sat ? clamped : x;
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// The bits of `value` in `format`, rounded once. NaN becomes the canonical NaN
/// of the format, but f64 keeps its payload. `satFinite` turns overflow and
/// infinity into the largest finite value; without it a format that has no
/// infinity overflows to NaN.
uint64_t encode(FloatFormat format, double value, Round round,
                bool satFinite = false);

/// The bits in `format` of the integer `magnitude`, negated if `negative`.
uint64_t encodeInteger(FloatFormat format, bool negative, uint64_t magnitude,
                       Round round);

/// The value of `bits` in `format`, exact.
double decode(FloatFormat format, uint64_t bits);

/// `value` rounded to an integral value; zero results keep the sign of `value`.
double roundToIntegral(double value, Round round);

/// `cvt` between floating-point formats. `ftz` acts on whichever side is f32.
uint64_t convertFloat(FloatFormat to, FloatFormat from, uint64_t bits,
                      ConvertMode mode);

/// `cvt` from float to an integer of `width` bits (8 to 64): values out of
/// range clamp. NaN gives 0, but for an f64 source or a 64-bit result it gives
/// 1 << (width - 1). The result is sign- or zero-extended to 64 bits.
uint64_t convertToInteger(FloatFormat from, uint64_t bits, int width,
                          bool isSigned, Round round, bool ftz = false);

/// `cvt` from integer to float. `value` is sign- or zero-extended to 64 bits.
uint64_t convertFromInteger(FloatFormat to, uint64_t value, bool isSigned,
                            ConvertMode mode);

/// f16 to f32, exact.
inline float f32FromF16(uint16_t h) {
  uint32_t magnitude = h & 0x7fffu, sign = uint32_t(h & 0x8000u) << 16;
  // Scaling by 2^112 moves the exponent into place, subnormals included.
  float scaled = bitCast<float>(magnitude << 13) * 0x1p112f;
  uint32_t bits = bitCast<uint32_t>(scaled);
  bits = magnitude == 0x7c00u ? 0x7f800000u : bits;
  bits = magnitude > 0x7c00u ? kCanonicalNaN32 : bits | sign;
  return bitCast<float>(bits);
}

/// f32 to f16, round to nearest even.
inline uint16_t f16FromF32(float f) {
  uint32_t bits = bitCast<uint32_t>(f);
  uint32_t magnitude = bits & 0x7fffffffu, sign = (bits >> 16) & 0x8000u;
  // Adding 0.5 lets the host round a subnormal f16 at its last bit, 2^-24.
  uint32_t small = bitCast<uint32_t>(bitCast<float>(magnitude) + 0.5f) -
                   bitCast<uint32_t>(0.5f);
  uint32_t normal =
      (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  uint32_t result = magnitude < 0x38800000u ? small : normal;
  result = magnitude >= 0x47800000u ? 0x7c00u : result;
  result |= sign;
  return uint16_t(magnitude > 0x7f800000u ? kCanonicalNaN16 : result);
}

/// bf16 to f32, exact.
inline float f32FromBF16(uint16_t b) {
  return canonical(bitCast<float>(uint32_t(b) << 16));
}

/// f32 to bf16, round to nearest even.
inline uint16_t bf16FromF32(float f) {
  uint32_t bits = bitCast<uint32_t>(f);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  bool isNaN = (bits & 0x7fffffffu) > 0x7f800000u;
  return uint16_t(isNaN ? kCanonicalNaN16 : rounded);
}

/// f32 to tf32 in a 32-bit register: the low 13 bits of the result are zero.
inline uint32_t tf32FromF32(float f, ConvertMode mode) {
  return uint32_t(convertFloat(kTF32, kF32, bitCast<uint32_t>(f), mode)) << 13;
}
/// What a tensor core reads from a tf32 register: the low 13 bits are ignored.
inline float f32FromTF32(uint32_t bits) {
  return bitCast<float>(bits & ~0x1fffu);
}

//===----------------------------------------------------------------------===//
// f32 and f64 arithmetic
//===----------------------------------------------------------------------===//

namespace detail {
enum class FloatOp : uint8_t { Add, Mul, Fma, Div, Sqrt };
/// One operation in a directed mode, on the host's arithmetic.
float directed(FloatOp op, float a, float b, float c, Round round);
double directed(FloatOp op, double a, double b, double c, Round round);

inline float finish(float r, FloatMode m) {
  return saturate(flush(canonical(r), m.ftz), m.sat);
}
} // namespace detail

inline float addF32(float a, float b, FloatMode m) {
  a = flush(a, m.ftz), b = flush(b, m.ftz);
  float r = m.round == Round::NearestEven
                ? a + b
                : detail::directed(detail::FloatOp::Add, a, b, 0.0f, m.round);
  return detail::finish(r, m);
}
inline float subF32(float a, float b, FloatMode m) { return addF32(a, -b, m); }
inline float mulF32(float a, float b, FloatMode m) {
  a = flush(a, m.ftz), b = flush(b, m.ftz);
  float r = m.round == Round::NearestEven
                ? a * b
                : detail::directed(detail::FloatOp::Mul, a, b, 0.0f, m.round);
  return detail::finish(r, m);
}
inline float fmaF32(float a, float b, float c, FloatMode m) {
  a = flush(a, m.ftz), b = flush(b, m.ftz), c = flush(c, m.ftz);
  float r = m.round == Round::NearestEven
                ? std::fma(a, b, c)
                : detail::directed(detail::FloatOp::Fma, a, b, c, m.round);
  return detail::finish(r, m);
}
inline float divF32(float a, float b, FloatMode m) {
  a = flush(a, m.ftz), b = flush(b, m.ftz);
  float r = m.round == Round::NearestEven
                ? a / b
                : detail::directed(detail::FloatOp::Div, a, b, 0.0f, m.round);
  return detail::finish(r, m);
}
inline float rcpF32(float a, FloatMode m) { return divF32(1.0f, a, m); }
inline float sqrtF32(float a, FloatMode m) {
  a = flush(a, m.ftz);
  float r =
      m.round == Round::NearestEven
          ? std::sqrt(a)
          : detail::directed(detail::FloatOp::Sqrt, a, 0.0f, 0.0f, m.round);
  return detail::finish(r, m);
}

inline double addF64(double a, double b, Round r) {
  return r == Round::NearestEven
             ? a + b
             : detail::directed(detail::FloatOp::Add, a, b, 0.0, r);
}
inline double subF64(double a, double b, Round r) { return addF64(a, -b, r); }
inline double mulF64(double a, double b, Round r) {
  return r == Round::NearestEven
             ? a * b
             : detail::directed(detail::FloatOp::Mul, a, b, 0.0, r);
}
inline double fmaF64(double a, double b, double c, Round r) {
  return r == Round::NearestEven
             ? std::fma(a, b, c)
             : detail::directed(detail::FloatOp::Fma, a, b, c, r);
}
inline double divF64(double a, double b, Round r) {
  return r == Round::NearestEven
             ? a / b
             : detail::directed(detail::FloatOp::Div, a, b, 0.0, r);
}
inline double rcpF64(double a, Round r) { return divF64(1.0, a, r); }
inline double sqrtF64(double a, Round r) {
  return r == Round::NearestEven
             ? std::sqrt(a)
             : detail::directed(detail::FloatOp::Sqrt, a, 0.0, 0.0, r);
}

//===----------------------------------------------------------------------===//
// f16 and bf16 arithmetic (round to nearest even, the only mode PTX has)
//===----------------------------------------------------------------------===//

/// Modifiers of 16-bit arithmetic.
struct HalfMode {
  bool ftz = false;
  bool sat = false;
  bool relu = false; ///< `fma.relu`: negative results become +0.
};

/// `a * b + c` in `format` (kF16 or kBF16), rounded once.
uint16_t fmaHalf(FloatFormat format, uint16_t a, uint16_t b, uint16_t c,
                 HalfMode mode);
uint16_t addHalf(FloatFormat format, uint16_t a, uint16_t b, HalfMode mode);
uint16_t subHalf(FloatFormat format, uint16_t a, uint16_t b, HalfMode mode);
uint16_t mulHalf(FloatFormat format, uint16_t a, uint16_t b, HalfMode mode);

//===----------------------------------------------------------------------===//
// Minimum and maximum
//===----------------------------------------------------------------------===//

/// Modifiers of `min` and `max`.
struct MinMaxMode {
  bool max = false;
  bool ftz = false;
  bool nan = false;        ///< `.NaN`: a NaN input gives NaN.
  bool xorSignAbs = false; ///< `.xorsign.abs`: compare magnitudes, xor signs.
};

/// `min`/`max` in any format: one NaN input gives the other input unless `nan`
/// is set, two give the canonical NaN, and -0 is less than +0.
inline uint64_t minMax(FloatFormat format, uint64_t a, uint64_t b,
                       MinMaxMode mode) {
  a = flushBits(format, a, mode.ftz);
  b = flushBits(format, b, mode.ftz);
  uint64_t sign = (a ^ b) & format.signBit();
  if (mode.xorSignAbs)
    a &= format.nan(), b &= format.nan();
  bool aNaN = (a & format.nan()) > format.infinity();
  bool bNaN = (b & format.nan()) > format.infinity();
  if ((aNaN && bNaN) || (mode.nan && (aNaN || bNaN)))
    return format.nan();
  // Sign-magnitude codes in the order of their values, -0 below +0.
  auto ordered = [&](uint64_t x) {
    int64_t magnitude = int64_t(x & format.nan());
    return x & format.signBit() ? -magnitude - 1 : magnitude;
  };
  bool takeA = bNaN || (!aNaN && (ordered(a) < ordered(b)) != mode.max);
  uint64_t result = takeA ? a : b;
  return mode.xorSignAbs ? (result & format.nan()) | sign : result;
}

//===----------------------------------------------------------------------===//
// Approximate functions
//===----------------------------------------------------------------------===//

/// `.approx` forms of f32. Each is at least as close as PTX documents (ex2 and
/// rcp: 1-2 ulp; lg2, sin, cos: 2^-20 or better absolute; tanh: 2^-11
/// relative), special values included.
float ex2Approx(float x, bool ftz);
float lg2Approx(float x, bool ftz);
float sinApprox(float x, bool ftz);
float cosApprox(float x, bool ftz);
float tanhApprox(float x);
float rcpApprox(float x, bool ftz);
float rsqrtApprox(float x, bool ftz);
float sqrtApprox(float x, bool ftz);
/// `div.approx`: for 2^126 < |b| < 2^128 the quotient is 0, or NaN if `a` is
/// infinite, as PTX documents.
float divApprox(float a, float b, bool ftz);
/// `div.full`: like `div.approx` but over the full range of `b`.
float divFull(float a, float b, bool ftz);

/// `rcp.approx.ftz.f64` and `rsqrt.approx.ftz.f64`: 20 significand bits, the
/// low word of the result is zero.
double rcpApproxF64(double x);
double rsqrtApproxF64(double x, bool ftz);

/// `ex2.approx` and `tanh.approx` in kF16 or kBF16. `ex2` flushes subnormals
/// when `ftz` is set.
uint16_t ex2ApproxHalf(FloatFormat format, uint16_t x, bool ftz);
uint16_t tanhApproxHalf(FloatFormat format, uint16_t x);

} // namespace moe::emulator

#endif // MOE_EMULATOR_NUMERICS_H
