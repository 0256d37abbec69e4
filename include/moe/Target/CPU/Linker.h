//===- Linker.h - Shared libraries without a system compiler -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Links an object file into a shared library with lld.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_LINKER_H
#define MOE_TARGET_CPU_LINKER_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::moe {

/// The shared library of `object`, called `soname`, that asks the loader for
/// libc, libm and the OpenMP runtime. None of these needs to be present. The
/// linker puts the options of llvm::cl in this process back to their defaults.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
linkSharedLibrary(llvm::MemoryBufferRef object, llvm::StringRef soname);

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_LINKER_H
