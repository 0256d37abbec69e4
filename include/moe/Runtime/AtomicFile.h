//===- AtomicFile.h - Files written whole or not at all ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Output that appears under its name only once it is complete.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_ATOMICFILE_H
#define MOE_RUNTIME_ATOMICFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::moe {

/// Lets `write` fill a temporary file beside `path` and renames it to `path`.
/// On any failure (also an error that `write` returns, which is passed on)
/// nothing of it remains and what was at `path` is untouched. "-" is standard
/// output; that, and what exists but is no regular file (a pipe, /dev/null), is
/// written directly.
llvm::Error
writeFileAtomically(llvm::StringRef path,
                    llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

} // namespace mlir::moe

#endif // MOE_RUNTIME_ATOMICFILE_H
