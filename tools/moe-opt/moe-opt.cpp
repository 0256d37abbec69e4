//===- moe-opt.cpp - mlir-opt with moe's dialect, passes and pipelines ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Conversion/MoEToCPU/Passes.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/BufferizableOpInterfaceImpl.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Testing/Passes.h"
#include "moe/Pipelines/Pipelines.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::moe::registerMoEPasses();
  mlir::moe::registerTestInterpretPass();
  mlir::moe::registerMoEToCPUPasses();
  mlir::moe::registerPipelines();
  mlir::PassPipelineRegistration<>("moe-fuse",
                                   "From the graph level to the fused level",
                                   mlir::moe::buildFusionPipeline);
  registry.insert<mlir::moe::MoEDialect>();
  mlir::moe::registerBufferizableOpInterfaceExternalModels(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Mixture-of-Experts compiler driver\n", registry));
}
