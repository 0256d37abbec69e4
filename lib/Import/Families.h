//===- Families.h - The model families that can be imported -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a model family has to say, the table of families, and what several of
// them share. A family is one file in Families/ and one line in Families.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_IMPORT_FAMILIES_H
#define MOE_LIB_IMPORT_FAMILIES_H

#include "moe/Import/Config.h"
#include "moe/Import/Layer.h"
#include "llvm/ADT/BitVector.h"

namespace mlir::moe {

/// One family, known by the `model_type` of its configurations.
struct ModelFamily {
  llvm::StringLiteral modelType;
  /// The router and the expert in one line.
  llvm::StringLiteral summary;
  /// Reads layer number `layer`, one with routed experts. The result counts
  /// only if `config` has no errors afterwards.
  LayerSpec (*readLayer)(Config &config, int64_t layer);
  /// The layers with routed experts among the first `numLayers`; null where all
  /// have them.
  llvm::BitVector (*findRoutedLayers)(Config &config,
                                      int64_t numLayers) = nullptr;
};

extern const ModelFamily deepSeekV3Family;
extern const ModelFamily mixtralFamily;
extern const ModelFamily olmoeFamily;
extern const ModelFamily qwen3MoEFamily;

/// All families, by model type.
llvm::ArrayRef<const ModelFamily *> getModelFamilies();

//===----------------------------------------------------------------------===//
// Shared by families
//===----------------------------------------------------------------------===//

/// The sizes that every family has.
struct LayerSizes {
  int64_t hidden;      ///< H
  int64_t expertWidth; ///< F
  int64_t numExperts;  ///< E
  int64_t topK;        ///< k, at most E
};

/// Reads them. The keys are the family's for E and F; the number of experts may
/// go by any name that is in use for it.
LayerSizes readSizes(Config &config, llvm::StringRef numExpertsKey,
                     llvm::StringRef widthKey);

/// Reads `hidden_act`, SiLU where it is missing.
Activation readActivation(Config &config);

/// Where a gated network is in a checkpoint: tensor names without `.weight`.
struct GatedMLPNames {
  std::string gate, up, down;
};

/// `PREFIX.gate_proj`, `PREFIX.up_proj`, `PREFIX.down_proj`.
GatedMLPNames getProjectionNames(llvm::StringRef prefix);

/// The routed experts, one tensor per expert in the checkpoint.
GatedMLPSpec makeExperts(const LayerSizes &sizes, Activation activation,
                         const GatedMLPNames &names);

/// A network that every token takes, `width` wide.
GatedMLPSpec makeSharedMLP(int64_t hidden, int64_t width, Activation activation,
                           const GatedMLPNames &names);

/// The router that Mixtral made common: top-k of the softmax over all experts,
/// on logits of the model's type. `weightName` names its `[E, H]` weight.
RouterSpec makeSoftmaxRouter(const LayerSizes &sizes,
                             const llvm::Twine &weightName);

/// A whole layer as Qwen2-MoE made it common: that router in `mlp.gate`, with
/// weights of the model's type and renormalized if `norm_topk_prob` says so,
/// and gated experts in `mlp.experts`.
LayerSpec readSoftmaxLayer(Config &config, int64_t layer,
                           llvm::StringRef numExpertsKey,
                           llvm::StringRef widthKey);

/// "model.layers.LAYER."
std::string getLayerPrefix(int64_t layer);

} // namespace mlir::moe

#endif // MOE_LIB_IMPORT_FAMILIES_H
