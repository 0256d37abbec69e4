//===- Engine.cpp - Ways to compute a layer -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Engine.h"

#include "moe/Dialect/MoE/Transforms/Transforms.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Interpreter
//===----------------------------------------------------------------------===//

FailureOr<Outputs> moe::interpretLayer(const Layer &layer,
                                       const LayerData &data,
                                       ArrayRef<Tensor> inputs,
                                       const Tensor *replayIds,
                                       RoutingRecord *record) {
  // Arguments in the function's order: inputs and parameters can be mixed.
  SmallVector<InterpreterValue> arguments;
  const Tensor *input = inputs.begin();
  auto param = data.params.begin();
  func::FuncOp function = layer.function;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttr(i, kParamAttr))
      arguments.push_back((param++)->getWhole());
    else
      arguments.push_back(*input++);
  InterpreterOptions options;
  if (replayIds)
    options.replayIds.push_back(*replayIds);
  if (record)
    options.onRouting = [&](const RoutingRecord &made) { *record = made; };
  auto results = interpret(function, arguments, options);
  if (failed(results))
    return failure();
  Outputs outputs;
  for (const InterpreterValue &result : *results)
    outputs.push_back(result.getTensor());
  return outputs;
}

//===----------------------------------------------------------------------===//
// Compiled code
//===----------------------------------------------------------------------===//

/// `tensor` for the C functions; its shape stays the tensor's.
static DLTensor toDLTensor(const EntryTensor &signature, const Tensor &tensor) {
  DLPackType type = *getDLPackType(signature.type.getElementType());
  DLTensor result = {};
  result.data = const_cast<void *>(tensor.getData());
  result.device = {kDLCPU, 0};
  result.ndim = static_cast<int>(tensor.getRank());
  result.dtype = {type.code, type.bits, 1};
  result.shape = const_cast<int64_t *>(tensor.getShape().data());
  return result;
}

LogicalResult CompiledLayer::check(llvm::Error error) const {
  if (!error)
    return success();
  func::FuncOp function = layer.function;
  return function.emitError() << llvm::toString(std::move(error));
}

FailureOr<std::unique_ptr<CompiledLayer>>
CompiledLayer::create(const Layer &layer, ModuleOp lowered,
                      const LayerData &data) {
  std::unique_ptr<CompiledLayer> compiled(new CompiledLayer(layer));
  auto jit = JIT::create(lowered);
  if (failed(jit))
    return failure();
  compiled->jit = std::move(*jit);
  func::FuncOp function = layer.function;
  auto entry = compiled->jit->lookup(function.getName());
  if (!entry) {
    (void)compiled->check(entry.takeError());
    return failure();
  }
  compiled->function = *entry;
  if (failed(compiled->pack(data)))
    return failure();
  return std::move(compiled);
}

LogicalResult CompiledLayer::pack(const LayerData &data) {
  // Slices have shapes of their own, which the DLTensors point to.
  std::vector<Tensor> tensors;
  std::vector<const EntryTensor *> signatures;
  for (auto [signature, param] : llvm::zip_equal(layer.params, data.params))
    for (int64_t i = 0; i < signature.getCount(); ++i) {
      signatures.push_back(&signature);
      tensors.push_back(!signature.perExpert     ? param.whole
                        : !param.experts.empty() ? param.experts[i]
                                                 : param.whole.slice(i));
    }
  std::vector<DLTensor> params;
  for (auto [signature, tensor] : llvm::zip_equal(signatures, tensors))
    params.push_back(toDLTensor(*signature, tensor));
  auto memory = AlignedMemory::allocate(function.getPackedSize());
  if (!memory)
    return check(memory.takeError());
  packed = std::move(*memory);
  return check(function.pack(params, packed.getData()));
}

LogicalResult CompiledLayer::prepare(ArrayRef<Tensor> newInputs,
                                     int64_t tokens) {
  inputs.assign(newInputs.begin(), newInputs.end());
  outputs.clear();
  for (const EntryTensor &signature : layer.outputs) {
    auto output = makeOutput(signature, tokens);
    if (!output)
      return check(output.takeError());
    outputs.push_back(*output);
  }
  auto size = function.getWorkspaceSize(tokens);
  if (!size)
    return check(size.takeError());
  auto memory = AlignedMemory::allocate(*size);
  if (!memory)
    return check(memory.takeError());
  workspace = std::move(*memory);
  return success();
}

LogicalResult CompiledLayer::run() {
  SmallVector<DLTensor> in, out;
  for (auto [signature, tensor] : llvm::zip_equal(layer.inputs, inputs))
    in.push_back(toDLTensor(signature, tensor));
  for (auto [signature, tensor] : llvm::zip_equal(layer.outputs, outputs))
    out.push_back(toDLTensor(signature, tensor));
  return check(function.run(in, packed.getData(), out, workspace.getData()));
}
