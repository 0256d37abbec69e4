//===- ReplayRouting.cpp - The routing as an input ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Routers.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEREPLAYROUTINGPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
struct ReplayRoutingPass
    : moe::impl::MoEReplayRoutingPassBase<ReplayRoutingPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    auto routing = findNamedRouting(func);
    if (failed(routing))
      return signalPassFailure();
    for (auto [value, attrs] : *routing) {
      unsigned index = func.getNumArguments();
      if (failed(func.insertArgument(index, value.getType(), attrs,
                                     value.getLoc())))
        return signalPassFailure();
      value.replaceAllUsesWith(func.getArgument(index));
    }
    routing->front().value.getOwner()->erase();
  }
};
} // namespace
