//===- NarrowFloat.h - Bit-level conversion of narrow floats ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One description of every binary float of up to 32 bits: conversion from
// double with a single rounding (never through float, which would round twice)
// and back.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUNTIME_NARROWFLOAT_H
#define MOE_LIB_RUNTIME_NARROWFLOAT_H

#include "llvm/ADT/bit.h"
#include <cstdint>

namespace mlir::moe {

/// A sign bit, `ExponentBits` and `MantissaBits`. With `HasInfinity` the
/// largest exponent means infinity and NaN as in IEEE 754; without it only the
/// code of all ones is NaN and the rest are numbers (OCP's E4M3).
template <unsigned ExponentBits, unsigned MantissaBits, bool HasInfinity = true>
struct NarrowFloat {
  static constexpr int bias = (1 << (ExponentBits - 1)) - 1;
  static constexpr int minExponent = 1 - bias;
  static constexpr uint64_t signBit = uint64_t(1)
                                      << (ExponentBits + MantissaBits);
  static constexpr uint64_t maxMagnitude = signBit - 1;
  static constexpr uint64_t mantissaMask = (uint64_t(1) << MantissaBits) - 1;
  static constexpr uint64_t infinity = maxMagnitude & ~mantissaMask;
  static constexpr uint64_t quietBit = uint64_t(1) << (MantissaBits - 1);
  /// What overflow becomes.
  static constexpr uint64_t overflow = HasInfinity ? infinity : maxMagnitude;

  static uint32_t encode(double value) {
    uint64_t bits = llvm::bit_cast<uint64_t>(value);
    uint64_t sign = (bits >> 63) ? signBit : 0;
    return static_cast<uint32_t>(sign | encodeMagnitude(bits & ~(1ull << 63)));
  }

  static double decode(uint32_t code) {
    uint64_t magnitude = code & maxMagnitude;
    uint64_t sign = (code & signBit) ? 1ull << 63 : 0;
    return llvm::bit_cast<double>(sign | decodeMagnitude(magnitude));
  }

private:
  static constexpr unsigned droppedBits = 52 - MantissaBits;
  static constexpr uint64_t doubleInfinity = 0x7FFull << 52;

  static uint64_t encodeMagnitude(uint64_t bits) {
    if (bits > doubleInfinity)
      return HasInfinity
                 ? infinity | quietBit | ((bits >> droppedBits) & mantissaMask)
                 : maxMagnitude;
    if (bits == doubleInfinity)
      return overflow;
    int exponent = static_cast<int>(bits >> 52) - 1023;
    bool denormal = exponent < minExponent;
    unsigned shift = droppedBits + (denormal ? minExponent - exponent : 0);
    // Less than half of the smallest denormal.
    if (shift > 53)
      return 0;
    uint64_t significand = (bits & ((1ull << 52) - 1)) | 1ull << 52;
    uint64_t half = uint64_t(1) << (shift - 1);
    uint64_t odd = (significand >> shift) & 1;
    uint64_t rounded = (significand + half - 1 + odd) >> shift;
    // The leading bit of `rounded` adds one to the exponent field, and so does
    // a carry out of the mantissa.
    uint64_t scale =
        denormal ? 0 : static_cast<uint64_t>(exponent - minExponent);
    uint64_t result = (scale << MantissaBits) + rounded;
    return result < overflow ? result : overflow;
  }

  static uint64_t decodeMagnitude(uint64_t magnitude) {
    uint64_t exponent = magnitude >> MantissaBits;
    uint64_t mantissa = magnitude & mantissaMask;
    if (HasInfinity ? magnitude >= infinity : magnitude == maxMagnitude) {
      bool isInfinity = HasInfinity && mantissa == 0;
      uint64_t quietNaN = 1ull << 51;
      return doubleInfinity | (isInfinity ? 0 : quietNaN) |
             (HasInfinity ? mantissa << droppedBits : 0);
    }
    if (exponent == 0) {
      // 2^(minExponent - MantissaBits) is a normal double for every format.
      uint64_t unitExponent = 1023 + minExponent - MantissaBits;
      double unit = llvm::bit_cast<double>(unitExponent << 52);
      return llvm::bit_cast<uint64_t>(static_cast<double>(mantissa) * unit);
    }
    return (exponent + 1023 - bias) << 52 | mantissa << droppedBits;
  }
};

using BFloat16 = NarrowFloat<8, 7>;
using Half = NarrowFloat<5, 10>;
using Float8E5M2 = NarrowFloat<5, 2>;
using Float8E4M3 = NarrowFloat<4, 3, /*HasInfinity=*/false>;

} // namespace mlir::moe

#endif // MOE_LIB_RUNTIME_NARROWFLOAT_H
