//===- LoopBuilder.h - Short names for loops and index arithmetic -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An op builder with one location for code that emits whole loop nests: the
// callers read like the loops that they emit.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_LOOPBUILDER_H
#define MOE_LIB_CONVERSION_MOETOCPU_LOOPBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::moe {

/// Whether neighbours in the last dimension are neighbours in memory.
bool hasUnitStride(MemRefType type);

class LoopBuilder : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  //===--- Constants ------------------------------------------------------===//
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(*this, value);
  }
  Value i32(int64_t value) {
    return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
  }
  Value f32(double value) {
    return arith::ConstantOp::create(*this, getF32FloatAttr(value));
  }
  /// A float, or a vector of floats, as f32.
  Value toF32(Value value);
  /// A constant of `type`, a float or a vector of floats.
  Value floatConstant(Type type, double value);
  Value zero(Type type) {
    return arith::ConstantOp::create(*this, cast<TypedAttr>(getZeroAttr(type)));
  }

  //===--- Integer arithmetic (index or i32; counts and offsets, unsigned)
  //--===//
  Value add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
  Value sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
  Value mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
  Value div(Value a, Value b) { return createOrFold<arith::DivUIOp>(a, b); }
  Value rem(Value a, Value b) { return createOrFold<arith::RemUIOp>(a, b); }
  Value min(Value a, Value b) { return createOrFold<arith::MinUIOp>(a, b); }
  Value max(Value a, Value b) { return createOrFold<arith::MaxUIOp>(a, b); }
  Value ceilDiv(Value a, Value b) { return div(sub(add(a, b), like(a, 1)), b); }
  Value add(Value a, int64_t b) { return b ? add(a, like(a, b)) : a; }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, like(a, b)); }
  Value div(Value a, int64_t b) { return b == 1 ? a : div(a, like(a, b)); }
  Value rem(Value a, int64_t b) { return rem(a, like(a, b)); }
  /// A constant of the type of `value`.
  Value like(Value value, int64_t number) {
    return arith::ConstantOp::create(*this,
                                     getIntegerAttr(value.getType(), number));
  }
  Value toIndex(Value value) {
    return createOrFold<arith::IndexCastOp>(getIndexType(), value);
  }
  Value toI32(Value value) {
    return createOrFold<arith::IndexCastOp>(getI32Type(), value);
  }
  Value cmp(arith::CmpIPredicate predicate, Value a, Value b) {
    return createOrFold<arith::CmpIOp>(predicate, a, b);
  }
  Value equal(Value a, Value b) { return cmp(arith::CmpIPredicate::eq, a, b); }
  Value less(Value a, Value b) { return cmp(arith::CmpIPredicate::ult, a, b); }
  Value cmp(arith::CmpFPredicate predicate, Value a, Value b) {
    return createOrFold<arith::CmpFOp>(predicate, a, b);
  }
  Value select(Value condition, Value a, Value b) {
    return createOrFold<arith::SelectOp>(condition, a, b);
  }
  Value logicalOr(Value a, Value b) { return createOrFold<arith::OrIOp>(a, b); }
  Value logicalAnd(Value a, Value b) {
    return createOrFold<arith::AndIOp>(a, b);
  }
  Value logicalNot(Value a) {
    Value isTrue = arith::ConstantOp::create(*this, getBoolAttr(true));
    return createOrFold<arith::XOrIOp>(a, isTrue);
  }

  //===--- Memory
  //-----------------------------------------------------------===//
  Value load(Value memref, ValueRange indices) {
    return memref::LoadOp::create(*this, memref, indices);
  }
  void store(Value value, Value memref, ValueRange indices) {
    memref::StoreOp::create(*this, value, memref, indices);
  }
  /// `lanes` neighbours in the last dimension, or a scalar where `lanes` is 0.
  /// Where they are not neighbours in memory, one by one.
  Value loadLanes(unsigned lanes, Value memref, ValueRange indices);
  /// Stores a vector of neighbours, or a scalar.
  void storeLanes(Value value, Value memref, ValueRange indices) {
    if (isa<VectorType>(value.getType()))
      vector::StoreOp::create(*this, value, memref, indices);
    else
      store(value, memref, indices);
  }
  /// Stores a vector past the caches, to an address that is a multiple of its
  /// size, or of 64 bytes for longer ones: the memory's old content is not
  /// read, if the rest of its cache line is stored right after. A thread is to
  /// emit a store fence before others read it.
  void streamVector(Value value, Value memref, ValueRange indices);
  /// `bytes` (a memref of i8) from `offset` on, as a memref of `shape`, whose
  /// dynamic sizes are `sizes`.
  Value view(Value bytes, Value offset, ArrayRef<int64_t> shape, Type element,
             ValueRange sizes = {});
  /// `scalar` in all of `lanes` lanes, or itself where `lanes` is 0.
  Value broadcast(unsigned lanes, Value scalar) {
    return lanes == 0
               ? scalar
               : vector::BroadcastOp::create(
                     *this, VectorType::get({lanes}, scalar.getType()), scalar);
  }

  //===--- Control flow
  //-----------------------------------------------------===//
  void forEach(Value from, Value to, Value step,
               function_ref<void(Value)> body);
  void forEach(Value from, Value to, function_ref<void(Value)> body) {
    forEach(from, to, index(1), body);
  }
  void forEach(int64_t count, function_ref<void(Value)> body) {
    forEach(index(0), index(count), index(1), body);
  }
  /// Runs `body` on what `next` returns as long as that is less than `end`.
  void forEachBelow(Value end, function_ref<Value()> next,
                    function_ref<void(Value)> body);
  using CarriedBody =
      function_ref<SmallVector<Value>(Value iv, ValueRange carried)>;
  /// A loop that carries values: `body` returns the next ones.
  SmallVector<Value> forCarrying(Value from, Value to, ValueRange init,
                                 CarriedBody body);
  void ifThen(Value condition, function_ref<void()> then);
  void ifElse(Value condition, function_ref<void()> then,
              function_ref<void()> otherwise);
  /// The values that the taken branch returns.
  SmallVector<Value> choose(TypeRange types, Value condition,
                            function_ref<SmallVector<Value>()> then,
                            function_ref<SmallVector<Value>()> otherwise);

  //===--- Work sharing
  //-----------------------------------------------------===//
  /// This thread's part of `count` items: `[count*t/n, count*(t+1)/n)`.
  std::pair<Value, Value> share(Value count, Value thread, Value numThreads) {
    Value from = div(mul(count, thread), numThreads);
    Value to = div(mul(count, add(thread, 1)), numThreads);
    return {from, to};
  }
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_LOOPBUILDER_H
