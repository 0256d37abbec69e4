//===- Contraction.h - Sums of products -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one loop in which the interpreter spends its time, on elements of any
// type without widening a tensor.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_CONTRACTION_H
#define MOE_LIB_REFERENCE_CONTRACTION_H

#include "moe/Reference/Value.h"
#include <vector>

namespace mlir::moe {

/// Reads runs of equally spaced elements of a float tensor as doubles. A run
/// that was read last is not decoded again.
class RunReader {
public:
  explicit RunReader(const TensorView &view) : base(&view.getBase()) {}
  ArrayRef<double> read(int64_t position, int64_t stride, int64_t count);

private:
  const Tensor *base;
  std::vector<double> run;
  int64_t lastPosition = -1, lastStride = 0;
};

/// `initial + sum_i a[i] * b[i]` in f64, in the order of i.
double accumulateProducts(double initial, ArrayRef<double> a,
                          ArrayRef<double> b);

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_CONTRACTION_H
