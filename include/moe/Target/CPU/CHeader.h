//===- CHeader.h - The C header of a compiled layer -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The C and C++ header that declares what a compiled layer offers.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_CHEADER_H
#define MOE_TARGET_CPU_CHEADER_H

#include "moe/Target/CPU/EntryPoint.h"

namespace mlir::moe {

/// Writes the header of a library with these entry points. `fileName` is the
/// header's own name, `cpu` the processor that the code is for.
void printCHeader(llvm::raw_ostream &os, ArrayRef<EntryPoint> entryPoints,
                  StringRef fileName, StringRef cpu);

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_CHEADER_H
