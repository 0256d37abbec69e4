//===- ValueTest.cpp - Views of tensors -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Reference/Value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace mlir::moe;

namespace {
/// 0 to 11 as 3 rows of 4.
Tensor makeTensor() {
  Tensor tensor = Tensor::zeros(ElementType::bf16, {3, 4});
  for (int64_t i = 0; i < 12; ++i)
    tensor.set(i, static_cast<double>(i));
  return tensor;
}

std::vector<double> getElements(const TensorView &view) {
  std::vector<double> elements;
  forEachIndex(view.getShape(), [&](ArrayRef<int64_t> index) {
    elements.push_back(view.numberAt(index));
  });
  return elements;
}

TEST(TensorView, SlicesTransposesAndShares) {
  Tensor tensor = makeTensor();
  TensorView view(tensor);
  TensorView part = view.slice({1, 0}, {2, 2}, {1, 2});
  EXPECT_THAT(getElements(part), testing::ElementsAre(4, 6, 8, 10));
  EXPECT_THAT(getElements(part.transpose({1, 0})),
              testing::ElementsAre(4, 8, 6, 10));
  EXPECT_THAT(getElements(view.slice(2)), testing::ElementsAre(8, 9, 10, 11));
  EXPECT_FALSE(part.isContiguous());
  EXPECT_THAT(getElements(TensorView(part.toTensor())),
              testing::ElementsAre(4, 6, 8, 10));
  // A row is shared, not copied.
  Tensor row = view.slice(1).toTensor();
  EXPECT_EQ(row.getData(), static_cast<const uint16_t *>(tensor.getData()) + 4);
}

TEST(TensorView, KnowsItsBounds) {
  TensorView view(makeTensor());
  EXPECT_TRUE(view.contains({2, 3}));
  EXPECT_FALSE(view.contains({3, 0}));
  EXPECT_FALSE(view.contains({0, -1}));
  EXPECT_FALSE(view.contains({0}));
}

TEST(TensorView, BroadcastsWithoutStride) {
  TensorView element(Tensor::fromValues(ElementType::f32, {1}, {7}));
  TensorView all = element.withShape({2, 3}, {0, 0});
  EXPECT_THAT(getElements(TensorView(all.toTensor())),
              testing::ElementsAre(7, 7, 7, 7, 7, 7));
}

TEST(Value, UnspecifiedElementsShow) {
  auto unspecified = [](ElementType type) {
    return llvm::cantFail(createUnspecified(type, {1}));
  };
  EXPECT_TRUE(std::isnan(unspecified(ElementType::bf16).get(0)));
  EXPECT_TRUE(std::isnan(unspecified(ElementType::f8e4m3).get(0)));
  EXPECT_EQ(unspecified(ElementType::i32).get(0), -2147483648.0);
  EXPECT_EQ(unspecified(ElementType::i8).get(0), -128.0);
  EXPECT_EQ(unspecified(ElementType::i1).get(0), 1.0);
}

TEST(Value, IntegersAreStoredExactly) {
  Tensor tensor = Tensor::zeros(ElementType::i64, {1});
  int64_t large = (int64_t(1) << 53) + 1;
  storeScalar(tensor, 0, Scalar::ofInteger(large));
  EXPECT_EQ(TensorView(tensor).load(0).getInteger(), large);
}

TEST(ForEachIndex, VisitsInRowMajorOrder) {
  std::vector<std::vector<int64_t>> seen;
  forEachIndex({2, 2},
               [&](ArrayRef<int64_t> index) { seen.push_back(index.vec()); });
  EXPECT_THAT(seen, testing::ElementsAre(testing::ElementsAre(0, 0),
                                         testing::ElementsAre(0, 1),
                                         testing::ElementsAre(1, 0),
                                         testing::ElementsAre(1, 1)));
  unsigned scalars = 0;
  forEachIndex({}, [&](ArrayRef<int64_t>) { ++scalars; });
  forEachIndex({3, 0}, [&](ArrayRef<int64_t>) { FAIL(); });
  EXPECT_EQ(scalars, 1u);
}
} // namespace
