//===- ThreadSanitizer.h - Races in generated code --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// If this project is built with -fsanitize=thread, so is the code that it
// generates: its processes have the runtime that the code calls, and without
// its calls the runtime would see none of a layer's accesses.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_TARGET_CPU_THREADSANITIZER_H
#define MOE_LIB_TARGET_CPU_THREADSANITIZER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"

namespace mlir::moe {

/// Whether generated code is checked for races.
inline constexpr bool sanitizesThreads = LLVM_THREAD_SANITIZER_BUILD;

/// Marks all functions of `code` as checked. Before optimisation, which must
/// not read memory that the program does not read.
void setThreadSanitizerAttributes(llvm::Module &code);

/// Lets the pipelines of `builder` end with the instrumentation.
void addThreadSanitizerPasses(llvm::PassBuilder &builder);

/// Whether `name` belongs to the runtime.
inline bool isThreadSanitizerSymbol(llvm::StringRef name) {
  return name.starts_with("__tsan_");
}

} // namespace mlir::moe

#endif // MOE_LIB_TARGET_CPU_THREADSANITIZER_H
