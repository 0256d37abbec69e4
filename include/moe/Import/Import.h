//===- Import.h - From a model's configuration to IR ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Import of one MoE layer from a Hugging Face config.json.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_IMPORT_IMPORT_H
#define MOE_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>
#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::moe {

/// A model's element types that can be imported.
enum class ModelType { BF16, F16, F32 };

struct ImportOptions {
  /// The layer whose block is imported; the first with routed experts if unset.
  std::optional<int64_t> layer;
  /// Element type of weights and activations; the configuration's if unset.
  std::optional<ModelType> type;
  /// Name of the function.
  std::string functionName = "forward";
};

/// Imports a layer of the model that `text`, the content of a config.json,
/// describes: a module at the graph level with one function. On anything
/// unknown, missing, contradictory or absurd, emits diagnostics at the keys and
/// returns null; `fileName` is the file's name in them.
OwningOpRef<ModuleOp> importConfig(MLIRContext *context, llvm::StringRef text,
                                   llvm::StringRef fileName,
                                   const ImportOptions &options = {});

/// The same for the file at `path`; a folder stands for its config.json and `-`
/// for standard input. Prints diagnostics to standard error.
OwningOpRef<ModuleOp> importConfigFile(MLIRContext *context,
                                       llvm::StringRef path,
                                       const ImportOptions &options = {});

/// Prints a module with the names that `importConfig` gave its values.
void printImported(ModuleOp module, llvm::raw_ostream &os);

/// Prints the supported model types, one line each with the router.
void listModelTypes(llvm::raw_ostream &os);

} // namespace mlir::moe

#endif // MOE_IMPORT_IMPORT_H
