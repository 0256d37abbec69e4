//===- RowWise.cpp - Which ops treat the rows of an operand apart ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/RowWise.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

namespace {
/// Answers, for one op, what it does with the rows of its operands.
class OpClassifier {
public:
  explicit OpClassifier(const llvm::DenseMap<Value, RowKind> &kinds)
      : kinds(kinds) {}

  std::optional<RowKind> classify(Operation &op) const;

private:
  RowKind kindOf(Value v) const {
    // Values from outside the block are those of an enclosing function that
    // holds parameters and constants only.
    return kinds.lookup(v);
  }
  bool hasRows(Value v) const { return kindOf(v) == RowKind::Rows; }

  bool anyOperand(Operation &op, RowKind kind) const {
    return llvm::any_of(op.getOperands(),
                        [&](Value v) { return kindOf(v) == kind; });
  }
  /// The values that `op` captures from the block around its regions.
  bool capturesRows(Operation &op) const;
  bool isRowCount(OpFoldResult size) const {
    auto value = dyn_cast<Value>(size);
    return value && kindOf(value) == RowKind::RowCount;
  }

  bool isRowWise(linalg::LinalgOp op) const;
  bool isRowWise(tensor::ExtractSliceOp op) const;
  bool isRowWise(tensor::InsertSliceOp op) const;
  bool keepsRows(OpFoldResult offset, OpFoldResult size,
                 OpFoldResult stride) const;

  const llvm::DenseMap<Value, RowKind> &kinds;
};
} // namespace

bool OpClassifier::capturesRows(Operation &op) const {
  WalkResult result = op.walk([&](Operation *inner) {
    for (Value v : inner->getOperands()) {
      auto it = kinds.find(v);
      if (inner != &op && it != kinds.end() && it->second != RowKind::Parameter)
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// One parallel loop runs over the rows: it is dimension 0 of each operand
/// with rows and of each result, and appears nowhere else.
bool OpClassifier::isRowWise(linalg::LinalgOp op) const {
  std::optional<unsigned> rowLoop;
  auto isRowMap = [&](AffineMap map) {
    if (map.getNumResults() == 0)
      return false;
    auto dim = dyn_cast<AffineDimExpr>(map.getResult(0));
    if (!dim || (rowLoop && *rowLoop != dim.getPosition()))
      return false;
    rowLoop = dim.getPosition();
    return llvm::none_of(map.getResults().drop_front(), [&](AffineExpr e) {
      return e.isFunctionOfDim(*rowLoop);
    });
  };
  for (OpOperand &init : op.getDpsInitsMutable())
    if (!isRowMap(op.getMatchingIndexingMap(&init)))
      return false;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    if (hasRows(input->get()) ? !isRowMap(map) : map.isFunctionOfDim(*rowLoop))
      return false;
  }
  if (op.getIteratorTypesArray()[*rowLoop] != utils::IteratorType::parallel)
    return false;
  // The index of a row means nothing once all experts' rows are in one tensor.
  for (auto index : op.getBlock()->getOps<linalg::IndexOp>())
    if (index.getDim() == *rowLoop)
      return false;
  return true;
}

bool OpClassifier::keepsRows(OpFoldResult offset, OpFoldResult size,
                             OpFoldResult stride) const {
  return isZeroInteger(offset) && isOneInteger(stride) && isRowCount(size);
}

bool OpClassifier::isRowWise(tensor::ExtractSliceOp op) const {
  return !op.getDroppedDims().test(0) &&
         keepsRows(op.getMixedOffsets()[0], op.getMixedSizes()[0],
                   op.getMixedStrides()[0]);
}

bool OpClassifier::isRowWise(tensor::InsertSliceOp op) const {
  return hasRows(op.getSource()) && !op.getDroppedDims().test(0) &&
         keepsRows(op.getMixedOffsets()[0], op.getMixedSizes()[0],
                   op.getMixedStrides()[0]);
}

std::optional<RowKind> OpClassifier::classify(Operation &op) const {
  if (op.hasTrait<OpTrait::IsTerminator>())
    return RowKind::Parameter;
  if (!isMemoryEffectFree(&op) || capturesRows(op))
    return std::nullopt;
  if (auto dim = dyn_cast<tensor::DimOp>(op); dim && hasRows(dim.getSource())) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!index || kindOf(dim.getIndex()) != RowKind::Parameter)
      return std::nullopt;
    return *index == 0 ? RowKind::RowCount : RowKind::Parameter;
  }
  if (!anyOperand(op, RowKind::Rows) && !anyOperand(op, RowKind::RowCount))
    return RowKind::Parameter;

  bool rowWise =
      llvm::TypeSwitch<Operation *, bool>(&op)
          .Case([&](linalg::LinalgOp linalgOp) { return isRowWise(linalgOp); })
          .Case([&](tensor::ExtractSliceOp slice) { return isRowWise(slice); })
          .Case([&](tensor::InsertSliceOp slice) { return isRowWise(slice); })
          .Case([&](tensor::EmptyOp empty) {
            return isRowCount(empty.getMixedSizes().front()) &&
                   llvm::none_of(
                       llvm::drop_begin(empty.getMixedSizes()),
                       [&](OpFoldResult size) { return isRowCount(size); });
          })
          .Case([&](tensor::CastOp) { return true; })
          .Default([&](Operation *other) {
            return other->hasTrait<OpTrait::Elementwise>() &&
                   llvm::all_of(other->getOperands(),
                                [&](Value v) {
                                  return hasRows(v) ||
                                         !isa<ShapedType>(v.getType());
                                }) &&
                   !anyOperand(*other, RowKind::RowCount);
          });
  if (!rowWise)
    return std::nullopt;
  return RowKind::Rows;
}

RowWiseAnalysis::RowWiseAnalysis(Block &block, ValueRange rowArguments) {
  for (Value arg : block.getArguments())
    kinds[arg] = RowKind::Parameter;
  for (Value arg : rowArguments)
    kinds[arg] = RowKind::Rows;
  for (Operation &op : block) {
    std::optional<RowKind> kind = classify(op);
    if (!kind) {
      offender = &op;
      return;
    }
    for (Value result : op.getResults())
      kinds[result] = *kind;
  }
}

std::optional<RowKind> RowWiseAnalysis::classify(Operation &op) const {
  return OpClassifier(kinds).classify(op);
}
