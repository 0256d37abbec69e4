//===- InitAll.cpp - Registration of everything ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/InitAll.h"
#include "moe/Conversion/MoEToCPU/Passes.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/BufferizableOpInterfaceImpl.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/TilingInterfaceImpl.h"
#include "moe/Pipelines/Pipelines.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

using namespace mlir;

static void registerExternalModels(DialectRegistry &registry) {
  moe::registerBufferizableOpInterfaceExternalModels(registry);
  moe::registerTilingInterfaceExternalModels(registry);
}

void moe::registerDialectsAndExtensions(DialectRegistry &registry) {
  registry.insert<MoEDialect>();
  registerExternalModels(registry);
}

void moe::registerPassesAndPipelines() {
  registerMoEPasses();
  registerMoEToCPUPasses();
  registerPipelines();
  PassPipelineRegistration<>("moe-fuse",
                             "From the graph level to the fused level",
                             buildFusionPipeline);
}

void moe::registerAllDialects(DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  registry.insert<MoEDialect>();
}

void moe::registerAllExtensions(DialectRegistry &registry) {
  mlir::registerAllExtensions(registry);
  registerExternalModels(registry);
}

void moe::registerAllPasses() {
  mlir::registerAllPasses();
  registerPassesAndPipelines();
}
