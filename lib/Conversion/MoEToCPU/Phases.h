//===- Phases.h - Which ops need a barrier between them ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All threads run all ops of a layer, each op on the thread's part of the
// work. Two ops that touch the same buffer need a barrier between them unless
// each thread touches the same part of it in both. Which tasks a thread takes
// is known only when it takes them, so what grouped products write needs one,
// unless two of them are computed as a pair, task by task.
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

/// What a plan makes, in the order of its destinations.
enum class PlanPart : unsigned { Offsets, Rows, Inverse };

/// The plan, in the function of `reader`, of which `memref` is that part, or
/// null.
PlanOp getPlan(Operation *reader, Value memref, PlanPart part);

/// Whether a product is cut by columns of its result over the threads: one
/// group whose rows no plan assigned.
bool isDense(GroupedMatmulOp product);

/// Whether the loops of a linalg op are cut by tokens: the rows per token of
/// its first loop, 0 where they are not.
int64_t getRowsPerToken(linalg::LinalgOp op);

/// Whether an op computes values for ops and touches no buffer's contents.
bool isScalarOp(Operation *op);

/// The ops of a layer's straight-line body, grouped into phases.
class Phases {
public:
  explicit Phases(func::FuncOp function);

  unsigned getPhase(Operation *op) const { return phases.lookup(op); }
  /// All ops but the terminator in the order to run them in.
  ArrayRef<Operation *> getOrder() const { return order; }

  /// The product that is computed together with `second`, before it, or null:
  /// `second` alone reads what it writes, the same rows of the plan's order.
  GroupedMatmulOp getProducer(GroupedMatmulOp second) const {
    return producers.lookup(second);
  }
  bool isProducer(GroupedMatmulOp first) const {
    return pairFirsts.contains(first);
  }
  /// Whether the threads may compute a gate's logits together, and each select
  /// the experts of all tokens for itself after the next barrier: no op of its
  /// phase depends on it or it on them, later ones write nothing that it reads,
  /// and only plan, products and combine read what it selects, in later phases.
  bool canShare(GateOp gate) const { return shareable.contains(gate); }
  /// What `isDense` said while all ops were there.
  bool isDense(GroupedMatmulOp product) const {
    return dense.contains(product);
  }
  /// Whether an allocation is one of the few scalars that every thread computes
  /// for itself, such as the offsets of a dense product.
  bool isThreadLocal(Value allocation) const {
    return threadLocal.contains(allocation);
  }

private:
  void classify(func::FuncOp function);
  void computePhases(func::FuncOp function);
  bool computeCanShare(GateOp gate) const;

  llvm::DenseMap<Operation *, GroupedMatmulOp> producers; // of a second product
  llvm::DenseSet<Operation *> pairFirsts, dense, shareable;
  llvm::DenseSet<Value> threadLocal;
  llvm::DenseMap<Operation *, unsigned> phases;
  SmallVector<Operation *> order;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_PHASES_H
