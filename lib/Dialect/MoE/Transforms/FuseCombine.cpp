//===- FuseCombine.cpp - Weighing, placing and adding of output rows ------===//
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
#include "mlir/IR/TypeUtilities.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEFUSECOMBINEPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// The combine becomes the product's placement
//===----------------------------------------------------------------------===//

/// The reason why `combine` cannot move into `product`, or null.
static const char *cannotPlaceByToken(CombineOp combine,
                                      GroupedMatmulOp product, PlanOp plan) {
  if (!product || product.getPlace() != Placement::Plan ||
      combine.getSource() != Placement::Plan)
    return "its rows do not come from a product placed by plan";
  if (!product->hasOneUse())
    return "the product's result has another use";
  if (product->getBlock() != combine->getBlock())
    return "the product is in another block";
  if (!plan || plan.getOffsets() != product.getOffsets())
    return "it follows another plan than the product";
  if (product.getRows() &&
      (product.getRows() != plan.getRows() ||
       static_cast<int64_t>(*product.getTopK()) != plan.getTopK()))
    return "the product's rows are not those of the plan";
  if (getElementTypeOrSelf(combine.getY()).getIntOrFloatBitWidth() > 32)
    return "its rows are wider than f32, which sums are made in";
  return nullptr;
}

/// Ends the epilogue in f32 (what the sum over slots is made in), times the
/// routing weight where there is one.
static void weighInEpilogue(RewriterBase &rewriter, GroupedMatmulOp product,
                            bool hasWeight) {
  Block *block = product.getBody();
  Location loc = product.getLoc();
  auto yield = cast<YieldOp>(block->getTerminator());
  rewriter.setInsertionPoint(yield);
  Value value = yield.getOperand(0);
  if (value.getType().getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(rewriter, loc, rewriter.getF32Type(), value);
  if (hasWeight) {
    Value weight = block->addArgument(rewriter.getF32Type(), loc);
    value = arith::MulFOp::create(rewriter, loc, value, weight);
  }
  rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(0, value); });
}

static void placeByToken(RewriterBase &rewriter, CombineOp combine,
                         GroupedMatmulOp product, PlanOp plan) {
  MLIRContext *context = rewriter.getContext();
  SmallVector<Value> inputs(product.getEpilogueInputs());
  SmallVector<AffineMap> maps(
      product.getEpilogueMaps().getAsValueRange<AffineMapAttr>());
  if (combine.getWeights()) {
    AffineExpr e, r, t, s, n;
    bindDims(context, e, r, t, s, n);
    inputs.push_back(combine.getWeights());
    maps.push_back(AffineMap::get(5, 0, {t, s}, context));
  }
  rewriter.setInsertionPoint(combine);
  auto placed = GroupedMatmulOp::create(
      rewriter, combine.getLoc(), combine.getResult().getType(), product.getX(),
      product.getWeights(), product.getOffsets(), plan.getRows(),
      plan.getInverse(), inputs, combine.getInit(), product.getSource(),
      Placement::Token, rewriter.getI64IntegerAttr(plan.getTopK()),
      rewriter.getAffineMapArrayAttr(maps), product.getLoweringConfigAttr());
  rewriter.inlineRegionBefore(product.getEpilogue(), placed.getEpilogue(),
                              placed.getEpilogue().end());
  weighInEpilogue(rewriter, placed, static_cast<bool>(combine.getWeights()));
  rewriter.replaceOp(combine, placed.getResult());
  rewriter.eraseOp(product);
}

//===----------------------------------------------------------------------===//
// A sum with the result becomes its destination
//===----------------------------------------------------------------------===//

static Value skipCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The tensor that `op` adds to `result`, element by element, with nothing
/// but roundings around the addition; null if `op` is anything else.
static Value matchAddend(Operation *op, Value result) {
  std::optional<ElementwiseMatch> match = matchElementwise(op);
  if (!match || match->inputs.size() != 2 ||
      !llvm::all_of(match->maps,
                    [](AffineMap map) { return map.isIdentity(); }))
    return nullptr;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    Block *body = linalgOp.getBlock();
    auto add = skipCasts(body->getTerminator()->getOperand(0))
                   .getDefiningOp<arith::AddFOp>();
    if (!add || !isa<BlockArgument>(skipCasts(add.getLhs())) ||
        !isa<BlockArgument>(skipCasts(add.getRhs())) ||
        skipCasts(add.getLhs()) == skipCasts(add.getRhs()))
      return nullptr;
  } else if (!isa<arith::AddFOp>(op)) {
    return nullptr;
  }
  Value a = match->inputs[0]->get(), b = match->inputs[1]->get();
  if (a == b || (a != result && b != result))
    return nullptr;
  return a == result ? b : a;
}

/// Adds what the only user of `op`'s result adds to it on the way. `op` has
/// one destination, whose element type the sum is rounded to.
template <typename OpTy>
static void absorbAddend(RewriterBase &rewriter, OpTy op) {
  Value result = op.getResult();
  if (!result.hasOneUse() || !isZeroFilled(op.getInit()))
    return;
  Operation *sum = *result.getUsers().begin();
  Value addend = matchAddend(sum, result);
  if (!addend || sum->getBlock() != op->getBlock())
    return;
  remark::RemarkOpts opts = fusionRemark("moe-fuse-combine");
  if (addend.getType() != sum->getResult(0).getType()) {
    remark::missed(sum->getLoc(), opts)
        << "kept the sum with a branch: the branch has another type";
    return;
  }
  remark::passed(sum->getLoc(), opts)
      << "the sum over slots starts from the branch that was added to it";
  // The branch may be computed after the product.
  rewriter.moveOpBefore(op, sum);
  rewriter.modifyOpInPlace(op, [&] {
    op.getInitMutable().assign(addend);
    result.setType(addend.getType());
  });
  rewriter.replaceOp(sum, result);
}

namespace {
struct FuseCombinePass : moe::impl::MoEFuseCombinePassBase<FuseCombinePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](CombineOp combine) {
      auto product = combine.getY().getDefiningOp<GroupedMatmulOp>();
      auto plan = combine.getInverse().getDefiningOp<PlanOp>();
      remark::RemarkOpts opts = fusionRemark("moe-fuse-combine");
      Location loc = combine.getLoc();
      if (const char *reason = cannotPlaceByToken(combine, product, plan)) {
        remark::missed(loc, opts) << std::string("kept the combine: ") + reason;
        return;
      }
      placeByToken(rewriter, combine, product, plan);
      remark::passed(loc, opts) << "rows are weighed and placed by the product";
    });
    SmallVector<Operation *> sums;
    getOperation().walk([&](Operation *op) {
      auto product = dyn_cast<GroupedMatmulOp>(op);
      if (isa<CombineOp>(op) ||
          (product && product.getPlace() == Placement::Token))
        sums.push_back(op);
    });
    for (Operation *op : sums) {
      if (auto combine = dyn_cast<CombineOp>(op))
        absorbAddend(rewriter, combine);
      else
        absorbAddend(rewriter, cast<GroupedMatmulOp>(op));
    }
  }
};
} // namespace
