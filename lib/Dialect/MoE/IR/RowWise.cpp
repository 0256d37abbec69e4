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
#include "mlir/Interfaces/ViewLikeInterface.h"
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
  bool isRowWise(tensor::EmptyOp op) const;
  bool isRowWise(tensor::CastOp op) const;
  bool takesAllRows(OffsetSizeAndStrideOpInterface op) const;

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
/// with rows and of each result, and appears nowhere else. Results have rows
/// because their destinations do.
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
    if (!hasRows(init.get()) || !isRowMap(op.getMatchingIndexingMap(&init)))
      return false;
  if (!rowLoop)
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

/// A slice of a tensor with rows that spans them, and whose other bounds do
/// not depend on how many there are.
bool OpClassifier::takesAllRows(OffsetSizeAndStrideOpInterface op) const {
  SmallVector<OpFoldResult> offsets = op.getMixedOffsets(),
                            sizes = op.getMixedSizes(),
                            strides = op.getMixedStrides();
  auto dependsOnCount = [&](OpFoldResult bound) { return isRowCount(bound); };
  return isZeroInteger(offsets[0]) && isRowCount(sizes[0]) &&
         isOneInteger(strides[0]) && llvm::none_of(offsets, dependsOnCount) &&
         llvm::none_of(llvm::drop_begin(sizes), dependsOnCount) &&
         llvm::none_of(strides, dependsOnCount);
}

bool OpClassifier::isRowWise(tensor::ExtractSliceOp op) const {
  return hasRows(op.getSource()) && !op.getDroppedDims().test(0) &&
         takesAllRows(op);
}

bool OpClassifier::isRowWise(tensor::InsertSliceOp op) const {
  return hasRows(op.getSource()) && hasRows(op.getDest()) &&
         !op.getDroppedDims().test(0) && takesAllRows(op);
}

bool OpClassifier::isRowWise(tensor::EmptyOp op) const {
  SmallVector<OpFoldResult> sizes = op.getMixedSizes();
  return isRowCount(sizes.front()) &&
         llvm::none_of(llvm::drop_begin(sizes),
                       [&](OpFoldResult size) { return isRowCount(size); });
}

/// A cast that asserts a number of rows speaks of one expert's alone.
bool OpClassifier::isRowWise(tensor::CastOp op) const {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  return type && type.isDynamicDim(0);
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
          .Case<linalg::LinalgOp, tensor::ExtractSliceOp, tensor::InsertSliceOp,
                tensor::EmptyOp, tensor::CastOp>(
              [&](auto concrete) { return isRowWise(concrete); })
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
