//===- Routers.h - Finding the router of a function -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <array>

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

/// A result of a router, and the attributes that say its name where it is an
/// argument or result of a function.
struct NamedRouting {
  OpResult value;
  DictionaryAttr attrs;
};

/// The results of a function's only router, ids and weights; fails as
/// `findOnlyRouter` does.
inline FailureOr<std::array<NamedRouting, 2>>
findNamedRouting(func::FuncOp func) {
  Operation *router = findOnlyRouter(func);
  if (!router)
    return failure();
  Builder builder(func.getContext());
  auto getNamed = [&](unsigned index, StringRef name) {
    NamedAttribute attr =
        builder.getNamedAttr(kNameAttr, builder.getStringAttr(name));
    return NamedRouting{router->getResult(index),
                        builder.getDictionaryAttr(attr)};
  };
  return std::array{getNamed(0, "ids"), getNamed(1, "weights")};
}

} // namespace mlir::moe

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_ROUTERS_H
