//===- Limits.cpp - The machine's limits, for the benchmark's process -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/MachineLimits.h"

/// Measures f32 FLOP/s, bf16 FLOP/s and bytes/s of reading `buffer`, on
/// `numThreads` threads, into `rates`.
extern "C" void moe_bench_limits(const char *buffer, size_t size,
                                 unsigned numThreads, double rates[3]) {
  mlir::moe::MachineLimits limits =
      mlir::moe::measureMachineLimits({buffer, size}, numThreads);
  rates[0] = limits.f32Flops.best;
  rates[1] = limits.bf16Flops.best;
  rates[2] = limits.readBytes.best;
}
