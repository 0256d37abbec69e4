//===- ExposeRouting.cpp - The routing as a result ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Routers.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEEXPOSEROUTINGPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
struct ExposeRoutingPass
    : moe::impl::MoEExposeRoutingPassBase<ExposeRoutingPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    auto routing = findNamedRouting(func);
    if (failed(routing))
      return signalPassFailure();
    auto terminator =
        dyn_cast<func::ReturnOp>(func.getBody().front().getTerminator());
    if (!terminator) {
      func.emitError() << "expected '" << func.getName() << "' to return";
      return signalPassFailure();
    }
    for (auto [value, attrs] : *routing) {
      if (failed(
              func.insertResult(func.getNumResults(), value.getType(), attrs)))
        return signalPassFailure();
      terminator->insertOperands(terminator->getNumOperands(), value);
    }
  }
};
} // namespace
