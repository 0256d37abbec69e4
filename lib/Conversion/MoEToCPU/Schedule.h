//===- Schedule.h - Which thread computes which rows ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rows of an expert, cut into blocks, are the tasks of a grouped product.
// Every thread derives the same order of tasks for itself, longest first, and
// then takes the next one from a shared counter until none is left: a thread
// whose core is busy with something else takes fewer.
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

/// Counters from which threads take tasks, at the start of the memory that they
/// share. Each has a cache line, and is used once.
class TaskCounters {
public:
  explicit TaskCounters(Value shared) : shared(shared) {}

  /// Another counter, an i32 that is 0 when the threads start.
  Value create(LoopBuilder &builder);

  /// Sets all counters to 0, before the threads start.
  void clear(LoopBuilder &builder, Value shared) const;

  int64_t getNumBytes() const { return numBytes; }

private:
  Value shared;
  int64_t numBytes = 0;
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

  /// The tasks that this thread takes: the expert, its first row in the plan's
  /// order, and the number of rows, which may be more than one row block.
  void forEachTask(
      Value counter,
      function_ref<void(Value expert, Value firstRow, Value numRows)> body);

private:
  void allocate();
  void emitOffsets();
  void emitTasks(Value numRows);
  void sortTasks();
  void emitRows(Value ids, Value rows, Value inverse);
  /// The rows of a task, an index.
  Value taskSize(Value task);
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
