//===- OpenMP.cpp - The OpenMP runtime of compiled layers --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/OpenMP.h"

#include "llvm/ADT/StringRef.h"
#include <dlfcn.h>
#include <mutex>
#include <optional>

using namespace mlir::moe;

llvm::StringRef mlir::moe::getOpenMPLibraryName() { return MOE_LIBOMP_NAME; }

llvm::Expected<OpenMPRuntime> OpenMPRuntime::load() {
  OpenMPRuntime runtime;
  void *library = nullptr;
  std::string failure;
  for (const char *candidate : {MOE_LIBOMP_NAME, MOE_LIBOMP_PATH}) {
    library = dlopen(candidate, RTLD_NOW);
    if (library) {
      runtime.path = candidate;
      break;
    }
    failure = dlerror();
  }
  if (!library)
    return llvm::createStringError(
        "expected the OpenMP runtime as " MOE_LIBOMP_NAME
        " where the loader looks or as " MOE_LIBOMP_PATH ", got neither: " +
        failure);
  runtime.maxThreads =
      reinterpret_cast<int (*)()>(dlsym(library, "omp_get_max_threads"));
  runtime.numThreads =
      reinterpret_cast<void (*)(int)>(dlsym(library, "omp_set_num_threads"));
  if (!runtime.maxThreads || !runtime.numThreads)
    return llvm::createStringError("expected an OpenMP runtime as " +
                                   runtime.path +
                                   ", got a library without omp_* functions");
  return runtime;
}

llvm::Expected<const OpenMPRuntime *> OpenMPRuntime::get() {
  static std::mutex mutex;
  static std::optional<OpenMPRuntime> loaded;
  std::lock_guard<std::mutex> lock(mutex);
  if (!loaded) {
    llvm::Expected<OpenMPRuntime> runtime = load();
    if (!runtime)
      return runtime.takeError();
    loaded = std::move(*runtime);
  }
  return &*loaded;
}
