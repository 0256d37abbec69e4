//===- Decompose.cpp - From moe.experts to plan, products and combine -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/RowWise.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEDECOMPOSEPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
/// Runs the body of one `moe.experts` on all experts' rows.
///
/// A value of the body is mapped to one of three things: a value with rows to
/// the tensor of all R rows; one that a slice of a parameter enters to the
/// same computation on the whole parameter, with a leading E ("lifted"); any
/// other to a plain clone.
class BodyExpander {
public:
  BodyExpander(RewriterBase &rewriter, ExpertsOp op)
      : rewriter(rewriter), op(op), loc(op.getLoc()),
        analysis(*op.getBody(), rowArguments(op)) {}

  /// Replaces the op, or emits an error.
  LogicalResult expand();

private:
  static SmallVector<Value> rowArguments(ExpertsOp op) {
    SmallVector<Value> arguments = {op.getRows()};
    if (op.getWeighting() == Weighting::Body)
      arguments.push_back(op.getRowWeights());
    return arguments;
  }

  void buildPlan();
  void mapArguments();
  Value dispatch(Value x, int64_t topK);
  LogicalResult expandOp(Operation &inner);
  LogicalResult lift(Operation &inner);
  bool capturesLifted(Operation &inner) const;
  LogicalResult liftLinalg(linalg::LinalgOp inner);
  LogicalResult liftElementwise(Operation &inner);
  void liftExtractSlice(tensor::ExtractSliceOp inner);
  bool isGroupedProduct(const MatmulMatch &match, Type resultType) const;
  void expandMatmul(linalg::LinalgOp inner, const MatmulMatch &match);
  void expandRowWise(Operation &inner);
  Value spread(Value lifted);
  Value emptyRows(RankedTensorType type);

  bool isLifted(Value value) const { return lifted.contains(value); }
  RankedTensorType liftedType(Type type) {
    auto tensorType = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape = {op.getNumExperts()};
    llvm::append_range(shape, tensorType.getShape());
    return RankedTensorType::get(shape, tensorType.getElementType());
  }

  RewriterBase &rewriter;
  ExpertsOp op;
  Location loc;
  RowWiseAnalysis analysis;
  IRMapping mapping;
  llvm::DenseSet<Value> lifted;
  PlanOp plan;
  Value numRows;
};
} // namespace

//===----------------------------------------------------------------------===//
// Plan and arguments
//===----------------------------------------------------------------------===//

void BodyExpander::buildPlan() {
  plan = PlanOp::create(rewriter, loc, op.getIds(), ValueRange(),
                        rewriter.getI64IntegerAttr(op.getNumExperts()));
  numRows = rewriter.createOrFold<tensor::DimOp>(loc, plan.getRows(), 0);
}

/// An uninitialised tensor of R rows.
Value BodyExpander::emptyRows(RankedTensorType type) {
  SmallVector<OpFoldResult> sizes = {numRows};
  for (int64_t size : type.getShape().drop_front())
    sizes.push_back(rewriter.getIndexAttr(size));
  return tensor::EmptyOp::create(rewriter, loc, sizes, type.getElementType());
}

Value BodyExpander::dispatch(Value x, int64_t topK) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = ShapedType::kDynamic;
  auto rowsType = RankedTensorType::get(shape, type.getElementType());
  return DispatchOp::create(rewriter, loc, rowsType, x, plan.getRows(),
                            plan.getOffsets(), rewriter.getI64IntegerAttr(topK),
                            emptyRows(rowsType))
      .getResult();
}

void BodyExpander::mapArguments() {
  mapping.map(op.getRows(), dispatch(op.getX(), plan.getTopK()));
  if (op.getWeighting() == Weighting::Body) {
    // Seen as a vector over slots, a routing weight is a row of its own.
    SmallVector<ReassociationIndices> all = {{0, 1}};
    Value flat =
        tensor::CollapseShapeOp::create(rewriter, loc, op.getWeights(), all);
    mapping.map(op.getRowWeights(), dispatch(flat, 1));
  }
  for (auto [i, param] : llvm::enumerate(op.getParams())) {
    mapping.map(op.getSlice(i), param);
    lifted.insert(op.getSlice(i));
  }
}

//===----------------------------------------------------------------------===//
// Parameter-only ops
//===----------------------------------------------------------------------===//

