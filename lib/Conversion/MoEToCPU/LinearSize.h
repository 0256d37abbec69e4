//===- LinearSize.h - Sizes as multiples of the token count -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A layer's dynamic dimensions are computed from one number, that of its tokens
// T, which is what the dynamic dimensions of its arguments are.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_LINEARSIZE_H
#define MOE_LIB_CONVERSION_MOETOCPU_LINEARSIZE_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OpDefinition.h"

namespace mlir::moe {

/// `perToken * T + fixed`.
struct LinearSize {
  int64_t perToken = 0, fixed = 0;

  bool operator==(const LinearSize &other) const {
    return perToken == other.perToken && fixed == other.fixed;
  }
  LinearSize operator*(int64_t factor) const {
    return {perToken * factor, fixed * factor};
  }
  LinearSize operator+(const LinearSize &other) const {
    return {perToken + other.perToken, fixed + other.fixed};
  }
  /// Whether it is at least as large as `other`, whatever T is.
  bool covers(const LinearSize &other) const {
    return perToken >= other.perToken && fixed >= other.fixed;
  }
};

/// Adds it to a message, as in "2 * T + 1".
Diagnostic &operator<<(Diagnostic &diagnostic, LinearSize size);

/// The size that an index is; fails where it is not known to be linear in T.
FailureOr<LinearSize> getLinearSize(Value value);
FailureOr<LinearSize> getLinearSize(OpFoldResult size);

/// The size of a memref's or tensor's dimension; fails where it is not known to
/// be linear in T. May leave ops that compute sizes and have no use.
FailureOr<LinearSize> getDimSize(Value shaped, int64_t dim);

/// The number of elements, likewise.
FailureOr<LinearSize> getNumElements(Value shaped);

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_LINEARSIZE_H
