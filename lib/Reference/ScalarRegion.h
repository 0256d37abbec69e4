//===- ScalarRegion.h - Regions that compute scalars ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The payload of a linalg op, an epilogue, a logit: straight-line scalar code
// that runs once per element, so it is resolved once and run many times.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_SCALARREGION_H
#define MOE_LIB_REFERENCE_SCALARREGION_H

#include "Frame.h"
#include "ScalarOps.h"

namespace mlir::moe {

class ScalarRegion {
public:
  /// Resolves the ops of `block`; emits an error at the first that is not
  /// scalar code. Values from outside the block are read from `frame` now.
  static FailureOr<ScalarRegion> create(Block &block, const Frame &frame);

  /// Runs the block and returns what its terminator hands on. `indices` are
  /// what linalg.index reads.
  FailureOr<ArrayRef<Scalar>> run(ArrayRef<Scalar> arguments,
                                  ArrayRef<int64_t> indices = {});

private:
  /// One op: reads slots and writes one.
  struct Step {
    Operation *op;
    ScalarFunction function;
    SmallVector<unsigned, 3> operands;
    unsigned result;
    Precision precision;
  };

  LogicalResult addOp(Operation &op, const Frame &frame);
  FailureOr<ScalarFunction> resolve(Operation &op, const Frame &frame);
  FailureOr<unsigned> getSlot(Value value, Operation &user, const Frame &frame);

  SmallVector<Scalar> slots;
  llvm::DenseMap<Value, unsigned> slotOf;
  SmallVector<Step> steps;
  SmallVector<unsigned> resultSlots;
  /// The slot of each linalg.index, and its dimension.
  SmallVector<std::pair<unsigned, unsigned>> indexSlots;
  SmallVector<Scalar> operands, results;
};

/// Whether scalars of `type` can be computed with.
bool isScalarType(Type type);

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_SCALARREGION_H
