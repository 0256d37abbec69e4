//===- ElementTypeTest.cpp - Tests of element types and conversions -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Conversions are compared with llvm::APFloat: every code of the narrow types,
// and doubles at, beside and between the points where rounding changes.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/ElementType.h"
#include "moe/Runtime/Random.h"
#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::moe;
using llvm::APFloat;

namespace {

struct Format {
  ElementType type;
  const llvm::fltSemantics &semantics;
};

const Format formats[] = {
    {ElementType::f16, APFloat::IEEEhalf()},
    {ElementType::bf16, APFloat::BFloat()},
    {ElementType::f8e4m3, APFloat::Float8E4M3FN()},
    {ElementType::f8e5m2, APFloat::Float8E5M2()},
    {ElementType::f32, APFloat::IEEEsingle()},
};

uint32_t storeBits(ElementType type, double value) {
  uint32_t bits = 0;
  storeElement(type, &bits, 0, value);
  return bits;
}

uint32_t referenceBits(const llvm::fltSemantics &semantics, double value) {
  APFloat number(value);
  bool losesInfo;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

void expectSameStore(const Format &format, double value) {
  EXPECT_EQ(storeBits(format.type, value),
            referenceBits(format.semantics, value))
      << stringifyElementType(format.type).str() << " of " << value;
}

TEST(ElementType, NamesRoundTrip) {
  for (unsigned i = 0; i <= static_cast<unsigned>(ElementType::i1); ++i) {
    auto type = static_cast<ElementType>(i);
    EXPECT_EQ(symbolizeElementType(stringifyElementType(type)), type);
  }
  EXPECT_EQ(symbolizeElementType("f64x"), std::nullopt);
  EXPECT_EQ(symbolizeElementType(""), std::nullopt);
}

TEST(ElementType, SizesAndKinds) {
  EXPECT_EQ(getStorageBits(ElementType::f64), 64u);
  EXPECT_EQ(getStorageBits(ElementType::bf16), 16u);
  EXPECT_EQ(getStorageBits(ElementType::i1), 8u);
  EXPECT_TRUE(isFloat(ElementType::f8e5m2));
  EXPECT_FALSE(isFloat(ElementType::i1));
  EXPECT_EQ(getUnitRoundoff(ElementType::f32), 0x1p-24);
  EXPECT_EQ(getUnitRoundoff(ElementType::bf16), 0x1p-8);
  EXPECT_EQ(getUnitRoundoff(ElementType::f16), 0x1p-11);
  EXPECT_EQ(getUnitRoundoff(ElementType::i32), 0.0);
}

TEST(ElementType, EveryNarrowCodeLoadsExactly) {
  for (const Format &format : formats) {
    unsigned bits = getStorageBits(format.type);
    if (bits > 16)
      continue;
    for (uint32_t code = 0; code < (1u << bits); ++code) {
      APFloat reference(format.semantics, llvm::APInt(bits, code));
      double value = loadElement(format.type, &code, 0);
      ASSERT_EQ(std::isnan(value), reference.isNaN()) << code;
      ASSERT_EQ(std::signbit(value), reference.isNegative()) << code;
      if (reference.isNaN())
        continue;
      bool losesInfo;
      reference.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                        &losesInfo);
      ASSERT_EQ(value, reference.convertToDouble()) << code;
      ASSERT_EQ(storeBits(format.type, value), code);
    }
  }
}

/// The midpoint between each code and the next is a tie; its neighbours are
/// not, even where they are too near for a float to tell (which a conversion
/// through float would round twice).
TEST(ElementType, TiesRoundToEvenOnce) {
  for (const Format &format : formats) {
    unsigned bits = getStorageBits(format.type);
    if (bits > 16)
      continue;
    for (uint32_t code = 0; code + 1 < (1u << (bits - 1)); ++code) {
      uint32_t next = code + 1;
      double low = loadElement(format.type, &code, 0);
      double high = loadElement(format.type, &next, 0);
      if (std::isnan(low) || std::isnan(high))
        continue;
      double middle = std::isinf(high) ? low * 1.0001 : (low + high) / 2;
      for (double value : {middle, std::nextafter(middle, 0.0),
                           std::nextafter(middle, high)}) {
        expectSameStore(format, value);
        expectSameStore(format, -value);
      }
    }
  }
}

TEST(ElementType, RandomDoublesRoundAsTheReference) {
  for (const Format &format : formats) {
    for (uint64_t i = 0; i < 200000; ++i) {
      // Any double, and one whose exponent is about the format's.
      uint64_t bits = randomBits(7, i);
      double any = llvm::bit_cast<double>(bits);
      if (!std::isnan(any))
        expectSameStore(format, any);
      double mantissa = 1.0 + static_cast<double>(bits >> 12) * 0x1p-52;
      int exponent = static_cast<int>(bits % 320) - 160;
      expectSameStore(format, std::ldexp(mantissa, exponent));
    }
  }
}

TEST(ElementType, SpecialValues) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Format &format : formats) {
    for (double value :
         {0.0, -0.0, infinity, -infinity, std::numeric_limits<double>::max(),
          std::numeric_limits<double>::denorm_min()})
      expectSameStore(format, value);
    EXPECT_TRUE(std::isnan(roundToElementType(format.type, nan)));
    EXPECT_TRUE(std::signbit(roundToElementType(format.type, -nan)));
  }
  // A signalling NaN whose payload is in the bits that are dropped.
  double signalling = llvm::bit_cast<double>(0x7FF0000000000001ull);
  EXPECT_TRUE(std::isnan(roundToElementType(ElementType::bf16, signalling)));
  EXPECT_TRUE(std::isnan(roundToElementType(ElementType::f16, signalling)));
  EXPECT_EQ(floatToBFloat16(llvm::bit_cast<float>(0x7F800001u)), 0x7FC0);
  EXPECT_EQ(floatToBFloat16(llvm::bit_cast<float>(0xFFFFFFFFu)), 0xFFFF);
}

