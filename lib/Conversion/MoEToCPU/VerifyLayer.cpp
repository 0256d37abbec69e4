//===- VerifyLayer.cpp - What can be lowered ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerEmitter.h"

#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static LogicalResult verifyProduct(Operation *op, ValueRange weights, Value x,
                                   LoweringConfigAttr config,
                                   const KernelOptions &options) {
  if (!config)
    return op->emitOpError("expected a lowering_config");
  int64_t lanes = options.lanes();
  int64_t vectors = lanes * static_cast<int64_t>(weights.size());
  if (config.getColumns() % vectors != 0)
    return op->emitOpError("expected columns of the lowering_config to be a "
                           "multiple of ")
           << vectors << ", " << lanes << " of each weight, got "
           << config.getColumns();
  auto type = cast<MemRefType>(weights[0].getType());
  PackedLayout layout = PackedLayout::get(
      type, static_cast<int64_t>(weights.size()), config.getColumns());
  for (auto [i, weight] : llvm::enumerate(weights)) {
    AffineMap expected = layout.getMap(op->getContext(), i);
    if (type.getRank() == 2)
      expected = expected.replaceDimsAndSymbols(
          {getAffineConstantExpr(0, op->getContext()),
           getAffineDimExpr(0, op->getContext()),
           getAffineDimExpr(1, op->getContext())},
          {}, 2, 0);
    AffineMap layoutMap =
        cast<MemRefType>(weight.getType()).getLayout().getAffineMap();
    if (!getPackedView(weight) || layoutMap != expected)
      return op->emitOpError("expected weights packed in panels of ")
             << config.getColumns() << " columns, got " << weight.getType();
  }
  Type element = getElementTypeOrSelf(x.getType());
  if (element.getIntOrFloatBitWidth() > 32)
    return op->emitOpError("expected rows of at most 32 bits, got ") << element;
  DotKind kind = getDotKind(element, type.getElementType(), options.bf16Dot,
                            options.tiles);
  std::optional<int64_t> start =
      getConstantIntValue(getPackedView(weights[0]).getByteShift());
  if (kind == DotKind::DecodeBF16 && start && *start < kLeadBytes)
    return op->emitOpError("expected weights of bf16 to be packed from byte ")
           << kLeadBytes << " on, got " << *start;
  if (kind == DotKind::TileBF16 && config.getRows() != kTileRows &&
      config.getRows() != 2 * kTileRows)
    return op->emitOpError("expected rows of the lowering_config to be ")
           << kTileRows << " or " << 2 * kTileRows << " with tiles, got "
           << config.getRows();
  return success();
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// The types of the floats that the code of an op computes with.
static SmallVector<Type> getComputedTypes(Operation *op) {
  SmallVector<Type> types;
  auto add = [&](ValueRange values) {
    llvm::append_range(types, values.getTypes());
  };
  if (auto product = dyn_cast<GroupedMatmulOp>(op))
    add(product.getX());
  else if (isa<GateOp, CombineOp>(op) ||
           (isa_and_present<arith::ArithDialect, math::MathDialect>(
                op->getDialect()) &&
            !isa<arith::ConstantOp, arith::SelectOp, arith::BitcastOp>(op))) {
    add(op->getOperands());
    add(op->getResults());
  }
  return types;
}

/// Narrower floats than those of 16 bits can be moved, but neither LLVM nor
/// MLIR's lowerings compute with them.
static LogicalResult verifyFloats(Operation *layerOp) {
  WalkResult result = layerOp->walk([](Operation *op) -> WalkResult {
    for (Type type : getComputedTypes(op)) {
      auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
      if (element && !element.isF16() && !element.isBF16() &&
          !element.isF32() && !element.isF64())
        return op->emitOpError(
                   "expected to compute with f16, bf16, f32 or f64, got ")
               << element;
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

/// The threads cut these ops by tokens.
static LogicalResult verifyTokenRows(Operation *op, LinearSize tokens) {
  Value rows = getTokenRows(op);
  if (!rows)
    return success();
  FailureOr<LinearSize> size = getDimSize(rows, 0);
  if (succeeded(size) && *size == tokens)
    return success();
  InFlightDiagnostic error =
      op->emitOpError("expected as many rows as the layer has tokens, ");
  error << tokens << ", got ";
  return succeeded(size) ? error << *size : error << "an unknown number";
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

namespace {
/// Whether the operands of one op have the rows that its code will read and
/// write: nothing checks that when a layer runs. How many routed rows there are
/// is known from the plan. What a layer takes as a plan, or computes as one in
/// other ways, is trusted to be one for the operands that it is used with.
class SizeVerifier {
public:
  SizeVerifier(Operation *op, LinearSize tokens) : op(op), tokens(tokens) {}

  LogicalResult verify(GateOp gate);
  LogicalResult verify(PlanOp plan);
  LogicalResult verify(DispatchOp dispatch);
  LogicalResult verify(ExpertBroadcastOp broadcast);
  LogicalResult verify(GroupedMatmulOp product);
  LogicalResult verify(CombineOp combine);
  LogicalResult verify(linalg::LinalgOp linalgOp);
  LogicalResult verify(memref::CopyOp copy);
  LogicalResult verify(memref::SubViewOp view);

private:
  enum class Relation { Equal, AtLeast };
  LogicalResult expect(const Twine &name, Value memref, int64_t dim,
                       Relation relation, FailureOr<LinearSize> needed);
  LogicalResult expectRows(StringRef name, Value memref, Relation relation,
                           FailureOr<LinearSize> needed) {
    return expect(name, memref, 0, relation, needed);
  }
  LogicalResult verifyEpilogueInput(GroupedMatmulOp product, unsigned index,
                                    FailureOr<LinearSize> numRows,
                                    FailureOr<LinearSize> numTokens);
  FailureOr<LinearSize> getNumRows(Value offsets, Value atMost);
  FailureOr<LinearSize> getNumTokens(Value rows, int64_t topK);

  Operation *op;
  LinearSize tokens;
};
} // namespace

/// Emits an error and fails unless dimension `dim` is known to be of that size.
LogicalResult SizeVerifier::expect(const Twine &name, Value memref, int64_t dim,
                                   Relation relation,
                                   FailureOr<LinearSize> needed) {
  FailureOr<LinearSize> size = getDimSize(memref, dim);
  if (succeeded(size) && succeeded(needed) &&
      (relation == Relation::Equal ? *size == *needed : size->covers(*needed)))
    return success();
  if (failed(size) || failed(needed))
    return op->emitOpError("expected sizes that are linear in the number of "
                           "tokens, got another one for dimension ")
           << dim << " of " << name;
  InFlightDiagnostic error = op->emitOpError("expected dimension ")
                             << dim << " of " << name << " to have size "
                             << (relation == Relation::AtLeast ? ">= " : "");
  return error << *needed << ", got " << *size;
}

/// The most rows that offsets may speak of: a plan's slots, or what the layer
/// itself puts there; else `atMost` has them. The number of offsets is known.
FailureOr<LinearSize> SizeVerifier::getNumRows(Value offsets, Value atMost) {
  if (PlanOp plan = getPlan(op, offsets, PlanPart::Offsets))
    return tokens * plan.getTopK();
  int64_t last = getDimSize(offsets, 0)->fixed - 1;
  if (auto constant = offsets.getDefiningOp<memref::GetGlobalOp>()) {
    auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
        op, constant.getNameAttr());
    auto values =
        dyn_cast_or_null<DenseIntElementsAttr>(global.getInitialValueAttr());
    if (values && global.getConstant())
      return LinearSize{0, values.getValues<APInt>()[last].getSExtValue()};
  }
  FailureOr<LinearSize> atMostRows = getDimSize(atMost, 0);
  std::optional<LinearSize> stored;
  for (Operation *user : offsets.getUsers()) {
    auto store = dyn_cast<memref::StoreOp>(user);
    if (!store || !isConstantIntValue(store.getIndices()[0], last))
      continue;
    FailureOr<LinearSize> value = getLinearSize(store.getValueToStore());
    if (stored || failed(value)) // Which counts, or how many, data decides.
      return atMostRows;
    stored = *value;
  }
  return stored ? *stored : atMostRows;
}

/// One more than the last token that an entry of a plan's `rows` may be for.
FailureOr<LinearSize> SizeVerifier::getNumTokens(Value rows, int64_t topK) {
  FailureOr<LinearSize> slots = getDimSize(rows, 0);
  if (PlanOp plan = getPlan(op, rows, PlanPart::Rows))
    slots = tokens * plan.getTopK();
  if (failed(slots))
    return failure();
  return LinearSize{llvm::divideCeilSigned(slots->perToken, topK),
                    llvm::divideCeilSigned(slots->fixed, topK)};
}

LogicalResult SizeVerifier::verify(GateOp gate) {
  auto expectTokens = [&](StringRef name, Value memref) {
    return memref ? expectRows(name, memref, Relation::Equal, tokens)
                  : success();
  };
  return success(succeeded(expectTokens("the mask", gate.getMask())) &&
                 succeeded(expectTokens("the given ids", gate.getGivenIds())) &&
                 succeeded(expectTokens("the destination of the ids",
                                        gate.getIdsInit())) &&
                 succeeded(expectTokens("the destination of the weights",
                                        gate.getWeightsInit())));
}

LogicalResult SizeVerifier::verify(PlanOp plan) {
  LinearSize numOffsets{0, static_cast<int64_t>(plan.getExperts()) + 1};
  if (failed(expectRows("the offsets", plan.getOuts()[0], Relation::Equal,
                        numOffsets)) ||
      failed(expectRows("the rows", plan.getOuts()[1], Relation::Equal,
                        tokens * plan.getTopK())))
    return failure();
  return expectRows("the inverse", plan.getOuts()[2], Relation::Equal, tokens);
}

LogicalResult SizeVerifier::verify(DispatchOp dispatch) {
  // Of all ops this one has nothing else that tells the number of experts.
  auto offsets = cast<MemRefType>(dispatch.getOffsets().getType());
  if (!offsets.hasStaticShape())
    return op->emitOpError("expected offsets of a static size, got ")
           << offsets;
  if (offsets.getDimSize(0) < 2)
    return op->emitOpError("expected the offsets of an expert at least, got ")
           << offsets;
  Value rows = dispatch.getRows();
  int64_t topK = static_cast<int64_t>(dispatch.getTopK());
  if (failed(expectRows("the rows", rows, Relation::AtLeast,
                        getNumRows(dispatch.getOffsets(), rows))) ||
      failed(expectRows("the destination", dispatch.getInit(), Relation::Equal,
                        getDimSize(rows, 0))))
    return failure();
  return expectRows("x", dispatch.getX(), Relation::AtLeast,
                    getNumTokens(rows, topK));
}

LogicalResult SizeVerifier::verify(ExpertBroadcastOp broadcast) {
  int64_t experts =
      cast<MemRefType>(broadcast.getParam().getType()).getDimSize(0);
  Value init = broadcast.getInit();
  if (failed(expectRows("the offsets", broadcast.getOffsets(), Relation::Equal,
                        LinearSize{0, experts + 1})))
    return failure();
  return expectRows("the destination", init, Relation::AtLeast,
                    getNumRows(broadcast.getOffsets(), init));
}

LogicalResult
SizeVerifier::verifyEpilogueInput(GroupedMatmulOp product, unsigned index,
                                  FailureOr<LinearSize> numRows,
                                  FailureOr<LinearSize> numTokens) {
  // What the map's dimensions count: experts, rows, tokens, slots, columns.
  int64_t topK = static_cast<int64_t>(product.getTopK().value_or(1));
  FailureOr<LinearSize> extents[] = {LinearSize{0, product.getNumExperts()},
                                     numRows, numTokens, LinearSize{0, topK},
                                     LinearSize{0, product.getNumColumns()}};
  Value input = product.getEpilogueInputs()[index];
  for (auto [dim, expr] :
       llvm::enumerate(product.getEpilogueMap(index).getResults()))
    if (auto position = dyn_cast<AffineDimExpr>(expr))
      if (failed(expect("epilogue input " + Twine(index), input,
                        static_cast<int64_t>(dim), Relation::AtLeast,
                        extents[position.getPosition()])))
        return failure();
  return success();
}

LogicalResult SizeVerifier::verify(GroupedMatmulOp product) {
  if (failed(expectRows("the offsets", product.getOffsets(), Relation::Equal,
                        LinearSize{0, product.getNumExperts() + 1})))
    return failure();
  Value rows = product.getRows(), x = product.getX();
  FailureOr<LinearSize> numRows =
      getNumRows(product.getOffsets(), rows ? rows : x);
  FailureOr<LinearSize> numTokens = failure();
  if (rows) {
    numTokens = getNumTokens(rows, static_cast<int64_t>(*product.getTopK()));
    if (failed(expectRows("the rows", rows, Relation::AtLeast, numRows)))
      return failure();
  }
  bool byToken = product.getSource() == RowSource::Token;
  if (failed(
          expectRows("x", x, Relation::AtLeast, byToken ? numTokens : numRows)))
    return failure();
  for (unsigned i = 0, e = product.getEpilogueInputs().size(); i < e; ++i)
    if (failed(verifyEpilogueInput(product, i, numRows, numTokens)))
      return failure();
  bool bySlot = product.getPlace() == Placement::Slot;
  if (bySlot && succeeded(numTokens))
    numRows = *numTokens * static_cast<int64_t>(*product.getTopK());
  return expectRows("the destination", product.getInit(), Relation::AtLeast,
                    numRows);
}

LogicalResult SizeVerifier::verify(CombineOp combine) {
  Value inverse = combine.getInverse();
  int64_t topK = cast<MemRefType>(inverse.getType()).getDimSize(1);
  LinearSize numRows = tokens * topK;
  if (combine.getSource() == Placement::Plan)
    if (PlanOp plan = getPlan(op, inverse, PlanPart::Inverse))
      numRows = tokens * plan.getTopK();
  if (combine.getWeights() &&
      failed(expectRows("the weights", combine.getWeights(), Relation::Equal,
                        tokens)))
    return failure();
  if (failed(expectRows("y", combine.getY(), Relation::AtLeast, numRows)))
    return failure();
  return expectRows("the destination", combine.getInit(), Relation::Equal,
                    tokens);
}

/// The size of a dimension whose index is `expr` of loops: a sum of loops and
/// constants, none of them negative, by factors. Other expressions are not
/// known.
static FailureOr<LinearSize> getExtent(AffineExpr expr,
                                       ArrayRef<FailureOr<LinearSize>> loops) {
  if (auto loop = dyn_cast<AffineDimExpr>(expr))
    return loops[loop.getPosition()];
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  if (constant && constant.getValue() >= 0)
    return LinearSize{0, constant.getValue() + 1};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return failure();
  FailureOr<LinearSize> left = getExtent(binary.getLHS(), loops);
  FailureOr<LinearSize> right = getExtent(binary.getRHS(), loops);
  if (failed(left) || failed(right))
    return failure();
  LinearSize one{0, 1}, less{0, -1};
  if (expr.getKind() == AffineExprKind::Add)
    return *left + *right + less;
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (expr.getKind() == AffineExprKind::Mul && factor && factor.getValue() >= 0)
    return (*left + less) * factor.getValue() + one;
  return failure();
}

/// The loops run as far as the first dimension that each is the index of.
LogicalResult SizeVerifier::verify(linalg::LinalgOp linalgOp) {
  SmallVector<FailureOr<LinearSize>> loops(linalgOp.getNumLoops(), failure());
  SmallVector<std::pair<OpOperand *, int64_t>> firsts(loops.size());
  auto forEachDim = [&](auto verifyDim) -> LogicalResult {
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<MemRefType>(operand.get().getType()))
        continue;
      AffineMap map = linalgOp.getMatchingIndexingMap(&operand);
      for (auto [dim, expr] : llvm::enumerate(map.getResults()))
        if (failed(verifyDim(operand, static_cast<int64_t>(dim), expr)))
          return failure();
    }
    return success();
  };
  auto findLoop = [&](OpOperand &operand, int64_t dim, AffineExpr expr) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (loop && !firsts[loop.getPosition()].first) {
      loops[loop.getPosition()] = getDimSize(operand.get(), dim);
      firsts[loop.getPosition()] = {&operand, dim};
    }
    return success();
  };
  auto verifyDim = [&](OpOperand &operand, int64_t dim, AffineExpr expr) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (loop && firsts[loop.getPosition()] == std::pair(&operand, dim))
      return success();
    return expect("operand " + Twine(operand.getOperandNumber()), operand.get(),
                  dim, loop ? Relation::Equal : Relation::AtLeast,
                  getExtent(expr, loops));
  };
  return success(succeeded(forEachDim(findLoop)) &&
                 succeeded(forEachDim(verifyDim)));
}

LogicalResult SizeVerifier::verify(memref::CopyOp copy) {
  int64_t rank = cast<MemRefType>(copy.getSource().getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (failed(expect("the target", copy.getTarget(), dim, Relation::Equal,
                      getDimSize(copy.getSource(), dim))))
      return failure();
  return success();
}

/// Slices that no number of tokens makes room for. Of some rows there may be
/// too few, and where they are may depend on data.
LogicalResult SizeVerifier::verify(memref::SubViewOp view) {
  for (auto [dim, offset, size, stride] :
       llvm::enumerate(view.getMixedOffsets(), view.getMixedSizes(),
                       view.getMixedStrides())) {
    FailureOr<LinearSize> first = getLinearSize(offset),
                          count = getLinearSize(size);
    std::optional<int64_t> step = getConstantIntValue(stride);
    if (failed(first) || failed(count) || !step)
      continue;
    LinearSize needed =
        *first + (*count + LinearSize{0, -1}) * *step + LinearSize{0, 1};
    FailureOr<LinearSize> present = getDimSize(view.getSource(), dim);
    if (succeeded(present) && present->perToken >= needed.perToken &&
        (present->perToken > needed.perToken || present->fixed >= needed.fixed))
      continue;
    if (failed(expect("the source", view.getSource(), dim, Relation::AtLeast,
                      needed)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

static LogicalResult verifyOp(Operation *op, LinearSize tokens,
                              const KernelOptions &options) {
  if (failed(verifyFloats(op)) || failed(verifyTokenRows(op, tokens)))
    return failure();
  if (auto product = dyn_cast<GroupedMatmulOp>(op)) {
    if (product.getPlace() == Placement::Token)
      return op->emitOpError("expected place = slot or plan: run "
                             "moe-split-token-placement first");
    if (failed(verifyElementwise(op, product.getEpilogue())) ||
        failed(verifyProduct(op, product.getWeights(), product.getX(),
                             product.getLoweringConfigAttr(), options)))
      return failure();
  }
  if (auto gate = dyn_cast<GateOp>(op)) {
    if (failed(verifyElementwise(op, gate.getLogit())) ||
        (gate.getWeight() &&
         failed(verifyProduct(op, gate.getWeight(), gate.getX(),
                              gate.getLoweringConfigAttr(), options))))
      return failure();
  }
  for (Type type : op->getResultTypes())
    if (isa<TensorType>(type))
      return op->emitOpError("expected an op on memrefs");
  if (isa_and_nonnull<linalg::LinalgDialect>(op->getDialect()) &&
      !isa<linalg::LinalgOp>(op))
    return op->emitOpError("expected a linalg op that is a loop nest, such as "
                           "linalg.generic");
  if (auto allocation = dyn_cast<memref::AllocOp>(op))
    if (failed(getNumElements(allocation)))
      return op->emitOpError("expected the size of a buffer to be linear in "
                             "the number of tokens");
  SizeVerifier sizes(op, tokens);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<GateOp, PlanOp, DispatchOp, ExpertBroadcastOp, GroupedMatmulOp,
            CombineOp, linalg::LinalgOp, memref::CopyOp, memref::SubViewOp>(
          [&](auto op) { return sizes.verify(op); })
      .Default([](Operation *) { return success(); });
}

LogicalResult mlir::moe::verifyLayer(func::FuncOp function, LinearSize tokens,
                                     const KernelOptions &options) {
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(verifyOp(&op, tokens, options)))
      return failure();
  return success();
}
