//===- Import.cpp - From a model's configuration to IR --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Chooses family, layer and type, and has the layer built.
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Import.h"

#include "Families.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Family
//===----------------------------------------------------------------------===//

/// The three supported model types that are spelled most like `name`, quoted.
static std::string getNearestTypes(StringRef name) {
  SmallVector<std::pair<unsigned, StringRef>> types;
  for (const ModelFamily *family : getModelFamilies())
    types.emplace_back(name.edit_distance(family->modelType),
                       family->modelType);
  llvm::sort(types);
  types.truncate(std::min<size_t>(types.size(), 3));
  return llvm::join(
      llvm::map_range(
          types, [](auto &type) { return ("\"" + type.second + "\"").str(); }),
      ", ");
}

static const ModelFamily *findFamily(Config &config) {
  std::string type = config.getString("model_type");
  for (const ModelFamily *family : getModelFamilies())
    if (family->modelType == type)
      return family;
  if (!config.hasErrors())
    config.emitError("model_type", "a supported model type").attachNote()
        << "the nearest are " << getNearestTypes(type)
        << "; moe-import --list shows all";
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Layer
//===----------------------------------------------------------------------===//

/// The layer that `requested` asks for, the first with routed experts if it
/// does not ask; nothing if there were errors.
static std::optional<int64_t> chooseLayer(Config &config,
                                          const ModelFamily &family,
                                          std::optional<int64_t> requested) {
  constexpr StringRef key = "num_hidden_layers";
  int64_t numLayers = config.getSize(key);
  llvm::BitVector routed = family.findRoutedLayers
                               ? family.findRoutedLayers(config, numLayers)
                               : llvm::BitVector(numLayers, true);
  if (config.hasErrors())
    return std::nullopt;
  if (routed.none()) {
    mlir::emitError(config.getLoc(key))
        << "expected a layer with routed experts, got " << numLayers
        << " dense layers";
    return std::nullopt;
  }
  int64_t layer = requested.value_or(routed.find_first());
  if (layer < 0 || layer >= numLayers) {
    mlir::emitError(config.getLoc(key))
        << "expected --layer from 0 to " << numLayers - 1 << ", got " << layer;
    return std::nullopt;
  }
  if (!routed[layer]) {
    mlir::emitError(config.getLoc(key))
        << "expected --layer with routed experts, got " << layer
        << ", which is dense; the first with routed experts is "
        << routed.find_first();
    return std::nullopt;
  }
  return layer;
}

//===----------------------------------------------------------------------===//
// Type
//===----------------------------------------------------------------------===//

static std::optional<ModelType> readType(Config &config, StringRef key) {
  static const std::pair<StringRef, ModelType> types[] = {
      {"bfloat16", ModelType::BF16},
      {"float16", ModelType::F16},
      {"float32", ModelType::F32}};
  return config.getChoice<ModelType>(key, types);
}

/// The type that the configuration names, under the key of transformers 5 or
/// that of earlier versions.
static std::optional<ModelType> readType(Config &config) {
  constexpr StringRef key = "dtype", oldKey = "torch_dtype";
  if (config.has("quantization_config")) {
    config.emitError("quantization_config",
                     "unquantized weights (--dtype imports the layer for "
                     "dequantized ones)");
    return std::nullopt;
  }
  if (!config.has(key) && !config.has(oldKey)) {
    config.emitError(key, "the model's element type (or --dtype)");
    return std::nullopt;
  }
  if (!config.has(oldKey))
    return readType(config, key);
  std::optional<ModelType> type = readType(config, oldKey);
  if (config.has(key) && type && readType(config, key) != type)
    config.require(false, key, "the type that 'torch_dtype' says");
  return type;
}

static FloatType getFloatType(MLIRContext *context, ModelType type) {
  switch (type) {
  case ModelType::BF16:
    return BFloat16Type::get(context);
  case ModelType::F16:
    return Float16Type::get(context);
  case ModelType::F32:
    return Float32Type::get(context);
  }
  llvm_unreachable("unknown type");
}

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

OwningOpRef<ModuleOp> mlir::moe::importConfig(MLIRContext *context,
                                              StringRef text,
                                              StringRef fileName,
                                              const ImportOptions &options) {
  FailureOr<Config> config = Config::parse(context, text, fileName);
  if (failed(config))
    return nullptr;
  const ModelFamily *family = findFamily(*config);
  if (!family)
    return nullptr;
  std::optional<ModelType> type =
      options.type ? options.type : readType(*config);
  std::optional<int64_t> layer = chooseLayer(*config, *family, options.layer);
  // Read it in any case: all wrong keys are reported at once.
  LayerSpec spec = family->readLayer(*config, layer.value_or(0));
  if (config->hasErrors() || !layer)
    return nullptr;
  OwningOpRef<ModuleOp> module = buildLayer(
      context, spec, getFloatType(context, *type), options.functionName);
  return succeeded(verify(*module)) ? std::move(module) : nullptr;
}

void mlir::moe::printImported(ModuleOp module, llvm::raw_ostream &os) {
  module->print(os, OpPrintingFlags().printNameLocAsPrefix());
  os << "\n";
}

void mlir::moe::listModelTypes(llvm::raw_ostream &os) {
  for (const ModelFamily *family : getModelFamilies())
    os << llvm::formatv("{0,-14}{1}\n", family->modelType, family->summary);
}
