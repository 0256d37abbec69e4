//===- VerifyLevel.cpp - No op of another level ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEVERIFYLEVELPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

static StringRef levelName(Level level) {
  switch (level) {
  case Level::Graph:
    return "graph";
  case Level::Routed:
    return "routed";
  case Level::Fused:
    return "fused";
  }
  llvm_unreachable("unknown level");
}

/// What a function of the level may hold.
static ConversionTarget targetOf(Level level, MLIRContext *context) {
  ConversionTarget target(*context);
  target.addLegalDialect<affine::AffineDialect, arith::ArithDialect,
                         func::FuncDialect, linalg::LinalgDialect,
                         math::MathDialect, tensor::TensorDialect>();
  target.addLegalOp<YieldOp>();
  if (level == Level::Graph) {
    target.addLegalOp<RouteOp, ExpertsOp>();
    return target;
  }
  target.addLegalOp<PlanOp, DispatchOp, ExpertBroadcastOp, GroupedMatmulOp,
                    CombineOp>();
  if (level == Level::Routed)
    target.addLegalOp<RouteOp>();
  else
    target.addLegalOp<GateOp>();
  return target;
}

namespace {
struct VerifyLevelPass : moe::impl::MoEVerifyLevelPassBase<VerifyLevelPass> {
  using MoEVerifyLevelPassBase::MoEVerifyLevelPassBase;

  void runOnOperation() override {
    ConversionTarget target = targetOf(level, &getContext());
    auto check = [&](Operation *op) {
      if (target.isLegal(op))
        return WalkResult::advance();
      op->emitError() << "expected the " << levelName(level) << " level, got '"
                      << op->getName() << "'";
      return WalkResult::interrupt();
    };
    WalkResult result = getOperation().walk<WalkOrder::PreOrder>(check);
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
