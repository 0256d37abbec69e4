//===- SplitTokenPlacement.cpp - place = token in two steps ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Conversion/MoEToCPU/Passes.h"
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOESPLITTOKENPLACEMENT
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

/// Rows of f32 for every slot, then their sum per token.
static void split(GroupedMatmulOp product) {
  OpBuilder b(product);
  Location loc = product.getLoc();
  int64_t topK = static_cast<int64_t>(*product.getTopK());
  OpFoldResult numTokens =
      tensor::getMixedSize(b, loc, product.getInverse(), 0);
  OpFoldResult numSlots = affine::makeComposedFoldedAffineApply(
      b, loc, b.getAffineDimExpr(0) * topK, {numTokens});
  Value slots = tensor::EmptyOp::create(
      b, loc, {numSlots, b.getIndexAttr(product.getNumColumns())},
      b.getF32Type());
  Value init = product.getInit(), inverse = product.getInverse();
  Value result = product.getResult();
  b.setInsertionPointAfter(product);
  auto sum =
      CombineOp::create(b, loc, result.getType(), result,
                        /*weights=*/Value(), inverse, init, Placement::Slot);
  result.replaceAllUsesExcept(sum.getResult(), sum);
  product.getInverseMutable().clear();
  product.getInitMutable().assign(slots);
  product.setPlace(Placement::Slot);
  result.setType(cast<RankedTensorType>(slots.getType()));
}

namespace {
struct SplitTokenPlacementPass
    : public moe::impl::MoESplitTokenPlacementBase<SplitTokenPlacementPass> {
  void runOnOperation() override {
    getOperation().walk([](GroupedMatmulOp product) {
      if (product.getPlace() == Placement::Token &&
          isa<RankedTensorType>(product.getInit().getType()))
        split(product);
    });
  }
};
} // namespace
