//===- Matching.cpp - Parameters, matrix products, element-wise ops -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

bool mlir::moe::isParameterOnly(Value value) {
  SmallVector<Value> pending = {value};
  llvm::SmallPtrSet<Value, 8> seen;
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    if (!seen.insert(current).second)
      continue;
    if (auto arg = dyn_cast<BlockArgument>(current)) {
      auto func = dyn_cast<func::FuncOp>(arg.getOwner()->getParentOp());
      if (!func || !arg.getOwner()->isEntryBlock() ||
          !func.getArgAttr(arg.getArgNumber(), kParamAttr))
        return false;
      continue;
    }
    Operation *op = current.getDefiningOp();
    if (!isMemoryEffectFree(op))
      return false;
    llvm::append_range(pending, op->getOperands());
    // What its regions use from outside counts as well.
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::append_range(pending, captured);
  }
  return true;
}

TypedAttr mlir::moe::getSplatScalar(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.value();
  Attribute attr;
  if (!matchPattern(value, m_Constant(&attr)))
    return nullptr;
  if (auto splat = dyn_cast<SplatElementsAttr>(attr))
    return dyn_cast<TypedAttr>(splat.getSplatValue<Attribute>());
  return isa<ShapedType>(value.getType()) ? nullptr : dyn_cast<TypedAttr>(attr);
}

bool mlir::moe::isZeroFilled(Value value) {
  TypedAttr scalar = getSplatScalar(value);
  return scalar && (matchPattern(scalar, m_AnyZeroFloat()) ||
                    matchPattern(scalar, m_Zero()));
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// True if a contraction multiplies floats as they are: extensions lose
/// nothing, any other cast of a factor is a step of its own.
static bool multipliesFloats(linalg::LinalgOp op) {
  bool onFloats = llvm::all_of(op->getOperandTypes(), [](Type type) {
    return isa<FloatType>(getElementTypeOrSelf(type));
  });
  return onFloats &&
         llvm::all_of(
             op.getBlock()->without_terminator(),
             llvm::IsaPred<arith::ExtFOp, arith::MulFOp, arith::AddFOp>);
}

std::optional<MatmulMatch> mlir::moe::matchMatmul(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumLoops() != 3 ||
      linalgOp.getNumDpsInputs() != 2 || linalgOp.getNumDpsInits() != 1 ||
      op->getNumResults() != 1 ||
      !linalg::isaContractionOpInterface(linalgOp) ||
      !multipliesFloats(linalgOp))
    return std::nullopt;
  SmallVector<AffineMap> maps = linalgOp.getIndexingMapsArray();
  if (llvm::any_of(maps,
                   [](AffineMap map) { return map.getNumResults() != 2; }))
    return std::nullopt;
  AffineExpr m = maps[2].getResult(0), n = maps[2].getResult(1);
  auto isMap = [](AffineMap map, AffineExpr a, AffineExpr b) {
    return map.getResult(0) == a && map.getResult(1) == b;
  };
  // The loop that the result does not have is the reduction.
  AffineExpr k =
      maps[0].getResult(0) == m ? maps[0].getResult(1) : maps[0].getResult(0);
  if (!isMap(maps[0], m, k))
    return std::nullopt;
  if (!isMap(maps[1], n, k) && !isMap(maps[1], k, n))
    return std::nullopt;
  return MatmulMatch{linalgOp.getDpsInputOperand(0)->get(),
                     linalgOp.getDpsInputOperand(1)->get(),
                     isMap(maps[1], n, k)};
}

//===----------------------------------------------------------------------===//
// Element-wise ops
//===----------------------------------------------------------------------===//

static std::optional<ElementwiseMatch>
matchElementwiseLinalg(linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1 || op->getNumResults() != 1 ||
      op.getNumParallelLoops() != op.getNumLoops() || op.hasIndexSemantics() ||
      isa<linalg::FillOp>(op.getOperation()) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      findNonScalarOp(*op.getBlock()))
    return std::nullopt;
  ElementwiseMatch match{op, {}, {}};
  for (OpOperand &operand : op->getOpOperands()) {
    if (!op.payloadUsesValueFromOperand(&operand))
      continue;
    match.inputs.push_back(&operand);
    match.maps.push_back(op.getMatchingIndexingMap(&operand));
  }
  return match;
}

std::optional<ElementwiseMatch> mlir::moe::matchElementwise(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return matchElementwiseLinalg(linalgOp);
  if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1 ||
      op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type)
    return std::nullopt;
  ElementwiseMatch match{op, {}, {}};
  for (OpOperand &operand : op->getOpOperands()) {
    bool isTensor = isa<RankedTensorType>(operand.get().getType());
    // A scalar operand of a tensor op (a select's condition) must be constant
    // to be carried into a region.
    if (!isTensor && !matchPattern(operand.get(), m_Constant()))
      return std::nullopt;
    match.inputs.push_back(&operand);
    match.maps.push_back(
        isTensor ? AffineMap::getMultiDimIdentityMap(type.getRank(),
                                                     op->getContext())
                 : AffineMap::get(type.getRank(), 0, op->getContext()));
  }
  return match;
}

/// Clones the body of a linalg op onto scalars.
static Value emitLinalgBody(OpBuilder &builder, const ElementwiseMatch &match,
                            ValueRange scalars) {
  auto op = cast<linalg::LinalgOp>(match.op);
  Block *body = op.getBlock();
  IRMapping mapping;
  for (auto [input, scalar] : llvm::zip(match.inputs, scalars))
    mapping.map(op.getMatchingBlockArgument(input), scalar);
  for (Operation &inner : body->without_terminator()) {
    for (Value operand : inner.getOperands()) {
      // A constant from outside comes along.
      Operation *def = operand.getDefiningOp();
      if (def && !mapping.contains(operand) &&
          !body->getParent()->isAncestor(def->getParentRegion()))
        mapping.map(operand, builder.clone(*def)->getResult(0));
    }
    builder.clone(inner, mapping);
  }
  Value yielded = body->getTerminator()->getOperand(0);
  if (Value mapped = mapping.lookupOrNull(yielded))
    return mapped;
  return builder.clone(*yielded.getDefiningOp())->getResult(0);
}

Value ElementwiseMatch::emitScalar(OpBuilder &builder,
                                   ValueRange scalars) const {
  if (isa<linalg::LinalgOp>(op))
    return emitLinalgBody(builder, *this, scalars);
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(scalars);
  state.addTypes(getElementTypeOrSelf(op->getResult(0)));
  state.addAttributes(op->getAttrs());
  return builder.create(state)->getResult(0);
}
