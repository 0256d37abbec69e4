//===- Routers.h - Finding the router of a function -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::moe {

/// The one `moe.route` or `moe.gate` of a function with a body of one block;
/// emits an error and returns null where there is none, or more than one.
inline Operation *findOnlyRouter(func::FuncOp func) {
  SmallVector<Operation *> routers;
  func.walk([&](Operation *op) {
    if (isa<RouteOp, GateOp>(op))
      routers.push_back(op);
  });
  if (routers.size() == 1 && routers.front()->getBlock() == &func.front() &&
      func.getBody().hasOneBlock())
    return routers.front();
  func.emitError() << "expected one router at the top of '" << func.getName()
                   << "', got " << routers.size();
  return nullptr;
}

} // namespace mlir::moe

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H
