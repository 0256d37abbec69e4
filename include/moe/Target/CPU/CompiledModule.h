//===- CompiledModule.h - From the llvm dialect to code -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module in the llvm dialect with `moe.entry_points` becomes optimised LLVM
// IR with the C functions of each entry point, then assembly or an object.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_COMPILEDMODULE_H
#define MOE_TARGET_CPU_COMPILEDMODULE_H

#include "moe/Target/CPU/EntryPoint.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::moe {

/// The code of one module for one processor. Everything that can go wrong is
/// said as a diagnostic at the module that it came from, which has to outlive
/// this.
class CompiledModule {
public:
  /// Translates `module` to LLVM IR for its `moe.target_cpu` and
  /// `moe.target_features`, adds the public C functions and their checks, and
  /// optimises. Levels are 0 to 3, as in -O3.
  static FailureOr<CompiledModule> create(ModuleOp module,
                                          unsigned optLevel = 3);

  ArrayRef<EntryPoint> getEntryPoints() const { return entryPoints; }
  const llvm::TargetMachine &getTargetMachine() const { return *machine; }

  /// The optimised LLVM IR as text.
  void printLLVMIR(llvm::raw_ostream &os) const;

  /// The assembly as text.
  LogicalResult printAssembly(llvm::raw_ostream &os) const;

  /// The position-independent object file. An error if it refers to anything
  /// that is in none of libc, libm and the OpenMP runtime.
  FailureOr<std::unique_ptr<llvm::MemoryBuffer>> emitObject() const;

private:
  CompiledModule() = default;
  LogicalResult translate(unsigned optLevel);
  LogicalResult emit(llvm::raw_pwrite_stream &os,
                     llvm::CodeGenFileType type) const;

  mutable ModuleOp source;
  std::vector<EntryPoint> entryPoints;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> code;
};

/// Symbols that the object file in `object` needs and that none of libc, libm
/// and the OpenMP runtime has.
llvm::Expected<SmallVector<std::string>>
findForeignSymbols(llvm::MemoryBufferRef object);

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_COMPILEDMODULE_H
