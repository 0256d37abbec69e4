//===- Layer.h - The function that moe-run runs -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a layer's function takes and gives, and tensors for all of it.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUN_LAYER_H
#define MOE_LIB_RUN_LAYER_H

#include "moe/Runtime/Checkpoint.h"
#include "moe/Target/CPU/EntryPoint.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::moe {

/// A function of the graph, routed or fused level.
struct Layer {
  func::FuncOp function;
  std::vector<EntryTensor> inputs, params, outputs;
  /// Whether the last two outputs are the routing, `ids` and `weights`.
  bool exposesRouting = false;

  /// The position of the input called `name`, or -1.
  int findInput(StringRef name) const;
  /// The number of tokens of a layer whose types leave none open.
  std::optional<int64_t> getFixedTokens() const;
};

/// The one function of `module`. Diagnostics say if there is none, more than
/// one, or if it takes or gives anything but tensors.
FailureOr<Layer> findLayer(ModuleOp module);

/// Whether `layer` has exactly one router.
bool hasRouter(const Layer &layer);

/// Makes the routing two more inputs of the layer, or two more outputs.
LogicalResult replayRouting(Layer &layer);
LogicalResult exposeRouting(Layer &layer);

/// The elements of one parameter.
struct Parameter {
  /// As the function takes it; without elements where only `experts` has them.
  Tensor whole;
  /// For a per-expert parameter of a checkpoint: its tensors, E of them.
  std::vector<Tensor> experts;

  /// As the function takes it: a copy where the experts are apart.
  Tensor getWhole() const;
};

/// Everything that a call needs.
struct LayerData {
  int64_t tokens = 0;
  std::vector<Tensor> inputs;
  std::vector<Parameter> params;
  /// What the first input's token dimensions were before they became one.
  SmallVector<int64_t> leadingShape;
};

/// Reads the inputs from a safetensors file, under their names. Leading
/// dimensions are flattened into tokens.
llvm::Error readInputs(const Layer &layer, Checkpoint &file, LayerData &data);

/// Makes random inputs for as many tokens; normally distributed.
llvm::Error makeInputs(const Layer &layer, int64_t tokens, uint64_t seed,
                       LayerData &data);

/// Takes the parameters from a checkpoint. Nothing is copied: tensors show the
/// mapped file.
llvm::Error readParameters(const Layer &layer, Checkpoint &checkpoint,
                           LayerData &data);

/// Makes random parameters of which products keep the size of what they
/// multiply: a standard deviation of 1 / sqrt(K) for K columns; 0.1 for
/// vectors.
llvm::Error makeParameters(const Layer &layer, uint64_t seed, LayerData &data);

/// A tensor of zeros for an output.
llvm::Expected<Tensor> makeOutput(const EntryTensor &output, int64_t tokens);

/// "tensor<?x4xf32>" for a message.
std::string stringifyType(Type type);

} // namespace mlir::moe

#endif // MOE_LIB_RUN_LAYER_H
