//===- LayerCost.cpp - What a layer costs on a machine --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/LayerCost.h"

#include <cmath>

using namespace mlir::moe;

// On two cores of a shared Sapphire Rapids, uniform routing.
//
// Tiles: within 8 % of the fastest times of OLMoE, GPT-OSS, Mixtral and a slice
// of DeepSeek-V3 at T = 128 to 2048, 16 times, with limits of as quiet a phase
// (4.8 TFLOP/s of random numbers, 31 GB/s). Where others slow the tiles' unit
// down, the kernels reach more of what is left of its peak and the model says
// up to half too much. Tiles compute so fast that much of their time goes to
// what the model does not count: sums, rows and their sums over slots on their
// way through the caches.
//
// The others: f32 with AVX-512 and AVX2 and decoded bf16, OLMoE and
// Qwen3-30B-A3B at T = 1 to 2048, off by 3 % in the median of 32 and by 17 % at
// most, before their prefetches came in streams, bf16 was decoded without
// shifts and tiles had two panels (up to 7, 12 and 5 % faster since). The
// constants fitted to OLMoE on a Zen 3, 0.95 and 0.7, predict 10 % less at
// most. Pairs of bf16 have not been measured: where vdpbf16ps does half the
// FLOPs of FMAs, as on a Sapphire Rapids without its tiles, they take up to
// twice as long.
KernelModel KernelModel::get(DotKind kind) {
  if (kind == DotKind::TileBF16)
    return {/*efficiency=*/0.50, /*overlap=*/0.50};
  return {/*efficiency=*/0.87, /*overlap=*/0.65};
}

double LayerWork::getExpectedActive(int64_t tokens) const {
  if (numExperts == 0)
    return 0;
  double experts = static_cast<double>(numExperts);
  double missed = 1 - static_cast<double>(topK) / experts;
  return experts * (1 - std::pow(missed, static_cast<double>(tokens)));
}
