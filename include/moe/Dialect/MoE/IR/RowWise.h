//===- RowWise.h - Which ops treat the rows of an operand apart -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The body of `moe.experts` says what one expert does to its rows. It can be
// run on the rows of all experts at once because each op is one of two kinds:
//
//   * parameter-only: computed from slices of parameters and constants, the
//     same for all rows of the expert;
//   * row-wise: row i of each result depends on row i of the operands that
//     have rows (dimension 0), and on parameter-only values as a whole.
//
// The number of rows itself, as `tensor.dim` gives it, is a third kind of
// value: it may size a tensor and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_IR_ROWWISE_H
#define MOE_DIALECT_MOE_IR_ROWWISE_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::moe {

/// What a value inside an expert's body depends on.
enum class RowKind { Parameter, Rows, RowCount };

/// Classifies the values of one block, op by op.
class RowWiseAnalysis {
public:
  /// `rowArguments` are the block arguments that have rows; the other block
  /// arguments are parameters.
  RowWiseAnalysis(Block &block, ValueRange rowArguments);

  /// The first op that is neither row-wise nor parameter-only, or null.
  Operation *getOffender() const { return offender; }

  /// The kind of a value of the block. Values of ops from the offender on
  /// have none and must not be asked for.
  RowKind getKind(Value value) const { return kinds.lookup(value); }
  bool hasRows(Value value) const { return getKind(value) == RowKind::Rows; }

private:
  std::optional<RowKind> classify(Operation &op) const;

  llvm::DenseMap<Value, RowKind> kinds;
  Operation *offender = nullptr;
};

} // namespace mlir::moe

#endif // MOE_DIALECT_MOE_IR_ROWWISE_H