void BodyExpander::liftExtractSlice(tensor::ExtractSliceOp inner) {
  auto withLeading = [&](ArrayRef<OpFoldResult> bounds, int64_t leading) {
    SmallVector<OpFoldResult> lifted = {rewriter.getIndexAttr(leading)};
    for (OpFoldResult bound : bounds) {
      // A bound that is computed in the body has a clone.
      auto value = dyn_cast<Value>(bound);
      lifted.push_back(value ? mapping.lookup(value) : bound);
    }
    return lifted;
  };
  auto slice = tensor::ExtractSliceOp::create(
      rewriter, inner.getLoc(), liftedType(inner.getType()),
      mapping.lookup(inner.getSource()),
      withLeading(inner.getMixedOffsets(), 0),
      withLeading(inner.getMixedSizes(), op.getNumExperts()),
      withLeading(inner.getMixedStrides(), 1));
  mapping.map(inner.getResult(), slice.getResult());
}

/// Adds a parallel loop over the experts in front of the op's loops.
LogicalResult BodyExpander::liftLinalg(linalg::LinalgOp inner) {
  if (inner->getNumResults() != 1 || inner.hasIndexSemantics() ||
      !cast<ShapedType>(inner->getResult(0).getType()).hasStaticShape())
    return failure();
  AffineExpr e = rewriter.getAffineDimExpr(0);
  unsigned numLoops = inner.getNumLoops();
  auto liftMap = [&](AffineMap map, bool addExpert) {
    SmallVector<AffineExpr> results;
    if (addExpert)
      results.push_back(e);
    llvm::append_range(results, map.shiftDims(1).getResults());
    return AffineMap::get(numLoops + 1, 0, results, rewriter.getContext());
  };
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand *input : inner.getDpsInputOperands()) {
    inputs.push_back(mapping.lookupOrDefault(input->get()));
    maps.push_back(
        liftMap(inner.getMatchingIndexingMap(input), isLifted(input->get())));
  }
  OpOperand *initOperand = inner.getDpsInitOperand(0);
  Value init = mapping.lookupOrDefault(initOperand->get());
  auto type = liftedType(initOperand->get().getType());
  if (!isLifted(initOperand->get())) {
    Value empty = tensor::EmptyOp::create(
        rewriter, inner.getLoc(), type.getShape(), type.getElementType());
    init = linalg::BroadcastOp::create(rewriter, inner.getLoc(), init, empty,
                                       ArrayRef<int64_t>{0})
               ->getResult(0);
  }
  maps.push_back(liftMap(inner.getMatchingIndexingMap(initOperand), true));
  SmallVector<utils::IteratorType> iterators = {utils::IteratorType::parallel};
  llvm::append_range(iterators, inner.getIteratorTypesArray());
  auto generic = linalg::GenericOp::create(rewriter, inner.getLoc(), type,
                                           inputs, init, maps, iterators);
  rewriter.cloneRegionBefore(inner->getRegion(0), generic.getRegion(),
                             generic.getRegion().begin());
  // Constants of the body that the region uses have plain clones.
  generic.getRegion().walk([&](Operation *nested) {
    for (OpOperand &operand : nested->getOpOperands())
      operand.set(mapping.lookupOrDefault(operand.get()));
  });
  mapping.map(inner->getResult(0), generic.getResult(0));
  return success();
}

LogicalResult BodyExpander::liftElementwise(Operation &inner) {
  auto resultType =
      inner.getNumResults() == 1
          ? dyn_cast<RankedTensorType>(inner.getResult(0).getType())
          : nullptr;
  if (!resultType || !resultType.hasStaticShape() || inner.getNumRegions() != 0)
    return failure();
  Operation *clone = rewriter.clone(inner, mapping);
  auto type = liftedType(resultType);
  for (OpOperand &operand : inner.getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()) ||
        isLifted(operand.get()))
      continue;
    // A constant tensor, spread over the experts.
    rewriter.setInsertionPoint(clone);
    auto operandType = liftedType(operand.get().getType());
    Value empty = tensor::EmptyOp::create(rewriter, loc, operandType.getShape(),
                                          operandType.getElementType());
    clone->setOperand(operand.getOperandNumber(),
                      linalg::BroadcastOp::create(rewriter, loc,
                                                  mapping.lookup(operand.get()),
                                                  empty, ArrayRef<int64_t>{0})
                          ->getResult(0));
    rewriter.setInsertionPoint(op);
  }
  clone->getResult(0).setType(type);
  mapping.map(inner.getResult(0), clone->getResult(0));
  return success();
}

