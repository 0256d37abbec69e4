//===- Runtime.h - Pointers and threads in emitted code ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_RUNTIME_H
#define MOE_LIB_CONVERSION_MOETOCPU_RUNTIME_H

#include "LoopBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::moe {

/// The memref of `type` (identity layout) that starts at the pointer; `sizes`
/// are its dynamic sizes.
Value memrefFromPointer(LoopBuilder &builder, Value pointer, MemRefType type,
                        ValueRange sizes = {});

/// Element `position` (an index) of an array of pointers.
Value loadPointer(LoopBuilder &builder, Value array, Value position);

/// The address of element `position` of a buffer of one dimension.
Value getAddress(LoopBuilder &builder, Value memory, Value position);

/// Element `position` of a buffer of one dimension that other threads may
/// write meanwhile, with the same value: a relaxed atomic access, which costs
/// what an ordinary one costs.
Value loadRelaxed(LoopBuilder &builder, Value memory, Value position);
void storeRelaxed(LoopBuilder &builder, Value value, Value memory,
                  Value position);

/// Waits until an i32 that other threads count up is `value`, and sees what
/// they wrote before. Waits in user space first: the threads that count are
/// about to be done. After that it yields the processor each time: where there
/// are more threads than processors, one of those may be waiting for this one.
void emitWait(LoopBuilder &builder, ModuleOp module, Value memory,
              Value position, Value value);

/// Emits a parallel region; `body` gets the thread's number and the number of
/// threads, both of index type.
void emitParallel(LoopBuilder &builder, ModuleOp module,
                  function_ref<void(Value thread, Value numThreads)> body);

/// A barrier of all threads of the parallel region.
void emitBarrier(LoopBuilder &builder);

/// Makes what this thread has stored past the caches visible to other threads
/// before anything that it stores afterwards: barriers alone do not.
void emitStoreFence(LoopBuilder &builder);

/// Asks the kernel, once in a process, that its threads may use AMX's tiles.
void emitTilePermission(LoopBuilder &builder, ModuleOp module);

/// A function without body or with an empty entry block, at the module's end,
/// visible to the generated code alone.
func::FuncOp createInternalFunction(ModuleOp module, Location loc,
                                    StringRef name, TypeRange inputs,
                                    bool isInlined);
/// Makes a function visible to the generated code alone, and one that is never
/// inlined unless `isInlined`.
void makeInternal(func::FuncOp function, bool isInlined);

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_RUNTIME_H
