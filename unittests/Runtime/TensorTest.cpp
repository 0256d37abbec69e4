//===- TensorTest.cpp - Tests of host tensors and random values -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shapes, ownership, conversion and random fill.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Tensor.h"
#include "TestSupport.h"
#include "moe/Runtime/Random.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Parallel.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::moe;
using namespace mlir::moe::test;

namespace {

TEST(Tensor, Shapes) {
  EXPECT_EQ(stringifyShape({}), "scalar");
  EXPECT_EQ(stringifyShape({64, 2048}), "64x2048");
  EXPECT_EQ(computeSizeInBytes(16, {3, 5}), 30);
  EXPECT_EQ(computeSizeInBytes(4, {3}), 2);
  EXPECT_EQ(computeSizeInBytes(32, {}), 4);
  EXPECT_EQ(computeSizeInBytes(32, {1, -1}), std::nullopt);
  EXPECT_EQ(computeSizeInBytes(8, {int64_t(1) << 31, int64_t(1) << 31}),
            std::nullopt);
  EXPECT_EQ(computeSizeInBytes(8, {INT64_MAX, INT64_MAX, 0}), 0);
}

TEST(Tensor, OwnsZeroedAlignedMemory) {
  for (int64_t size : {0, 1, 3, 1 << 20}) {
    Tensor tensor = Tensor::zeros(ElementType::f32, {size});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.getData()) % 64, 0u);
    EXPECT_EQ(tensor.getSizeInBytes(), size * 4);
    for (float value : tensor.getValues<float>())
      ASSERT_EQ(value, 0.0f);
  }
  Tensor big = Tensor::zeros(ElementType::u8, {3 << 20});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(big.getData()) % (2 << 20), 0u);
}

TEST(Tensor, CreateDiagnosesImpossibleShapes) {
  EXPECT_EQ(getMessage(Tensor::create(ElementType::f32, {2, -3})),
            "expected non-negative dimensions and less than 2^60 bytes, got a "
            "2x-3 tensor of f32");
  EXPECT_EQ(getMessage(Tensor::create(ElementType::f64,
                                      {int64_t(1) << 40, int64_t(1) << 40})),
            "expected non-negative dimensions and less than 2^60 bytes, got a "
            "1099511627776x1099511627776 tensor of f64");
}

TEST(Tensor, CreateDiagnosesFailedAllocation) {
  EXPECT_EQ(
      getMessage(Tensor::create(ElementType::u8, {int64_t(1) << 55})),
      "cannot allocate 36028797018963968 bytes for a 36028797018963968 tensor "
      "of u8");
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor tensor =
      Tensor::fromValues(ElementType::i32, {2, 3}, {0, 1, 2, 3, 4, 5});
  Tensor copy = tensor;
  Tensor clone = tensor.clone();
  tensor.set(4, 40);
  EXPECT_EQ(copy.get(4), 40);
  EXPECT_EQ(clone.get(4), 4);
  EXPECT_TRUE(clone.isWritable());
}

