//===- Families.cpp - The model families that can be imported -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table of families and what several of them share.
//
//===----------------------------------------------------------------------===//

#include "Families.h"

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;
using llvm::Twine;

llvm::ArrayRef<const ModelFamily *> mlir::moe::getModelFamilies() {
  static const ModelFamily *const families[] = {
      &deepSeekV3Family, &mixtralFamily, &olmoeFamily, &qwen3MoEFamily};
  return families;
}

LayerSizes mlir::moe::readSizes(Config &config, StringRef numExpertsKey,
                                StringRef widthKey) {
  LayerSizes sizes;
  sizes.hidden = config.getSize("hidden_size");
  sizes.expertWidth = config.getSize(widthKey);
  sizes.numExperts = config.getSize(
      numExpertsKey, {"num_experts", "num_local_experts", "n_routed_experts"});
  sizes.topK = config.getSize("num_experts_per_tok");
  config.require(sizes.topK <= sizes.numExperts, "num_experts_per_tok",
                 "at most the number of experts, " + Twine(sizes.numExperts));
  int64_t maxWidth = maxParameterElements / (sizes.hidden * sizes.numExperts);
  config.require(sizes.expertWidth <= maxWidth, widthKey,
                 "at most " + Twine(maxWidth) + " (a parameter has at most " +
                     Twine(maxParameterElements) + " elements)");
  return sizes;
}

Activation mlir::moe::readActivation(Config &config) {
  static const std::pair<StringRef, Activation> activations[] = {
      {"silu", Activation::SiLU},
      {"swish", Activation::SiLU},
      {"gelu", Activation::GELU},
      {"gelu_python", Activation::GELU},
      {"gelu_tanh", Activation::GELUTanh},
      {"gelu_pytorch_tanh", Activation::GELUTanh},
      {"gelu_python_tanh", Activation::GELUTanh},
      {"gelu_new", Activation::GELUTanh},
      {"relu", Activation::ReLU}};
  return config
      .getChoice<Activation>("hidden_act", activations, Activation::SiLU)
      .value_or(Activation::SiLU);
}

GatedMLPNames mlir::moe::getProjectionNames(StringRef prefix) {
  std::string start = prefix.str();
  return {start + ".gate_proj", start + ".up_proj", start + ".down_proj"};
}

GatedMLPSpec mlir::moe::makeExperts(const LayerSizes &sizes,
                                    Activation activation,
                                    const GatedMLPNames &names) {
  auto [hidden, width, count, topK] = sizes;
  return {activation,
          {"gate", names.gate + ".weight", {count, width, hidden}},
          {"up", names.up + ".weight", {count, width, hidden}},
          {"down", names.down + ".weight", {count, hidden, width}}};
}

GatedMLPSpec mlir::moe::makeSharedMLP(int64_t hidden, int64_t width,
                                      Activation activation,
                                      const GatedMLPNames &names) {
  return {activation,
          {"shared_gate", names.gate + ".weight", {width, hidden}},
          {"shared_up", names.up + ".weight", {width, hidden}},
          {"shared_down", names.down + ".weight", {hidden, width}}};
}

RouterSpec mlir::moe::makeSoftmaxRouter(const LayerSizes &sizes,
                                        const Twine &weightName) {
  RouterSpec router;
  router.weight = {
      "router", weightName.str(), {sizes.numExperts, sizes.hidden}};
  router.roundLogits = true;
  router.topK = sizes.topK;
  return router;
}

LayerSpec mlir::moe::readSoftmaxLayer(Config &config, int64_t layer,
                                      StringRef numExpertsKey,
                                      StringRef widthKey) {
  std::string prefix = getLayerPrefix(layer) + "mlp.";
  LayerSizes sizes = readSizes(config, numExpertsKey, widthKey);
  LayerSpec spec;
  spec.hiddenSize = sizes.hidden;
  spec.router = makeSoftmaxRouter(sizes, prefix + "gate.weight");
  spec.router.roundWeights = true;
  if (config.getFlag("norm_topk_prob", false))
    spec.router.renormalize = RouterSpec::Renormalize{};
  spec.experts = makeExperts(sizes, readActivation(config),
                             getProjectionNames(prefix + "experts.*"));
  return spec;
}

std::string mlir::moe::getLayerPrefix(int64_t layer) {
  return ("model.layers." + Twine(layer) + ".").str();
}
