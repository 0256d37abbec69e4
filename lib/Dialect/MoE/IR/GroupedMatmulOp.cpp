//===- GroupedMatmulOp.cpp - Verification of moe.grouped_matmul -----------===//
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

AffineMap GroupedMatmulOp::getEpilogueMap(unsigned index) {
  return cast<AffineMapAttr>(getEpilogueMaps()[index]).getAffineMap();
}

/// The dimensions of an epilogue map.
namespace {
enum EpilogueDim : unsigned { ExpertDim, RowDim, TokenDim, SlotDim, ColumnDim };
} // namespace

/// C6, for one epilogue input.
static LogicalResult verifyEpilogueMap(GroupedMatmulOp op, unsigned index) {
  Value input = op.getEpilogueInputs()[index];
  AffineMap map = op.getEpilogueMap(index);
  if (map.getNumDims() != 5 || map.getNumSymbols() != 0 ||
      map.getNumResults() != shapedType(input).getRank())
    return op.emitOpError()
           << "expected a map (e, r, t, s, n) to the "
           << shapedType(input).getRank() << " dimensions of epilogue input "
           << index << ", got " << AffineMapAttr::get(map);
  int64_t extents[] = {op.getNumExperts(), ShapedType::kDynamic,
                       ShapedType::kDynamic,
                       static_cast<int64_t>(op.getTopK().value_or(
                           static_cast<uint64_t>(ShapedType::kDynamic))),
                       op.getNumColumns()};
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    if (constant && constant.getValue() == 0)
      continue;
    auto dimExpr = dyn_cast<AffineDimExpr>(expr);
    if (!dimExpr)
      return op.emitOpError()
             << "expected the map of epilogue input " << index
             << " to use dimensions and the constant 0 only, got "
             << AffineMapAttr::get(map);
    int64_t size = dimSize(input, dim), extent = extents[dimExpr.getPosition()];
    if (!mayEqual(size, extent))
      return op.emitOpError()
             << "expected dimension " << dim << " of epilogue input " << index
             << " to have size " << extent << ", got " << size;
  }
  return success();
}

static bool usesTokenOrSlot(AffineMap map) {
  return map.isFunctionOfDim(TokenDim) || map.isFunctionOfDim(SlotDim);
}

/// C9. Without rows, those of x are all there are.
static LogicalResult verifyRowCounts(GroupedMatmulOp op) {
  int64_t numRows = dimSize(op.getRows() ? op.getRows() : op.getX(), 0);
  if (ShapedType::isDynamic(numRows))
    return success();
  int64_t xRows = dimSize(op.getX(), 0), initRows = dimSize(op.getInit(), 0);
  if (op.getSource() == RowSource::Plan && xRows > numRows)
    return op.emitOpError() << "expected x to have at most " << numRows
                            << " rows, got " << xRows;
  if (op.getPlace() == Placement::Plan) {
    if (initRows > numRows)
      return op.emitOpError() << "expected the destination to have at most "
                              << numRows << " rows, got " << initRows;
    return success();
  }
  bool byToken = op.getPlace() == Placement::Token;
  int64_t numSlots = byToken ? slotsOf(initRows, *op.getTopK()) : initRows;
  if (!mayEqual(numSlots, numRows))
    return op.emitOpError() << "expected the destination to have " << numRows
                            << " slots, got " << numSlots;
  return success();
}

LogicalResult GroupedMatmulOp::verify() {
  if (failed(verifyDestinations(*this, getDpsInits())))
    return failure();
  // C1
  if (getWeights().empty())
    return emitOpError("expected at least one weight");
  if (!isStaticNonEmpty(getWeightType()))
    return emitOpError("expected the weights to have a static shape without a "
                       "dimension of size 0, got ")
           << getWeightType();
  // On memrefs each may have a layout of its own.
  for (ShapedType type :
       llvm::map_range(getWeights().getTypes(),
                       [](Type type) { return cast<ShapedType>(type); }))
    if (type.getShape() != getWeightType().getShape() ||
        type.getElementType() != getWeightType().getElementType())
      return emitOpError() << "expected all weights to have the type "
                           << getWeights()[0].getType() << ", got " << type;
  // C2, C3
  if (failed(expectShape(*this, "the offsets", getOffsets(),
                         {getNumExperts() + 1})) ||
      failed(expectShape(*this, "x", getX(),
                         {ShapedType::kDynamic, getReductionSize()})))
    return failure();
  // C6
  if (getEpilogueMaps().size() != getEpilogueInputs().size())
    return emitOpError() << "expected " << getEpilogueInputs().size()
                         << " epilogue maps, got " << getEpilogueMaps().size();
  for (unsigned i = 0, e = getEpilogueInputs().size(); i < e; ++i)
    if (failed(verifyEpilogueMap(*this, i)))
      return failure();
  // C4
  bool needsRows =
      getSource() != RowSource::Plan || getPlace() != Placement::Plan ||
      llvm::any_of(getEpilogueMaps().getAsValueRange<AffineMapAttr>(),
                   usesTokenOrSlot);
  if (needsRows && !getRows())
    return emitOpError("expected rows, since source, place or an epilogue map "
                       "speaks of tokens or slots");
  if (static_cast<bool>(getRows()) != getTopK().has_value())
    return emitOpError("expected rows and top_k together");
  if (getTopK() && static_cast<int64_t>(*getTopK()) < 1)
    return emitOpError() << "expected top_k >= 1, got "
                         << static_cast<int64_t>(*getTopK());
  // C5
  if (static_cast<bool>(getInverse()) != (getPlace() == Placement::Token))
    return emitOpError("expected inverse exactly where place = token");
  if (getInverse() && failed(expectShape(*this, "the inverse", getInverse(),
                                         {dimSize(getInit(), 0),
                                          static_cast<int64_t>(*getTopK())})))
    return failure();
  // C8
  if (failed(expectShape(*this, "the destination", getInit(),
                         {ShapedType::kDynamic, getNumColumns()})))
    return failure();
  return verifyRowCounts(*this);
}

LogicalResult GroupedMatmulOp::verifyRegions() {
  // C7
  SmallVector<Type> types(getWeights().size(), Float32Type::get(getContext()));
  for (Value input : getEpilogueInputs())
    types.push_back(shapedType(input).getElementType());
  if (failed(expectArguments(*this, *getBody(), types)))
    return failure();
  Type expected = getPlace() == Placement::Token
                      ? Float32Type::get(getContext())
                      : shapedType(getInit()).getElementType();
  Operation *yield = getBody()->getTerminator();
  if (yield->getNumOperands() != 1 ||
      yield->getOperand(0).getType() != expected)
    return emitOpError() << "expected the region to yield one " << expected;
  // C10
  return expectScalarRegion(*this, *getBody());
}
