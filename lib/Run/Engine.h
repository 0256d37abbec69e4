//===- Engine.h - Ways to compute a layer -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The engines of moe-run: the reference interpreter, and code for this CPU.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUN_ENGINE_H
#define MOE_LIB_RUN_ENGINE_H

#include "Layer.h"
#include "moe/Reference/Interpreter.h"
#include "moe/Target/CPU/AlignedMemory.h"
#include "moe/Target/CPU/JIT.h"

namespace mlir::moe {

/// One result per output of a layer.
using Outputs = std::vector<Tensor>;

/// Interprets `layer` in exact mode on the data's parameters. With `replayIds`
/// these are the choices of its router; `record` gets what the router saw.
/// Results are f64 where exact mode computed them.
FailureOr<Outputs> interpretLayer(const Layer &layer, const LayerData &data,
                                  ArrayRef<Tensor> inputs,
                                  const Tensor *replayIds = nullptr,
                                  RoutingRecord *record = nullptr);

/// A layer compiled for this machine with its packed parameters.
class CompiledLayer {
public:
  /// Compiles a lowered copy of the layer's module and packs the parameters.
  /// Diagnostics are at the layer's function.
  static FailureOr<std::unique_ptr<CompiledLayer>>
  create(const Layer &layer, ModuleOp lowered, const LayerData &data);

  /// Sets the inputs of the calls to come, and makes room for outputs.
  LogicalResult prepare(ArrayRef<Tensor> inputs, int64_t tokens);

  /// Computes the outputs.
  LogicalResult run();

  /// What the last call computed.
  const Outputs &getOutputs() const { return outputs; }

  /// The packed parameters.
  ArrayRef<char> getPacked() const {
    return {static_cast<const char *>(packed.getData()), packed.getSize()};
  }

private:
  explicit CompiledLayer(const Layer &layer) : layer(layer) {}
  LogicalResult pack(const LayerData &data);
  LogicalResult check(llvm::Error error) const;

  const Layer &layer;
  std::unique_ptr<JIT> jit;
  JITFunction function;
  AlignedMemory packed, workspace;
  std::vector<Tensor> inputs;
  Outputs outputs;
};

} // namespace mlir::moe

#endif // MOE_LIB_RUN_ENGINE_H