TEST(Tensor, IndexingAndViews) {
  Tensor tensor =
      Tensor::fromValues(ElementType::bf16, {2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(tensor.at({1, 2}), 5);
  EXPECT_EQ(tensor.getPosition({1, 0}), 3);
  EXPECT_EQ(tensor.getIndices(5), (llvm::SmallVector<int64_t>{1, 2}));
  Tensor row = tensor.slice(1);
  EXPECT_EQ(row.getShape(), llvm::ArrayRef<int64_t>({3}));
  EXPECT_EQ(row.get(0), 3);
  EXPECT_EQ(row.slice(2).get(0), 5);
  EXPECT_EQ(row.slice(2).getRank(), 0);
  EXPECT_EQ(tensor.reshape({3, 2}).at({2, 1}), 5);
}

TEST(Tensor, ViewKeepsItsOwnerAlive) {
  auto storage = std::make_shared<std::vector<float>>(4, 1.5f);
  std::weak_ptr<std::vector<float>> watch = storage;
  {
    const float *data = storage->data();
    Tensor view = Tensor::view(ElementType::f32, {4}, data, std::move(storage));
    EXPECT_FALSE(view.isWritable());
    EXPECT_EQ(view.get(3), 1.5);
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, ConvertRoundsEachElement) {
  Tensor f32 = Tensor::zeros(ElementType::f32, {100003});
  fillRandom(f32, 1, Distribution::normal, 100.0f);
  f32.set(7, std::numeric_limits<double>::infinity());
  for (ElementType type : {ElementType::bf16, ElementType::f16,
                           ElementType::f64, ElementType::i8}) {
    Tensor converted = f32.convertTo(type);
    ASSERT_EQ(converted.getType(), type);
    for (int64_t i = 0; i < f32.getNumElements(); ++i)
      ASSERT_EQ(converted.get(i), roundToElementType(type, f32.get(i)));
  }
  Tensor bf16 = f32.convertTo(ElementType::bf16);
  Tensor back = bf16.convertTo(ElementType::f32);
  for (int64_t i = 0; i < f32.getNumElements(); ++i)
    ASSERT_EQ(back.get(i), bf16.get(i));
  EXPECT_EQ(f32.convertTo(ElementType::f32).getData(), f32.getData());
}

TEST(Random, FillIsAFunctionOfSeedAndPosition) {
  constexpr int64_t size = (1 << 17) + 13;
  Tensor tensor = Tensor::zeros(ElementType::f32, {size});
  fillRandom(tensor, 42, Distribution::normal, 0.5f);
  for (int64_t i = 0; i < size; ++i)
    ASSERT_EQ(tensor.get(i), 0.5f * randomValue(42, i, Distribution::normal));

  // Any prefix, on one thread.
  auto strategy = llvm::parallel::strategy;
  llvm::parallel::strategy.ThreadsRequested = 1;
  auto restore = llvm::scope_exit([&] { llvm::parallel::strategy = strategy; });
  Tensor prefix = Tensor::zeros(ElementType::f32, {70001});
  fillRandom(prefix, 42, Distribution::normal, 0.5f);
  for (int64_t i = 0; i < prefix.getNumElements(); ++i)
    ASSERT_EQ(prefix.get(i), tensor.get(i));
}

TEST(Random, TypesHoldTheSameValuesRounded) {
  Tensor f32 = Tensor::zeros(ElementType::f32, {1000});
  fillRandom(f32, 3, Distribution::uniform);
  for (ElementType type :
       {ElementType::bf16, ElementType::f16, ElementType::f64}) {
    Tensor tensor = Tensor::zeros(type, {1000});
    fillRandom(tensor, 3, Distribution::uniform);
    for (int64_t i = 0; i < 1000; ++i)
      ASSERT_EQ(tensor.get(i), roundToElementType(type, f32.get(i)));
  }
}

TEST(Random, SeedsAndNamesMakeDifferentStreams) {
  EXPECT_NE(randomBits(1, 0), randomBits(2, 0));
  EXPECT_NE(randomBits(1, 0), randomBits(1, 1));
  EXPECT_NE(deriveSeed(1, "a"), deriveSeed(1, "b"));
  EXPECT_NE(deriveSeed(1, "a"), deriveSeed(2, "a"));
  EXPECT_EQ(deriveSeed(1, "a"), deriveSeed(1, "a"));
}

/// Moments and distribution function of a million values. Each statistic has
/// a known standard error (1e-3 for the mean of a unit normal, under 1.5e-3 for
/// the others); five of them are allowed, and the seed is fixed.
TEST(Random, Distributions) {
  constexpr int64_t count = 1000000;
  double sum = 0, squares = 0, fourths = 0;
  int64_t belowOne = 0, uniformBelowHalf = 0;
  double uniformSum = 0, uniformSquares = 0;
  for (int64_t i = 0; i < count; ++i) {
    double x = randomValue(9, i, Distribution::normal);
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
    belowOne += x < 1.0;
    double u = randomValue(9, i, Distribution::uniform);
    ASSERT_TRUE(u >= -1.0 && u < 1.0);
    uniformSum += u;
    uniformSquares += u * u;
    uniformBelowHalf += u < 0.5;
  }
  EXPECT_NEAR(sum / count, 0, 5e-3);
  EXPECT_NEAR(squares / count, 1, 7.5e-3);
  EXPECT_NEAR(fourths / count, 3, 5e-2); // Standard error sqrt(96) * 1e-3.
  EXPECT_NEAR(double(belowOne) / count, 0.841345, 5e-3);
  EXPECT_NEAR(uniformSum / count, 0, 5e-3);
  EXPECT_NEAR(uniformSquares / count, 1.0 / 3, 5e-3);
  EXPECT_NEAR(double(uniformBelowHalf) / count, 0.75, 5e-3);
}

/// Undoing a normal value with the distribution function gives the middle of
/// one of 2^16 equal parts, and all parts are met.
TEST(Random, NormalValuesAreQuantiles) {
  constexpr int64_t parts = 1 << 16;
  std::vector<bool> met(parts);
  for (int64_t i = 0; i < 40 * parts; ++i) {
    double value = randomValue(5, i, Distribution::normal);
    double part = std::erfc(-value / std::sqrt(2.0)) / 2 * parts - 0.5;
    ASSERT_NEAR(part, std::round(part), 0.05) << value;
    met[std::llround(part)] = true;
  }
  EXPECT_TRUE(llvm::all_of(met, [](bool isMet) { return isMet; }));
}

} // namespace
