//===- ImportTest.cpp - Tests of the import -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Import.h"

#include "moe/Import/Layer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"

using namespace mlir;
using namespace mlir::moe;

/// A DeepSeek-V3 of odd sizes: every part that a layer can have.
static constexpr llvm::StringLiteral deepSeek = R"({
  "model_type": "deepseek_v3", "dtype": "bfloat16", "hidden_act": "gelu",
  "num_hidden_layers": 2, "first_k_dense_replace": 1, "hidden_size": 5,
  "moe_intermediate_size": 3, "n_routed_experts": 6, "n_shared_experts": 2,
  "num_experts_per_tok": 3, "n_group": 3, "topk_group": 2,
  "norm_topk_prob": true, "routed_scaling_factor": 1.5
})";

/// The parameters of the only function: name in the checkpoint and type.
static std::vector<std::string> getParameters(ModuleOp module) {
  std::vector<std::string> result;
  auto func = *module.getOps<func::FuncOp>().begin();
  for (BlockArgument argument : func.getArguments()) {
    auto name =
        func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "moe.param");
    std::string text = name ? name.str() : "input";
    llvm::raw_string_ostream(text) << " " << argument.getType();
    result.push_back(text);
  }
  return result;
}

TEST(ImportTest, ParametersInOrder) {
  MLIRContext context;
  auto module = importConfig(&context, deepSeek, "config.json");
  ASSERT_TRUE(module);
  const std::string prefix = "model.layers.1.mlp.";
  EXPECT_THAT(getParameters(*module),
              testing::ElementsAre(
                  "input tensor<?x5xbf16>",
                  prefix + "gate.weight tensor<6x5xf32>",
                  prefix + "gate.e_score_correction_bias tensor<6xf32>",
                  prefix + "experts.*.gate_proj.weight tensor<6x3x5xbf16>",
                  prefix + "experts.*.up_proj.weight tensor<6x3x5xbf16>",
                  prefix + "experts.*.down_proj.weight tensor<6x5x3xbf16>",
                  prefix + "shared_experts.gate_proj.weight tensor<6x5xbf16>",
                  prefix + "shared_experts.up_proj.weight tensor<6x5xbf16>",
                  prefix + "shared_experts.down_proj.weight tensor<5x6xbf16>"));
}

TEST(ImportTest, PrintedModuleParsesBack) {
  for (ModelType type : {ModelType::BF16, ModelType::F16, ModelType::F32}) {
    MLIRContext context;
    ImportOptions options;
    options.type = type;
    auto module = importConfig(&context, deepSeek, "config.json", options);
    ASSERT_TRUE(module);
    std::string text;
    llvm::raw_string_ostream os(text);
    printImported(*module, os);
    auto parsed = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(getParameters(*parsed), getParameters(*module));
  }
}

TEST(ImportTest, RoundsOnlyToNarrowerTypes) {
  for (bool isF32 : {false, true}) {
    MLIRContext context;
    ImportOptions options;
    options.type = isF32 ? ModelType::F32 : ModelType::BF16;
    auto module = importConfig(&context, deepSeek, "config.json", options);
    ASSERT_TRUE(module);
    unsigned roundings = 0;
    module->walk([&](arith::TruncFOp) { ++roundings; });
    // The hidden rows of the routed and of the shared experts, and the output
    // of the latter.
    EXPECT_EQ(roundings, isF32 ? 0u : 3u);
  }
}

TEST(ImportTest, EveryLayerSpecVerifies) {
  for (Activation activation : {Activation::SiLU, Activation::GELU,
                                Activation::GELUTanh, Activation::ReLU}) {
    MLIRContext context;
    LayerSpec layer;
    layer.hiddenSize = 1;
    layer.router.weight = {"router", "r", {1, 1}};
    layer.router.roundLogits = layer.router.roundWeights = true;
    layer.experts = {activation,
                     {"gate", "g.*", {1, 1, 1}},
                     {"up", "u.*", {1, 1, 1}},
                     {"down", "d.*", {1, 1, 1}}};
    auto module =
        buildLayer(&context, layer, BFloat16Type::get(&context), "layer");
    EXPECT_TRUE(succeeded(verify(*module)));
    EXPECT_EQ(layer.getParameters().size(), 4u);
  }
}
