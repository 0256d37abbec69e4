//===- Pipelines.h - From any level down to code ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_PIPELINES_PIPELINES_H
#define MOE_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::moe {

/// The levels of a layer's IR, from the model's down.
enum class PipelineLevel { Graph, Routed, Fused, Tiled, LLVM };

/// Options of `--moe-to-cpu`.
struct CPUPipelineOptions : public PassPipelineOptions<CPUPipelineOptions> {
  PassOptions::Option<std::string> cpu{
      *this, "cpu", llvm::cl::desc("native, or LLVM's name of an x86-64 CPU"),
      llvm::cl::init("native")};
  PassOptions::Option<PipelineLevel> from{
      *this, "from", llvm::cl::desc("level of the input"),
      llvm::cl::init(PipelineLevel::Graph), getLevels()};
  PassOptions::Option<PipelineLevel> to{
      *this, "to", llvm::cl::desc("level to stop at"),
      llvm::cl::init(PipelineLevel::LLVM), getLevels()};
  PassOptions::Option<unsigned> vectorBits{
      *this, "vector-bits",
      llvm::cl::desc("width of vectors, 0 for the CPU's; for testing"),
      llvm::cl::init(0)};
  PassOptions::Option<bool> emulateDot{
      *this, "emulate-dot",
      llvm::cl::desc("use pairwise products of bf16 and spell them out, to run "
                     "the tiles of a wider CPU; for testing"),
      llvm::cl::init(false)};
  PassOptions::Option<bool> smallBlocks{
      *this, "small-blocks",
      llvm::cl::desc("cut rows and reductions so short that small layers have "
                     "several parts; for testing"),
      llvm::cl::init(false)};

  static llvm::cl::ValuesClass getLevels();
};

/// Adds the passes from `from` to `to`. An unknown cpu is diagnosed when the
/// pipeline runs.
void buildCPUPipeline(OpPassManager &manager,
                      const CPUPipelineOptions &options);

/// Registers `--moe-to-cpu`.
void registerPipelines();

} // namespace mlir::moe

#endif // MOE_PIPELINES_PIPELINES_H
