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
struct ExpandMathPass : public moe::impl::MoEExpandMathBase<ExpandMathPass> {
  using MoEExpandMathBase::MoEExpandMathBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathF32ExpansionPatterns(patterns, isFunction);
    populateMathPolynomialApproximationPatterns(patterns, isFunction);
    if (!nativeBF16)
      arith::populateExpandBFloat16Patterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
