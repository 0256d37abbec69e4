//===- Compare.h - Comparing tensors within a tolerance ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How far a result is from what was expected of it, and how far it may be.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_COMPARE_H
#define MOE_RUNTIME_COMPARE_H

#include "moe/Runtime/Tensor.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::moe {

/// An element passes where |actual - expected| <= absolute + relative *
/// |expected|. Both infinite with one sign, or both NaN: equal. One NaN, one
/// infinite, or infinities of two signs: never within a tolerance.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

/// The tolerance for a layer's output that is computed in the given type, the
/// least precise that anything on the way to it is rounded to, where `scale` is
/// the root mean square of what is expected and u the type's unit roundoff. It
/// covers rounding and no more; wrong results are off by a good part of
/// `scale`.
///
/// * f64, f32: 1024 u scale + 128 u |expected|. Products of two engines differ
/// in
///   the order of their sums. A sum of K products of random signs, taken one by
///   one, has an error of about 0.28 u sqrt(K) times its own size (the partial
///   sums grow as sqrt(k) and each addition adds up to u of them): 36 u for K =
///   16384. Two products in a row and six standard deviations (one element of
///   1e9) make 430 u; the square root is taken as 2 for safety.
/// * bf16, f16, 8-bit floats: 4 u scale + 2 u |expected|. Rounding the result
///   once in each engine gives up to 2 u |expected|. The hidden row between the
///   products is rounded as well: an error of about 0.4 u of each element,
///   random from one to the next, is 0.4 u of the next sum's size; six standard
///   deviations of that are 2.4 u, and activations may amplify it.
/// * integers (expert ids): exact.
///
/// `scale` has a floor of 2^-100: some instructions flush denormals to zero.
Tolerance getDefaultTolerance(ElementType type, double scale);

/// The same for the scale of `expected`, over its finite elements.
Tolerance getDefaultTolerance(const Tensor &expected);

/// The outcome of a comparison. Positions are row-major.
struct Comparison {
  Tolerance tolerance;
  int64_t numElements = 0;
  int64_t numMismatches = 0; ///< Elements outside the tolerance.
  int64_t numNonFinite = 0;  ///< NaN or infinite in either tensor.

  /// Over the elements that are finite in both. A relative error is that to
  /// |expected|, infinite where 0 was expected and something else came.
  double largestAbsolute = 0, largestRelative = 0, meanAbsolute = 0;
  int64_t largestAbsoluteAt = 0, largestRelativeAt = 0;

  /// The element that is furthest outside its tolerance (the first that is not
  /// finite on one side only, if there are such).
  int64_t worstAt = 0;

  bool passed() const { return numMismatches == 0; }
};

/// Compares element by element. An error for two shapes; element types may
/// differ.
llvm::Expected<Comparison> compareTensors(const Tensor &actual,
                                          const Tensor &expected,
                                          Tolerance tolerance);

/// Prints the outcome in up to three lines, the last of which names the worst
/// element if there is a mismatch. Both tensors are those compared.
void printComparison(llvm::raw_ostream &stream, const Comparison &comparison,
                     const Tensor &actual, const Tensor &expected);

} // namespace mlir::moe

#endif // MOE_RUNTIME_COMPARE_H
