//===- Mixtral.cpp - Import of Mixtral ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Jiang et al., "Mixtral of Experts"; transformers' `mixtral`.
//
//===----------------------------------------------------------------------===//

#include "Families.h"

using namespace mlir;
using namespace mlir::moe;

/// The weights stay in f32: transformers 5 does not round them to the model's
/// type, unlike those of the families that copied this router.
static LayerSpec readLayer(Config &config, int64_t layer) {
  std::string prefix = getLayerPrefix(layer) + "block_sparse_moe.";
  LayerSizes sizes =
      readSizes(config, "num_local_experts", "intermediate_size");
  LayerSpec spec;
  spec.hiddenSize = sizes.hidden;
  spec.router = makeSoftmaxRouter(sizes, prefix + "gate.weight");
  spec.router.renormalize = RouterSpec::Renormalize{};
  spec.experts = makeExperts(sizes, readActivation(config),
                             {prefix + "experts.*.w1", prefix + "experts.*.w3",
                              prefix + "experts.*.w2"});
  return spec;
}

const ModelFamily mlir::moe::mixtralFamily = {
    "mixtral", "softmax over all experts, top k, renormalized; gated experts",
    readLayer};
