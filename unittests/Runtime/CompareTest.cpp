//===- CompareTest.cpp - Tests of tensor comparison -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What passes and what does not, special values, default tolerances against
// real rounding, and the report's text.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Compare.h"
#include "TestSupport.h"
#include "moe/Runtime/Random.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::moe;
using namespace mlir::moe::test;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensor makeVector(llvm::ArrayRef<double> values) {
  return Tensor::fromValues(ElementType::f64,
                            {static_cast<int64_t>(values.size())}, values);
}

Comparison compare(llvm::ArrayRef<double> actual,
                   llvm::ArrayRef<double> expected, Tolerance tolerance) {
  return llvm::cantFail(
      compareTensors(makeVector(actual), makeVector(expected), tolerance));
}

TEST(Compare, FindsTheLargestErrors) {
  Comparison result = compare({1, 2.5, 100, -4}, {1, 2, 101, -4}, {0.5, 0.005});
  EXPECT_EQ(result.numElements, 4);
  EXPECT_EQ(result.largestAbsolute, 1);
  EXPECT_EQ(result.largestAbsoluteAt, 2);
  EXPECT_EQ(result.largestRelative, 0.25);
  EXPECT_EQ(result.largestRelativeAt, 1);
  EXPECT_EQ(result.meanAbsolute, 1.5 / 4);
  // 0.5 <= 0.5 + 0.01 and 1 <= 0.5 + 0.505.
  EXPECT_TRUE(result.passed());
}

TEST(Compare, TheToleranceIsAbsolutePlusRelative) {
  EXPECT_TRUE(compare({1.5}, {1}, {0.5, 0}).passed());
  EXPECT_FALSE(compare({1.5000001}, {1}, {0.5, 0}).passed());
  EXPECT_TRUE(compare({15}, {10}, {0, 0.5}).passed());
  EXPECT_FALSE(compare({10}, {15}, {0, 0.3}).passed());
  EXPECT_TRUE(compare({1.75}, {1}, {0.5, 0.25}).passed());
  EXPECT_TRUE(compare({0}, {-0.0}, {0, 0}).passed());
  EXPECT_EQ(compare({1}, {0}, {2, 0}).largestRelative, inf);
}

TEST(Compare, SpecialValues) {
  Tolerance huge{1e300, 1e300};
  EXPECT_TRUE(compare({nan, inf, -inf}, {nan, inf, -inf}, {0, 0}).passed());
  EXPECT_FALSE(compare({nan}, {1}, huge).passed());
  EXPECT_FALSE(compare({1}, {nan}, huge).passed());
  EXPECT_FALSE(compare({inf}, {-inf}, huge).passed());
  EXPECT_FALSE(compare({inf}, {1}, huge).passed());
  EXPECT_FALSE(compare({1}, {inf}, huge).passed());
  EXPECT_FALSE(compare({nan}, {inf}, huge).passed());

  Comparison result = compare({1, nan, 5, 3}, {2, 1, 5, 3}, {0, 0});
  EXPECT_EQ(result.numMismatches, 2);
  EXPECT_EQ(result.numNonFinite, 1);
  EXPECT_EQ(result.worstAt, 1);
  EXPECT_EQ(result.largestAbsolute, 1);
  EXPECT_EQ(result.meanAbsolute, 1.0 / 3);
}

TEST(Compare, EmptyTensorsAreEqual) {
  Comparison result = compare({}, {}, {0, 0});
  EXPECT_TRUE(result.passed());
  EXPECT_EQ(result.meanAbsolute, 0);
}

TEST(Compare, ShapesMustAgree) {
  EXPECT_EQ(getMessage(compareTensors(makeVector({1, 2}),
                                      makeVector({1, 2}).reshape({2, 1}), {})),
            "expected shape 2x1, got 2");
}

