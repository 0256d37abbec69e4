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

#include "moe/Analysis/LayerCost.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace mlir::moe {

/// Counts for a copy of `module`, at the graph, routed or fused level, that is
/// taken down to the fused level.
FailureOr<LayerWork> countWork(ModuleOp module);

/// Prints the counts, and FLOPs and bytes at a few token counts with even
/// routing; with `rates` also the floor of the time and the predicted time.
void printWork(llvm::raw_ostream &os, const LayerWork &work,
               std::optional<MachineRates> rates);

} // namespace mlir::moe

#endif // MOE_TOOLS_LAYERWORK_H
