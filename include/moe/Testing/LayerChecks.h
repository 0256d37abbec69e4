//===- LayerChecks.h - One layer, every way to run it -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What must be equal, or close, between the levels of one layer.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TESTING_LAYERCHECKS_H
#define MOE_TESTING_LAYERCHECKS_H

#include "mlir/IR/BuiltinOps.h"
#include "moe/Reference/Interpreter.h"
#include "moe/Testing/RandomLayer.h"

namespace mlir::moe {

/// What one way to run a layer gave: the output, and the routing.
struct LayerResult {
  Tensor y, ids, weights;
};

/// Runs @forward of `module`, whose results are the output, the ids and the
/// weights, in the interpreter. With `replay` these ids are taken.
FailureOr<LayerResult> interpretLayer(ModuleOp module, const RandomLayer &layer,
                                      Precision precision,
                                      const Tensor *replay = nullptr,
                                      RoutingRecord *record = nullptr);

/// Checks that the passes keep the meaning of `layer`. Against the layer as it
/// was written,
///
///   * the routed and the fused level choose the same ids;
///   * in exact mode their outputs and weights differ by the order of f64
///     sums alone;
///   * in typed mode those of the routed level are the same bits, and those of
///     the fused level, which rounds less often, lie within rounding.
///
/// What fails is said to `log`.
LogicalResult checkLevels(const RandomLayer &layer, MLIRContext &context,
                          raw_ostream &log);

} // namespace mlir::moe

#endif // MOE_TESTING_LAYERCHECKS_H
