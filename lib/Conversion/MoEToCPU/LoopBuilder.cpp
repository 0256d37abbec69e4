//===- LoopBuilder.cpp - Short names for loops and index arithmetic -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopBuilder.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::moe;

bool mlir::moe::hasUnitStride(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

Value LoopBuilder::floatConstant(Type type, double value) {
  FloatAttr scalar = getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(*this,
                                     DenseElementsAttr::get(vector, scalar));
  return arith::ConstantOp::create(*this, scalar);
}

Value LoopBuilder::toF32(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isF32())
    return value;
  Type type = getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = VectorType::get(vector.getShape(), type);
  if (element.getIntOrFloatBitWidth() > 32)
    return arith::TruncFOp::create(*this, type, value);
  return arith::ExtFOp::create(*this, type, value);
}

Value LoopBuilder::loadLanes(unsigned lanes, Value memref, ValueRange indices) {
  if (lanes == 0)
    return load(memref, indices);
  auto type = cast<MemRefType>(memref.getType());
  auto vector =
      VectorType::get({static_cast<int64_t>(lanes)}, type.getElementType());
  if (hasUnitStride(type))
    return vector::LoadOp::create(*this, vector, memref, indices);
  SmallVector<Value> at(indices), elements;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    at.back() = add(indices.back(), lane);
    elements.push_back(load(memref, at));
  }
  return vector::FromElementsOp::create(*this, vector, elements);
}

Value LoopBuilder::view(Value bytes, Value offset, ArrayRef<int64_t> shape,
                        Type element, ValueRange sizes) {
  return memref::ViewOp::create(*this, MemRefType::get(shape, element), bytes,
                                offset, sizes);
}

void LoopBuilder::streamVector(Value value, Value memref, ValueRange indices) {
  auto type = cast<VectorType>(value.getType());
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  vector::StoreOp::create(*this, value, memref, indices, /*nontemporal=*/true,
                          llvm::Align(std::min<int64_t>(bytes, 64)));
}

void LoopBuilder::forEach(Value from, Value to, Value step,
                          function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(*this, from, to, step);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void LoopBuilder::forEachBelow(Value end, function_ref<Value()> next,
                               function_ref<void(Value)> body) {
  auto loop =
      scf::WhileOp::create(*this, TypeRange(end.getType()), ValueRange());
  OpBuilder::InsertionGuard guard(*this);
  createBlock(&loop.getBefore());
  Value value = next();
  scf::ConditionOp::create(*this, less(value, end), value);
  Block *after = createBlock(&loop.getAfter(), {}, end.getType(), getLoc());
  body(after->getArgument(0));
  scf::YieldOp::create(*this);
}

SmallVector<Value> LoopBuilder::forCarrying(Value from, Value to,
                                            ValueRange init, CarriedBody body) {
  auto loop = scf::ForOp::create(*this, from, to, index(1), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void LoopBuilder::ifThen(Value condition, function_ref<void()> then) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
}

void LoopBuilder::ifElse(Value condition, function_ref<void()> then,
                         function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

SmallVector<Value>
LoopBuilder::choose(TypeRange types, Value condition,
                    function_ref<SmallVector<Value>()> then,
                    function_ref<SmallVector<Value>()> otherwise) {
  auto branch = scf::IfOp::create(*this, types, condition,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise());
  return llvm::to_vector(ValueRange(branch.getResults()));
}
