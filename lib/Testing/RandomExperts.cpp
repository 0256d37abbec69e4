//===- RandomExperts.cpp - The experts of a random layer ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A random body of moe.experts: gated or not, with biases, clamps, adapters,
// another layer in between, and weights in any of the layouts of checkpoints.
//
//===----------------------------------------------------------------------===//

#include "RandomLayerBuilder.h"

#include <cmath>

using namespace mlir;
using namespace mlir::moe;

/// The region that is being written, and what it takes.
struct RandomLayerBuilder::Body {
  LayerWriter writer{"e", 4};
  std::string operands, operandTypes, arguments;
};

static double perRoot(int64_t size) {
  return 1.0 / std::sqrt(static_cast<double>(size));
}

/// A parameter per expert; returns the slice that the region gets.
Named RandomLayerBuilder::addSlice(Body &body, StringRef name,
                                   ArrayRef<int64_t> shape, StringRef paramType,
                                   double scale) {
  SmallVector<int64_t> all = {numExperts};
  llvm::append_range(all, shape);
  // Checkpoints keep experts one by one, or stacked.
  std::string checkpointName =
      (dice.once(4) ? "experts." : "experts.*.") + name.str();
  Named param = addParam(checkpointName, all, paramType, scale);
  body.operands += (body.operands.empty() ? "" : ", ") + param.name;
  body.operandTypes += ", " + param.getType();
  Named slice{"%s" + param.name.substr(1), SmallVector<int64_t>(shape),
              paramType.str()};
  body.arguments += ", " + slice.name + ": " + slice.getType();
  return slice;
}

/// rows times a weight in one of the two orders, plus perhaps a bias.
Named RandomLayerBuilder::writeProduct(Body &body, const Named &rows,
                                       StringRef name, int64_t width) {
  int64_t depth = rows.shape[1];
  bool transposed = !dice.once(4);
  SmallVector<int64_t> shape = {width, depth};
  if (!transposed)
    std::swap(shape[0], shape[1]);
  std::string base = name.str();
  Named weight = addSlice(body, base + ".weight", shape, type, perRoot(depth));
  Named product = body.writer.matmul(rows, weight, transposed);
  if (!dice.once(4))
    return product;
  note(name + "-bias");
  Named bias = addSlice(body, base + ".bias", {width},
                        dice.pick<StringRef>({"f32", type}), 0.3);
  return body.writer.elementwise({{product}, {bias, /*isColumn=*/true}}, width,
                                 "f32", [&](ArrayRef<std::string> in) {
                                   return body.writer.binary("arith.addf",
                                                             in[0], in[1]);
                                 });
}

/// The same plus a low-rank product (Hu et al., "LoRA", 2021), perhaps.
Named RandomLayerBuilder::writeProductWithAdapter(Body &body, const Named &rows,
                                                  StringRef name,
                                                  int64_t width) {
  Named product = writeProduct(body, rows, name, width);
  if (!dice.once(6))
    return product;
  note(name + "-lora");
  LayerWriter &writer = body.writer;
  int64_t rank = 1 + dice.below(5), depth = rows.shape[1];
  std::string base = name.str();
  Named a =
      addSlice(body, base + ".lora_a", {rank, depth}, type, perRoot(depth));
  Named b =
      addSlice(body, base + ".lora_b", {width, rank}, type, perRoot(rank));
  Named low =
      writer.elementwise({{writer.matmul(rows, a, true)}}, rank, type,
                         [](ArrayRef<std::string> in) { return in[0]; });
  Named delta = writer.matmul(low, b, true);
  return writer.elementwise(
      {{product}, {delta}}, width, "f32", [&](ArrayRef<std::string> in) {
        std::string scaled =
            writer.binary("arith.mulf", in[1], writer.constant(0.5));
        return writer.binary("arith.addf", in[0], scaled);
      });
}

/// Gate and up projections: two weights, or one that holds both halves, one
/// after the other or interleaved.
std::pair<Named, Named> RandomLayerBuilder::writeGateAndUp(Body &body,
                                                           const Named &rows,
                                                           int64_t width) {
  int64_t layout = dice.below(4), depth = rows.shape[1];
  if (layout >= 2)
    return {writeProductWithAdapter(body, rows, "gate", width),
            writeProductWithAdapter(body, rows, "up", width)};
  note(layout == 0 ? "concatenated" : "interleaved");
  Named both =
      addSlice(body, "gate_up", {2 * width, depth}, type, perRoot(depth));
  Named half{"", {width, depth}, type.str()};
  auto take = [&](bool second) {
    int64_t offset = !second ? 0 : layout == 0 ? width : 1;
    Named part = half;
    part.name = body.writer.emit(
        "tensor.extract_slice " + both.name + "[" + Twine(offset) + ", 0] [" +
        Twine(width) + ", " + Twine(depth) + "] [" + (layout == 0 ? "1" : "2") +
        ", 1] : " + both.getType() + " to " + half.getType());
    return body.writer.matmul(rows, part, true);
  };
  Named gate = take(false);
  return {gate, take(true)};
}

