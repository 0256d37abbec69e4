//===- Benchmark.h - How fast a compiled layer is ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Times a layer beside the limits of the machine.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUN_BENCHMARK_H
#define MOE_LIB_RUN_BENCHMARK_H

#include "Engine.h"
#include "moe/Tools/LayerWork.h"

namespace mlir::moe {

/// What a call of the layer needed: routed rows and experts that had one.
struct CallWork {
  int64_t tokens = 0, rows = 0, activeExperts = 0;
};

/// Times `repeat` calls after one that warms up, measures the machine's limits
/// before and after, and does it all again, three times at most, when the two
/// differ by more than 10 %. Prints the least and the median time, GFLOP/s,
/// GB/s of the weights that were read, and the fraction of the machine's limit.
/// `cpu` is the one that the layer is compiled for.
LogicalResult benchmark(llvm::raw_ostream &os, CompiledLayer &layer,
                        const CPUModel &cpu, const LayerWork &work,
                        const CallWork &call, int64_t repeat, unsigned threads);

} // namespace mlir::moe

#endif // MOE_LIB_RUN_BENCHMARK_H
