//===- DeepSeekV3.cpp - Import of DeepSeek-V3 -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// DeepSeek-AI, "DeepSeek-V3 Technical Report"; transformers' `deepseek_v3`.
//
//===----------------------------------------------------------------------===//

#include "Families.h"

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;
using llvm::Twine;

/// An error where `key` is present and is not `value`, the only one supported.
static void requireString(Config &config, StringRef key, StringRef value) {
  (void)config.getChoice<bool>(key, {{value, true}}, true);
}

/// The restriction to the `topk_group` best of `n_group` groups, ranked by the
/// sum of their two best keys; none with one group.
static std::optional<RouterSpec::Groups> readGroups(Config &config,
                                                    const LayerSizes &sizes) {
  int64_t count = config.getSize("n_group");
  int64_t keep = config.getSize("topk_group");
  config.require(sizes.numExperts % count == 0, "n_group",
                 "a divisor of the number of experts, " +
                     Twine(sizes.numExperts));
  config.require(keep <= count, "topk_group",
                 "at most the number of groups, " + Twine(count));
  if (count == 1)
    return std::nullopt;
  int64_t groupSize = sizes.numExperts / count;
  config.require(groupSize >= 2, "n_group",
                 "groups of at least 2 of " + Twine(sizes.numExperts) +
                     " experts (a group counts by its two best)");
  config.require(keep * groupSize >= sizes.topK, "topk_group",
                 "groups that hold at least " + Twine(sizes.topK) +
                     " experts (num_experts_per_tok), with " +
                     Twine(groupSize) + " each");
  return RouterSpec::Groups{count, keep, /*sumTop=*/2, GroupFill::NegInf};
}

/// The weight is f32 whatever the model's type: transformers 5.24 keeps it so,
/// and multiplies in f32 in any version, so one of bf16 in a checkpoint can be
/// widened.
static RouterSpec readRouter(Config &config, const LayerSizes &sizes,
                             StringRef prefix) {
  requireString(config, "scoring_func", "sigmoid");
  requireString(config, "topk_method", "noaux_tc");
  RouterSpec router;
  router.weight = {"router",
                   (prefix + "gate.weight").str(),
                   {sizes.numExperts, sizes.hidden},
                   /*isF32=*/true};
  router.keyBias = {"correction",
                    (prefix + "gate.e_score_correction_bias").str(),
                    {sizes.numExperts},
                    /*isF32=*/true};
  router.score = Score::Sigmoid;
  router.topK = sizes.topK;
  router.groups = readGroups(config, sizes);
  if (config.getFlag("norm_topk_prob"))
    router.renormalize =
        RouterSpec::Renormalize{RenormalizeMode::Add, /*epsilon=*/1e-20};
  router.scale = config.getPositiveNumber("routed_scaling_factor");
  return router;
}

static LayerSpec readLayer(Config &config, int64_t layer) {
  std::string prefix = getLayerPrefix(layer) + "mlp.";
  LayerSizes sizes =
      readSizes(config, "n_routed_experts", "moe_intermediate_size");
  Activation activation = readActivation(config);
  LayerSpec spec;
  spec.hiddenSize = sizes.hidden;
  spec.router = readRouter(config, sizes, prefix);
  spec.experts =
      makeExperts(sizes, activation, getProjectionNames(prefix + "experts.*"));
  // The shared experts are stored as one network of their total width.
  int64_t numShared = config.getInteger("n_shared_experts", 0, maxConfigSize);
  int64_t maxShared = maxParameterElements / (sizes.hidden * sizes.expertWidth);
  config.require(numShared <= maxShared, "n_shared_experts",
                 "at most " + Twine(maxShared) + " (a parameter has at most " +
                     Twine(maxParameterElements) + " elements)");
  if (numShared > 0)
    spec.shared =
        makeSharedMLP(sizes.hidden, numShared * sizes.expertWidth, activation,
                      getProjectionNames(prefix + "shared_experts"));
  return spec;
}

/// The layers from `first_k_dense_replace` on that are multiples of
/// `moe_layer_freq`.
static llvm::BitVector findRoutedLayers(Config &config, int64_t numLayers) {
  int64_t first = config.getInteger("first_k_dense_replace", 0, maxConfigSize);
  int64_t step = config.getInteger("moe_layer_freq", 1, maxConfigSize, 1);
  llvm::BitVector routed(numLayers);
  for (int64_t layer = 0; layer < numLayers; layer += step)
    if (layer >= first)
      routed.set(layer);
  return routed;
}

const ModelFamily mlir::moe::deepSeekV3Family = {
    "deepseek_v3",
    "sigmoid with correction bias, best groups, top k, renormalized, scaled; "
    "gated experts, shared experts",
    readLayer, findRoutedLayers};
