//===- ExposeRouting.cpp - The routing as a result ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Routers.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

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
    Operation *router = findOnlyRouter(func);
    if (!router)
      return signalPassFailure();
    Builder builder(&getContext());
    auto terminator =
        dyn_cast<func::ReturnOp>(func.getBody().front().getTerminator());
    if (!terminator) {
      func.emitError() << "expected '" << func.getName() << "' to return";
      return signalPassFailure();
    }
    StringRef names[] = {"ids", "weights"};
    for (auto [name, result] : llvm::zip(names, router->getResults())) {
      unsigned index = func.getNumResults();
      auto attrs = builder.getDictionaryAttr(
          builder.getNamedAttr(kNameAttr, builder.getStringAttr(name)));
      if (failed(func.insertResult(index, result.getType(), attrs)))
        return signalPassFailure();
      terminator->insertOperands(terminator->getNumOperands(), result);
    }
  }
};
} // namespace
