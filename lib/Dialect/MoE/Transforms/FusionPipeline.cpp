//===- FusionPipeline.cpp - From graph to fused, the passes in order ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::moe;

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void mlir::moe::buildFusionPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createMoEDecomposePass());
  cleanUp(pm);
  // The gate first: it wants the router's product before it is grouped.
  pm.addNestedPass<func::FuncOp>(createMoEFuseGatePass());
  pm.addNestedPass<func::FuncOp>(createMoEGroupDensePass());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createMoEFuseDispatchPass());
  // What follows one product, then what joins two, then what follows that.
  pm.addNestedPass<func::FuncOp>(createMoEFuseEpiloguePass());
  pm.addNestedPass<func::FuncOp>(createMoEFuseProductsPass());
  pm.addNestedPass<func::FuncOp>(createMoEFuseEpiloguePass());
  pm.addNestedPass<func::FuncOp>(createMoEFuseCombinePass());
  cleanUp(pm);
  MoEVerifyLevelPassOptions options;
  options.level = Level::Fused;
  pm.addNestedPass<func::FuncOp>(createMoEVerifyLevelPass(options));
}