/// True if a region of `inner` uses a slice of a parameter that is not an
/// operand of `inner`.
bool BodyExpander::capturesLifted(Operation &inner) const {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(inner.getRegions(), captured);
  return llvm::any_of(captured, [&](Value v) { return isLifted(v); });
}

LogicalResult BodyExpander::lift(Operation &inner) {
  for (Value result : inner.getResults())
    lifted.insert(result);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(inner)) {
    liftExtractSlice(slice);
    return success();
  }
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(inner))
    return liftLinalg(linalgOp);
  if (inner.hasTrait<OpTrait::Elementwise>())
    return liftElementwise(inner);
  return failure();
}

//===----------------------------------------------------------------------===//
// Row-wise ops
//===----------------------------------------------------------------------===//

/// True for a product of rows with a slice that moe.grouped_matmul can be.
bool BodyExpander::isGroupedProduct(const MatmulMatch &match,
                                    Type resultType) const {
  return analysis.hasRows(match.rows) && isLifted(match.weight) &&
         cast<ShapedType>(match.weight.getType()).hasStaticShape() &&
         getElementTypeOrSelf(resultType).getIntOrFloatBitWidth() <= 32;
}

/// The result of the products is f32 rows; what the product was to be added
/// to is added after it.
void BodyExpander::expandMatmul(linalg::LinalgOp inner,
                                const MatmulMatch &match) {
  auto resultType = cast<RankedTensorType>(inner->getResult(0).getType());
  Value weight = mapping.lookup(match.weight);
  if (!match.weightIsTransposed) {
    auto weightType = cast<RankedTensorType>(weight.getType());
    SmallVector<int64_t> shape = {weightType.getDimSize(0),
                                  weightType.getDimSize(2),
                                  weightType.getDimSize(1)};
    Value empty = tensor::EmptyOp::create(rewriter, loc, shape,
                                          weightType.getElementType());
    weight = linalg::TransposeOp::create(rewriter, inner.getLoc(), weight,
                                         empty, ArrayRef<int64_t>{0, 2, 1})
                 ->getResult(0);
  }
  int64_t numColumns = cast<RankedTensorType>(weight.getType()).getDimSize(1);
  auto type = RankedTensorType::get({ShapedType::kDynamic, numColumns},
                                    resultType.getElementType());
  auto product = GroupedMatmulOp::create(
      rewriter, inner.getLoc(), type, mapping.lookup(match.rows),
      ValueRange{weight}, plan.getOffsets(), /*rows=*/Value(),
      /*inverse=*/Value(), /*epilogue_inputs=*/ValueRange(), emptyRows(type),
      RowSource::Plan, Placement::Plan, /*top_k=*/IntegerAttr(),
      rewriter.getAffineMapArrayAttr({}), LoweringConfigAttr());
  {
    OpBuilder::InsertionGuard guard(rewriter);
    Block *block = rewriter.createBlock(&product.getEpilogue(), {},
                                        {rewriter.getF32Type()}, {loc});
    Value value = block->getArgument(0);
    if (type.getElementTypeBitWidth() < 32)
      value =
          arith::TruncFOp::create(rewriter, loc, type.getElementType(), value);
    YieldOp::create(rewriter, loc, value);
  }
  Value result = product.getResult();
  if (type != resultType)
    result = tensor::CastOp::create(rewriter, loc, resultType, result);
  Value init = inner.getDpsInits()[0];
  if (!isZeroFilled(init))
    result = arith::AddFOp::create(rewriter, inner.getLoc(),
                                   mapping.lookup(init), result);
  mapping.map(inner->getResult(0), result);
}

Value BodyExpander::spread(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = ShapedType::kDynamic;
  auto rowsType = RankedTensorType::get(shape, type.getElementType());
  return ExpertBroadcastOp::create(rewriter, loc, rowsType, value,
                                   plan.getOffsets(), emptyRows(rowsType))
      .getResult();
}

