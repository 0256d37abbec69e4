//===- FuseProducts.cpp - Gate and up products in one ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEFUSEPRODUCTSPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
struct FuseProductsPass : moe::impl::MoEFuseProductsPassBase<FuseProductsPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](Operation *op) {
      std::optional<ElementwiseMatch> consumer = matchElementwise(op);
      if (!consumer)
        return;
      SmallVector<GroupedMatmulOp> producers = getProducers(*consumer);
      if (producers.size() < 2)
        return;
      Location loc = op->getLoc();
      std::string numProducers = std::to_string(producers.size());
      auto result = fuseIntoEpilogue(rewriter, *consumer, producers);
      if (auto *failure = std::get_if<FusionFailure>(&result))
        remark::missed(loc, fusionRemark("moe-fuse-products"))
            << "left " + numProducers + " products apart: " + failure->reason;
      else
        remark::passed(loc, fusionRemark("moe-fuse-products"))
            << "joined " + numProducers + " products over the same rows";
    });
  }
};
} // namespace
