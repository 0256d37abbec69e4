//===- FuseEpilogue.cpp - Activation, bias and rounding in registers ------===//
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
#define GEN_PASS_DEF_MOEFUSEEPILOGUEPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

/// The sum over a token's slots is better started from a branch than added to
/// it: the branch does not have to wait then. `moe-fuse-combine` does that.
static bool addsToCombine(const ElementwiseMatch &consumer) {
  return llvm::any_of(consumer.inputs, [](OpOperand *input) {
    auto product = input->get().getDefiningOp<GroupedMatmulOp>();
    return input->get().getDefiningOp<CombineOp>() ||
           (product && product.getPlace() == Placement::Token);
  });
}

namespace {
struct FuseEpiloguePass : moe::impl::MoEFuseEpiloguePassBase<FuseEpiloguePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // In program order, so that a chain of consumers folds in one walk.
    getOperation().walk([&](Operation *op) {
      std::optional<ElementwiseMatch> consumer = matchElementwise(op);
      if (!consumer || addsToCombine(*consumer))
        return;
      SmallVector<GroupedMatmulOp> producers = getProducers(*consumer);
      if (producers.size() != 1)
        return;
      Location loc = op->getLoc();
      std::string name = op->getName().getStringRef().str();
      auto result = fuseIntoEpilogue(rewriter, *consumer, producers);
      if (auto *failure = std::get_if<FusionFailure>(&result))
        remark::missed(loc, fusionRemark("moe-fuse-epilogue"))
            << "left '" + name + "' out of the epilogue: " + failure->reason;
      else
        remark::passed(loc, fusionRemark("moe-fuse-epilogue"))
            << "moved '" + name + "' into the epilogue";
    });
  }
};
} // namespace