TEST(Compare, DefaultTolerancePerType) {
  Tolerance f32 = getDefaultTolerance(ElementType::f32, 2.0);
  EXPECT_EQ(f32.absolute, 2048 * 0x1p-24);
  EXPECT_EQ(f32.relative, 128 * 0x1p-24);
  Tolerance bf16 = getDefaultTolerance(ElementType::bf16, 1.0);
  EXPECT_EQ(bf16.absolute, 0x1p-6);
  EXPECT_EQ(bf16.relative, 0x1p-7);
  EXPECT_EQ(getDefaultTolerance(ElementType::i32, 100).absolute, 0);
  EXPECT_EQ(getDefaultTolerance(ElementType::i32, 100).relative, 0);
  EXPECT_GT(getDefaultTolerance(ElementType::f32, 0).absolute, 0);
  EXPECT_EQ(getDefaultTolerance(makeVector({3, -3, nan, inf})).absolute,
            3 * 1024 * 0x1p-53);
}

/// w2 (w1 x) with sums in `Float`, taken from the last product to the first,
/// and rows stored as `type`.
template <typename Float>
Tensor multiplyTwice(const Tensor &x, const Tensor &w1, const Tensor &w2,
                     ElementType type) {
  auto multiply = [&](const Tensor &w, const Tensor &v) {
    Tensor result = Tensor::zeros(type, {w.getDim(0)});
    for (int64_t row = 0; row < w.getDim(0); ++row) {
      Float sum = 0;
      for (int64_t k = w.getDim(1) - 1; k >= 0; --k)
        sum +=
            static_cast<Float>(w.at({row, k})) * static_cast<Float>(v.get(k));
      result.set(row, sum);
    }
    return result;
  };
  return multiply(w2, multiply(w1, x));
}

/// Two products in the model's type against the same in f64: rounding passes,
/// at no less than a fiftieth of what is allowed, and an error of the size of
/// one wrong product of 4096 in f32 or a wrong row in bf16 does not.
TEST(Compare, DefaultTolerancesSeparateRoundingFromErrors) {
  constexpr int64_t width = 4096, rows = 512;
  for (ElementType type : {ElementType::f32, ElementType::bf16}) {
    Tensor x = Tensor::zeros(type, {width});
    Tensor w1 = Tensor::zeros(type, {rows, width});
    Tensor w2 = Tensor::zeros(type, {rows, rows});
    fillRandom(x, 1, Distribution::normal);
    fillRandom(w1, 2, Distribution::normal, 1 / std::sqrt(float(width)));
    fillRandom(w2, 3, Distribution::normal, 1 / std::sqrt(float(rows)));
    Tensor expected =
        multiplyTwice<double>(x, w1, w2, ElementType::f64).convertTo(type);
    Tensor actual = multiplyTwice<float>(x, w1, w2, type);
    Tolerance tolerance = getDefaultTolerance(expected);
    Comparison result =
        llvm::cantFail(compareTensors(actual, expected, tolerance));
    EXPECT_TRUE(result.passed()) << result.largestAbsolute;
    EXPECT_GT(result.largestAbsolute, tolerance.absolute / 50);

    double error = type == ElementType::f32 ? 1.0 / 64 : 1.0;
    actual.set(17, expected.get(17) + error);
    EXPECT_EQ(llvm::cantFail(compareTensors(actual, expected, tolerance))
                  .numMismatches,
              1);
  }
}

TEST(Compare, Report) {
  Tensor expected =
      Tensor::fromValues(ElementType::f32, {2, 2}, {1, 2, 4, nan});
  Tensor actual = Tensor::fromValues(ElementType::f32, {2, 2}, {1, 2, 5, nan});
  std::string text;
  llvm::raw_string_ostream stream(text);
  Comparison result =
      llvm::cantFail(compareTensors(actual, expected, {0.5, 0}));
  printComparison(stream, result, actual, expected);
  EXPECT_EQ(text, "largest absolute error 1.00e+00 at [1, 0], largest relative "
                  "2.50e-01 at [1, 0], mean absolute 3.33e-01\n"
                  "1 of 4 elements outside the tolerance 5.00e-01 + 0.00e+00 * "
                  "|expected|, 1 NaN or infinite\n"
                  "worst at [1, 0]: expected 4.000000e+00, got 5.000000e+00\n");

  text.clear();
  Tensor empty = Tensor::zeros(ElementType::f32, {0, 4});
  printComparison(stream, llvm::cantFail(compareTensors(empty, empty, {})),
                  empty, empty);
  EXPECT_EQ(text, "0 of 0 elements outside the tolerance 0.00e+00 + 0.00e+00 * "
                  "|expected|\n");
}

} // namespace
