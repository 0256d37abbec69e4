//===- ModuleFile.cpp - A module that a tool reads ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Tools/ModuleFile.h"

#include "moe/InitAll.h"
#include "moe/Pipelines/Pipelines.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::moe;

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  moe::registerAllDialects(registry);
  moe::registerAllExtensions(registry);
  return registry;
}

ModuleFile::ModuleFile() : context(makeRegistry()) {
  context.printOpOnDiagnostic(false); // The line of the source says it.
  diagnostics = std::make_unique<SourceMgrDiagnosticHandler>(sources, &context);
}

ModuleFile::~ModuleFile() = default;

std::unique_ptr<ModuleFile> ModuleFile::open(StringRef path) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, &message);
  if (!buffer) {
    llvm::WithColor::error() << message << "\n";
    return nullptr;
  }
  std::unique_ptr<ModuleFile> file(new ModuleFile());
  file->sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  file->module = parseSourceFile<ModuleOp>(file->sources, &file->context);
  return file->module ? std::move(file) : nullptr;
}

void ModuleFile::enableRemarks() {
  // Each kind needs a filter of its own; `all` alone enables none.
  remark::RemarkCategories everything;
  everything.passed = everything.missed = ".*";
  everything.analysis = everything.failed = ".*";
  // Fails only where remarks are already enabled.
  (void)remark::enableOptimizationRemarks(
      context, /*streamer=*/nullptr,
      std::make_unique<remark::RemarkEmittingPolicyAll>(), everything,
      /*printAsEmitRemarks=*/true);
}

/// Whether `module`, in the llvm dialect, is for the processor called `cpu`.
static LogicalResult checkLoweredFor(ModuleOp module, StringRef cpu) {
  auto target = module->getAttrOfType<StringAttr>("moe.target_cpu");
  if (cpu == "native" || !target || target == cpu)
    return success();
  return module.emitError("expected a module for the CPU '")
         << cpu << "', got one that was lowered for " << target;
}

static LogicalResult lower(ModuleOp module, StringRef cpu) {
  if (module->hasAttr("moe.entry_points"))
    return checkLoweredFor(module, cpu);
  PassManager passes(module.getContext());
  (void)applyPassManagerCLOptions(passes);
  CPUPipelineOptions options;
  options.cpu = cpu.str();
  buildCPUPipeline(passes, options);
  return passes.run(module);
}

LogicalResult ModuleFile::lowerToCPU(StringRef cpu) {
  return lower(*module, cpu);
}

FailureOr<OwningOpRef<ModuleOp>> ModuleFile::copyLoweredToCPU(StringRef cpu) {
  OwningOpRef<ModuleOp> copy = module->clone();
  if (failed(lower(*copy, cpu)))
    return failure();
  return std::move(copy);
}
