//===- RandomLayer.cpp - Random MoE layers with inputs --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes, tokens and branches of a random layer, and its assembly.
//
//===----------------------------------------------------------------------===//

#include "RandomLayerBuilder.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::moe;

RandomLayerBuilder::RandomLayerBuilder(uint64_t seed) : dice(seed), seed(seed) {
  type = dice.pick({"f32", "bf16"});
  elementType = *symbolizeElementType(type);
  tokens = dice.pick({0, 1, 1, 2, 3, 7, 16, 33});
  hidden = dice.pick({1, 3, 16, 17, 32, 33, 48, 64});
  expertWidth = dice.pick({1, 5, 16, 24, 31, 32, 40, 64});
  // Routers go over them by vectors of 8 or 16, and one by one over the rest.
  numExperts = dice.pick({1, 2, 3, 4, 6, 8, 12, 16, 36, 64});
  topK = 1 + dice.below(std::min<int64_t>(numExperts, 4));
  if (dice.once(8))
    topK = numExperts;
  inputs = dice.once(2) ? Inputs::Plain
                        : static_cast<Inputs>(dice.below(
                              static_cast<int64_t>(Inputs::Tiny) + 1));
  static const char *const names[] = {
      "plain",       "integers",     "equal-experts",
      "zero-router", "equal-tokens", "nan-and-inf",
      "one-expert",  "large",        "tiny"};
  note(type);
  note("T=" + Twine(tokens) + " H=" + Twine(hidden) + " F=" +
       Twine(expertWidth) + " E=" + Twine(numExperts) + " K=" + Twine(topK));
  note(names[static_cast<int>(inputs)]);
  x = Named{"%x", {-1, hidden}, type.str()};
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

Named RandomLayerBuilder::addParam(StringRef name, ArrayRef<int64_t> shape,
                                   StringRef paramType, double scale) {
  Named param{"%p" + std::to_string(params.size()), SmallVector<int64_t>(shape),
              paramType.str()};
  Tensor tensor = Tensor::zeros(*symbolizeElementType(paramType), shape);
  fillRandom(tensor, deriveSeed(seed, name), Distribution::normal,
             static_cast<float>(scale));
  params.push_back({param, name.str()});
  arguments.push_back(tensor);
  return param;
}

Tensor &RandomLayerBuilder::getArgument(const Named &param) {
  for (auto [index, known] : llvm::enumerate(params))
    if (known.first.name == param.name)
      return arguments[index + 1];
  llvm_unreachable("expected a parameter");
}

void RandomLayerBuilder::makeTokens() {
  Tensor rows = Tensor::zeros(elementType, {tokens, hidden});
  fillRandom(rows, deriveSeed(seed, "x"), Distribution::normal);
  double nan = std::numeric_limits<double>::quiet_NaN();
  double infinity = std::numeric_limits<double>::infinity();
  for (int64_t i = 0, e = rows.getNumElements(); i < e; ++i) {
    switch (inputs) {
    case Inputs::Integers:
      rows.set(i, static_cast<double>(dice.below(3) - 1));
      break;
    case Inputs::EqualTokens:
      rows.set(i, rows.get(i % hidden));
      break;
    case Inputs::NaNRows:
      if (dice.once(2 * hidden))
        rows.set(i, dice.pick({nan, infinity, -infinity}));
      break;
    case Inputs::Tiny:
      rows.set(i, rows.get(i) * 1e-20);
      break;
    default:
      break;
    }
  }
  arguments.push_back(rows);
}

//===----------------------------------------------------------------------===//
// Branches
//===----------------------------------------------------------------------===//

/// One of the activations of published models.
std::string RandomLayerBuilder::activate(LayerWriter &writer, StringRef gate) {
  switch (dice.below(6)) {
  case 0: {
    note("gelu-tanh");
    std::string cube = writer.binary("arith.mulf", gate, gate);
    cube = writer.binary("arith.mulf", cube, gate);
    cube = writer.binary("arith.mulf", cube, writer.constant(0.044715));
    std::string inner = writer.binary("arith.addf", gate, cube);
    inner = writer.binary("arith.mulf", inner, writer.constant(0.7978845608));
    inner = writer.unary("math.tanh", inner);
    inner = writer.binary("arith.addf", inner, writer.constant(1.0));
    std::string half = writer.binary("arith.mulf", gate, writer.constant(0.5));
    return writer.binary("arith.mulf", half, inner);
  }
  case 1: {
    note("gelu-erf");
    std::string inner =
        writer.binary("arith.mulf", gate, writer.constant(0.7071067812));
    inner = writer.unary("math.erf", inner);
    inner = writer.binary("arith.addf", inner, writer.constant(1.0));
    std::string half = writer.binary("arith.mulf", gate, writer.constant(0.5));
    return writer.binary("arith.mulf", half, inner);
  }
  case 2: {
    note("relu2");
    std::string positive =
        writer.binary("arith.maximumf", gate, writer.constant(0.0));
    return writer.binary("arith.mulf", positive, positive);
  }
  case 3: {
    note("quick-gelu");
    std::string steep =
        writer.binary("arith.mulf", gate, writer.constant(1.702));
    return writer.binary("arith.mulf", gate, writer.sigmoid(steep));
  }
  default:
    note("silu");
    return writer.binary("arith.mulf", gate, writer.sigmoid(gate));
  }
}

/// A shared expert on x, with a sigmoid gate per token or without.
Named RandomLayerBuilder::writeShared() {
  int64_t width = dice.pick({1, 16, 24, 33});
  double scale = 1.0 / std::sqrt(static_cast<double>(hidden));
  Named gate = addParam("shared.gate", {width, hidden}, type, scale);
  Named up = addParam("shared.up", {width, hidden}, type, scale);
  Named down = addParam("shared.down", {hidden, width}, type,
                        1.0 / std::sqrt(static_cast<double>(width)));
  note("shared");
  Named a = writer.matmul(x, gate, true), b = writer.matmul(x, up, true);
  Named h = writer.elementwise(
      {{a}, {b}}, width, type, [&](ArrayRef<std::string> in) {
        std::string silu =
            writer.binary("arith.mulf", in[0], writer.sigmoid(in[0]));
        return writer.binary("arith.mulf", silu, in[1]);
      });
  Named o = writer.matmul(h, down, true);
  if (dice.once(2))
    return o;
  note("shared-gate");
  Named share = writer.matmul(
      x, addParam("shared.share", {1, hidden}, type, scale), true);
  return writer.elementwise({{o}, {share, /*isColumn=*/true}}, hidden, "f32",
                            [&](ArrayRef<std::string> in) {
                              return writer.binary("arith.mulf", in[0],
                                                   writer.sigmoid(in[1]));
                            });
}

/// Adds a shared expert, a residual, both or none, and returns from @forward.
void RandomLayerBuilder::writeBranches(Named result) {
  auto add = [&](const Named &other) {
    result = writer.elementwise(
        {{result}, {other}}, hidden, type, [&](ArrayRef<std::string> in) {
          return writer.binary("arith.addf", in[0], in[1]);
        });
  };
  writer.setRows(x);
  if (dice.once(3))
    add(writeShared());
  if (dice.once(4)) {
    note("residual");
    add(x);
  }
  writer.getText() +=
      "  return " + result.name + " : " + result.getType() + "\n";
}

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

RandomLayer RandomLayerBuilder::build() {
  makeTokens();
  writer.setRows(x);
  writeRouter();
  writeBranches(writeExperts());
  makeRouterHard();

  RandomLayer layer;
  layer.text = "func.func @forward(%x: " + x.getType();
  for (const auto &[param, name] : params)
    layer.text += ",\n    " + param.name + ": " + param.getType() +
                  " {moe.param = \"" + name + "\"}";
  layer.text += ") -> " + x.getType() + " {\n" + writer.getText() + "}\n";
  layer.arguments = arguments;
  layer.type = elementType;
  layer.hasNarrowLogits = hasNarrowLogits;
  layer.roundsWeights = roundsWeights;
  layer.summary = StringRef(summary).ltrim().str();
  return layer;
}

RandomLayer mlir::moe::makeRandomLayer(uint64_t seed) {
  return RandomLayerBuilder(seed).build();
}
