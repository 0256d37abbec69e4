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

/// A round of tasks is worth splitting if that makes it an eighth shorter: each
/// part gathers its rows anew and starts a stream of memory of its own.
static constexpr int64_t maxRounds = 8;
/// Counters of parts that are done. Where more tasks are split some share one,
/// and wait for each other's parts.
static constexpr int64_t numDoneCounters = 16;

Value TaskCounters::create(LoopBuilder &builder, int64_t count) {
  Value first = builder.index(numBytes);
  numBytes += count * kStride * 4;
  return builder.view(shared, first, {count * kStride}, builder.getI32Type());
}

void TaskCounters::clear(LoopBuilder &builder, Value shared) const {
  Value all = builder.view(shared, builder.index(0), {numBytes / 4},
                           builder.getI32Type());
  builder.forEach(
      builder.index(0), builder.index(numBytes / 4), builder.index(kStride),
      [&](Value position) { builder.store(builder.i32(0), all, position); });
}

Value TeamMemory::allocate(LoopBuilder &builder, Value numThreads,
                           int64_t perThread) {
  Value first = builder.mul(numThreads, bytesPerThread);
  bytesPerThread += perThread;
  return first;
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
  put(numTasks, taskStart, b.index(experts));
  sortTasks();
}

/// The tasks of an expert have about the same number of rows: each reads all
/// weights, and a task of the few rows that are left over would read them for
/// little. They start at multiples of 16 where a block is one, for whole tiles.
std::pair<Value, Value> Schedule::taskRange(Value task) {
  int64_t unit = rowBlock % kTileRows == 0 ? kTileRows : 1;
  Value expert = get(taskExpert, task);
  Value count = get(counts, expert), first = get(taskStart, expert);
  Value number = b.sub(get(taskStart, b.add(expert, 1)), first);
  auto getStart = [&](Value i) {
    Value exact = b.div(b.mul(count, i), number);
    return b.min(b.mul(b.ceilDiv(exact, b.index(unit)), unit), count);
  };
  Value i = b.sub(task, first);
  return {getStart(i), getStart(b.add(i, 1))};
}

Value Schedule::taskSize(Value task) {
  auto [start, end] = taskRange(task);
  return b.sub(end, start);
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

/// Splits the last round of tasks. If each thread takes r parts, n tasks have
/// r * threads / n parts each, rounded down, and take r / parts as long as
/// whole ones: the fewest r that makes this the shortest.
Schedule::Split Schedule::emitSplit(int64_t rowBlock, int64_t maxParts) {
  Value threads = thread.numThreads, zero = b.index(0), one = b.index(1);
  // What the steps hand over has memory for one block. And in many rounds the
  // last one is little.
  Value isSplit = b.logicalAnd(b.less(taskRows, b.index(rowBlock + 1)),
                               b.less(numTasks, b.mul(threads, maxRounds)));
  Value rest = b.select(isSplit, b.rem(numTasks, threads), zero);
  Value divisor = b.max(rest, one);
  SmallVector<Value> best = b.forCarrying(
      one, b.index(maxRounds + 1), {one, one},
      [&](Value rounds, ValueRange carried) -> SmallVector<Value> {
        Value parts =
            b.min(b.div(b.mul(threads, rounds), divisor), b.index(maxParts));
        Value isShorter =
            b.less(b.mul(carried[0], rounds), b.mul(parts, carried[1]));
        return {b.select(isShorter, parts, carried[0]),
                b.select(isShorter, rounds, carried[1])};
      });
  Value parts = best[0];
  rest = b.select(b.equal(parts, one), zero, rest);
  return {b.sub(numTasks, rest), rest, parts};
}

/// Waits until all parts of a first step are done, for this split task and for
/// those that share its counter.
void Schedule::emitWaitForParts(Value done, const Split &split, Value task) {
  Value counter = b.rem(task, numDoneCounters);
  Value tasks =
      b.ceilDiv(b.sub(split.numTasks, counter), b.index(numDoneCounters));
  emitWait(b, getModule(), done, b.mul(counter, TaskCounters::kStride),
           b.toI32(b.mul(tasks, split.numParts)));
}

void Schedule::forEachPiece(TaskCounters &counters, int64_t rowBlock,
                            int64_t maxParts, ArrayRef<Step> steps) {
  auto numSteps = static_cast<int64_t>(steps.size());
  Value next = counters.create(b), done;
  if (numSteps > 1)
    done = counters.create(b, numDoneCounters);
  auto count = [&](Value counter, Value position) -> Value {
    return memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::addi, b.i32(1),
                                       counter, position);
  };
  Split split = emitSplit(rowBlock, maxParts);
  Value partsPerStep = b.mul(split.numTasks, split.numParts);
  Value numPieces = b.add(split.numWhole, b.mul(partsPerStep, numSteps));
  auto takeNext = [&] { return b.toIndex(count(next, b.index(0))); };
  b.forEachBelow(numPieces, takeNext, [&](Value number) {
    Value isWhole = b.less(number, split.numWhole);
    // Parts are numbered by step, then by task. For a whole task these mean
    // nothing.
    Value partNumber = b.sub(number, split.numWhole);
    Value step = b.div(partNumber, b.max(partsPerStep, b.index(1)));
    Value inStep = b.sub(partNumber, b.mul(step, partsPerStep));
    Value splitTask = b.div(inStep, split.numParts);

    Value position =
        b.select(isWhole, number, b.add(split.numWhole, splitTask));
    Value task = get(order, position);
    Piece piece;
    piece.expert = get(taskExpert, task);
    piece.part = b.select(isWhole, b.index(0), b.rem(inStep, split.numParts));
    piece.numParts = b.select(isWhole, b.index(1), split.numParts);
    piece.place =
        b.select(isWhole, b.add(thread.numThreads, thread.thread), splitTask);
    Value isPart = b.cmp(arith::CmpIPredicate::uge, number, split.numWhole);
    auto [start, end] = taskRange(task);
    Value firstRow = b.add(get(offsets, piece.expert), start);
    Value size = b.sub(end, start);
    b.forEach(b.index(0), size, b.index(rowBlock), [&](Value start) {
      piece.firstRow = b.add(firstRow, start);
      piece.numRows = b.min(b.index(rowBlock), b.sub(size, start));
      for (int64_t s = 0; s < numSteps; ++s) {
        Value isTaken = b.logicalOr(isWhole, b.equal(step, b.index(s)));
        b.ifThen(isTaken, [&] {
          if (s > 0)
            b.ifThen(isPart, [&] { emitWaitForParts(done, split, splitTask); });
          steps[s](piece);
          if (s + 1 < numSteps)
            b.ifThen(isPart, [&] {
              count(done, b.mul(b.rem(splitTask, numDoneCounters),
                                TaskCounters::kStride));
            });
        });
      }
    });
  });
}
