//===- Runner.h - One run of moe-run ----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From a module and files to results, comparisons and times.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUN_RUNNER_H
#define MOE_LIB_RUN_RUNNER_H

#include "Checks.h"
#include "Engine.h"
#include "moe/Tools/LayerWork.h"
#include "moe/Tools/ModuleFile.h"

namespace mlir::moe {

enum class EngineKind { Interpreter, CPU, Emulator, CUDA };

/// What a command line asks for.
struct RunOptions {
  std::string input, inputs, weights, outputs, expect;
  EngineKind engine = EngineKind::CPU;
  std::optional<EngineKind> compare;
  std::optional<int64_t> tokens;
  uint64_t seed = 0;
  ToleranceOptions tolerance;
  unsigned repeat = 0, threads = 0;
  bool stats = false, routing = false;
};

/// Does what its options ask for, step by step; each step says what went wrong.
class Runner {
public:
  explicit Runner(RunOptions options) : options(std::move(options)) {}

  ExitStatus run();

private:
  ExitStatus fail(const llvm::Twine &message) {
    return moe::fail(Failure, "moe-run", message);
  }
  ExitStatus toStatus(llvm::Error error) {
    return error ? fail(llvm::toString(std::move(error))) : Success;
  }

  ExitStatus checkEngines();
  ExitStatus setThreads();
  ExitStatus openLayer();
  ExitStatus prepareRouting();
  ExitStatus loadData();
  ExitStatus compute();
  ExitStatus computeWith(EngineKind engine, Outputs &results);
  ExitStatus writeOutputs();
  ExitStatus compareAll();
  ExitStatus printStats();
  ExitStatus runBenchmark();

  /// The routing that was used: a result, or a replayed input; null if the
  /// layer shows none.
  const Tensor *getIds() const;

  RunOptions options;
  std::unique_ptr<ModuleFile> file;
  std::optional<Checkpoint> inputFile;
  Layer layer;
  /// What the layer does, counted before its routing became visible.
  LayerWork work;
  LayerData data;
  std::unique_ptr<CompiledLayer> compiled;
  Outputs outputs;
};

} // namespace mlir::moe

#endif // MOE_LIB_RUN_RUNNER_H
