//===- JIT.h - Compiled layers in this process -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles a module and loads it into this process.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_JIT_H
#define MOE_TARGET_CPU_JIT_H

#include "moe/Target/CPU/EntryPoint.h"
#include <dlpack/dlpack.h>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace mlir::moe {

/// An entry point that can be called: the C functions of one NAME, with their
/// messages as errors. Valid while its JIT lives.
class JITFunction {
public:
  const EntryPoint &getEntryPoint() const { return *entryPoint; }

  /// Bytes of the packed parameters.
  size_t getPackedSize() const;

  /// Packs all parameter tensors, in the order of the entry point (a per-expert
  /// parameter is E tensors), into memory aligned to 64 bytes.
  llvm::Error pack(ArrayRef<DLTensor> params, void *packed) const;

  /// Bytes of workspace that `run` needs for as many tokens, with the number of
  /// threads set when this is called.
  llvm::Expected<size_t> getWorkspaceSize(int64_t tokens) const;

  /// Runs the layer. Calls with different workspaces may run at the same time.
  llvm::Error run(ArrayRef<DLTensor> inputs, const void *packed,
                  MutableArrayRef<DLTensor> outputs, void *workspace) const;

private:
  friend class JIT;
  llvm::Error toError(int status) const;

  const EntryPoint *entryPoint = nullptr;
  size_t (*packedSizeFn)() = nullptr;
  int (*packFn)(const DLTensor *, size_t, void *) = nullptr;
  size_t (*workspaceSizeFn)(int64_t) = nullptr;
  int (*runFn)(const DLTensor *, size_t, const void *, DLTensor *, size_t,
               void *) = nullptr;
  const char *(*lastErrorFn)() = nullptr;
};

/// A compiled module in this process.
class JIT {
public:
  /// Compiles `module`, in the llvm dialect with `moe.entry_points`, and loads
  /// it together with the OpenMP runtime. Diagnostics at the module say what is
  /// wrong, also that this machine lacks a feature that the code is for.
  static FailureOr<std::unique_ptr<JIT>> create(ModuleOp module,
                                                unsigned optLevel = 3);
  ~JIT();

  ArrayRef<EntryPoint> getEntryPoints() const { return entryPoints; }

  /// The entry point called `name`; an error says which there are.
  llvm::Expected<JITFunction> lookup(StringRef name) const;

private:
  JIT();
  template <typename Fn>
  llvm::Error resolve(const llvm::Twine &symbol, Fn &function) const;

  std::vector<EntryPoint> entryPoints;
  std::unique_ptr<llvm::orc::LLJIT> engine;
};

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_JIT_H
