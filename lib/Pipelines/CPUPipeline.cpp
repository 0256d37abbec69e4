//===- CPUPipeline.cpp - --moe-to-cpu -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/CPUModel.h"
#include "moe/Conversion/MoEToCPU/Passes.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Pipelines/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::moe;

llvm::cl::ValuesClass CPUPipelineOptions::getLevels() {
  return llvm::cl::values(
      clEnumValN(PipelineLevel::Graph, "graph", "what the model says"),
      clEnumValN(PipelineLevel::Routed, "routed", "every step visible"),
      clEnumValN(PipelineLevel::Fused, "fused", "what will be kernels"),
      clEnumValN(PipelineLevel::Tiled, "tiled", "loops over tasks and tiles"),
      clEnumValN(PipelineLevel::LLVM, "llvm", "the llvm dialect"));
}

static void cleanUp(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

/// What the kernels of the tiled level use: the CPU's vectors and products, or
/// those that are asked for. For an unknown CPU any; a pass that takes the
/// name reports it.
static ConvertMoEToCPUOptions
getKernelOptions(const CPUPipelineOptions &options) {
  ConvertMoEToCPUOptions kernels;
  llvm::Expected<CPUModel> model = CPUModel::get(options.cpu);
  if (!model) {
    llvm::consumeError(model.takeError());
    return kernels;
  }
  kernels.vectorBits =
      options.vectorBits ? options.vectorBits : model->vectorBits;
  kernels.bf16Dot =
      options.emulateDot || (model->hasBF16Dot && kernels.vectorBits == 512);
  kernels.emulateDot = options.emulateDot;
  kernels.tiles =
      model->hasTiles && kernels.vectorBits == 512 && !options.emulateDot;
  return kernels;
}

static void addFusedToTiled(OpPassManager &manager,
                            const CPUPipelineOptions &options) {
  MoESelectStrategyOptions strategy;
  strategy.cpu = options.cpu;
  strategy.vectorBits = options.vectorBits;
  strategy.bf16Dot = options.emulateDot;
  strategy.smallBlocks = options.smallBlocks;
  manager.addNestedPass<func::FuncOp>(createMoESelectStrategy(strategy));
  manager.addNestedPass<func::FuncOp>(createMoESplitTokenPlacement());
  // Packing looks at the destinations of ops, which elementwise ones of arith
  // and math on tensors do not have.
  manager.addPass(createConvertElementwiseToLinalgPass());
  manager.addPass(createMoEPackParameters());
  cleanUp(manager);
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(bufferize));
  cleanUp(manager);
  manager.addPass(createConvertMoEToCPU(getKernelOptions(options)));
  cleanUp(manager);
}

static void addTiledToLLVM(OpPassManager &manager,
                           const CPUPipelineOptions &options) {
  manager.addPass(createConvertLinalgToLoopsPass());
  // x86 computes in f32 at least: narrow arithmetic would be calls.
  arith::ArithEmulateUnsupportedFloatsOptions narrow;
  narrow.sourceTypeStrs = {"bf16", "f16"};
  narrow.targetTypeStr = "f32";
  manager.addPass(arith::createArithEmulateUnsupportedFloats(narrow));
  MoEExpandMathOptions math;
  math.nativeBF16 = getKernelOptions(options).bf16Dot && !options.emulateDot;
  manager.addPass(createMoEExpandMath(math));
  cleanUp(manager);
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertOpenMPToLLVMPass());
  ConvertVectorToLLVMPassOptions vector;
  vector.x86Vector = true;
  manager.addPass(createConvertVectorToLLVMPass(vector));
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  MoESetTargetCPUOptions target;
  target.cpu = options.cpu;
  manager.addPass(createMoESetTargetCPU(target));
}

void mlir::moe::buildCPUPipeline(OpPassManager &manager,
                                 const CPUPipelineOptions &options) {
  auto passes = [&](PipelineLevel from, PipelineLevel to) {
    return options.from <= from && options.to >= to;
  };
  if (options.from <= PipelineLevel::Routed &&
      options.to >= PipelineLevel::Fused)
    buildFusionPipeline(manager);
  else if (passes(PipelineLevel::Graph, PipelineLevel::Routed))
    manager.addNestedPass<func::FuncOp>(createMoEDecomposePass());
  if (passes(PipelineLevel::Fused, PipelineLevel::Tiled))
    addFusedToTiled(manager, options);
  if (passes(PipelineLevel::Tiled, PipelineLevel::LLVM))
    addTiledToLLVM(manager, options);
}

void mlir::moe::registerPipelines() {
  PassPipelineRegistration<CPUPipelineOptions>(
      "moe-to-cpu", "From any level of a layer down to the llvm dialect",
      buildCPUPipeline);
}
