//===- TimedThreads.h - Threads that start together -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The time of work on several threads, without that of making them.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_TIMEDTHREADS_H
#define MOE_RUNTIME_TIMEDTHREADS_H

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::moe {

/// Runs `work(thread)` on `numThreads` threads, at least one, which start
/// together; the seconds from the first start to the last end.
double timeOnThreads(unsigned numThreads,
                     llvm::function_ref<void(unsigned)> work);

} // namespace mlir::moe

#endif // MOE_RUNTIME_TIMEDTHREADS_H
