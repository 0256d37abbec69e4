//===- ElementType.cpp - Element types of host tensors --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Names, sizes and element conversions of the host tensors' element types.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/ElementType.h"
#include "NarrowFloat.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <limits>
#include <type_traits>

using namespace mlir::moe;
using llvm::StringRef;

namespace {
struct TypeInfo {
  ElementType type;
  llvm::StringLiteral name;
  unsigned storageBits;
  /// Bits of a float's significand, the hidden one included; 0 for integers.
  unsigned precision;
};
} // namespace

/// In the order of the enumeration.
static constexpr TypeInfo typeInfos[] = {
    {ElementType::f64, "f64", 64, 53},
    {ElementType::f32, "f32", 32, 24},
    {ElementType::f16, "f16", 16, 11},
    {ElementType::bf16, "bf16", 16, 8},
    {ElementType::f8e4m3, "f8e4m3", 8, 4},
    {ElementType::f8e5m2, "f8e5m2", 8, 3},
    {ElementType::i64, "i64", 64, 0},
    {ElementType::i32, "i32", 32, 0},
    {ElementType::i16, "i16", 16, 0},
    {ElementType::i8, "i8", 8, 0},
    {ElementType::u64, "u64", 64, 0},
    {ElementType::u32, "u32", 32, 0},
    {ElementType::u16, "u16", 16, 0},
    {ElementType::u8, "u8", 8, 0},
    {ElementType::i1, "i1", 8, 0},
};

static const TypeInfo &getInfo(ElementType type) {
  const TypeInfo &info = typeInfos[static_cast<unsigned>(type)];
  assert(info.type == type && "the table follows the enumeration");
  return info;
}

StringRef mlir::moe::stringifyElementType(ElementType type) {
  return getInfo(type).name;
}

std::optional<ElementType> mlir::moe::symbolizeElementType(StringRef name) {
  const TypeInfo *info = llvm::find_if(
      typeInfos, [&](const TypeInfo &info) { return info.name == name; });
  if (info == std::end(typeInfos))
    return std::nullopt;
  return info->type;
}

unsigned mlir::moe::getStorageBits(ElementType type) {
  return getInfo(type).storageBits;
}

bool mlir::moe::isFloat(ElementType type) {
  return getInfo(type).precision != 0;
}

double mlir::moe::getUnitRoundoff(ElementType type) {
  unsigned precision = getInfo(type).precision;
  return precision == 0 ? 0.0 : std::ldexp(1.0, -static_cast<int>(precision));
}

uint16_t mlir::moe::floatToBFloat16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  // A carry out of the mantissa moves to the next exponent, infinity at last.
  uint32_t odd = (bits >> 16) & 1;
  return static_cast<uint16_t>((bits + 0x7FFF + odd) >> 16);
}

uint16_t mlir::moe::floatToHalf(float value) {
  return static_cast<uint16_t>(Half::encode(value));
}

float mlir::moe::halfToFloat(uint16_t bits) {
  return static_cast<float>(Half::decode(bits));
}

template <typename Integer>
static Integer saturate(double value) {
  if (std::isnan(value))
    return 0;
  using Limits = std::numeric_limits<Integer>;
  if (value <= static_cast<double>(Limits::min()))
    return Limits::min();
  // The bound itself is exact, or one above the largest integer.
  if (value >= static_cast<double>(Limits::max()))
    return Limits::max();
  return static_cast<Integer>(value);
}

template <typename T>
static double loadPlain(const void *data, int64_t index) {
  return static_cast<double>(static_cast<const T *>(data)[index]);
}

template <typename Format, typename Code>
static double loadNarrow(const void *data, int64_t index) {
  return Format::decode(static_cast<const Code *>(data)[index]);
}

template <typename Integer>
static void storeInteger(void *data, int64_t index, double value) {
  static_cast<Integer *>(data)[index] = saturate<Integer>(value);
}

template <typename Format, typename Code>
static void storeNarrow(void *data, int64_t index, double value) {
  static_cast<Code *>(data)[index] = static_cast<Code>(Format::encode(value));
}

double mlir::moe::loadElement(ElementType type, const void *data,
                              int64_t index) {
  switch (type) {
  case ElementType::f64:
    return loadPlain<double>(data, index);
  case ElementType::f32:
    return loadPlain<float>(data, index);
  case ElementType::f16:
    return loadNarrow<Half, uint16_t>(data, index);
  case ElementType::bf16:
    return loadNarrow<BFloat16, uint16_t>(data, index);
  case ElementType::f8e4m3:
    return loadNarrow<Float8E4M3, uint8_t>(data, index);
  case ElementType::f8e5m2:
    return loadNarrow<Float8E5M2, uint8_t>(data, index);
  case ElementType::i64:
    return loadPlain<int64_t>(data, index);
  case ElementType::i32:
    return loadPlain<int32_t>(data, index);
  case ElementType::i16:
    return loadPlain<int16_t>(data, index);
  case ElementType::i8:
    return loadPlain<int8_t>(data, index);
  case ElementType::u64:
    return loadPlain<uint64_t>(data, index);
  case ElementType::u32:
    return loadPlain<uint32_t>(data, index);
  case ElementType::u16:
    return loadPlain<uint16_t>(data, index);
  case ElementType::u8:
    return loadPlain<uint8_t>(data, index);
  case ElementType::i1:
    return loadPlain<uint8_t>(data, index) != 0;
  }
  llvm_unreachable("unknown element type");
}

void mlir::moe::storeElement(ElementType type, void *data, int64_t index,
                             double value) {
  switch (type) {
  case ElementType::f64:
    static_cast<double *>(data)[index] = value;
    return;
  case ElementType::f32:
    // Outside float's range the cast is defined by IEEE 754: infinity.
    static_cast<float *>(data)[index] = static_cast<float>(value);
    return;
  case ElementType::f16:
    return storeNarrow<Half, uint16_t>(data, index, value);
  case ElementType::bf16:
    return storeNarrow<BFloat16, uint16_t>(data, index, value);
  case ElementType::f8e4m3:
    return storeNarrow<Float8E4M3, uint8_t>(data, index, value);
  case ElementType::f8e5m2:
    return storeNarrow<Float8E5M2, uint8_t>(data, index, value);
  case ElementType::i64:
    return storeInteger<int64_t>(data, index, value);
  case ElementType::i32:
    return storeInteger<int32_t>(data, index, value);
  case ElementType::i16:
    return storeInteger<int16_t>(data, index, value);
  case ElementType::i8:
    return storeInteger<int8_t>(data, index, value);
  case ElementType::u64:
    return storeInteger<uint64_t>(data, index, value);
  case ElementType::u32:
    return storeInteger<uint32_t>(data, index, value);
  case ElementType::u16:
    return storeInteger<uint16_t>(data, index, value);
  case ElementType::u8:
    return storeInteger<uint8_t>(data, index, value);
  case ElementType::i1:
    static_cast<uint8_t *>(data)[index] = value != 0;
    return;
  }
  llvm_unreachable("unknown element type");
}

double mlir::moe::roundToElementType(ElementType type, double value) {
  uint64_t storage = 0;
  storeElement(type, &storage, 0, value);
  return loadElement(type, &storage, 0);
}
