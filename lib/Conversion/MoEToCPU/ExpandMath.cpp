//===- ExpandMath.cpp - Math functions to arithmetic ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Conversion/MoEToCPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEEXPANDMATH
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

/// What has no instruction and would be a call per element of a vector.
static bool isFunction(StringRef name) {
  static const llvm::StringSet<> names = {
      math::AtanOp::getOperationName(), math::Atan2Op::getOperationName(),
      math::TanhOp::getOperationName(), math::LogOp::getOperationName(),
      math::Log2Op::getOperationName(), math::Log1pOp::getOperationName(),
      math::ErfOp::getOperationName(),  math::ErfcOp::getOperationName(),
      math::AsinOp::getOperationName(), math::AcosOp::getOperationName(),
      math::ExpOp::getOperationName(),  math::ExpM1Op::getOperationName(),
      math::CbrtOp::getOperationName(), math::SinOp::getOperationName(),
      math::CosOp::getOperationName()};
  return names.contains(name);
}

namespace {
/// Rounds f32 to bf16, to nearest even, in integers alone: upstream's pattern
/// selects between values of bf16, which x86 turns into calls.
struct RoundToBF16 : public OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isBF16() ||
        !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto like = [&](Type element) -> Type {
      auto vector = dyn_cast<VectorType>(op.getType());
      return vector ? Type(vector.clone(element)) : element;
    };
    Type i32 = like(b.getI32Type());
    auto constant = [&](int32_t value) -> Value {
      TypedAttr attr = b.getI32IntegerAttr(value);
      if (auto vector = dyn_cast<VectorType>(i32))
        attr = DenseElementsAttr::get(vector, attr);
      return arith::ConstantOp::create(b, attr);
    };
    Value bits = arith::BitcastOp::create(b, i32, op.getIn());
    Value high = arith::ShRUIOp::create(b, bits, constant(16));
    Value odd = arith::AndIOp::create(b, high, constant(1));
    Value half = arith::AddIOp::create(b, odd, constant(0x7fff));
    Value sum = arith::AddIOp::create(b, bits, half);
    Value rounded = arith::ShRUIOp::create(b, sum, constant(16));
    // A NaN keeps its sign and becomes quiet.
    Value magnitude = arith::AndIOp::create(b, bits, constant(0x7fffffff));
    Value isNaN = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, magnitude,
                                        constant(0x7f800000));
    Value quiet = arith::OrIOp::create(b, high, constant(0x40));
    Value result = arith::SelectOp::create(b, isNaN, quiet, rounded);
    Value narrow =
        arith::TruncIOp::create(b, like(b.getIntegerType(16)), result);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), narrow);
    return success();
  }
};

struct ExpandMathPass : public moe::impl::MoEExpandMathBase<ExpandMathPass> {
  using MoEExpandMathBase::MoEExpandMathBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathF32ExpansionPatterns(patterns, isFunction);
    populateMathPolynomialApproximationPatterns(patterns, isFunction);
    if (!nativeBF16) {
      arith::populateExpandBFloat16Patterns(patterns);
      patterns.add<RoundToBF16>(&getContext(), /*benefit=*/2);
    }
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
