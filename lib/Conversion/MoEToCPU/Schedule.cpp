//===- Schedule.cpp - Which thread computes which rows --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Schedule.h"
#include "Runtime.h"

using namespace mlir;
using namespace mlir::moe;

/// Row blocks beyond one per expert; with more rows a task is several blocks.
static constexpr int64_t maxExtraTasks = 1024;
/// Tasks are sorted by their number of rows, in so many steps.
static constexpr int64_t sizeSteps = 256;

static constexpr int64_t cacheLine = 64;

static Value getCounter(LoopBuilder &b, Value shared, int64_t byte) {
  return b.view(shared, b.index(byte), {1}, b.getI32Type());
}

Value TaskCounters::create(LoopBuilder &builder) {
  numBytes += cacheLine;
  return getCounter(builder, shared, numBytes - cacheLine);
}

void TaskCounters::clear(LoopBuilder &builder, Value shared) const {
  for (int64_t byte = 0; byte < numBytes; byte += cacheLine)
    builder.store(builder.i32(0), getCounter(builder, shared, byte),
                  builder.index(0));
}

Schedule::Schedule(LoopBuilder &builder, Scratch &scratch, ThreadInfo thread,
                   int64_t experts, int64_t rowBlock)
    : b(builder), scratch(scratch), thread(thread), experts(experts),
      rowBlock(rowBlock) {}

void Schedule::allocate() {
  Type i32 = b.getI32Type();
  int64_t maxTasks = experts + maxExtraTasks;
  counts = scratch.allocate(b, experts, i32);
  taskStart = scratch.allocate(b, experts + 1, i32);
  taskExpert = scratch.allocate(b, maxTasks, i32);
  order = scratch.allocate(b, maxTasks, i32);
  histogram = scratch.allocate(b, sizeSteps + 1, i32);
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

/// Walks the slots once more and numbers the rows of each expert. The counts
/// count up again from 0.
void Schedule::emitRows(Value ids, Value rows, Value inverse) {
  clear(counts, experts);
  Value tokens = memref::DimOp::create(b, ids, 0);
  int64_t topK = cast<MemRefType>(ids.getType()).getDimSize(1);
  auto [from, to] = b.share(tokens, thread.thread, thread.numThreads);
  Value first = from, numOwn = b.sub(to, from);
  b.forEach(b.index(0), tokens, [&](Value t) {
    Value isOwn = b.less(b.sub(t, first), numOwn);
    b.forEach(topK, [&](Value s) {
      Value id = b.load(ids, {t, s});
      auto present = [&]() -> SmallVector<Value> {
        Value expert = b.toIndex(id);
        Value row = b.add(get(offsets, expert), increment(counts, expert));
        storeRelaxed(b, b.toI32(b.add(b.mul(t, topK), s)), rows, row);
        return {b.toI32(row)};
      };
      auto absent = [&]() -> SmallVector<Value> { return {b.i32(-1)}; };
      Value row = b.choose(b.getI32Type(), b.less(id, b.i32(experts)), present,
                           absent)[0];
      b.ifThen(isOwn, [&] { b.store(row, inverse, {t, s}); });
    });
  });
  b.ifThen(b.equal(thread.thread, b.index(0)), [&] {
    b.forEach(get(offsets, b.index(experts)), b.mul(tokens, topK),
              [&](Value row) { b.store(b.i32(-1), rows, row); });
  });
}

void Schedule::forEachTask(
    Value counter,
    function_ref<void(Value expert, Value firstRow, Value numRows)> body) {
  auto takeNext = [&] {
    return b.toIndex(memref::AtomicRMWOp::create(
        b, arith::AtomicRMWKind::addi, b.i32(1), counter, b.index(0)));
  };
  b.forEachBelow(numTasks, takeNext, [&](Value i) {
    Value task = get(order, i);
    Value expert = get(taskExpert, task);
    Value start = b.mul(b.sub(task, get(taskStart, expert)), taskRows);
    body(expert, b.add(get(offsets, expert), start), taskSize(task));
  });
}
