//===- RowOps.cpp - Combining and moving rows, one thread's part ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerEmitter.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Combine
//===----------------------------------------------------------------------===//

/// `count` vectors of columns (or one scalar, where `lanes` is 0) of one token:
/// the sum over the slots, then the destination, rounded once.
void LayerEmitter::combineColumns(CombineOp combine, Value token, Value column,
                                  unsigned lanes, unsigned count) {
  int64_t topK = cast<MemRefType>(combine.getInverse().getType()).getDimSize(1);
  auto load = [&](Value memory, Value row, unsigned i) {
    Value at = b.add(column, static_cast<int64_t>(i * lanes));
    return b.toF32(b.loadLanes(lanes, memory, {row, at}));
  };
  Type type = b.getF32Type();
  if (lanes != 0)
    type = VectorType::get({static_cast<int64_t>(lanes)}, type);
  SmallVector<Value> zeros(count, b.zero(type));
  auto addSlot = [&](Value slot, ValueRange sums) -> SmallVector<Value> {
    Value row = b.load(combine.getInverse(), {token, slot});
    Value isPresent = b.cmp(arith::CmpIPredicate::sge, row, b.i32(0));
    return b.choose(
        sums.getTypes(), isPresent,
        [&] {
          Value source = combine.getSource() == Placement::Plan
                             ? b.toIndex(row)
                             : b.add(b.mul(token, topK), slot);
          Value weight;
          if (combine.getWeights()) {
            weight =
                b.broadcast(lanes, b.load(combine.getWeights(), {token, slot}));
          }
          SmallVector<Value> next;
          for (unsigned i = 0; i < count; ++i) {
            Value term = load(combine.getY(), source, i);
            if (weight)
              term = arith::MulFOp::create(b, term, weight);
            next.push_back(arith::AddFOp::create(b, sums[i], term));
          }
          return next;
        },
        [&] { return llvm::to_vector(sums); });
  };
  SmallVector<Value> sums =
      b.forCarrying(b.index(0), b.index(topK), zeros, addSlot);
  Type element = getElementTypeOrSelf(combine.getInit().getType());
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value total =
        arith::AddFOp::create(b, sum, load(combine.getInit(), token, i));
    Type result = element;
    if (lanes != 0)
      result = VectorType::get({static_cast<int64_t>(lanes)}, element);
    if (element.getIntOrFloatBitWidth() < 32)
      total = arith::TruncFOp::create(b, result, total);
    else if (element.getIntOrFloatBitWidth() > 32)
      total = arith::ExtFOp::create(b, result, total);
    Value at = b.add(column, static_cast<int64_t>(i * lanes));
    b.storeLanes(total, combine.getInit(), {token, at});
  }
}

void LayerEmitter::lowerCombine(CombineOp combine) {
  int64_t columns = cast<MemRefType>(combine.getInit().getType()).getDimSize(1);
  unsigned lanes = kernels.getOptions().lanes(), count = 4;
  int64_t wide = static_cast<int64_t>(lanes) * count;
  auto [from, to] = b.share(tokens, thread.thread, thread.numThreads);
  b.forEach(from, to, [&](Value token) {
    int64_t wideEnd = columns / wide * wide;
    b.forEach(b.index(0), b.index(wideEnd), b.index(wide), [&](Value column) {
      combineColumns(combine, token, column, lanes, count);
    });
    b.forEach(b.index(wideEnd), b.index(columns), [&](Value column) {
      combineColumns(combine, token, column, 0, 1);
    });
  });
}

//===----------------------------------------------------------------------===//
// Ops that fusion usually removes
//===----------------------------------------------------------------------===//

/// Copies the slice at `from` in the leading dimension to that at `to`.
static void copySlice(LoopBuilder &b, Value source, Value from,
                      Value destination, Value to) {
  ArrayRef<int64_t> shape =
      cast<MemRefType>(destination.getType()).getShape().drop_front();
  SmallVector<Value> inner;
  std::function<void(size_t)> nest = [&](size_t d) {
    if (d < shape.size())
      return b.forEach(shape[d], [&](Value i) {
        inner.push_back(i);
        nest(d + 1);
        inner.pop_back();
      });
    SmallVector<Value> read = {from}, write = {to};
    read.append(inner);
    write.append(inner);
    b.store(b.load(source, read), destination, write);
  };
  nest(0);
}

void LayerEmitter::lowerDispatch(DispatchOp dispatch) {
  int64_t experts =
      cast<MemRefType>(dispatch.getOffsets().getType()).getDimSize(0) - 1;
  Value count = b.toIndex(b.load(dispatch.getOffsets(), b.index(experts)));
  auto [from, to] = b.share(count, thread.thread, thread.numThreads);
  b.forEach(from, to, [&](Value row) {
    Value number = b.toIndex(b.load(dispatch.getRows(), row));
    Value token = b.div(number, static_cast<int64_t>(dispatch.getTopK()));
    copySlice(b, dispatch.getX(), token, dispatch.getInit(), row);
  });
}

void LayerEmitter::lowerBroadcast(ExpertBroadcastOp broadcast) {
  Value offsets = broadcast.getOffsets();
  int64_t experts =
      cast<MemRefType>(broadcast.getParam().getType()).getDimSize(0);
  b.forEach(experts, [&](Value e) {
    Value begin = b.toIndex(b.load(offsets, e));
    Value end = b.toIndex(b.load(offsets, b.add(e, 1)));
    auto [from, to] =
        b.share(b.sub(end, begin), thread.thread, thread.numThreads);
    b.forEach(from, to, [&](Value i) {
      copySlice(b, broadcast.getParam(), e, broadcast.getInit(),
                b.add(begin, i));
    });
  });
}
