//===- LayerCost.h - What a layer costs on a machine ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The work of a layer, the least time that a machine needs for it, and the time
// that compiled code is expected to take.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_ANALYSIS_LAYERCOST_H
#define MOE_ANALYSIS_LAYERCOST_H

#include "moe/Analysis/CPUModel.h"

#include <algorithm>
#include <cstdint>

namespace mlir::moe {

/// The matrix products of a layer; what else it does is negligible beside them.
struct LayerWork {
  int64_t numExperts = 0, topK = 0;
  /// FLOPs (2 per multiply-add) for each token, of the router and of dense
  /// products, and for each routed row, a token with one of its experts.
  int64_t flopsPerToken = 0, flopsPerRow = 0;
  /// Bytes of the weights that every call reads, and of one expert's.
  int64_t denseBytes = 0, bytesPerExpert = 0;
  /// Whether the largest products multiply bf16.
  bool isBF16 = false;

  double getFlops(int64_t tokens, int64_t rows) const {
    return static_cast<double>(flopsPerToken) * static_cast<double>(tokens) +
           static_cast<double>(flopsPerRow) * static_cast<double>(rows);
  }
  double getWeightBytes(double activeExperts) const {
    return static_cast<double>(denseBytes) +
           static_cast<double>(bytesPerExpert) * activeExperts;
  }

  /// The experts that get a row if each token chooses K of E at random: E * (1
  /// - (1 - K/E)^T).
  double getExpectedActive(int64_t tokens) const;
};

/// How near our kernels come to what a machine can do.
struct KernelModel {
  /// Of the peak, the share that they reach where nothing waits for memory.
  double efficiency;
  /// Of the shorter of computing and reading, the share that is hidden behind
  /// the longer.
  double overlap;

  /// Fitted by benchmarks/cpu/fit.py.
  static KernelModel get(DotKind kind);
};

/// What a machine can do: FLOP/s of the type that a layer multiplies, and
/// bytes/s that it reads from memory; and how near our kernels of that type
/// come to it.
struct MachineRates {
  double flops, bytes;
  KernelModel kernels;
};

/// Seconds of a call.
struct CallCost {
  double arithmetic = 0; ///< all FLOPs at the peak
  double reading = 0;    ///< all active weights at the bandwidth

  static CallCost get(double flops, double weightBytes,
                      const MachineRates &rates) {
    return {flops / rates.flops, weightBytes / rates.bytes};
  }

  bool isArithmeticBound() const { return arithmetic > reading; }

  /// No code takes less at these rates: both overlap entirely.
  double getFloor() const { return std::max(arithmetic, reading); }

  /// What our code is expected to take.
  double getPredicted(const KernelModel &kernels) const {
    double compute = arithmetic / kernels.efficiency;
    return std::max(compute, reading) +
           (1 - kernels.overlap) * std::min(compute, reading);
  }
};

} // namespace mlir::moe

#endif // MOE_ANALYSIS_LAYERCOST_H
