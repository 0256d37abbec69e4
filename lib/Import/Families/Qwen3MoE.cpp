//===- Qwen3MoE.cpp - Import of Qwen3-MoE ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Yang et al., "Qwen3 Technical Report"; transformers' `qwen3_moe`.
//
//===----------------------------------------------------------------------===//

#include "Families.h"

using namespace mlir;
using namespace mlir::moe;

static LayerSpec readLayer(Config &config, int64_t layer) {
  return readSoftmaxLayer(config, layer, "num_experts",
                          "moe_intermediate_size");
}

/// Every `decoder_sparse_step`-th layer, except those in `mlp_only_layers`.
static llvm::BitVector findRoutedLayers(Config &config, int64_t numLayers) {
  int64_t step = config.getInteger("decoder_sparse_step", 1, maxConfigSize, 1);
  llvm::BitVector routed(numLayers);
  for (int64_t layer = step - 1; layer < numLayers; layer += step)
    routed.set(layer);
  for (int64_t layer : config.getIntegers("mlp_only_layers"))
    if (layer < numLayers)
      routed.reset(layer);
  return routed;
}

const ModelFamily mlir::moe::qwen3MoEFamily = {
    "qwen3_moe",
    "softmax over all experts, top k, renormalized if norm_topk_prob; gated "
    "experts",
    readLayer, findRoutedLayers};
