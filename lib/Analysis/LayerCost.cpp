//===- LayerCost.cpp - What a layer costs on a machine --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/LayerCost.h"

#include <cmath>

using namespace mlir::moe;

// Fitted on two cores of a shared Sapphire Rapids, uniform routing, T = 1 to
// 2048: OLMoE and Qwen3-30B-A3B compiled for it, OLMoE for x86-64-v3 (half of
// AVX-512's peak taken as AVX2's). The error of the fastest time is 5 % in the
// median of 16 cells for tiles (20 % at most) and 3 % of 32 for the others (17
// %), f32 with AVX-512 and AVX2 and decoded bf16. The constants fitted to OLMoE
// on a Zen 3, 0.95 and 0.7, predict 10 % less at most. Pairs of bf16 have not
// been measured: where vdpbf16ps does half the FLOPs of FMAs, as on a Sapphire
// Rapids without its tiles, they take up to twice as long. Tiles compute so
// fast that much of their time goes to what the model does not count: sums,
// rows and their sums over slots on their way through the caches.
KernelModel KernelModel::get(DotKind kind) {
  if (kind == DotKind::TileBF16)
    return {/*efficiency=*/0.40, /*overlap=*/0.15};
  return {/*efficiency=*/0.87, /*overlap=*/0.65};
}

double LayerWork::getExpectedActive(int64_t tokens) const {
  if (numExperts == 0)
    return 0;
  double experts = static_cast<double>(numExperts);
  double missed = 1 - static_cast<double>(topK) / experts;
  return experts * (1 - std::pow(missed, static_cast<double>(tokens)));
}
