//===- CompileMain.cpp - The moe-compile tool -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The command line of moe-compile.
//
//===----------------------------------------------------------------------===//

#include "moe/Tools/CompileMain.h"

#include "moe/Analysis/CPUModel.h"
#include "moe/Runtime/AtomicFile.h"
#include "moe/Runtime/MachineLimits.h"
#include "moe/Target/CPU/CHeader.h"
#include "moe/Target/CPU/CompiledModule.h"
#include "moe/Target/CPU/Linker.h"
#include "moe/Target/CPU/OpenMP.h"
#include "moe/Target/CPU/TargetInfo.h"
#include "moe/Tools/LayerWork.h"
#include "moe/Tools/ModuleFile.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::moe;
namespace cl = llvm::cl;

static constexpr llvm::StringLiteral overview =
    R"(Compiles Mixture-of-Experts layers to machine code.

EXAMPLE:
  A shared library for this machine, with its C header libolmoe.h:

    moe-import examples/olmoe-1b-7b.json -o layer.mlir
    moe-compile layer.mlir --target=cpu --emit=lib -o libolmoe.so

  The assembly for another machine, with what was fused and chosen:

    moe-compile layer.mlir --cpu=znver4 --emit=asm --remarks -o layer.s

  Input is at any level: the graph, or what moe-opt made of it.
)";

namespace {
enum class Target { CPU, CUDA };
enum class Emit { MLIR, LLVM, Assembly, Object, Library, PTX, Cubin };

/// What a command line asks for.
struct Options {
  std::string input, cpu, output;
  Target target;
  Emit emit;
  unsigned optLevel;
  bool remarks, report;
};

/// The options, registered while this lives.
struct CommandLine {
  cl::OptionCategory category{"moe-compile options"};
  cl::opt<std::string> input{cl::Positional, cl::Required,
                             cl::desc("<layer.mlir, or ->"), cl::cat(category)};
  cl::opt<Target> target{
      "target", cl::desc("Kind of machine (default: cpu)"),
      cl::values(clEnumValN(Target::CPU, "cpu", "x86-64 CPUs"),
                 clEnumValN(Target::CUDA, "cuda", "NVIDIA GPUs")),
      cl::init(Target::CPU), cl::cat(category)};
  cl::opt<std::string> cpu{
      "cpu",
      cl::desc("CPU to generate code for: native (default), or LLVM's name of "
               "one with AVX2 and FMA (x86-64-v3, haswell, znver4, ...)"),
      cl::value_desc("name"), cl::init("native"), cl::cat(category)};
  cl::opt<Emit> emit{
      "emit", cl::Required, cl::desc("What to write"),
      cl::values(
          clEnumValN(Emit::MLIR, "mlir", "the llvm dialect, as text"),
          clEnumValN(Emit::LLVM, "llvm", "optimised LLVM IR, as text"),
          clEnumValN(Emit::Assembly, "asm", "assembly"),
          clEnumValN(Emit::Object, "obj",
                     "a position-independent object file, and its C header if "
                     "-o names a file"),
          clEnumValN(Emit::Library, "lib",
                     "a shared library, and its C header beside it: the name "
                     "of -o with .h in place of .so"),
          clEnumValN(Emit::PTX, "ptx", "PTX (cuda)"),
          clEnumValN(Emit::Cubin, "cubin", "a cubin (cuda)")),
      cl::cat(category)};
  cl::opt<std::string> output{
      "o", cl::desc("File to write (default: standard output)"),
      cl::value_desc("file"), cl::init("-"), cl::cat(category)};
  cl::opt<unsigned> optLevel{"O", cl::Prefix,
                             cl::desc("Optimisation, 0 to 3 (default: 3)"),
                             cl::init(3), cl::cat(category)};
  cl::opt<bool> remarks{"remarks",
                        cl::desc("Print what was done, what was not, and why"),
                        cl::cat(category)};

  cl::opt<bool> report{
      "report",
      cl::desc("Print FLOPs and bytes of the layer to standard error and, if "
               "this machine can run code for --cpu, the floor of the time "
               "here, by limits of that CPU's instructions, which are "
               "measured, and the predicted time"),
      cl::cat(category)};

  /// A copy: the linker puts all options of the process back to their defaults.
  Options get() const {
    return {input, cpu, output, target, emit, optLevel, remarks, report};
  }
};

/// Does what its options ask for.
class Compiler {
public:
  explicit Compiler(Options options) : options(std::move(options)) {}

  ExitStatus run();

private:
  ExitStatus fail(ExitStatus status, const llvm::Twine &message) {
    return moe::fail(status, "moe-compile", message);
  }
  ExitStatus toStatus(llvm::Error error) {
    return error ? fail(Failure, llvm::toString(std::move(error))) : Success;
  }
  ExitStatus checkOptions();
  ExitStatus printReport(ModuleOp module);
  llvm::Expected<std::optional<MachineRates>> measureRates(bool isBF16);
  ExitStatus emitCode(ModuleOp module);
  ExitStatus emitBinary(const CompiledModule &compiled);
  ExitStatus
  writeText(llvm::function_ref<LogicalResult(llvm::raw_ostream &)> print);

  const Options options;
};
} // namespace

