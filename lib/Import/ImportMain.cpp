//===- ImportMain.cpp - The moe-import tool -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The command line of moe-import.
//
//===----------------------------------------------------------------------===//

#include "moe/Import/ImportMain.h"

#include "moe/Import/Import.h"
#include "moe/Runtime/AtomicFile.h"
#include "moe/Tools/Exit.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir::moe;
namespace cl = llvm::cl;

static constexpr llvm::StringLiteral overview =
    R"(Imports one MoE layer of a model, described by its config.json.

EXAMPLE:
  The first layer of OLMoE with routed experts, in the configuration's type:

    moe-import examples/olmoe-1b-7b.json -o layer.mlir

  Layer 3 of the model in a folder, in single precision, as function @mlp3:

    moe-import path/to/model --layer=3 --dtype=f32 --name=mlp3 -o mlp3.mlir
)";

namespace {
/// The options, registered while this lives.
struct CommandLine {
  cl::OptionCategory category{"moe-import options"};
  cl::opt<std::string> input{cl::Positional,
                             cl::desc("<config.json, its folder, or ->"),
                             cl::cat(category)};
  cl::opt<std::string> output{
      "o", cl::desc("File to write (default: standard output)"),
      cl::value_desc("file"), cl::init("-"), cl::cat(category)};
  cl::opt<int64_t> layer{
      "layer",
      cl::desc("Layer to import (default: the first with routed experts)"),
      cl::value_desc("number"), cl::cat(category)};
  cl::opt<ModelType> type{
      "dtype",
      cl::desc("Element type of weights and activations (default: the "
               "configuration's)"),
      cl::values(clEnumValN(ModelType::BF16, "bf16", "bfloat16"),
                 clEnumValN(ModelType::F16, "f16", "IEEE half precision"),
                 clEnumValN(ModelType::F32, "f32", "IEEE single precision")),
      cl::cat(category)};
  cl::opt<std::string> name{"name",
                            cl::desc("Name of the function (default: forward)"),
                            cl::init("forward"), cl::cat(category)};
  cl::opt<bool> list{"list",
                     cl::desc("List the supported model types and exit"),
                     cl::cat(category)};

  ImportOptions getImportOptions() const {
    ImportOptions options;
    if (layer.getNumOccurrences())
      options.layer = layer.getValue();
    if (type.getNumOccurrences())
      options.type = type.getValue();
    options.functionName = name;
    return options;
  }
};
} // namespace

static constexpr llvm::StringLiteral tool = "moe-import";

/// Entry points get this name in C.
static bool isIdentifier(llvm::StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

int mlir::moe::moeImportMain(int argc, char **argv) {
  static CommandLine commandLine;
  cl::HideUnrelatedOptions(commandLine.category);
  cl::SetVersionPrinter(printVersion);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return WrongUsage;
  if (commandLine.list) {
    listModelTypes(llvm::outs());
    return Success;
  }
  if (commandLine.input.empty())
    return fail(WrongUsage, tool,
                "expected a config.json, its folder, or -, got no "
                "argument; see --help");
  if (!isIdentifier(commandLine.name))
    return fail(WrongUsage, tool,
                "--name: expected an identifier of C, got '" +
                    commandLine.name.getValue() + "'");

  MLIRContext context(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = importConfigFile(
      &context, commandLine.input, commandLine.getImportOptions());
  if (!module)
    return Failure;
  llvm::Error error =
      writeFileAtomically(commandLine.output, [&](llvm::raw_ostream &os) {
        printImported(*module, os);
        return llvm::Error::success();
      });
  return error ? fail(Failure, tool, llvm::toString(std::move(error)))
               : Success;
}