TEST(ElementType, FastPathsAgree) {
  for (uint64_t i = 0; i < 1000000; ++i) {
    float value =
        llvm::bit_cast<float>(static_cast<uint32_t>(randomBits(3, i)));
    if (std::isnan(value))
      continue;
    ASSERT_EQ(floatToBFloat16(value), storeBits(ElementType::bf16, value));
    ASSERT_EQ(floatToHalf(value), storeBits(ElementType::f16, value));
  }
  for (uint32_t code = 0; code < 0x7C00; ++code) {
    ASSERT_EQ(halfToFloat(code), loadElement(ElementType::f16, &code, 0));
    ASSERT_EQ(bfloat16ToFloat(code), loadElement(ElementType::bf16, &code, 0));
  }
}

TEST(ElementType, IntegersTruncateAndSaturate) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  auto round = roundToElementType;
  EXPECT_EQ(round(ElementType::i32, 2.9), 2);
  EXPECT_EQ(round(ElementType::i32, -2.9), -2);
  EXPECT_EQ(round(ElementType::i32, 1e10), 2147483647.0);
  EXPECT_EQ(round(ElementType::i32, -infinity), -2147483648.0);
  EXPECT_EQ(round(ElementType::i8, 300), 127);
  EXPECT_EQ(round(ElementType::u8, -1), 0);
  EXPECT_EQ(round(ElementType::u8, 255.9), 255);
  EXPECT_EQ(round(ElementType::i64, infinity), 0x1p63);
  EXPECT_EQ(round(ElementType::u64, 0x1p64), 0x1p64);
  EXPECT_EQ(round(ElementType::i16, nan), 0);
  EXPECT_EQ(round(ElementType::i1, 0.5), 1);
  EXPECT_EQ(round(ElementType::i1, -0.0), 0);
  EXPECT_EQ(round(ElementType::i1, nan), 1);
}

} // namespace
