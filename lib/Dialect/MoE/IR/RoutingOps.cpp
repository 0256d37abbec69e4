//===- RoutingOps.cpp - Verification of moe.route, moe.gate, moe.plan -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The comments C1, C2, ... name the constraints in the descriptions of the ops.
//
//===----------------------------------------------------------------------===//

#include "Verification.h"

using namespace mlir;
using namespace mlir::moe;

LogicalResult mlir::moe::verifyRouterOperands(Operation *op, RouterAttr router,
                                              int64_t numTokens,
                                              int64_t numExperts, Value keyBias,
                                              Value mask, Value expertScale,
                                              Value givenIds) {
  int64_t topK = router.getTopK();
  // C1
  if (ShapedType::isDynamic(numExperts) || numExperts < topK)
    return op->emitOpError() << "expected a static number of experts of at "
                                "least top_k = "
                             << topK << ", got " << sizeText(numExperts);
  // C2
  if (keyBias && failed(expectShape(op, "the key bias", keyBias, {numExperts})))
    return failure();
  if (expertScale &&
      failed(expectShape(op, "the expert scale", expertScale, {numExperts})))
    return failure();
  // C3
  if (mask &&
      failed(expectShape(op, "the mask", mask, {numTokens, numExperts})))
    return failure();
  // C4
  if (givenIds &&
      failed(expectShape(op, "the given ids", givenIds, {numTokens, topK})))
    return failure();
  // C5
  GroupsAttr groups = router.getGroups();
  if (!groups)
    return success();
  if (numExperts % groups.getCount() != 0)
    return op->emitOpError()
           << "expected the number of groups to divide the " << numExperts
           << " experts, got " << groups.getCount();
  int64_t groupSize = numExperts / groups.getCount();
  if (groups.getKeep() * groupSize < topK)
    return op->emitOpError()
           << "expected the kept groups to hold at least top_k = " << topK
           << " experts, got " << groups.getKeep() * groupSize;
  if (groups.getSumTop() > groupSize)
    return op->emitOpError() << "expected sum_top of at most the group size "
                             << groupSize << ", got " << groups.getSumTop();
  return success();
}

LogicalResult RouteOp::verify() {
  ArrayRef<int64_t> shape = getLogits().getType().getShape();
  return verifyRouterOperands(*this, getRouter(), shape[0], shape[1],
                              getKeyBias(), getMask(), getExpertScale(),
                              getGivenIds());
}

int64_t GateOp::getNumExperts() {
  return getWeight() ? dimSize(getWeight(), 0) : dimSize(getX(), 1);
}

LogicalResult GateOp::verify() {
  if (failed(verifyDestinations(*this, getDpsInits())))
    return failure();
  int64_t numTokens = dimSize(getX(), 0), numExperts = getNumExperts();
  // C1 to C5
  if (failed(verifyRouterOperands(*this, getRouter(), numTokens, numExperts,
                                  getKeyBias(), getMask(), getExpertScale(),
                                  getGivenIds())))
    return failure();
  // C6
  if (getWeight()) {
    if (!shapedType(getWeight()).hasStaticShape())
      return emitOpError("expected the weight to have a static shape");
    if (failed(expectShape(*this, "x", getX(),
                           {numTokens, dimSize(getWeight(), 1)})))
      return failure();
  }
  // C7
  if (getLogitBias() && failed(expectShape(*this, "the logit bias",
                                           getLogitBias(), {numExperts})))
    return failure();
  // C9
  int64_t topK = getRouter().getTopK();
  for (Value init : getDpsInits())
    if (failed(expectShape(*this, "each destination", init, {numTokens, topK})))
      return failure();
  return success();
}

LogicalResult GateOp::verifyRegions() {
  // C8
  SmallVector<Type> types;
  types.push_back(getWeight() ? Float32Type::get(getContext())
                              : shapedType(getX()).getElementType());
  if (getLogitBias())
    types.push_back(shapedType(getLogitBias()).getElementType());
  if (failed(expectArguments(*this, *getBody(), types)))
    return failure();
  Operation *yield = getBody()->getTerminator();
  if (yield->getNumOperands() != 1 ||
      !isa<FloatType>(yield->getOperand(0).getType()))
    return emitOpError("expected the region to yield one float");
  // C10
  return expectScalarRegion(*this, *getBody());
}

//===----------------------------------------------------------------------===//
// moe.plan
//===----------------------------------------------------------------------===//

/// C1 and C2 of moe.plan: what the types of its results are inferred from.
static LogicalResult verifyPlan(std::optional<Location> loc, ShapedType ids,
                                int64_t experts) {
  constexpr int64_t limit = int64_t(1) << 31;
  if (experts < 1 || experts >= limit)
    return emitOptionalError(
        loc, "'moe.plan' op expected 1 <= experts < 2^31, got ", experts);
  int64_t numTokens = ids.getDimSize(0), topK = ids.getDimSize(1);
  if (ShapedType::isDynamic(topK) || topK < 1)
    return emitOptionalError(loc,
                             "'moe.plan' op expected a static number of slots "
                             "of at least 1, got ",
                             sizeText(topK));
  if (slotsOf(numTokens, topK) >= limit)
    return emitOptionalError(loc,
                             "'moe.plan' op expected fewer than 2^31 slots, "
                             "got ",
                             numTokens, " tokens of ", topK);
  return success();
}

LogicalResult PlanOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc,
                                       PlanOp::Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto ids = cast<ShapedType>(adaptor.getIds().getType());
  int64_t experts = static_cast<int64_t>(adaptor.getExperts());
  if (failed(verifyPlan(loc, ids, experts)))
    return failure();
  if (!isa<RankedTensorType>(ids))
    return success();
  Type i32 = IntegerType::get(context, 32);
  int64_t numTokens = ids.getDimSize(0), topK = ids.getDimSize(1);
  types.push_back(RankedTensorType::get({experts + 1}, i32));
  types.push_back(RankedTensorType::get({slotsOf(numTokens, topK)}, i32));
  types.push_back(RankedTensorType::get({numTokens, topK}, i32));
  return success();
}

LogicalResult PlanOp::verify() {
  // C1 and C2 are checked by the inference of the result types.
  // C3
  bool onTensors = isa<TensorType>(getIds().getType());
  if (getOuts().size() != (onTensors ? 0u : 3u) ||
      getNumResults() != (onTensors ? 3u : 0u))
    return emitOpError("expected three results on tensors, or three "
                       "destinations on memrefs");
  if (onTensors)
    return success();
  int64_t numTokens = dimSize(getIds(), 0), topK = getTopK();
  int64_t numRows = slotsOf(numTokens, topK);
  if (failed(expectShape(*this, "the offsets", getOuts()[0],
                         {static_cast<int64_t>(getExperts()) + 1})) ||
      failed(expectShape(*this, "the rows", getOuts()[1], {numRows})) ||
      failed(
          expectShape(*this, "the inverse", getOuts()[2], {numTokens, topK})))
    return failure();
  return success();
}
