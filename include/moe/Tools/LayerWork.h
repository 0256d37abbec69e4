//===- LayerWork.h - What a layer has to do at least ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Counts the arithmetic and the bytes of weights of a layer, from its IR.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TOOLS_LAYERWORK_H
#define MOE_TOOLS_LAYERWORK_H

#include "mlir/IR/BuiltinOps.h"

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

/// Counts for a copy of `module`, at the graph, routed or fused level, that is
/// taken down to the fused level.
FailureOr<LayerWork> countWork(ModuleOp module);

/// Prints the counts, and FLOPs and bytes at a few token counts with even
/// routing.
void printWork(llvm::raw_ostream &os, const LayerWork &work);

} // namespace mlir::moe

#endif // MOE_TOOLS_LAYERWORK_H