ExitStatus Compiler::checkOptions() {
  if (options.target == Target::CUDA)
    return fail(Failure, "--target=cuda is not supported yet");
  if (options.emit == Emit::PTX || options.emit == Emit::Cubin)
    return fail(WrongUsage, "--emit=ptx and --emit=cubin are for "
                            "--target=cuda, got --target=cpu");
  if (options.emit == Emit::Library && options.output == "-")
    return fail(WrongUsage,
                "--emit=lib writes two files: expected a file name as -o");
  if (options.optLevel > 3)
    return fail(WrongUsage, "expected a level from 0 to 3 as -O, got " +
                                llvm::Twine(options.optLevel));
  return toStatus(resolveCPU(options.cpu).takeError());
}

ExitStatus Compiler::writeText(
    llvm::function_ref<LogicalResult(llvm::raw_ostream &)> print) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (failed(print(os)))
    return Failure;
  return toStatus(
      writeFileAtomically(options.output, [&](llvm::raw_ostream &file) {
        file << text;
        return llvm::Error::success();
      }));
}

/// Writes `binary` to `path` and the C header beside it, both or none.
static llvm::Error writeWithHeader(StringRef path, StringRef binary,
                                   const CompiledModule &compiled) {
  auto writeBinary = [&](llvm::raw_ostream &os) {
    os << binary;
    return llvm::Error::success();
  };
  if (path == "-")
    return writeFileAtomically(path, writeBinary);
  llvm::SmallString<128> headerPath(path);
  llvm::sys::path::replace_extension(headerPath, "h");
  return writeFileAtomically(headerPath, [&](llvm::raw_ostream &os) {
    printCHeader(os, compiled.getEntryPoints(),
                 llvm::sys::path::filename(headerPath),
                 compiled.getTargetMachine().getTargetCPU());
    // Inside: if the binary cannot be written, the header is not kept.
    return writeFileAtomically(path, writeBinary);
  });
}

ExitStatus Compiler::emitBinary(const CompiledModule &compiled) {
  auto binary = compiled.emitObject();
  if (failed(binary))
    return Failure;
  if (options.emit == Emit::Library) {
    auto library =
        linkSharedLibrary(**binary, llvm::sys::path::filename(options.output));
    if (!library)
      return toStatus(library.takeError());
    *binary = std::move(*library);
  }
  return toStatus(
      writeWithHeader(options.output, (*binary)->getBuffer(), compiled));
}

ExitStatus Compiler::emitCode(ModuleOp module) {
  FailureOr<CompiledModule> compiled =
      CompiledModule::create(module, options.optLevel);
  if (failed(compiled))
    return Failure;
  if (options.emit == Emit::LLVM)
    return writeText([&](llvm::raw_ostream &os) {
      compiled->printLLVMIR(os);
      return success();
    });
  if (options.emit == Emit::Assembly)
    return writeText(
        [&](llvm::raw_ostream &os) { return compiled->printAssembly(os); });
  return emitBinary(*compiled);
}

/// The rates of this machine for code of the CPU that is compiled for; none if
/// such code does not run here.
llvm::Expected<std::optional<MachineRates>>
Compiler::measureRates(bool isBF16) {
  llvm::Expected<CPUTarget> target = resolveCPU(options.cpu);
  if (!target)
    return target.takeError();
  auto machine = createTargetMachine(*target);
  if (!machine)
    return machine.takeError();
  SmallVector<StringRef> missing = getMissingFeatures(**machine);
  if (!missing.empty()) {
    llvm::errs() << "no times: code for " << options.cpu
                 << " does not run on this machine, which lacks "
                 << llvm::join(missing, ", ") << "\n";
    return std::nullopt;
  }
  llvm::Expected<CPUModel> model = CPUModel::get(options.cpu);
  if (!model)
    return model.takeError();
  auto openMP = OpenMPRuntime::get();
  if (!openMP)
    return openMP.takeError();
  MachineLimits limits = measureMachineLimits(
      static_cast<unsigned>((*openMP)->getMaxThreads()),
      [&](StringRef feature) { return model->hasFeature(feature); });
  printMachineLimits(llvm::errs(), limits, options.cpu);
  return MachineRates{isBF16 ? limits.bf16Flops.best : limits.f32Flops.best,
                      limits.readBytes.best,
                      KernelModel::get(model->getDotKind(isBF16))};
}

ExitStatus Compiler::printReport(ModuleOp module) {
  if (module->hasAttr("moe.entry_points"))
    return fail(Failure, "--report: expected a module above the llvm dialect");
  FailureOr<LayerWork> work = countWork(module);
  if (failed(work))
    return Failure;
  llvm::Expected<std::optional<MachineRates>> rates =
      measureRates(work->isBF16);
  if (!rates)
    return toStatus(rates.takeError());
  printWork(llvm::errs(), *work, *rates);
  return Success;
}

ExitStatus Compiler::run() {
  if (ExitStatus status = checkOptions())
    return status;
  std::unique_ptr<ModuleFile> file = ModuleFile::open(options.input);
  if (!file)
    return Failure;
  if (options.remarks)
    file->enableRemarks();
  if (options.report)
    if (ExitStatus status = printReport(file->getModule()))
      return status;
  if (failed(file->lowerToCPU(options.cpu)))
    return Failure;
  if (options.emit != Emit::MLIR)
    return emitCode(file->getModule());
  return writeText([&](llvm::raw_ostream &os) {
    file->getModule().print(os);
    os << "\n";
    return success();
  });
}

int mlir::moe::moeCompileMain(int argc, char **argv) {
  static CommandLine commandLine;
  registerPassManagerCLOptions();
  cl::HideUnrelatedOptions(commandLine.category);
  cl::SetVersionPrinter(printVersion);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return WrongUsage;
  return Compiler(commandLine.get()).run();
}
