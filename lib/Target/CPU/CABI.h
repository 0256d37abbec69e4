//===- CABI.h - The C functions of compiled layers --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Adds the public C functions of each entry point to LLVM IR.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_TARGET_CPU_CABI_H
#define MOE_LIB_TARGET_CPU_CABI_H

#include "moe/Target/CPU/EntryPoint.h"
#include "moe/Target/CPU/TargetInfo.h"

namespace llvm {
class Module;
} // namespace llvm

namespace mlir::moe {

/// The hidden function of a module that gives back its error messages, for
/// loaders that run no destructors; named after the first entry point.
std::string getUnloadFunctionName(ArrayRef<EntryPoint> entryPoints);

/// Adds NAME_pack, NAME_run and their kin for each of `entryPoints` to `code`,
/// which has the functions NAME__pack and NAME__run, together with the code
/// that checks their arguments and that the machine has `features`. All else in
/// `code` becomes internal.
llvm::Error addCFunctions(llvm::Module &code, ArrayRef<EntryPoint> entryPoints,
                          StringRef cpu, ArrayRef<CPUFeature> features);

} // namespace mlir::moe

#endif // MOE_LIB_TARGET_CPU_CABI_H