/// The first layer: an activation, gated or not, with clamps of either kind.
Named RandomLayerBuilder::writeHidden(Body &body, const Named &rows,
                                      int64_t width) {
  LayerWriter &writer = body.writer;
  StringRef hiddenType = dice.once(4) ? StringRef("f32") : type;
  if (dice.once(3)) {
    note("not-gated");
    Named up = writeProductWithAdapter(body, rows, "up", width);
    return writer.elementwise(
        {{up}}, width, hiddenType,
        [&](ArrayRef<std::string> in) { return activate(writer, in[0]); });
  }
  auto [gate, up] = writeGateAndUp(body, rows, width);
  int64_t clamp = dice.below(6); // 0: before, 1: after, else none.
  bool hasOffset = dice.once(6);
  note(Twine(clamp == 0   ? "clamp-before "
             : clamp == 1 ? "clamp-after "
                          : "") +
       (hasOffset ? "up+1" : ""));
  return writer.elementwise(
      {{gate}, {up}}, width, hiddenType, [&](ArrayRef<std::string> in) {
        std::string g = in[0], u = in[1], limit, lower;
        if (clamp <= 1) {
          limit = writer.constant(1.0);
          lower = writer.constant(-1.0);
          u = writer.binary("arith.minimumf", u, limit);
          u = writer.binary("arith.maximumf", u, lower);
        }
        if (clamp == 0)
          g = writer.binary("arith.minimumf", g, limit);
        g = activate(writer, g);
        if (clamp == 1)
          g = writer.binary("arith.minimumf", g, limit);
        if (hasOffset)
          u = writer.binary("arith.addf", u, writer.constant(1.0));
        return writer.binary("arith.mulf", g, u);
      });
}

/// Rows times their routing weights, for a body that weighs itself.
Named RandomLayerBuilder::scaleRows(LayerWriter &writer, const Named &rows,
                                    const Named &rowWeights) {
  return writer.elementwise({{rows}, {rowWeights}}, rows.shape[1],
                            rows.elementType, [&](ArrayRef<std::string> in) {
                              return writer.binary("arith.mulf", in[0], in[1]);
                            });
}

Named RandomLayerBuilder::writeExperts() {
  Body body;
  Named rows{"%rows", {-1, hidden}, type.str()};
  Named rowWeights{"%rowWeights", {-1}, "f32"};
  // The weight on the input (Llama 4), between the products (Megatron), or on
  // the output by the op itself.
  enum {
    OnInput,
    OnHidden,
    OnOutput
  } place = dice.pick({OnInput, OnHidden, OnOutput, OnOutput, OnOutput});
  body.writer.setRows(rows);
  Named input = rows;
  if (place == OnInput)
    input = scaleRows(body.writer, rows, rowWeights);
  Named h = writeHidden(body, input, expertWidth);
  if (dice.once(8)) {
    note("three-layer");
    int64_t width = dice.pick({1, 16, 20});
    Named middle = writeProduct(body, h, "middle", width);
    h = body.writer.elementwise(
        {{middle}}, width, type, [&](ArrayRef<std::string> in) {
          return body.writer.binary("arith.maximumf", in[0],
                                    body.writer.constant(0.0));
        });
  }
  if (place == OnHidden)
    h = scaleRows(body.writer, h, rowWeights);
  Named o = writeProductWithAdapter(body, h, "down", hidden);
  if (dice.once(4))
    o = body.writer.elementwise({{o}}, hidden, type,
                                [](ArrayRef<std::string> in) { return in[0]; });
  note(place == OnInput    ? "weight-on-input"
       : place == OnHidden ? "weight-on-hidden"
                           : "");

  Named y = x;
  y.name = "%y";
  bool inBody = place != OnOutput;
  writer.getText() +=
      "  %y = moe.experts %x, %ids, %weights params(" + body.operands + ")" +
      (inBody ? " weighting = body" : "") + " : (" + x.getType() + ", " +
      ids.getType() + ", " + weights.getType() + body.operandTypes + ") -> " +
      y.getType() + " {\n  ^expert(%rows: " + rows.getType() +
      (inBody ? ", %rowWeights: tensor<?xf32>" : "") + body.arguments + "):\n" +
      body.writer.getText() + "    moe.yield " + o.name + " : " + o.getType() +
      "\n  }\n";
  return y;
}
