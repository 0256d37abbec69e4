//===- MoEOps.cpp - Verification of the ops of moe ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The comments C1, C2, ... name the constraints in the descriptions of the ops.
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/IR/RowWise.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static ShapedType shapedType(Value value) {
  return cast<ShapedType>(value.getType());
}
static int64_t dimSize(Value value, unsigned dim) {
  return shapedType(value).getDimSize(dim);
}

/// True unless both sizes are static and differ.
static bool mayEqual(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}
static bool mayEqual(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
           return mayEqual(std::get<0>(pair), std::get<1>(pair));
         });
}

static std::string sizeText(int64_t size) {
  return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}
static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::interleave(
      shape, [&](int64_t size) { text += sizeText(size); },
      [&] { text += "x"; });
  return text;
}

/// The number of slots of `numTokens` tokens; the largest number there is where
/// it overflows.
static int64_t slotsOf(int64_t numTokens, int64_t topK) {
  if (ShapedType::isDynamic(numTokens))
    return ShapedType::kDynamic;
  int64_t product;
  return llvm::MulOverflow(numTokens, topK, product)
             ? std::numeric_limits<int64_t>::max()
             : product;
}

/// True for a static shape in which no dimension has size 0.
static bool isStaticNonEmpty(ShapedType type) {
  return type.hasStaticShape() && !llvm::is_contained(type.getShape(), 0);
}

/// Emits "expected NAME to have shape S, got T" unless the shapes may agree.
static LogicalResult expectShape(Operation *op, StringRef name, Value value,
                                 ArrayRef<int64_t> shape) {
  if (mayEqual(shapedType(value).getShape(), shape))
    return success();
  return op->emitOpError() << "expected " << name << " to have shape "
                           << shapeText(shape) << ", got "
                           << shapeText(shapedType(value).getShape());
}

/// A destination-passing op has the type of its destination as result on
/// tensors, and no result on memrefs.
static LogicalResult verifyDestinations(Operation *op, ValueRange inits) {
  bool onTensors = isa<TensorType>(inits.front().getType());
  for (Value operand : op->getOperands())
    if (isa<ShapedType>(operand.getType()) &&
        isa<TensorType>(operand.getType()) != onTensors)
      return op->emitOpError(
          "expected all operands to be tensors, or all to be memrefs");
  size_t expected = onTensors ? inits.size() : 0;
  if (op->getNumResults() != expected)
    return op->emitOpError() << "expected " << expected << " results, got "
                             << op->getNumResults();
  for (auto [result, init] : llvm::zip(op->getResults(), inits))
    if (result.getType() != init.getType())
      return op->emitOpError()
             << "expected the result to have the type of "
                "its destination, "
             << init.getType() << ", got " << result.getType();
  return success();
}

/// Emits "expected the region to take ..., got ..." unless the types agree.
static LogicalResult expectArguments(Operation *op, Block &block,
                                     ArrayRef<Type> types) {
  if (llvm::equal(block.getArgumentTypes(), types))
    return success();
  auto diag = op->emitOpError("expected the region to take (");
  llvm::interleaveComma(types, diag);
  diag << "), got (";
  llvm::interleaveComma(block.getArgumentTypes(), diag);
  return diag << ")";
}

//===----------------------------------------------------------------------===//
// Regions that compute one element
//===----------------------------------------------------------------------===//

static bool isNumber(Type type) {
  return isa<FloatType, IntegerType, IndexType>(type);
}

/// True if `op` uses no value from outside `region` but constants.
static bool usesOnlyConstantsFromOutside(Operation &op, Region &region) {
  return llvm::all_of(op.getOperands(), [&](Value v) {
    return region.isAncestor(v.getParentRegion()) ||
           matchPattern(v, m_Constant());
  });
}

Operation *mlir::moe::findNonScalarOp(Block &block) {
  for (Operation &op : block) {
    bool isScalar = llvm::all_of(op.getOperandTypes(), isNumber) &&
                    llvm::all_of(op.getResultTypes(), isNumber);
    if (!isScalar || !usesOnlyConstantsFromOutside(op, *block.getParent()) ||
        op.getNumRegions() != 0 || !isMemoryEffectFree(&op))
      return &op;
  }
  return nullptr;
}

/// C10 of moe.grouped_matmul and moe.gate.
static LogicalResult expectScalarRegion(Operation *op, Block &block) {
  Operation *offender = findNonScalarOp(block);
  if (!offender)
    return success();
  InFlightDiagnostic diag =
      op->emitOpError("expected the region to compute numbers from numbers and "
                      "constants, without side effects or regions");
  diag.attachNote(offender->getLoc())
      << "'" << offender->getName() << "' does not";
  return diag;
}

//===----------------------------------------------------------------------===//
// Router
//===----------------------------------------------------------------------===//

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
// moe.plan, moe.dispatch, moe.expert_broadcast, moe.combine
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

//===----------------------------------------------------------------------===//
// moe.grouped_matmul
//===----------------------------------------------------------------------===//

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

#define GET_OP_CLASSES
#include "moe/Dialect/MoE/IR/MoEOps.cpp.inc"
