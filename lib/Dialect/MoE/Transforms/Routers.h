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

/// The one `moe.route` or `moe.gate` of a function, on tensors and at the top
/// of a body of one block; emits an error and returns null where it is
/// different.
inline Operation *findOnlyRouter(func::FuncOp func) {
  SmallVector<Operation *> routers;
  func.walk([&](Operation *op) {
    if (isa<RouteOp, GateOp>(op))
      routers.push_back(op);
  });
  if (routers.size() != 1) {
    func.emitError() << "expected one router in '" << func.getName()
                     << "', got " << routers.size();
    return nullptr;
  }
  Operation *router = routers.front();
  if (router->getBlock() != &func.front() || !func.getBody().hasOneBlock()) {
    router->emitError("expected the router in the only block of its function");
    return nullptr;
  }
  if (router->getNumResults() != 2) {
    router->emitError("expected the router to be on tensors");
    return nullptr;
  }
  return router;
}

} // namespace mlir::moe

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H
