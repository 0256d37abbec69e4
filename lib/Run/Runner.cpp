//===- Runner.cpp - One run of moe-run ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include "Benchmark.h"
#include "moe/Analysis/RoutingHistogram.h"
#include "moe/Runtime/Safetensors.h"
#include "moe/Target/CPU/OpenMP.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace mlir::moe;

/// Whose code runs.
static constexpr StringLiteral kCPU = "native";

//===----------------------------------------------------------------------===//
// Before the run
//===----------------------------------------------------------------------===//

ExitStatus Runner::checkEngines() {
  for (std::optional<EngineKind> engine :
       {std::optional(options.engine), options.compare}) {
    if (engine == EngineKind::Emulator)
      return fail("engine 'emulator' is not supported yet");
    if (engine == EngineKind::CUDA)
      return fail("engine 'cuda' is not supported yet");
  }
  return Success;
}

ExitStatus Runner::setThreads() {
  if (options.threads == 0)
    return Success;
  auto openMP = OpenMPRuntime::get();
  if (!openMP)
    return toStatus(openMP.takeError());
  (*openMP)->setNumThreads(static_cast<int>(options.threads));
  return Success;
}

ExitStatus Runner::openLayer() {
  file = ModuleFile::open(options.input);
  if (!file)
    return Failure;
  FailureOr<Layer> found = findLayer(file->getModule());
  if (failed(found))
    return Failure;
  layer = std::move(*found);
  return Success;
}

/// Replays the routing that the inputs have, else shows the layer's own.
ExitStatus Runner::prepareRouting() {
  bool replays = false;
  if (!options.inputs.empty()) {
    auto opened = Checkpoint::open(options.inputs);
    if (!opened)
      return toStatus(opened.takeError());
    inputFile = std::move(*opened);
    replays = inputFile->contains("ids") && layer.findInput("ids") < 0;
  }
  if (options.routing && (replays || layer.findInput("ids") >= 0))
    return fail("--routing adds what the layer chooses: expected no 'ids' "
                "among the inputs");
  if (options.repeat || options.compare) {
    FailureOr<LayerWork> counted = countWork(file->getModule());
    if (failed(counted))
      return Failure;
    work = *counted;
  }
  if (replays)
    return succeeded(replayRouting(layer)) ? Success : Failure;
  // A layer whose routing is an input has no router: that is fine unless its
  // choices are asked for.
  bool wanted =
      options.routing || options.stats || options.compare || options.repeat;
  if (!wanted || layer.findInput("ids") >= 0 ||
      (!options.routing && !options.stats && !hasRouter(layer)))
    return Success;
  return succeeded(exposeRouting(layer)) ? Success : Failure;
}

ExitStatus Runner::loadData() {
  constexpr int64_t defaultTokens = 16;
  std::optional<int64_t> fixed = layer.getFixedTokens();
  int64_t tokens = options.tokens.value_or(fixed.value_or(defaultTokens));
  if (fixed && tokens != *fixed)
    return fail("--tokens: expected " + llvm::Twine(*fixed) +
                ", which the layer's types fix, got " + llvm::Twine(tokens));
  if (ExitStatus status =
          toStatus(inputFile ? readInputs(layer, *inputFile, data)
                             : makeInputs(layer, tokens, options.seed, data)))
    return status;
  if (options.weights.empty())
    return toStatus(makeParameters(layer, options.seed, data));
  auto checkpoint = Checkpoint::open(options.weights);
  if (!checkpoint)
    return toStatus(checkpoint.takeError());
  return toStatus(readParameters(layer, *checkpoint, data));
}

//===----------------------------------------------------------------------===//
// The run
//===----------------------------------------------------------------------===//

ExitStatus Runner::computeWith(EngineKind engine, Outputs &results) {
  if (engine == EngineKind::Interpreter) {
    FailureOr<Outputs> made = interpretLayer(layer, data, data.inputs);
    if (failed(made))
      return Failure;
    results = std::move(*made);
    return Success;
  }
  FailureOr<OwningOpRef<ModuleOp>> lowered = file->copyLoweredToCPU(kCPU);
  if (failed(lowered))
    return Failure;
  auto code = CompiledLayer::create(layer, **lowered, data);
  if (failed(code))
    return Failure;
  compiled = std::move(*code);
  if (failed(compiled->prepare(data.inputs, data.tokens)) ||
      failed(compiled->run()))
    return Failure;
  results = compiled->getOutputs();
  return Success;
}

/// Prints one line about each result.
static void describeOutputs(const Layer &layer, const Outputs &outputs) {
  for (auto [signature, tensor] : llvm::zip_equal(layer.outputs, outputs)) {
    double sum = 0;
    for (int64_t i = 0; i < tensor.getNumElements(); ++i)
      sum += tensor.get(i) * tensor.get(i);
    llvm::outs() << signature.name << ": " << stringifyShape(tensor.getShape())
                 << " " << signature.type.getElementType();
    if (tensor.getNumElements() && isFloat(tensor.getType()))
      llvm::outs() << llvm::format(
          ", rms %.6g",
          std::sqrt(sum / static_cast<double>(tensor.getNumElements())));
    llvm::outs() << "\n";
  }
}

