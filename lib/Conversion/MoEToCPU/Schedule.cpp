//===- Schedule.cpp - Which thread computes which rows --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Schedule.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::moe;

/// Row blocks beyond one per expert; with more rows a task is several blocks.
static constexpr int64_t maxExtraTasks = 1024;
/// Threads that get work.
static constexpr int64_t maxThreads = 1024;
/// Tasks are sorted by their number of rows, in so many steps.
static constexpr int64_t sizeSteps = 256;

Schedule::Schedule(LoopBuilder &builder, Scratch &scratch, ThreadInfo thread,
                   int64_t experts, int64_t rowBlock, double balanceRows)
    : b(builder), scratch(scratch), thread(thread), experts(experts),
      rowBlock(rowBlock), balanceRows(balanceRows) {}

void Schedule::allocate() {
  Type i32 = b.getI32Type();
  int64_t maxTasks = experts + maxExtraTasks;
  counts = scratch.allocate(b, experts, i32);
  taskStart = scratch.allocate(b, experts + 1, i32);
  taskExpert = scratch.allocate(b, maxTasks, i32);
  owner = scratch.allocate(b, maxTasks, i32);
  order = scratch.allocate(b, maxTasks, i32);
  queue = scratch.allocate(b, maxTasks, i32);
  histogram = scratch.allocate(b, sizeSteps + 1, i32);
  loads = scratch.allocate(b, maxThreads, b.getF32Type());
}

void Schedule::clear(Value memory, int64_t count) {
  b.forEach(count, [&](Value i) { b.store(b.i32(0), memory, i); });
}

Value Schedule::increment(Value memory, Value position) {
  Value old = b.load(memory, position);
  b.store(b.add(old, 1), memory, position);
  return b.toIndex(old);
}

void Schedule::emitPlan(Value ids, Value offsets, Value rows, Value inverse) {
  this->offsets = offsets;
  allocate();
  clear(counts, experts);
  Value tokens = memref::DimOp::create(b, ids, 0);
  int64_t topK = cast<MemRefType>(ids.getType()).getDimSize(1);
  b.forEach(b.index(0), tokens, [&](Value t) {
    b.forEach(topK, [&](Value s) {
      Value id = b.load(ids, {t, s});
      b.ifThen(b.less(id, b.i32(experts)),
               [&] { increment(counts, b.toIndex(id)); });
    });
  });
  emitOffsets();
  emitTasks(b.mul(tokens, topK));
  emitRows(ids, rows, inverse);
}

void Schedule::emitFromOffsets(Value offsets, Value numRows) {
  this->offsets = offsets;
  allocate();
  b.forEach(experts, [&](Value e) {
    put(b.sub(get(offsets, b.add(e, 1)), get(offsets, e)), counts, e);
  });
  emitTasks(numRows);
}

void Schedule::emitOffsets() {
  Value total =
      b.forCarrying(b.index(0), b.index(experts), b.index(0),
                    [&](Value e, ValueRange carried) -> SmallVector<Value> {
                      put(carried[0], offsets, e);
                      return {b.add(carried[0], get(counts, e))};
                    })[0];
  put(total, offsets, b.index(experts));
}

void Schedule::emitTasks(Value numRows) {
  Value blocks =
      b.max(b.ceilDiv(numRows, b.index(rowBlock * maxExtraTasks)), b.index(1));
  taskRows = b.mul(blocks, rowBlock);
  numTasks = b.forCarrying(
      b.index(0), b.index(experts), b.index(0),
      [&](Value e, ValueRange carried) -> SmallVector<Value> {
        put(carried[0], taskStart, e);
        Value next = b.add(carried[0], b.ceilDiv(get(counts, e), taskRows));
        b.forEach(carried[0], next,
                  [&](Value task) { put(e, taskExpert, task); });
        return {next};
      })[0];
  sortTasks();
  assignTasks();
}

Value Schedule::taskSize(Value task) {
  Value expert = get(taskExpert, task);
  Value start = b.mul(b.sub(task, get(taskStart, expert)), taskRows);
  return b.min(b.sub(get(counts, expert), start), taskRows);
}

