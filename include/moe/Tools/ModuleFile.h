//===- ModuleFile.h - A module that a tool reads ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What moe-compile and moe-run share: reading a module, taking it down to the
// llvm dialect, and saying what went wrong where.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TOOLS_MODULEFILE_H
#define MOE_TOOLS_MODULEFILE_H

#include "moe/Tools/Exit.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

namespace mlir {
class SourceMgrDiagnosticHandler;

namespace moe {

/// A module read from a file, with what its diagnostics need: they appear on
/// standard error with the lines that they are about.
class ModuleFile {
public:
  /// Reads and verifies the module in `path`, "-" for standard input. Null
  /// after a diagnostic.
  static std::unique_ptr<ModuleFile> open(StringRef path);
  ~ModuleFile();

  MLIRContext &getContext() { return context; }
  ModuleOp getModule() { return *module; }

  /// From now on passes print what they did, and what they did not, and why.
  void enableRemarks();

  /// Takes the module, at any level, down to the llvm dialect for the processor
  /// called `cpu`. A module that is there already has to be for that one
  /// (native: for whichever it is).
  LogicalResult lowerToCPU(StringRef cpu);

  /// The same for a copy of the module as it is now.
  FailureOr<OwningOpRef<ModuleOp>> copyLoweredToCPU(StringRef cpu);

private:
  ModuleFile();

  MLIRContext context;
  llvm::SourceMgr sources;
  std::unique_ptr<SourceMgrDiagnosticHandler> diagnostics;
  OwningOpRef<ModuleOp> module;
};

} // namespace moe
} // namespace mlir

#endif // MOE_TOOLS_MODULEFILE_H
