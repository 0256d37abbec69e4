//===- CompiledModule.cpp - From the llvm dialect to code --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/CompiledModule.h"

#include "CABI.h"
#include "ThreadSanitizer.h"
#include "moe/Target/CPU/TargetInfo.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <dlfcn.h>

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// To LLVM IR
//===----------------------------------------------------------------------===//

/// The processor that `module` was lowered for.
static FailureOr<CPUTarget> getTarget(ModuleOp module) {
  auto cpu = module->getAttrOfType<StringAttr>("moe.target_cpu");
  auto features = module->getAttrOfType<StringAttr>("moe.target_features");
  if (!cpu)
    return module.emitError("expected 'moe.target_cpu', a string, on a module "
                            "to compile");
  return CPUTarget{cpu.str(), features ? features.str() : ""};
}

/// Passes LLVM's own messages on as diagnostics at the module.
static void forwardDiagnostic(const llvm::DiagnosticInfo *info, void *module) {
  if (info->getSeverity() != llvm::DS_Error &&
      info->getSeverity() != llvm::DS_Warning)
    return;
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DiagnosticPrinterRawOStream printer(os);
  info->print(printer);
  auto op = ModuleOp::getFromOpaquePointer(module);
  if (info->getSeverity() == llvm::DS_Error)
    op.emitError("LLVM: ") << text;
  else
    op.emitWarning("LLVM: ") << text;
}

/// All functions of `code` are for `target`, whatever they said themselves: the
/// check of the machine covers these features only.
static void setTargetAttributes(llvm::Module &code, const CPUTarget &target) {
  for (llvm::Function &function : code) {
    if (function.isDeclaration())
      continue;
    function.removeFnAttr("tune-cpu");
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
  }
}

static void optimize(llvm::Module &code, llvm::TargetMachine &machine,
                     unsigned level) {
  llvm::PipelineTuningOptions tuning;
  // The sanitizer sees no masked accesses, gathers and scatters.
  tuning.LoopVectorization = !sanitizesThreads;
  llvm::PassBuilder builder(&machine, tuning);
  if (sanitizesThreads)
    addThreadSanitizerPasses(builder);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  const llvm::OptimizationLevel kLevels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::ModulePassManager passes =
      level == 0 ? builder.buildO0DefaultPipeline(kLevels[0])
                 : builder.buildPerModuleDefaultPipeline(kLevels[level]);
  passes.run(code, modules);
}

LogicalResult CompiledModule::translate(unsigned optLevel) {
  FailureOr<CPUTarget> target = getTarget(source);
  if (failed(target))
    return failure();
  auto expectedMachine = createTargetMachine(*target, optLevel);
  if (!expectedMachine)
    return source.emitError() << llvm::toString(expectedMachine.takeError());
  machine = std::move(*expectedMachine);

  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerOpenMPDialectTranslation(registry);
  source->getContext()->appendDialectRegistry(registry);
  context = std::make_unique<llvm::LLVMContext>();
  context->setDiagnosticHandlerCallBack(forwardDiagnostic, source);
  code = translateModuleToLLVMIR(source, *context, "moe");
  if (!code)
    return failure();

  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  code->setPICLevel(llvm::PICLevel::BigPIC);
  setTargetAttributes(*code, *target);
  if (llvm::Error error = addCFunctions(*code, entryPoints, target->cpu,
                                        getRequiredFeatures(*machine)))
    return source.emitError() << llvm::toString(std::move(error));
  if (sanitizesThreads)
    setThreadSanitizerAttributes(*code);
  optimize(*code, *machine, optLevel);
  return success();
}

FailureOr<CompiledModule> CompiledModule::create(ModuleOp module,
                                                 unsigned optLevel) {
  FailureOr<std::vector<EntryPoint>> entryPoints = moe::getEntryPoints(module);
  if (failed(entryPoints))
    return failure();
  CompiledModule result;
  result.source = module;
  result.entryPoints = std::move(*entryPoints);
  if (failed(result.translate(optLevel)))
    return failure();
  return std::move(result);
}

//===----------------------------------------------------------------------===//
// To text and objects
//===----------------------------------------------------------------------===//

void CompiledModule::printLLVMIR(llvm::raw_ostream &os) const {
  code->print(os, /*AAW=*/nullptr);
}

LogicalResult CompiledModule::emit(llvm::raw_pwrite_stream &os,
                                   llvm::CodeGenFileType type) const {
  // Code generation changes the IR.
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*code);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, /*DwoOut=*/nullptr, type))
    return source.emitError("this LLVM cannot write that kind of file");
  passes.run(*copy);
  return success(!context->getDiagHandlerPtr()->HasErrors);
}

LogicalResult CompiledModule::printAssembly(llvm::raw_ostream &os) const {
  SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  if (failed(emit(stream, llvm::CodeGenFileType::AssemblyFile)))
    return failure();
  os.write(text.data(), text.size());
  return success();
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
CompiledModule::emitObject() const {
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (failed(emit(stream, llvm::CodeGenFileType::ObjectFile)))
    return failure();
  std::unique_ptr<llvm::MemoryBuffer> object =
      std::make_unique<llvm::SmallVectorMemoryBuffer>(
          std::move(bytes), "moe.o", /*RequiresNullTerminator=*/false);
  auto foreign = findForeignSymbols(*object);
  if (!foreign)
    return source.emitError() << llvm::toString(foreign.takeError());
  if (!foreign->empty())
    return source.emitError("expected code that needs libc, libm and the "
                            "OpenMP runtime alone, got a use of '")
           << foreign->front() << "'";
  return std::move(object);
}

//===----------------------------------------------------------------------===//
// What objects need
//===----------------------------------------------------------------------===//

static bool isOpenMPSymbol(StringRef name) {
  return name.starts_with("__kmpc_") || name.starts_with("omp_");
}

llvm::Expected<SmallVector<std::string>>
moe::findForeignSymbols(llvm::MemoryBufferRef object) {
  auto file = llvm::object::ObjectFile::createObjectFile(object);
  if (!file)
    return file.takeError();
  // This process uses both; a lookup in one of them sees nothing else.
  void *libraries[] = {dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD),
                       dlopen("libm.so.6", RTLD_LAZY | RTLD_NOLOAD)};
  llvm::scope_exit close([&] {
    for (void *library : libraries)
      if (library)
        dlclose(library);
  });
  SmallVector<std::string> foreign;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags)
      return flags.takeError();
    if (!name)
      return name.takeError();
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined) || name->empty() ||
        *name == "_GLOBAL_OFFSET_TABLE_" || isOpenMPSymbol(*name) ||
        (sanitizesThreads && isThreadSanitizerSymbol(*name)))
      continue;
    bool known = llvm::any_of(libraries, [&](void *library) {
      return library && dlsym(library, name->str().c_str());
    });
    if (!known)
      foreign.push_back(name->str());
  }
  return foreign;
}
