//===- LinearSize.cpp - Sizes as multiples of the number of tokens --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearSize.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

Diagnostic &mlir::moe::operator<<(Diagnostic &diagnostic, LinearSize size) {
  if (size.perToken == 0)
    return diagnostic << size.fixed;
  if (size.perToken != 1)
    diagnostic << size.perToken << " * ";
  diagnostic << "T";
  if (size.fixed != 0)
    diagnostic << (size.fixed < 0 ? " - " : " + ") << std::abs(size.fixed);
  return diagnostic;
}

static FailureOr<LinearSize>
combine(Operation *op,
        function_ref<FailureOr<LinearSize>(LinearSize, LinearSize)> operation) {
  FailureOr<LinearSize> a = getLinearSize(op->getOperand(0)),
                        b = getLinearSize(op->getOperand(1));
  if (failed(a) || failed(b))
    return failure();
  return operation(*a, *b);
}

static FailureOr<LinearSize> multiply(LinearSize a, LinearSize b) {
  if (a.perToken != 0 && b.perToken != 0)
    return failure();
  return LinearSize{a.perToken * b.fixed + b.perToken * a.fixed,
                    a.fixed * b.fixed};
}

static FailureOr<LinearSize> getAffineSize(AffineExpr expr, ValueRange operands,
                                           unsigned numDims) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return LinearSize{0, constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return getLinearSize(operands[dim.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return getLinearSize(operands[numDims + symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  FailureOr<LinearSize> a = getAffineSize(binary.getLHS(), operands, numDims),
                        b = getAffineSize(binary.getRHS(), operands, numDims);
  if (failed(a) || failed(b))
    return failure();
  if (expr.getKind() == AffineExprKind::Add)
    return *a + *b;
  if (expr.getKind() == AffineExprKind::Mul)
    return multiply(*a, *b);
  return failure();
}

/// The size of a dynamic dimension of what `op` makes on tensors.
static FailureOr<LinearSize> getTensorDimSize(OpResult result, int64_t dim) {
  Operation *op = result.getOwner();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return getDimSize(destination.getTiedOpOperand(result)->get(), dim);
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return getDimSize(cast.getSource(), dim);
  auto reifiable = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  OpBuilder builder(op);
  ReifiedRankedShapedTypeDims shapes;
  if (!reifiable || failed(reifiable.reifyResultShapes(builder, shapes)))
    return failure();
  return getLinearSize(shapes[result.getResultNumber()][dim]);
}

/// The size of dimension `dim` of a view that may leave out some of its
/// source's.
static FailureOr<LinearSize> getSubviewSize(memref::SubViewOp view,
                                            int64_t dim) {
  llvm::SmallBitVector dropped = view.getDroppedDims();
  for (auto [i, size] : llvm::enumerate(view.getMixedSizes()))
    if (!dropped[i] && dim-- == 0)
      return getLinearSize(size);
  llvm_unreachable("expected a dimension of the view");
}

/// The number of elements along some dimensions.
template <typename Range>
static FailureOr<LinearSize> multiplyDims(Value shaped, const Range &dims) {
  LinearSize product{0, 1};
  for (int64_t dim : dims) {
    FailureOr<LinearSize> size = getDimSize(shaped, dim);
    if (failed(size))
      return failure();
    FailureOr<LinearSize> next = multiply(product, *size);
    if (failed(next))
      return failure();
    product = *next;
  }
  return product;
}

FailureOr<LinearSize> mlir::moe::getNumElements(Value shaped) {
  int64_t rank = cast<ShapedType>(shaped.getType()).getRank();
  return multiplyDims(shaped, llvm::seq(rank));
}

FailureOr<LinearSize> mlir::moe::getDimSize(Value shaped, int64_t dim) {
  auto type = cast<ShapedType>(shaped.getType());
  if (!type.hasRank())
    return failure();
  if (!type.isDynamicDim(dim))
    return LinearSize{0, type.getDimSize(dim)};
  if (isa<BlockArgument>(shaped))
    return LinearSize{1, 0};
  if (isa<TensorType>(type))
    return getTensorDimSize(cast<OpResult>(shaped), dim);
  return llvm::TypeSwitch<Operation *, FailureOr<LinearSize>>(
             shaped.getDefiningOp())
      .Case<memref::AllocOp, memref::ViewOp>([&](auto op) {
        unsigned index = op.getType().getDynamicDimIndex(dim);
        return getLinearSize(op.getDynamicSizes()[index]);
      })
      .Case<memref::ExpandShapeOp>(
          [&](auto op) { return getLinearSize(op.getMixedOutputShape()[dim]); })
      .Case<memref::CollapseShapeOp>([&](auto op) {
        return multiplyDims(op.getSrc(), op.getReassociationIndices()[dim]);
      })
      .Case<memref::SubViewOp>([&](auto op) { return getSubviewSize(op, dim); })
      .Case<memref::CastOp>(
          [&](auto op) { return getDimSize(op.getSource(), dim); })
      .Default([](Operation *) { return failure(); });
}

FailureOr<LinearSize> mlir::moe::getLinearSize(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return LinearSize{0, *constant};
  return getLinearSize(cast<Value>(size));
}

FailureOr<LinearSize> mlir::moe::getLinearSize(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return LinearSize{0, constant.getSExtValue()};
  Operation *op = value.getDefiningOp();
  if (!op)
    return failure();
  return llvm::TypeSwitch<Operation *, FailureOr<LinearSize>>(op)
      .Case<memref::DimOp, tensor::DimOp>([](auto op) -> FailureOr<LinearSize> {
        std::optional<int64_t> dim = op.getConstantIndex();
        if (!dim)
          return failure();
        return getDimSize(op.getSource(), *dim);
      })
      .Case<arith::MulIOp>([](auto op) { return combine(op, multiply); })
      .Case<arith::AddIOp>([](auto op) {
        return combine(op, [](LinearSize a, LinearSize b) {
          return FailureOr<LinearSize>(a + b);
        });
      })
      .Case<arith::SubIOp>([](auto op) {
        return combine(op, [](LinearSize a, LinearSize b) {
          return FailureOr<LinearSize>(a + b * -1);
        });
      })
      .Case<arith::IndexCastOp>(
          [](auto op) { return getLinearSize(op.getIn()); })
      .Case<affine::AffineApplyOp>([](affine::AffineApplyOp op) {
        AffineMap map = op.getAffineMap();
        return getAffineSize(map.getResult(0), op.getOperands(),
                             map.getNumDims());
      })
      .Default([](Operation *) { return failure(); });
}
