//===- Schedule.h - Which thread computes which rows ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rows of an expert, cut into blocks, are the tasks of a grouped product,
// or of a pair of them, where the second product reads what the first one wrote
// of the task's rows: a task has one or two steps. Every thread derives the
// same order of tasks for itself, longest first, and then takes the next piece
// of work from a shared counter until none is left: a thread whose core is busy
// with something else takes fewer.
//
// Most pieces are whole tasks, all steps. But n tasks keep p threads busy in
// rounds of p, and a last round of n mod p tasks (with n < p, the only one)
// leaves threads idle. So the tasks of that round are split: a part of one is
// an equal share of the columns of one step, and all parts of all first steps
// are handed out before any of a second step. A column's sum is never split, so
// its bits do not depend on this.
//
// Between two steps of a split task each part of the first, when it is done,
// adds 1 to a counter, and each part of the second waits until the counter has
// all of them:
//
// * Nobody waits for ever. Who takes a part of a second step finds all parts of
//   first steps handed out, and who has one of these, or a whole task, waits
//   for nobody until it is done. That needs no number of threads to run at a
//   time.
// * What the first step wrote is seen. Adding 1 is an acquire-release operation
//   and the load that ends a wait is an acquire: it reads the last of a chain
//   of additions, and so synchronises with every one of them.
// * Nothing is overwritten that somebody still reads. A split task has memory
//   of its own for what its steps hand over, which is used once between two
//   barriers. A whole task has that of its thread, which nobody else touches.
//
// Which rows a thread will need is known only when it takes a task. So that no
// barrier is needed between planning and the products, every thread writes the
// whole of the plan's `rows` before it reads any of them. All threads write the
// same values, with relaxed atomic accesses: whichever store a load sees, the
// value is right, and no two accesses race. Memory of each thread's own would
// grow with threads times tokens, and looking for a task's rows when it is
// taken would read all ids once per task. `inverse` is read by tokens, so each
// thread writes that of its own tokens.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_SCHEDULE_H
#define MOE_LIB_CONVERSION_MOETOCPU_SCHEDULE_H

#include "Products.h"

namespace mlir::moe {

/// A thread of the parallel region.
struct ThreadInfo {
  Value thread, numThreads;
};

/// Counters of tasks, handed out and done, at the start of the memory that the
/// threads share. Each has a cache line, and is used once.
class TaskCounters {
public:
  /// The distance between two counters, in i32.
  static constexpr int64_t kStride = 16;

  explicit TaskCounters(Value shared) : shared(shared) {}

  /// More counters, i32 that are 0 when the threads start.
  Value create(LoopBuilder &builder, int64_t count = 1);

  /// Sets all counters to 0, before the threads start.
  void clear(LoopBuilder &builder, Value shared) const;

  int64_t getNumBytes() const { return numBytes; }

private:
  Value shared;
  int64_t numBytes = 0;
};

/// Memory that grows with the number of threads, but is not a thread's own:
/// what one of them writes another one reads in the same phase, and nothing
/// says when the last one has read it. So none of it is used twice.
class TeamMemory {
public:
  explicit TeamMemory(Value bytes) : bytes(bytes) {}

  /// The first of `perThread` bytes, whole cache lines, times the threads.
  Value allocate(LoopBuilder &builder, Value numThreads, int64_t perThread);

  Value getBytes() const { return bytes; }
  int64_t getNumBytesPerThread() const { return bytesPerThread; }

private:
  Value bytes;
  int64_t bytesPerThread = 0;
};

/// What a thread does at a time: some rows of a task, and of one or of all of
/// its steps all columns or a part of them.
struct Piece {
  Value expert, firstRow, numRows; // the first one in the plan's order
  Value part, numParts;            // 0 of 1 for all columns
  Value place; // of what the steps hand over, among two places per thread

  /// This piece's part of `count` columns, or groups of columns.
  std::pair<Value, Value> share(LoopBuilder &builder, int64_t count) const {
    return builder.share(builder.index(count), part, numParts);
  }
};

class Schedule {
public:
  Schedule(LoopBuilder &builder, Scratch &scratch, ThreadInfo thread,
           int64_t experts, int64_t rowBlock);

  /// Counts rows from ids (`T x K`), fills `offsets` and the plan's `rows`, the
  /// inverse of this thread's tokens, and puts the tasks in order.
  void emitPlan(Value ids, Value offsets, Value rows, Value inverse);

  /// Puts the tasks of given offsets in order.
  void emitFromOffsets(Value offsets, Value numRows);

  using Step = std::function<void(const Piece &piece)>;

  /// The pieces that this thread takes of tasks of one or two steps, by blocks
  /// of at most `rowBlock` rows; none has more than `maxParts` parts.
  void forEachPiece(TaskCounters &counters, int64_t rowBlock, int64_t maxParts,
                    ArrayRef<Step> steps);

private:
  void allocate();
  void emitOffsets();
  void emitTasks(Value numRows);
  void sortTasks();
  void emitRows(Value ids, Value rows, Value inverse);
  /// The first row of a task, and the first one after it, of its expert's.
  std::pair<Value, Value> taskRange(Value task);
  /// The rows of a task, an index.
  Value taskSize(Value task);
  /// How many tasks are not split, the first ones, and how many are.
  struct Split {
    Value numWhole, numTasks, numParts;
  };
  Split emitSplit(int64_t rowBlock, int64_t maxParts);
  ModuleOp getModule() {
    return b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  }
  void emitWaitForParts(Value done, const Split &split, Value task);
  Value get(Value memory, Value position) {
    return b.toIndex(b.load(memory, position));
  }
  void put(Value number, Value memory, ValueRange position) {
    b.store(b.toI32(number), memory, position);
  }
  /// memory[position]++; the old value, an index.
  Value increment(Value memory, Value position);
  void clear(Value memory, int64_t count);

  LoopBuilder &b;
  Scratch &scratch;
  ThreadInfo thread;
  int64_t experts, rowBlock;
  Value offsets, counts, taskStart, taskExpert, order, histogram;
  Value taskRows, numTasks;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_SCHEDULE_H