/// Clones the op onto all rows. A lifted operand, which one expert's rows
/// shared, is spread over the rows first.
void BodyExpander::expandRowWise(Operation &inner) {
  bool usesLifted =
      llvm::any_of(inner.getOperands(), [&](Value v) { return isLifted(v); });
  if (!usesLifted) {
    Operation *clone = rewriter.clone(inner, mapping);
    mapping.map(inner.getResults(), clone->getResults());
    return;
  }
  auto linalgOp = cast<linalg::LinalgOp>(inner);
  SmallVector<AffineMap> maps = linalgOp.getIndexingMapsArray();
  SmallVector<Value> operands;
  // The row loop: dimension 0 of every result.
  AffineExpr row =
      linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0))
          .getResult(0);
  for (OpOperand &operand : inner.getOpOperands()) {
    Value value = mapping.lookupOrDefault(operand.get());
    if (isLifted(operand.get())) {
      AffineMap &map = maps[operand.getOperandNumber()];
      SmallVector<AffineExpr> results = {row};
      llvm::append_range(results, map.getResults());
      map = AffineMap::get(map.getNumDims(), 0, results, map.getContext());
      value = spread(value);
    }
    operands.push_back(value);
  }
  unsigned numInputs = linalgOp.getNumDpsInputs();
  auto generic = linalg::GenericOp::create(
      rewriter, inner.getLoc(), inner.getResultTypes(),
      ValueRange(operands).take_front(numInputs),
      ValueRange(operands).drop_front(numInputs), maps,
      linalgOp.getIteratorTypesArray());
  rewriter.cloneRegionBefore(inner.getRegion(0), generic.getRegion(),
                             generic.getRegion().begin());
  generic.getRegion().walk([&](Operation *nested) {
    for (OpOperand &operand : nested->getOpOperands())
      operand.set(mapping.lookupOrDefault(operand.get()));
  });
  mapping.map(inner.getResults(), generic.getResults());
}

LogicalResult BodyExpander::expandOp(Operation &inner) {
  bool hasRows = llvm::any_of(inner.getResults(), [&](Value v) {
    return analysis.getKind(v) != RowKind::Parameter;
  });
  bool usesLifted =
      llvm::any_of(inner.getOperands(), [&](Value v) { return isLifted(v); });
  if (capturesLifted(inner))
    return failure();
  if (!hasRows && usesLifted)
    return lift(inner);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(inner)) {
    std::optional<MatmulMatch> match = matchMatmul(&inner);
    if (match && isGroupedProduct(*match, inner.getResult(0).getType())) {
      expandMatmul(linalgOp, *match);
      return success();
    }
  } else if (usesLifted) {
    return failure();
  }
  expandRowWise(inner);
  return success();
}

LogicalResult BodyExpander::expand() {
  rewriter.setInsertionPoint(op);
  buildPlan();
  mapArguments();
  for (Operation &inner : op.getBody()->without_terminator())
    if (failed(expandOp(inner))) {
      InFlightDiagnostic diag = op.emitOpError("cannot be decomposed");
      diag.attachNote(inner.getLoc())
          << "'" << inner.getName()
          << "' is not supported on a slice of a parameter";
      return diag;
    }

  auto type = op.getResult().getType();
  Value zero = arith::ConstantOp::create(
      rewriter, loc, rewriter.getZeroAttr(type.getElementType()));
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(rewriter, loc, op.getX(), 0),
      rewriter.getIndexAttr(type.getDimSize(1))};
  Value empty =
      tensor::EmptyOp::create(rewriter, loc, sizes, type.getElementType());
  if (empty.getType() != type)
    empty = tensor::CastOp::create(rewriter, loc, type, empty);
  Value init = linalg::FillOp::create(rewriter, loc, zero, empty).getResult(0);
  Value y = mapping.lookup(op.getBody()->getTerminator()->getOperand(0));
  Value weights =
      op.getWeighting() == Weighting::Output ? op.getWeights() : Value();
  auto combine = CombineOp::create(rewriter, loc, type, y, weights,
                                   plan.getInverse(), init, Placement::Plan);
  rewriter.replaceOp(op, combine.getResult());
  return success();
}

namespace {
struct DecomposePass : moe::impl::MoEDecomposePassBase<DecomposePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    WalkResult result = getOperation().walk([&](ExpertsOp op) {
      return failed(BodyExpander(rewriter, op).expand())
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
