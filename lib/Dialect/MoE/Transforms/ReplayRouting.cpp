//===- ReplayRouting.cpp - The routing as an input ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Routers.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

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
    Operation *router = findOnlyRouter(func);
    if (!router)
      return signalPassFailure();
    Builder builder(&getContext());
    StringRef names[] = {"ids", "weights"};
    for (auto [name, result] : llvm::zip(names, router->getResults())) {
      unsigned index = func.getNumArguments();
      auto attrs = builder.getDictionaryAttr(
          builder.getNamedAttr(kNameAttr, builder.getStringAttr(name)));
      if (failed(func.insertArgument(index, result.getType(), attrs,
                                     router->getLoc())))
        return signalPassFailure();
      result.replaceAllUsesWith(func.getArgument(index));
    }
    router->erase();
  }
};
} // namespace
