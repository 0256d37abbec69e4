//===- ElementType.h - Element types of host tensors ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The element types that tensors in memory and in weight files have, and the
// conversions between each of them and double.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_ELEMENTTYPE_H
#define MOE_RUNTIME_ELEMENTTYPE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/bit.h"
#include <cstdint>
#include <optional>

namespace mlir::moe {

/// An element type, named as MLIR names it; `u8` and its kin are MLIR's
/// `ui8`. The 8-bit floats are OCP's: `f8e4m3` is MLIR's f8E4M3FN (no
/// infinity), `f8e5m2` is MLIR's f8E5M2.
enum class ElementType : uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8e4m3,
  f8e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  i1
};

/// The name of `type`: "bf16".
llvm::StringRef stringifyElementType(ElementType type);

/// The type called `name`, or nothing.
std::optional<ElementType> symbolizeElementType(llvm::StringRef name);

/// Bits that one element takes in memory: a whole byte for an i1. Types of less
/// than a byte will be packed, so sizes are computed from bits.
unsigned getStorageBits(ElementType type);

/// Whether `type` is a floating-point type.
bool isFloat(ElementType type);

/// Largest relative error of rounding a value within the normal range to
/// `type`: 2^-p for a significand of p bits (2^-24 for f32); 0 for integers.
double getUnitRoundoff(ElementType type);

/// Element `index` of the array at `data`. Exact but for 64-bit integers beyond
/// 2^53, which round to nearest even.
double loadElement(ElementType type, const void *data, int64_t index);

/// Stores `value`, rounded to nearest even for floats. NaN stays NaN (quiet,
/// sign and leading payload bits kept); what is too large becomes infinity, or
/// NaN where the type has none. For integers `value` is truncated towards zero
/// and saturates, NaN becomes 0; for i1 any non-zero value, NaN too, is 1.
void storeElement(ElementType type, void *data, int64_t index, double value);

/// `value` after one rounding to `type`, as storeElement defines it.
double roundToElementType(ElementType type, double value);

/// The bits of `value` rounded to bf16 or f16 as storeElement defines it.
uint16_t floatToBFloat16(float value);
uint16_t floatToHalf(float value);

/// The value of the bf16 or f16 with the given bits; always exact.
float halfToFloat(uint16_t bits);
inline float bfloat16ToFloat(uint16_t bits) {
  return llvm::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

} // namespace mlir::moe

#endif // MOE_RUNTIME_ELEMENTTYPE_H
