//===- Linalg.h - Structured ops --------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function for every structured op of linalg.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_LINALG_H
#define MOE_LIB_REFERENCE_LINALG_H

#include "Frame.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::moe {

/// Runs `op`, on tensors, by its indexing maps and its region.
LogicalResult evaluateLinalgOp(linalg::LinalgOp op, Frame &frame);

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_LINALG_H
