//===- RowOps.cpp - Verification of ops on rows ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The comments C1, C2, ... name the constraints in the descriptions of the ops.
//
//===----------------------------------------------------------------------===//

#include "Verification.h"

#include "moe/Dialect/MoE/IR/RowWise.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// moe.experts
//===----------------------------------------------------------------------===//

int64_t ExpertsOp::getNumExperts() {
  return getParams().empty() ? 0 : dimSize(getParams().front(), 0);
}

BlockArgument ExpertsOp::getRowWeights() {
  assert(getWeighting() == Weighting::Body && "the body has no weights");
  return getBody()->getArgument(1);
}

BlockArgument ExpertsOp::getSlice(unsigned index) {
  return getBody()->getArgument(index +
                                (getWeighting() == Weighting::Body ? 2 : 1));
}

LogicalResult ExpertsOp::verify() {
  // C1
  int64_t numTokens = dimSize(getX(), 0);
  ArrayRef<int64_t> idsShape = getIds().getType().getShape();
  if (ShapedType::isDynamic(idsShape[1]) || idsShape[1] < 1)
    return emitOpError() << "expected a static number of slots of at least 1, "
                            "got "
                         << sizeText(idsShape[1]);
  if (getX().getType().isDynamicDim(1))
    return emitOpError("expected x to have a static number of columns");
  if (failed(expectShape(*this, "the ids", getIds(),
                         {numTokens, ShapedType::kDynamic})) ||
      failed(expectShape(*this, "the weights", getWeights(), idsShape)))
    return failure();
  // C2
  if (getParams().empty())
    return emitOpError("expected at least one parameter");
  for (Value param : getParams()) {
    if (shapedType(param).getRank() == 0 ||
        !isStaticNonEmpty(shapedType(param)))
      return emitOpError("expected each parameter to have a leading dimension "
                         "of experts and no dimension of size 0, got ")
             << param.getType();
    if (dimSize(param, 0) != getNumExperts())
      return emitOpError() << "expected all parameters to have the leading "
                              "dimension "
                           << getNumExperts() << ", got " << dimSize(param, 0);
  }
  return success();
}

LogicalResult ExpertsOp::verifyRegions() {
  // C3
  auto xType = getX().getType();
  SmallVector<Type> types = {RankedTensorType::get(
      {ShapedType::kDynamic, xType.getDimSize(1)}, xType.getElementType())};
  if (getWeighting() == Weighting::Body)
    types.push_back(RankedTensorType::get({ShapedType::kDynamic},
                                          Float32Type::get(getContext())));
  for (Value param : getParams())
    types.push_back(
        RankedTensorType::get(shapedType(param).getShape().drop_front(),
                              shapedType(param).getElementType()));
  Block &body = *getBody();
  if (failed(expectArguments(*this, body, types)))
    return failure();

  // C4
  Operation *yield = body.getTerminator();
  auto yielded =
      yield->getNumOperands() == 1
          ? dyn_cast<RankedTensorType>(yield->getOperand(0).getType())
          : nullptr;
  if (!yielded || yielded.getRank() != 2 || !yielded.isDynamicDim(0) ||
      !isa<FloatType>(yielded.getElementType()))
    return emitOpError("expected the region to yield one ? x N float tensor");
  if (getResult().getType().isDynamicDim(1))
    return emitOpError("expected the result to have a static number of "
                       "columns");
  if (failed(expectShape(*this, "the result", getResult(),
                         {dimSize(getX(), 0), yielded.getDimSize(1)})))
    return failure();

  // C5
  SmallVector<Value> rowArguments = {getRows()};
  if (getWeighting() == Weighting::Body)
    rowArguments.push_back(getRowWeights());
  RowWiseAnalysis analysis(body, rowArguments);
  if (Operation *offender = analysis.getOffender()) {
    InFlightDiagnostic diag =
        emitOpError("expected each op of the region to be row-wise or "
                    "parameter-only");
    diag.attachNote(offender->getLoc())
        << "'" << offender->getName() << "' is neither";
    return diag;
  }
  if (!analysis.hasRows(yield->getOperand(0)))
    return emitOpError("expected the region to yield a value with rows");
  return success();
}

//===----------------------------------------------------------------------===//
// moe.dispatch, moe.expert_broadcast, moe.combine
//===----------------------------------------------------------------------===//

LogicalResult DispatchOp::verify() {
  if (failed(verifyDestinations(*this, getDpsInits())))
    return failure();
  // C1
  ShapedType xType = shapedType(getX());
  SmallVector<int64_t> shape(xType.getShape());
  shape[0] = dimSize(getRows(), 0);
  if (shapedType(getInit()).getElementType() != xType.getElementType())
    return emitOpError() << "expected the destination to have element type "
                         << xType.getElementType() << ", got "
                         << shapedType(getInit()).getElementType();
  if (failed(expectShape(*this, "the destination", getInit(), shape)))
    return failure();
  // C2
  int64_t topK = getTopK();
  if (topK < 1)
    return emitOpError() << "expected top_k >= 1, got " << topK;
  // C3
  int64_t numSlots = slotsOf(xType.getDimSize(0), topK);
  if (!ShapedType::isDynamic(numSlots) && shape[0] > numSlots)
    return emitOpError() << "expected at most " << numSlots
                         << " rows for the tokens of x, got " << shape[0];
  return success();
}

LogicalResult ExpertBroadcastOp::verify() {
  if (failed(verifyDestinations(*this, getDpsInits())))
    return failure();
  // C1
  ShapedType paramType = shapedType(getParam());
  if (paramType.getRank() == 0 || !paramType.hasStaticShape() ||
      paramType.getDimSize(0) < 1)
    return emitOpError("expected the parameter to have a static shape with a "
                       "leading dimension of experts, got ")
           << paramType;
  if (failed(expectShape(*this, "the offsets", getOffsets(),
                         {paramType.getDimSize(0) + 1})))
    return failure();
  // C2
  SmallVector<int64_t> shape(paramType.getShape());
  shape[0] = ShapedType::kDynamic;
  if (shapedType(getInit()).getElementType() != paramType.getElementType())
    return emitOpError() << "expected the destination to have element type "
                         << paramType.getElementType() << ", got "
                         << shapedType(getInit()).getElementType();
  return expectShape(*this, "the destination", getInit(), shape);
}

LogicalResult CombineOp::verify() {
  if (failed(verifyDestinations(*this, getDpsInits())))
    return failure();
  // C1
  int64_t numTokens = dimSize(getInverse(), 0), topK = dimSize(getInverse(), 1);
  if (ShapedType::isDynamic(topK))
    return emitOpError("expected a static number of slots");
  if (getWeights() && failed(expectShape(*this, "the weights", getWeights(),
                                         {numTokens, topK})))
    return failure();
  // C4
  if (getSource() == Placement::Token)
    return emitOpError("expected source = plan or slot, got token");
  // C2
  int64_t numRows = getSource() == Placement::Slot ? slotsOf(numTokens, topK)
                                                   : ShapedType::kDynamic;
  if (failed(expectShape(*this, "y", getY(), {numRows, dimSize(getInit(), 1)})))
    return failure();
  // C3
  return expectShape(*this, "the destination", getInit(),
                     {numTokens, dimSize(getInit(), 1)});
}
