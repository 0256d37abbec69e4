//===- MoEOpInterfaces.cpp - Types, sizes, effects and names of ops -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Result types
//===----------------------------------------------------------------------===//

LogicalResult RouteOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location>,
                                        RouteOp::Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto logits = cast<RankedTensorType>(adaptor.getLogits().getType());
  SmallVector<int64_t> shape = {logits.getDimSize(0),
                                adaptor.getRouter().getTopK()};
  types.push_back(RankedTensorType::get(shape, IntegerType::get(context, 32)));
  types.push_back(RankedTensorType::get(shape, Float32Type::get(context)));
  return success();
}

//===----------------------------------------------------------------------===//
// Result sizes
//===----------------------------------------------------------------------===//

/// The sizes of `type`, where the leading one is that of `like`.
static SmallVector<OpFoldResult>
sizesWithRowsOf(OpBuilder &builder, Location loc, Value like, ShapedType type) {
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(builder, loc, like, 0)};
  for (int64_t size : type.getShape().drop_front())
    sizes.push_back(builder.getIndexAttr(size));
  return sizes;
}

LogicalResult RouteOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  for (Value result : getResults())
    shapes.push_back(sizesWithRowsOf(builder, getLoc(), getLogits(),
                                     cast<ShapedType>(result.getType())));
  return success();
}

LogicalResult
ExpertsOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  if (getResult().getType().isDynamicDim(1))
    return failure();
  shapes.push_back(
      sizesWithRowsOf(builder, getLoc(), getX(), getResult().getType()));
  return success();
}

LogicalResult PlanOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  if (getNumResults() == 0)
    return failure();
  OpFoldResult numTokens = tensor::getMixedSize(builder, getLoc(), getIds(), 0);
  OpFoldResult numRows = affine::makeComposedFoldedAffineApply(
      builder, getLoc(), builder.getAffineDimExpr(0) * getTopK(), {numTokens});
  shapes.push_back({builder.getIndexAttr(getExperts() + 1)});
  shapes.push_back({numRows});
  shapes.push_back({numTokens, builder.getIndexAttr(getTopK())});
  return success();
}

/// A destination-passing op's results have the sizes of its destinations.
static LogicalResult reifyFromInits(DestinationStyleOpInterface op,
                                    OpBuilder &builder,
                                    ReifiedRankedShapedTypeDims &shapes) {
  if (op->getNumResults() == 0)
    return failure();
  for (Value init : op.getDpsInits())
    shapes.push_back(tensor::getMixedSizes(builder, op.getLoc(), init));
  return success();
}

LogicalResult
DispatchOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInits(*this, builder, shapes);
}
LogicalResult
ExpertBroadcastOp::reifyResultShapes(OpBuilder &builder,
                                     ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInits(*this, builder, shapes);
}
LogicalResult
GroupedMatmulOp::reifyResultShapes(OpBuilder &builder,
                                   ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInits(*this, builder, shapes);
}
LogicalResult
CombineOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInits(*this, builder, shapes);
}
LogicalResult GateOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInits(*this, builder, shapes);
}

//===----------------------------------------------------------------------===//
// Memory effects: none on tensors; on memrefs, what destination passing says
//===----------------------------------------------------------------------===//

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

static void addEffect(Effects &effects, OpOperand &operand,
                      MemoryEffects::Effect *effect) {
  if (isa<MemRefType>(operand.get().getType()))
    effects.emplace_back(effect, &operand, SideEffects::DefaultResource::get());
}

/// Destinations are read as well: rows that no routed row writes stay.
static void addDestinationEffects(DestinationStyleOpInterface op,
                                  Effects &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    addEffect(effects, operand, MemoryEffects::Read::get());
    if (op.isDpsInit(&operand))
      addEffect(effects, operand, MemoryEffects::Write::get());
  }
}

void DispatchOp::getEffects(Effects &effects) {
  addDestinationEffects(*this, effects);
}
void ExpertBroadcastOp::getEffects(Effects &effects) {
  addDestinationEffects(*this, effects);
}
void GroupedMatmulOp::getEffects(Effects &effects) {
  addDestinationEffects(*this, effects);
}
void CombineOp::getEffects(Effects &effects) {
  addDestinationEffects(*this, effects);
}
void GateOp::getEffects(Effects &effects) {
  addDestinationEffects(*this, effects);
}
void PlanOp::getEffects(Effects &effects) {
  addEffect(effects, getIdsMutable(), MemoryEffects::Read::get());
  for (OpOperand &out : getOutsMutable())
    addEffect(effects, out, MemoryEffects::Write::get());
}

//===----------------------------------------------------------------------===//
// Names of region arguments in the printed form
//===----------------------------------------------------------------------===//

void ExpertsOp::getAsmBlockArgumentNames(Region &region,
                                         OpAsmSetValueNameFn setName) {
  if (region.getNumArguments() == 0)
    return;
  setName(region.getArgument(0), "rows");
  if (getWeighting() == Weighting::Body && region.getNumArguments() > 1)
    setName(region.getArgument(1), "row_weights");
}

void GroupedMatmulOp::getAsmBlockArgumentNames(Region &region,
                                               OpAsmSetValueNameFn setName) {
  unsigned numWeights = getWeights().size();
  for (BlockArgument arg : region.getArguments())
    setName(arg, arg.getArgNumber() < numWeights ? "acc" : "in");
}

void GateOp::getAsmBlockArgumentNames(Region &region,
                                      OpAsmSetValueNameFn setName) {
  for (BlockArgument arg : region.getArguments())
    setName(arg, arg.getArgNumber() == 0 ? "acc" : "bias");
}
