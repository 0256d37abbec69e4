//===- GroupDense.cpp - Dense products as grouped products of one group ---===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEGROUPDENSEPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

/// The matrix as the one group's weight, 1 x N x K.
static Value buildWeight(RewriterBase &rewriter, Location loc,
                         const MatmulMatch &match) {
  Value weight = match.weight;
  auto type = cast<RankedTensorType>(weight.getType());
  if (!match.weightIsTransposed) {
    SmallVector<int64_t> shape = {type.getDimSize(1), type.getDimSize(0)};
    Value empty =
        tensor::EmptyOp::create(rewriter, loc, shape, type.getElementType());
    weight = linalg::TransposeOp::create(rewriter, loc, weight, empty,
                                         ArrayRef<int64_t>{1, 0})
                 ->getResult(0);
    type = cast<RankedTensorType>(weight.getType());
  }
  auto grouped = RankedTensorType::get(
      {1, type.getDimSize(0), type.getDimSize(1)}, type.getElementType());
  SmallVector<ReassociationIndices> reassociation = {{0, 1}, {2}};
  return tensor::ExpandShapeOp::create(rewriter, loc, grouped, weight,
                                       reassociation);
}

/// Offsets [0, T]. All dense products of the same rows share them.
static Value buildOffsets(RewriterBase &rewriter, Location loc, Value rows) {
  Value zero =
      arith::ConstantOp::create(rewriter, loc, rewriter.getI32IntegerAttr(0));
  Value index = arith::ConstantIndexOp::create(rewriter, loc, 0);
  Value numRows = tensor::DimOp::create(rewriter, loc, rows, index);
  Value end =
      arith::IndexCastOp::create(rewriter, loc, rewriter.getI32Type(), numRows);
  return tensor::FromElementsOp::create(rewriter, loc, ValueRange{zero, end});
}

/// The sum over k, in the type of the destination.
static void buildEpilogue(RewriterBase &rewriter, Location loc,
                          GroupedMatmulOp op, Type elementType) {
  OpBuilder::InsertionGuard guard(rewriter);
  Type f32 = rewriter.getF32Type();
  Block *block = rewriter.createBlock(&op.getEpilogue(), {}, {f32}, {loc});
  Value value = block->getArgument(0);
  if (elementType.getIntOrFloatBitWidth() < 32)
    value = arith::TruncFOp::create(rewriter, loc, elementType, value);
  YieldOp::create(rewriter, loc, value);
}

namespace {
struct GroupDensePass : moe::impl::MoEGroupDensePassBase<GroupDensePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    llvm::DenseMap<Value, Value> offsetsOf;
    getOperation().walk([&](linalg::LinalgOp op) {
      std::optional<MatmulMatch> match = matchMatmul(op);
      if (!match || isParameterOnly(op->getResult(0)))
        return;
      remark::RemarkOpts opts = fusionRemark("moe-group-dense");
      if (const char *reason = cannotGroup(op, *match)) {
        remark::missed(op.getLoc(), opts)
            << std::string("left a dense product as it is: ") + reason;
        return;
      }
      group(rewriter, op, *match, offsetsOf);
    });
  }

private:
  /// The reason why a product cannot be grouped, or null.
  static const char *cannotGroup(linalg::LinalgOp op,
                                 const MatmulMatch &match) {
    auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
    auto weightType = cast<RankedTensorType>(match.weight.getType());
    if (!isParameterOnly(match.weight) || !weightType.hasStaticShape())
      return "its matrix is not a parameter";
    if (llvm::is_contained(weightType.getShape(), 0))
      return "its matrix is empty";
    if (resultType.getElementTypeBitWidth() > 32)
      return "its result is wider than 32 bits";
    if (!isZeroFilled(op.getDpsInits()[0]))
      return "it adds to something";
    return nullptr;
  }

  static void group(RewriterBase &rewriter, linalg::LinalgOp op,
                    const MatmulMatch &match,
                    llvm::DenseMap<Value, Value> &offsetsOf) {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Value &offsets = offsetsOf[match.rows];
    if (!offsets) {
      rewriter.setInsertionPointAfterValue(match.rows);
      offsets = buildOffsets(rewriter, loc, match.rows);
    }
    rewriter.setInsertionPoint(op);
    Value weight = buildWeight(rewriter, loc, match);
    Value empty = tensor::EmptyOp::create(
        rewriter, loc,
        tensor::getMixedSizes(rewriter, loc, op.getDpsInits()[0]),
        type.getElementType());
    if (empty.getType() != type)
      empty = tensor::CastOp::create(rewriter, loc, type, empty);
    auto grouped = GroupedMatmulOp::create(
        rewriter, loc, type, match.rows, ValueRange{weight}, offsets,
        /*rows=*/Value(), /*inverse=*/Value(), /*epilogue_inputs=*/ValueRange(),
        empty, RowSource::Plan, Placement::Plan, /*top_k=*/IntegerAttr(),
        rewriter.getAffineMapArrayAttr({}), LoweringConfigAttr());
    buildEpilogue(rewriter, loc, grouped, type.getElementType());
    rewriter.replaceOp(op, grouped.getResult());
    remark::passed(loc, fusionRemark("moe-group-dense"))
        << "a dense product is a grouped product of one group";
  }
};
} // namespace