/// A counting sort of the tasks, those with the most rows first.
void Schedule::sortTasks() {
  clear(histogram, sizeSteps + 1);
  auto step = [&](Value task) {
    Value scaled = b.div(b.mul(taskSize(task), sizeSteps - 1), taskRows);
    return b.sub(b.index(sizeSteps - 1), scaled);
  };
  b.forEach(b.index(0), numTasks,
            [&](Value task) { increment(histogram, b.add(step(task), 1)); });
  b.forCarrying(b.index(0), b.index(sizeSteps), b.index(0),
                [&](Value i, ValueRange carried) -> SmallVector<Value> {
                  Value next = b.add(carried[0], get(histogram, i));
                  put(next, histogram, i);
                  return {next};
                });
  b.forEach(b.index(0), numTasks, [&](Value task) {
    put(task, order, increment(histogram, step(task)));
  });
}

/// The larger of reading the weights (1) and computing, and a part of the
/// smaller, which overlaps with it only in part.
Value Schedule::taskCost(Value numRows) {
  Value rows = arith::UIToFPOp::create(b, b.getF32Type(), b.toI32(numRows));
  Value compute = arith::MulFOp::create(b, rows, b.f32(1.0 / balanceRows));
  Value one = b.f32(1.0);
  Value larger = arith::MaximumFOp::create(b, compute, one);
  Value smaller = arith::MinimumFOp::create(b, compute, one);
  return arith::AddFOp::create(b, larger,
                               arith::MulFOp::create(b, smaller, b.f32(0.3)));
}

void Schedule::assignTasks() {
  Value threads = b.min(thread.numThreads, b.index(maxThreads));
  b.forEach(b.index(0), threads,
            [&](Value i) { b.store(b.f32(0.0), loads, i); });
  auto assign = [&](Value i, ValueRange carried) -> SmallVector<Value> {
    Value task = get(order, i);
    auto lighter = [&](Value t, ValueRange best) -> SmallVector<Value> {
      Value load = b.load(loads, t);
      Value isLess = b.cmp(arith::CmpFPredicate::OLT, load, best[1]);
      return {b.select(isLess, t, best[0]), b.select(isLess, load, best[1])};
    };
    SmallVector<Value> best = b.forCarrying(
        b.index(1), threads, {b.index(0), b.load(loads, b.index(0))}, lighter);
    Value cost = taskCost(taskSize(task));
    b.store(arith::AddFOp::create(b, best[1], cost), loads, best[0]);
    put(best[0], owner, task);
    Value isMine = b.equal(best[0], thread.thread);
    b.ifThen(isMine, [&] { put(task, queue, carried[0]); });
    return {b.select(isMine, b.add(carried[0], 1), carried[0])};
  };
  queueLength = b.forCarrying(b.index(0), numTasks, b.index(0), assign)[0];
}

/// Walks the slots once more and numbers the rows of each expert. The counts
/// count up again from 0.
void Schedule::emitRows(Value ids, Value rows, Value inverse) {
  clear(counts, experts);
  Value tokens = memref::DimOp::create(b, ids, 0);
  int64_t topK = cast<MemRefType>(ids.getType()).getDimSize(1);
  Value isFirstThread = b.equal(thread.thread, b.index(0));
  b.forEach(b.index(0), tokens, [&](Value t) {
    b.forEach(topK, [&](Value s) {
      Value id = b.load(ids, {t, s});
      auto present = [&] {
        Value expert = b.toIndex(id);
        Value position = increment(counts, expert);
        Value task = b.add(get(taskStart, expert), b.div(position, taskRows));
        Value isMine = b.equal(get(owner, task), thread.thread);
        b.ifThen(isMine, [&] {
          Value row = b.add(get(offsets, expert), position);
          put(b.add(b.mul(t, topK), s), rows, row);
          put(row, inverse, {t, s});
        });
      };
      auto absent = [&] {
        b.ifThen(isFirstThread, [&] { b.store(b.i32(-1), inverse, {t, s}); });
      };
      b.ifElse(b.less(id, b.i32(experts)), present, absent);
    });
  });
  b.ifThen(isFirstThread, [&] {
    b.forEach(get(offsets, b.index(experts)), b.mul(tokens, topK),
              [&](Value row) { b.store(b.i32(-1), rows, row); });
  });
}

void Schedule::forEachTask(
    function_ref<void(Value expert, Value firstRow, Value numRows)> body) {
  b.forEach(b.index(0), queueLength, [&](Value i) {
    Value task = get(queue, i);
    Value expert = get(taskExpert, task);
    Value start = b.mul(b.sub(task, get(taskStart, expert)), taskRows);
    body(expert, b.add(get(offsets, expert), start), taskSize(task));
  });
}
