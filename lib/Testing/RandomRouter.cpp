//===- RandomRouter.cpp - The router of a random layer --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Router product, logit arithmetic and a random #moe.router.
//
//===----------------------------------------------------------------------===//

#include "RandomLayerBuilder.h"

#include <cmath>

using namespace mlir;
using namespace mlir::moe;

/// x times the router weight, then perhaps a bias, a soft cap, a rounding.
Named RandomLayerBuilder::writeLogits() {
  double scale = 2.0 / std::sqrt(static_cast<double>(hidden));
  if (inputs == Inputs::Large)
    scale *= 1e4;
  Named router = addParam("router.weight", {numExperts, hidden}, type, scale);
  routerParam = static_cast<int64_t>(params.size()) - 1;
  Named logits = writer.matmul(x, router, true);
  SmallVector<LayerWriter::Input> operands = {{logits}};
  bool hasBias = dice.once(4), hasCap = dice.once(6);
  hasNarrowLogits = type == "bf16" && dice.once(3);
  if (!hasBias && !hasCap && !hasNarrowLogits)
    return logits;
  if (hasBias)
    operands.push_back(
        {addParam("router.bias", {numExperts}, "f32", 0.5), true});
  note(Twine(hasBias ? "logit-bias " : "") + (hasCap ? "soft-cap " : "") +
       (hasNarrowLogits ? "bf16-logits" : ""));
  return writer.elementwise(
      operands, numExperts, hasNarrowLogits ? "bf16" : "f32",
      [&](ArrayRef<std::string> in) {
        std::string z = in[0];
        if (hasBias)
          z = writer.binary("arith.addf", z, in[1]);
        if (hasCap) {
          std::string cap = writer.constant(30.0);
          z = writer.binary("arith.divf", z, cap);
          z = writer.binary("arith.mulf", writer.unary("math.tanh", z), cap);
        }
        return z;
      });
}

/// Groups that keep enough experts, or none where there are no such.
std::string RandomLayerBuilder::drawGroups() {
  SmallVector<int64_t> counts;
  for (int64_t count = 2; count <= numExperts; ++count)
    if (numExperts % count == 0)
      counts.push_back(count);
  if (counts.empty() || !dice.once(3))
    return "";
  int64_t count = counts[dice.below(static_cast<int64_t>(counts.size()))];
  int64_t size = numExperts / count;
  int64_t least = (topK + size - 1) / size;
  int64_t keep = least + dice.below(count - least + 1);
  int64_t sumTop = 1 + dice.below(std::min<int64_t>(size, 2));
  return ", groups = <count = " + std::to_string(count) +
         ", keep = " + std::to_string(keep) +
         ", sum_top = " + std::to_string(sumTop) +
         ", fill = " + dice.pick({"neg_inf", "zero"}) + ">";
}

std::string RandomLayerBuilder::drawRenormalize() {
  if (!dice.once(2))
    return "";
  std::string mode = dice.pick({"mode = exact", "mode = add, epsilon = 1.0e-20",
                                "mode = add, epsilon = 1.0e-6",
                                "mode = max, epsilon = 1.0e-12"});
  return ", renormalize = <" + mode + ", p = " + dice.pick({"1", "1", "2"}) +
         ">";
}

std::string RandomLayerBuilder::drawRouterAttribute(bool &hasKeyBias,
                                                    bool &hasExpertScale) {
  std::string score =
      dice.pick({"none", "softmax", "softmax", "sigmoid", "sqrt_softplus"});
  std::string source = dice.pick({"score", "score", "score", "softmax_selected",
                                  "sigmoid_selected", "one", "sparsemixer"});
  bool isMixer = source == "sparsemixer";
  bool byLogit = score == "none" || isMixer || dice.once(4);
  std::string attribute = "router<score = " + score +
                          ", top_k = " + std::to_string(topK) +
                          ", key = " + (byLogit ? "logit" : "score") +
                          drawGroups() + ", weight = " + source;
  attribute += isMixer ? ", jitter = 0.01" : drawRenormalize();
  if (dice.once(4))
    attribute += ", scale = 2.5";
  roundsWeights = type == "bf16" && dice.once(4);
  if (roundsWeights)
    attribute += ", round_to = bf16";
  hasKeyBias = dice.once(3) || inputs == Inputs::OneExpert;
  hasExpertScale = dice.once(6);
  return attribute + ">";
}

void RandomLayerBuilder::writeRouter() {
  Named logits = writeLogits();
  bool hasKeyBias, hasExpertScale;
  std::string attribute = drawRouterAttribute(hasKeyBias, hasExpertScale);
  note(attribute);
  std::string operands = logits.name, types = logits.getType();
  auto addOperand = [&](StringRef keyword, const Named &param) {
    operands += " " + keyword.str() + "(" + param.name + ")";
    types += ", " + param.getType();
  };
  if (hasKeyBias) {
    addOperand("bias", addParam("router.key_bias", {numExperts}, "f32", 0.1));
    keyBiasParam = static_cast<int64_t>(params.size()) - 1;
    note("key-bias");
  }
  if (hasExpertScale) {
    addOperand("expert_scale",
               addParam("router.scale", {numExperts}, "f32", 1.0));
    note("expert-scale");
  }
  ids = Named{"%ids", {-1, topK}, "i32"};
  weights = Named{"%weights", {-1, topK}, "f32"};
  writer.getText() += "  %ids, %weights = moe.route " + operands + " " +
                      attribute + " : (" + types + ") -> (" + ids.getType() +
                      ", " + weights.getType() + ")\n";
}

/// Gives the router's parameters the values that the kind of inputs asks for.
void RandomLayerBuilder::makeRouterHard() {
  Tensor &router = arguments[routerParam + 1];
  if (inputs == Inputs::OneExpert)
    arguments[keyBiasParam + 1].set(dice.below(numExperts), 1e4);
  for (int64_t i = 0, e = router.getNumElements(); i < e; ++i) {
    if (inputs == Inputs::ZeroRouter)
      router.set(i, 0.0);
    else if (inputs == Inputs::Integers)
      router.set(i, static_cast<double>(dice.below(3) - 1));
    else if (inputs == Inputs::EqualExperts && (i / hidden) % 2 == 1)
      router.set(i, router.get(i - hidden));
  }
}
