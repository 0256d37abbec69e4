//===- JIT.cpp - Compiled layers in this process --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/JIT.h"

#include "CABI.h"
#include "moe/Target/CPU/CompiledModule.h"
#include "moe/Target/CPU/OpenMP.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// JITFunction
//===----------------------------------------------------------------------===//

llvm::Error JITFunction::toError(int status) const {
  if (status == 0)
    return llvm::Error::success();
  return llvm::createStringError(lastErrorFn());
}

size_t JITFunction::getPackedSize() const { return packedSizeFn(); }

llvm::Error JITFunction::pack(ArrayRef<DLTensor> params, void *packed) const {
  return toError(packFn(params.data(), params.size(), packed));
}

llvm::Expected<size_t> JITFunction::getWorkspaceSize(int64_t tokens) const {
  if (tokens < 0 || tokens > entryPoint->getMaxTokens()) {
    workspaceSizeFn(tokens); // Leaves the message.
    return llvm::createStringError(lastErrorFn());
  }
  return workspaceSizeFn(tokens);
}

llvm::Error JITFunction::run(ArrayRef<DLTensor> inputs, const void *packed,
                             MutableArrayRef<DLTensor> outputs,
                             void *workspace) const {
  return toError(runFn(inputs.data(), inputs.size(), packed, outputs.data(),
                       outputs.size(), workspace));
}

//===----------------------------------------------------------------------===//
// JIT
//===----------------------------------------------------------------------===//

JIT::JIT() = default;

template <typename Fn>
llvm::Error JIT::resolve(const llvm::Twine &symbol, Fn &function) const {
  llvm::Expected<llvm::orc::ExecutorAddr> address =
      engine->lookup(symbol.str());
  if (!address)
    return address.takeError();
  function = address->toPtr<Fn>();
  return llvm::Error::success();
}

JIT::~JIT() {
  void (*unload)() = nullptr;
  if (!engine)
    return;
  if (llvm::Error error = resolve(getUnloadFunctionName(entryPoints), unload))
    llvm::consumeError(std::move(error)); // Was never linked.
  else
    unload();
}

/// An engine that holds `object` and finds what it needs: the OpenMP runtime,
/// and libc and libm in this process.
static llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
createEngine(std::unique_ptr<llvm::MemoryBuffer> object) {
  llvm::Expected<const OpenMPRuntime *> runtime = OpenMPRuntime::get();
  if (!runtime)
    return runtime.takeError();
  auto engine = llvm::orc::LLJITBuilder().create();
  if (!engine)
    return engine.takeError();
  // Only these: another OpenMP runtime may be in this process, too.
  auto isOpenMP = [](const llvm::orc::SymbolStringPtr &name) {
    return (*name).starts_with("__kmpc_") || (*name).starts_with("omp_");
  };
  auto openMP = llvm::orc::DynamicLibrarySearchGenerator::Load(
      (*runtime)->getPath().str().c_str(),
      (*engine)->getDataLayout().getGlobalPrefix(), isOpenMP);
  if (!openMP)
    return openMP.takeError();
  (*engine)->getMainJITDylib().addGenerator(std::move(*openMP));
  if (llvm::Error error = (*engine)->addObjectFile(std::move(object)))
    return std::move(error);
  return engine;
}

/// Code for another machine is never loaded.
static LogicalResult checkMachine(ModuleOp module,
                                  const llvm::TargetMachine &machine) {
  SmallVector<StringRef> missing = getMissingFeatures(machine);
  if (missing.empty())
    return success();
  return module.emitError("expected a machine with the features of '")
         << machine.getTargetCPU() << "' to run this code on, got one without "
         << llvm::join(missing, ", ");
}

FailureOr<std::unique_ptr<JIT>> JIT::create(ModuleOp module,
                                            unsigned optLevel) {
  FailureOr<CompiledModule> compiled = CompiledModule::create(module, optLevel);
  if (failed(compiled) ||
      failed(checkMachine(module, compiled->getTargetMachine())))
    return failure();
  auto object = compiled->emitObject();
  if (failed(object))
    return failure();
  auto engine = createEngine(std::move(*object));
  if (!engine)
    return module.emitError() << llvm::toString(engine.takeError());
  std::unique_ptr<JIT> jit(new JIT());
  jit->entryPoints.assign(compiled->getEntryPoints().begin(),
                          compiled->getEntryPoints().end());
  jit->engine = std::move(*engine);
  return std::move(jit);
}

llvm::Expected<JITFunction> JIT::lookup(StringRef name) const {
  auto names = llvm::map_range(
      entryPoints, [](const EntryPoint &entry) { return entry.name; });
  auto entry = llvm::find_if(
      entryPoints, [&](const EntryPoint &e) { return e.name == name; });
  if (entry == entryPoints.end())
    return llvm::createStringError("expected the name of an entry point ('" +
                                   llvm::join(names, "', '") + "'), got '" +
                                   name + "'");
  JITFunction function;
  function.entryPoint = &*entry;
  if (llvm::Error error = llvm::joinErrors(
          llvm::joinErrors(
              resolve(name + "_packed_size", function.packedSizeFn),
              resolve(name + "_pack", function.packFn)),
          llvm::joinErrors(
              resolve(name + "_workspace_size", function.workspaceSizeFn),
              llvm::joinErrors(
                  resolve(name + "_run", function.runFn),
                  resolve(name + "_last_error", function.lastErrorFn)))))
    return std::move(error);
  return function;
}
