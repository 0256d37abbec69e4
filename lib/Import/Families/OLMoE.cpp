//===- OLMoE.cpp - Import of OLMoE ----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Muennighoff et al., "OLMoE: Open Mixture-of-Experts Language Models";
// transformers' `olmoe`.
//
//===----------------------------------------------------------------------===//

#include "Families.h"

using namespace mlir;
using namespace mlir::moe;

static LayerSpec readLayer(Config &config, int64_t layer) {
  return readSoftmaxLayer(config, layer, "num_experts", "intermediate_size");
}

const ModelFamily mlir::moe::olmoeFamily = {
    "olmoe",
    "softmax over all experts, top k, renormalized if norm_topk_prob; gated "
    "experts",
    readLayer};
