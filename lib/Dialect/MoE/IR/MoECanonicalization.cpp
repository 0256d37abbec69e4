//===- MoECanonicalization.cpp - Simplifications that always pay ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A pattern is here if its result is never worse: fewer operands, a shorter
// attribute, the same bits.
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// moe.route and moe.gate: what the router does not need
//===----------------------------------------------------------------------===//

namespace {
/// Groups that are all kept restrict nothing.
template <typename OpTy>
struct DropVacuousGroups : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    RouterAttr router = op.getRouter();
    GroupsAttr groups = router.getGroups();
    if (!groups || groups.getKeep() != groups.getCount())
      return rewriter.notifyMatchFailure(op, "no group is dropped, or none is");
    auto simpler = RouterAttr::get(
        op.getContext(), router.getScore(), router.getTopK(), router.getKey(),
        GroupsAttr(), router.getWeight(), router.getJitter(),
        router.getRenormalize(), router.getScale(), router.getRoundTo());
    rewriter.modifyOpInPlace(op, [&] { op.setRouterAttr(simpler); });
    return success();
  }
};

/// A mask that admits every expert excludes nothing.
template <typename OpTy>
struct DropFullMask : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.getMask() || !matchPattern(op.getMask(), m_One()))
      return rewriter.notifyMatchFailure(op, "no mask known to be all true");
    rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
    return success();
  }
};

/// Given ids leave nothing to select, so nothing to rank.
template <typename OpTy>
struct DropSelectionOperands : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.getGivenIds() || (!op.getKeyBias() && !op.getMask()))
      return rewriter.notifyMatchFailure(op, "the selection is not given");
    rewriter.modifyOpInPlace(op, [&] {
      op.getKeyBiasMutable().clear();
      op.getMaskMutable().clear();
    });
    return success();
  }
};
} // namespace

void RouteOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<DropVacuousGroups<RouteOp>, DropFullMask<RouteOp>,
               DropSelectionOperands<RouteOp>>(context);
}

void GateOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                         MLIRContext *context) {
  patterns.add<DropVacuousGroups<GateOp>, DropFullMask<GateOp>,
               DropSelectionOperands<GateOp>>(context);
}

//===----------------------------------------------------------------------===//
// Operands that a region does not need
//===----------------------------------------------------------------------===//

/// The positions to keep among `operands`, whose region arguments are
/// `arguments`: used, and the first of equals. Arguments of a dropped equal
/// are replaced by the kept one's.
static SmallVector<unsigned>
usefulOperands(PatternRewriter &rewriter, ValueRange operands,
               ArrayRef<BlockArgument> arguments,
               function_ref<bool(unsigned, unsigned)> sameUse) {
  SmallVector<unsigned> kept;
  for (unsigned i = 0, e = operands.size(); i < e; ++i) {
    if (arguments[i].use_empty())
      continue;
    const unsigned *equal = llvm::find_if(kept, [&](unsigned j) {
      return operands[j] == operands[i] && sameUse(j, i);
    });
    if (equal == kept.end())
      kept.push_back(i);
    else
      rewriter.replaceAllUsesWith(arguments[i], arguments[*equal]);
  }
  return kept;
}

static void eraseAllBut(PatternRewriter &rewriter, Operation *op, Block *block,
                        ArrayRef<BlockArgument> arguments,
                        ArrayRef<unsigned> kept) {
  llvm::BitVector erase(block->getNumArguments());
  for (auto [i, arg] : llvm::enumerate(arguments))
    if (!llvm::is_contained(kept, i))
      erase.set(arg.getArgNumber());
  rewriter.modifyOpInPlace(op, [&] { block->eraseArguments(erase); });
}

template <typename T>
static SmallVector<T> pick(ArrayRef<T> from, ArrayRef<unsigned> positions) {
  return llvm::map_to_vector(positions, [&](unsigned i) { return from[i]; });
}

namespace {
/// Parameters that the body does not use, or gets twice. One always stays: it
/// says how many experts there are.
struct DropExpertsParams : OpRewritePattern<ExpertsOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ExpertsOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<BlockArgument> slices;
    for (unsigned i = 0, e = op.getParams().size(); i < e; ++i)
      slices.push_back(op.getSlice(i));
    auto kept = usefulOperands(rewriter, op.getParams(), slices,
                               [](unsigned, unsigned) { return true; });
    if (kept.empty())
      kept.push_back(0);
    if (kept.size() == slices.size())
      return rewriter.notifyMatchFailure(op, "all parameters are needed");
    eraseAllBut(rewriter, op, op.getBody(), slices, kept);
    SmallVector<Value> params(op.getParams());
    rewriter.modifyOpInPlace(
        op, [&] { op.getParamsMutable().assign(pick<Value>(params, kept)); });
    return success();
  }
};

/// Epilogue inputs that the region does not use, or gets twice.
struct DropEpilogueInputs : OpRewritePattern<GroupedMatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GroupedMatmulOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<BlockArgument> arguments(
        op.getBody()->getArguments().drop_front(op.getWeights().size()));
    SmallVector<Attribute> maps(op.getEpilogueMaps().getValue());
    auto kept = usefulOperands(
        rewriter, op.getEpilogueInputs(), arguments,
        [&](unsigned i, unsigned j) { return maps[i] == maps[j]; });
    if (kept.size() == arguments.size())
      return rewriter.notifyMatchFailure(op, "all epilogue inputs are needed");
    eraseAllBut(rewriter, op, op.getBody(), arguments, kept);
    SmallVector<Value> inputs(op.getEpilogueInputs());
    rewriter.modifyOpInPlace(op, [&] {
      op.getEpilogueInputsMutable().assign(pick<Value>(inputs, kept));
      op.setEpilogueMapsAttr(
          rewriter.getArrayAttr(pick<Attribute>(maps, kept)));
    });
    return success();
  }
};

/// Weights that the region does not use, or gets twice: a whole product less.
struct DropWeights : OpRewritePattern<GroupedMatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GroupedMatmulOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<BlockArgument> arguments(
        op.getBody()->getArguments().take_front(op.getWeights().size()));
    auto kept = usefulOperands(rewriter, op.getWeights(), arguments,
                               [](unsigned, unsigned) { return true; });
    if (kept.empty())
      kept.push_back(0);
    if (kept.size() == arguments.size())
      return rewriter.notifyMatchFailure(op, "all weights are needed");
    eraseAllBut(rewriter, op, op.getBody(), arguments, kept);
    SmallVector<Value> weights(op.getWeights());
    rewriter.modifyOpInPlace(
        op, [&] { op.getWeightsMutable().assign(pick<Value>(weights, kept)); });
    return success();
  }
};
} // namespace

void ExpertsOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<DropExpertsParams>(context);
}

void GroupedMatmulOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                  MLIRContext *context) {
  patterns.add<DropEpilogueInputs, DropWeights>(context);
}
