//===- Exit.h - How tools end -----------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TOOLS_EXIT_H
#define MOE_TOOLS_EXIT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::moe {

/// What a tool's process ends with.
enum ExitStatus { Success = 0, Failure = 1, WrongUsage = 2 };

/// Prints "TOOL: error: MESSAGE" and returns `status`.
ExitStatus fail(ExitStatus status, llvm::StringRef tool,
                const llvm::Twine &message);

/// The answer to --version of every tool.
void printVersion(llvm::raw_ostream &os);

} // namespace mlir::moe

#endif // MOE_TOOLS_EXIT_H
