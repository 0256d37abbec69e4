//===- Compare.cpp - Comparing tensors within a tolerance -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Element-wise comparison, default tolerances and the report.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Compare.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <limits>

using namespace mlir::moe;

static constexpr double infinity = std::numeric_limits<double>::infinity();

Tolerance mlir::moe::getDefaultTolerance(ElementType type, double scale) {
  double u = getUnitRoundoff(type);
  scale = std::max(scale, 0x1p-100);
  bool isWide = type == ElementType::f64 || type == ElementType::f32;
  return isWide ? Tolerance{1024 * u * scale, 128 * u}
                : Tolerance{4 * u * scale, 2 * u};
}

Tolerance mlir::moe::getDefaultTolerance(const Tensor &expected) {
  double squares = 0;
  int64_t count = 0;
  for (int64_t i = 0, e = expected.getNumElements(); i < e; ++i) {
    double value = expected.get(i);
    if (!std::isfinite(value))
      continue;
    squares += value * value;
    ++count;
  }
  return getDefaultTolerance(expected.getType(),
                             count == 0 ? 0 : std::sqrt(squares / count));
}

static bool areEqual(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// By how much the elements differ beyond the tolerance; infinite where no
/// tolerance covers it, 0 or less within.
static double getExcess(double actual, double expected, Tolerance tolerance) {
  if (areEqual(actual, expected))
    return 0;
  if (!std::isfinite(actual) || !std::isfinite(expected))
    return infinity;
  return std::abs(actual - expected) -
         (tolerance.absolute + tolerance.relative * std::abs(expected));
}

/// Adds a pair of finite elements to the error statistics; `meanAbsolute` is a
/// sum until all are in.
static void addFinite(Comparison &result, int64_t position, double actual,
                      double expected) {
  double absolute = std::abs(actual - expected);
  double relative = absolute == 0 ? 0 : absolute / std::abs(expected);
  result.meanAbsolute += absolute;
  if (absolute > result.largestAbsolute) {
    result.largestAbsolute = absolute;
    result.largestAbsoluteAt = position;
  }
  if (relative > result.largestRelative) {
    result.largestRelative = relative;
    result.largestRelativeAt = position;
  }
}

llvm::Expected<Comparison> mlir::moe::compareTensors(const Tensor &actual,
                                                     const Tensor &expected,
                                                     Tolerance tolerance) {
  if (actual.getShape() != expected.getShape())
    return llvm::createStringError(
        "expected shape " + stringifyShape(expected.getShape()) + ", got " +
        stringifyShape(actual.getShape()));
  Comparison result;
  result.tolerance = tolerance;
  result.numElements = expected.getNumElements();
  double worst = 0;
  for (int64_t i = 0; i < result.numElements; ++i) {
    double a = actual.get(i), e = expected.get(i);
    if (std::isfinite(a) && std::isfinite(e))
      addFinite(result, i, a, e);
    else
      ++result.numNonFinite;
    double excess = getExcess(a, e, tolerance);
    if (excess <= 0)
      continue;
    ++result.numMismatches;
    if (excess > worst) {
      worst = excess;
      result.worstAt = i;
    }
  }
  if (int64_t finite = result.numElements - result.numNonFinite)
    result.meanAbsolute /= static_cast<double>(finite);
  return result;
}

/// "[3, 17]".
static std::string stringifyPosition(const Tensor &tensor, int64_t position) {
  return "[" +
         llvm::join(llvm::map_range(
                        tensor.getIndices(position),
                        [](int64_t index) { return std::to_string(index); }),
                    ", ") +
         "]";
}

void mlir::moe::printComparison(llvm::raw_ostream &stream,
                                const Comparison &comparison,
                                const Tensor &actual, const Tensor &expected) {
  auto at = [&](int64_t position) {
    return stringifyPosition(expected, position);
  };
  if (comparison.numElements > comparison.numNonFinite)
    stream << llvm::formatv(
        "largest absolute error {0:e2} at {1}, largest relative {2:e2} at {3}, "
        "mean absolute {4:e2}\n",
        comparison.largestAbsolute, at(comparison.largestAbsoluteAt),
        comparison.largestRelative, at(comparison.largestRelativeAt),
        comparison.meanAbsolute);
  stream << llvm::formatv(
      "{0} of {1} elements outside the tolerance {2:e2} + {3:e2} * |expected|",
      comparison.numMismatches, comparison.numElements,
      comparison.tolerance.absolute, comparison.tolerance.relative);
  if (comparison.numNonFinite)
    stream << ", " << comparison.numNonFinite << " NaN or infinite";
  stream << "\n";
  if (!comparison.passed())
    stream << llvm::formatv(
        "worst at {0}: expected {1}, got {2}\n", at(comparison.worstAt),
        llvm::formatv("{0:e6}", expected.get(comparison.worstAt)),
        llvm::formatv("{0:e6}", actual.get(comparison.worstAt)));
}