ExitStatus Runner::compute() {
  if (ExitStatus status = computeWith(options.engine, outputs))
    return status;
  describeOutputs(layer, outputs);
  return Success;
}

//===----------------------------------------------------------------------===//
// After the run
//===----------------------------------------------------------------------===//

ExitStatus Runner::writeOutputs() {
  if (options.outputs.empty())
    return Success;
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < outputs.size(); ++i) {
    bool isRouting = layer.exposesRouting && i + 2 >= outputs.size();
    if (isRouting && !options.routing)
      continue;
    const EntryTensor &signature = layer.outputs[i];
    Tensor tensor = outputs[i].convertTo(
        *getElementTypeFor(signature.type.getElementType()));
    // In the shape of x: its token dimensions, then the output's own.
    if (signature.type.getRank() && signature.type.isDynamicDim(0)) {
      SmallVector<int64_t> shape = data.leadingShape;
      llvm::append_range(shape, tensor.getShape().drop_front());
      tensor = tensor.reshape(shape);
    }
    tensors.push_back({signature.name, tensor});
  }
  return toStatus(writeSafetensors(options.outputs, tensors));
}

ExitStatus Runner::compareAll() {
  bool passed = true;
  if (!options.expect.empty()) {
    auto expected = Checkpoint::open(options.expect);
    if (!expected)
      return toStatus(expected.takeError());
    auto same = compareWithFile(llvm::outs(), layer, outputs, *expected,
                                options.tolerance);
    if (!same)
      return toStatus(same.takeError());
    passed &= *same;
  }
  if (options.compare) {
    // The interpreter is the reference, whichever of the two it is.
    Outputs other;
    const Outputs *actual = &outputs;
    if (options.engine == EngineKind::Interpreter &&
        options.compare == EngineKind::CPU) {
      if (ExitStatus status = computeWith(EngineKind::CPU, other))
        return status;
      actual = &other;
    }
    // About 4e8 FLOPs a second, twice.
    double flopsPerToken = work.getFlops(1, work.topK);
    auto maxTokens = static_cast<int64_t>(2e9 / std::max(flopsPerToken, 1.0));
    FailureOr<bool> same = compareWithInterpreter(
        llvm::outs(), layer, data, *actual, std::max<int64_t>(maxTokens, 2),
        options.tolerance);
    if (failed(same))
      return Failure;
    passed &= *same;
  }
  return passed ? Success : fail("results are out of tolerance");
}

const Tensor *Runner::getIds() const {
  if (layer.exposesRouting)
    return &outputs[outputs.size() - 2];
  int input = layer.findInput("ids");
  return input < 0 ? nullptr : &data.inputs[input];
}

/// The number of experts that the layer's parameters are for.
static int64_t getNumExperts(const Layer &layer, const LayerWork &work) {
  if (work.numExperts)
    return work.numExperts;
  int64_t experts = 0;
  for (const EntryTensor &param : layer.params)
    if (param.type.getRank() == 3)
      experts = std::max(experts, param.type.getDimSize(0));
  return experts;
}

ExitStatus Runner::printStats() {
  if (!options.stats)
    return Success;
  const Tensor *ids = getIds();
  if (!ids)
    return fail("--stats: expected a layer with a routing, got one without");
  auto histogram = RoutingHistogram::create(
      ids->getValues<int32_t>(), ids->getDim(1), getNumExperts(layer, work));
  if (!histogram)
    return toStatus(histogram.takeError());
  printRoutingHistogram(llvm::outs(), *histogram);
  return Success;
}

ExitStatus Runner::runBenchmark() {
  if (!options.repeat)
    return Success;
  CallWork call{data.tokens, 0, work.numExperts};
  if (const Tensor *ids = getIds()) {
    auto histogram = RoutingHistogram::create(ids->getValues<int32_t>(),
                                              ids->getDim(1), work.numExperts);
    if (!histogram)
      return toStatus(histogram.takeError());
    call.rows = histogram->getNumRows();
    call.activeExperts = histogram->getNumActive();
  }
  llvm::Expected<CPUModel> cpu = CPUModel::get(kCPU);
  if (!cpu)
    return toStatus(cpu.takeError());
  auto openMP = OpenMPRuntime::get();
  if (!openMP)
    return toStatus(openMP.takeError());
  auto threads = static_cast<unsigned>((*openMP)->getMaxThreads());
  return succeeded(benchmark(llvm::outs(), *compiled, *cpu, work, call,
                             options.repeat, threads))
             ? Success
             : Failure;
}

ExitStatus Runner::run() {
  for (auto step :
       {&Runner::checkEngines, &Runner::setThreads, &Runner::openLayer,
        &Runner::prepareRouting, &Runner::loadData, &Runner::compute,
        &Runner::writeOutputs, &Runner::printStats, &Runner::compareAll,
        &Runner::runBenchmark})
    if (ExitStatus status = (this->*step)())
      return status;
  return Success;
}
