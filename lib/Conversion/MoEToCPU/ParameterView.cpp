//===- ParameterView.cpp - Values that only move a parameter's entries ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParameterView.h"

#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

static StringAttr getNameAttr(BlockArgument argument) {
  auto function =
      dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp());
  // A block under construction may have more arguments than its function.
  unsigned number = argument.getArgNumber();
  if (!function || number >= function.getFunctionType().getNumInputs())
    return nullptr;
  return function.getArgAttrOfType<StringAttr>(number, kParamAttr);
}

bool mlir::moe::isParameter(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && getNameAttr(argument);
}

StringRef mlir::moe::getParameterName(BlockArgument parameter) {
  return getNameAttr(parameter).getValue();
}

bool mlir::moe::isPerExpert(BlockArgument parameter) {
  return getParameterName(parameter).contains('*');
}

/// The op that `value` is made by moves entries of this operand, or null.
static Value getMovedOperand(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<tensor::ExtractSliceOp>(
          [](auto slice) { return slice.getSource(); })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [](auto reshape) { return reshape.getSrc(); })
      .Case<tensor::CastOp>([](auto cast) { return cast.getSource(); })
      .Case<linalg::TransposeOp>(
          [](auto transpose) { return transpose.getInput(); })
      .Default([](Operation *) { return Value(); });
}

static LogicalResult apply(tensor::ExtractSliceOp op, ParameterView &view) {
  if (!op.getResultType().hasStaticShape() ||
      ShapedType::isDynamicShape(op.getStaticOffsets()) ||
      ShapedType::isDynamicShape(op.getStaticStrides()))
    return failure();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  ParameterView sliced;
  sliced.parameter = view.parameter;
  sliced.offset = view.offset;
  for (unsigned d = 0; d < view.sizes.size(); ++d) {
    sliced.offset += op.getStaticOffsets()[d] * view.strides[d];
    if (dropped.test(d))
      continue;
    sliced.sizes.push_back(op.getStaticSizes()[d]);
    sliced.strides.push_back(op.getStaticStrides()[d] * view.strides[d]);
  }
  view = sliced;
  return success();
}

static LogicalResult apply(linalg::TransposeOp op, ParameterView &view) {
  ParameterView moved = view;
  for (auto [d, source] : llvm::enumerate(op.getPermutation())) {
    moved.sizes[d] = view.sizes[source];
    moved.strides[d] = view.strides[source];
  }
  view = moved;
  return success();
}

static LogicalResult apply(tensor::ExpandShapeOp op, ParameterView &view) {
  if (!op.getResultType().hasStaticShape())
    return failure();
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  SmallVector<int64_t> strides(shape.size());
  for (auto [source, group] : llvm::enumerate(op.getReassociationIndices())) {
    int64_t stride = view.strides[source];
    for (int64_t d : llvm::reverse(group)) {
      strides[d] = stride;
      stride *= shape[d];
    }
  }
  view.sizes.assign(shape.begin(), shape.end());
  view.strides = strides;
  return success();
}

static LogicalResult apply(tensor::CollapseShapeOp op, ParameterView &view) {
  SmallVector<int64_t> sizes, strides;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t size = 1, stride = 0;
    for (int64_t d : llvm::reverse(group)) {
      if (view.sizes[d] == 1)
        continue;
      if (size == 1)
        stride = view.strides[d];
      else if (view.strides[d] != size * stride)
        return failure();
      size *= view.sizes[d];
    }
    sizes.push_back(size);
    strides.push_back(stride);
  }
  view.sizes = sizes;
  view.strides = strides;
  return success();
}

static ParameterView wholeParameter(BlockArgument argument) {
  ParameterView view;
  view.parameter = argument;
  auto shape = cast<RankedTensorType>(argument.getType()).getShape();
  view.sizes.assign(shape.begin(), shape.end());
  view.strides.assign(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    view.strides[d] = view.strides[d + 1] * shape[d + 1];
  return view;
}

FailureOr<ParameterView> ParameterView::trace(Value value, Operation **blame) {
  SmallVector<Operation *> moves;
  while (!isParameter(value)) {
    Operation *op = value.getDefiningOp();
    Value source = op ? getMovedOperand(op) : Value();
    if (blame)
      *blame = op;
    if (!source)
      return failure();
    moves.push_back(op);
    value = source;
  }
  ParameterView view = wholeParameter(cast<BlockArgument>(value));
  for (Operation *op : llvm::reverse(moves)) {
    if (blame)
      *blame = op;
    LogicalResult moved =
        llvm::TypeSwitch<Operation *, LogicalResult>(op)
            .Case<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
                  tensor::CollapseShapeOp, linalg::TransposeOp>(
                [&](auto concrete) { return apply(concrete, view); })
            .Default([](Operation *op) {
              return success(cast<ShapedType>(op->getResult(0).getType())
                                 .hasStaticShape());
            });
    if (failed(moved))
      return failure();
  }
  return view;
}
