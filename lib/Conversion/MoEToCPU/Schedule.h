//===- Schedule.h - Which thread computes which rows ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rows of an expert, cut into blocks, are the tasks of a grouped product.
// Every thread computes the same assignment of tasks to threads for itself:
// longest first, each to the thread with the least work so far.
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

class Schedule {
public:
  Schedule(LoopBuilder &builder, Scratch &scratch, ThreadInfo thread,
           int64_t experts, int64_t rowBlock, double balanceRows);

  /// Counts rows from ids (`T x K`), fills `offsets`, assigns tasks, and fills
  /// the rows and the inverse of the plan for this thread's tasks (each entry
  /// of them is written by one thread).
  void emitPlan(Value ids, Value offsets, Value rows, Value inverse);

  /// Assigns the tasks of given offsets.
  void emitFromOffsets(Value offsets, Value numRows);

  /// This thread's tasks: the expert, its first row in the plan's order, and
  /// the number of rows, which may be more than one row block.
  void forEachTask(
      function_ref<void(Value expert, Value firstRow, Value numRows)> body);

private:
  void allocate();
  void emitOffsets();
  void emitTasks(Value numRows);
  void sortTasks();
  void assignTasks();
  void emitRows(Value ids, Value rows, Value inverse);
  /// The rows of a task, an index.
  Value taskSize(Value task);
  Value taskCost(Value numRows);
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
  Value offsets, counts, taskStart, taskExpert, owner, order, queue, histogram,
      loads;
  Value taskRows, numTasks, queueLength;
  double balanceRows;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_SCHEDULE_H
