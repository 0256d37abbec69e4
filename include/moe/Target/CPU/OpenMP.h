//===- OpenMP.h - The OpenMP runtime of compiled layers -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds LLVM's OpenMP runtime, which generated code calls, at run time.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_OPENMP_H
#define MOE_TARGET_CPU_OPENMP_H

#include "llvm/Support/Error.h"

namespace mlir::moe {

/// The name that libraries ask the loader for: "libomp.so.5".
llvm::StringRef getOpenMPLibraryName();

/// The runtime, loaded once: by that name where the loader looks, else from
/// where it was when this program was built.
class OpenMPRuntime {
public:
  static llvm::Expected<const OpenMPRuntime *> get();

  /// The file or name that it was loaded as.
  llvm::StringRef getPath() const { return path; }

  /// The threads that the next parallel region of the calling thread uses.
  int getMaxThreads() const { return maxThreads(); }
  void setNumThreads(int threads) const { numThreads(threads); }

private:
  static llvm::Expected<OpenMPRuntime> load();

  std::string path;
  int (*maxThreads)() = nullptr;
  void (*numThreads)(int) = nullptr;
};

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_OPENMP_H
