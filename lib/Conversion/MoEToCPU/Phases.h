//===- Phases.h - Which ops need a barrier between them ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All threads run all ops of a layer, each op on the thread's part of the
// work. Two ops that touch the same buffer need a barrier between them unless
// each thread touches the same part of it in both.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_PHASES_H
#define MOE_LIB_CONVERSION_MOETOCPU_PHASES_H

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::moe {

/// The buffer that a memref is a part of: an allocation or an argument.
Value getRootBuffer(Value memref);

/// `value` as `perToken * T + fixed`, for what sizes are computed with.
struct LinearSize {
  int64_t perToken = 0, fixed = 0;
};
FailureOr<LinearSize> getLinearSize(Value value);

/// The plan that made the offsets of a product, or null.
PlanOp getPlan(GroupedMatmulOp product);

/// Whether a product is cut by columns of its result over the threads: one
/// group whose rows no plan assigned.
bool isDense(GroupedMatmulOp product);

/// Whether the loops of a linalg op are cut by tokens: the rows per token of
/// its first loop, 0 where they are not.
int64_t getRowsPerToken(linalg::LinalgOp op);

/// Whether an allocation is one of the few scalars that every thread computes
/// for itself, such as the offsets of a dense product.
bool isThreadLocal(Value allocation);

/// Whether an op computes values for ops and touches no buffer's contents.
bool isScalarOp(Operation *op);

/// The ops of a layer's straight-line body, grouped into phases.
class Phases {
public:
  explicit Phases(func::FuncOp function);

  unsigned getPhase(Operation *op) const { return phases.lookup(op); }
  /// All ops but the terminator in the order to run them in.
  ArrayRef<Operation *> getOrder() const { return order; }

  /// Whether the two ops touch a buffer that one of them writes.
  static bool isDependent(Operation *first, Operation *second);

private:
  llvm::DenseMap<Operation *, unsigned> phases;
  SmallVector<Operation *> order;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_PHASES_H
