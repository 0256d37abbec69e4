//===- ParameterView.h - Values that only move a parameter's entries -*- C++
//-*-//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_PARAMETERVIEW_H
#define MOE_LIB_CONVERSION_MOETOCPU_PARAMETERVIEW_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::moe {

/// A tensor whose element at `i` is the parameter's element number
/// `offset + sum_d i[d] * strides[d]` in row-major order: what slices,
/// transposes, and expanded and collapsed shapes of a parameter are.
struct ParameterView {
  BlockArgument parameter;
  int64_t offset = 0;
  SmallVector<int64_t> sizes, strides;

  /// The view that `value` is, or failure; `blame`, where given, is set to the
  /// op that does more than move entries of one parameter.
  static FailureOr<ParameterView> trace(Value value,
                                        Operation **blame = nullptr);
};

/// Whether `argument` of a function is a parameter of the layer.
bool isParameter(Value argument);

/// The parameter's name in the checkpoint.
StringRef getParameterName(BlockArgument parameter);

/// Whether a parameter is one tensor per expert in the checkpoint.
bool isPerExpert(BlockArgument parameter);

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_PARAMETERVIEW_H
