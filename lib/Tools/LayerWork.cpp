//===- LayerWork.cpp - What a layer has to do at least --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Tools/LayerWork.h"

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace mlir::moe;

static int64_t getBytes(ShapedType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

static void addGate(GateOp gate, LayerWork &work) {
  work.numExperts = std::max(work.numExperts, gate.getNumExperts());
  work.topK = cast<ShapedType>(gate.getIdsInit().getType()).getDimSize(1);
  if (!gate.getWeight())
    return;
  auto weight = cast<ShapedType>(gate.getWeight().getType());
  work.flopsPerToken += 2 * weight.getNumElements();
  work.denseBytes += getBytes(weight);
}

static void addProduct(GroupedMatmulOp product, LayerWork &work) {
  ShapedType weight = product.getWeightType();
  int64_t count = static_cast<int64_t>(product.getWeights().size());
  int64_t experts = product.getNumExperts();
  int64_t flops =
      2 * count * product.getNumColumns() * product.getReductionSize();
  // A dense product has its offsets from the token count and not from a plan.
  bool isRouted = isa_and_nonnull<PlanOp>(product.getOffsets().getDefiningOp());
  (isRouted ? work.flopsPerRow : work.flopsPerToken) += flops;
  (isRouted ? work.bytesPerExpert : work.denseBytes) +=
      count * getBytes(weight) / experts;
  work.isBF16 |= weight.getElementType().isBF16();
  if (isRouted)
    work.numExperts = experts;
}

FailureOr<LayerWork> moe::countWork(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager passes(module.getContext());
  buildFusionPipeline(passes);
  if (failed(passes.run(*copy)))
    return failure();
  LayerWork work;
  copy->walk([&](Operation *op) {
    if (auto gate = dyn_cast<GateOp>(op))
      addGate(gate, work);
    else if (auto product = dyn_cast<GroupedMatmulOp>(op))
      addProduct(product, work);
    else if (auto plan = dyn_cast<PlanOp>(op))
      work.topK = plan.getTopK();
  });
  return work;
}

void moe::printWork(llvm::raw_ostream &os, const LayerWork &work,
                    std::optional<MachineRates> rates) {
  os << "experts: " << work.numExperts << ", top " << work.topK << "\n"
     << "weights: " << llvm::format("%.1f", work.bytesPerExpert / 1e6)
     << " MB per expert, " << llvm::format("%.1f", work.denseBytes / 1e6)
     << " MB for every token\n"
     << "FLOPs: " << work.flopsPerRow << " per routed row, "
     << work.flopsPerToken << " per token\n"
     << "with even routing:\n"
     << "  tokens  active experts     GFLOP  weights read, GB";
  if (rates)
    os << "  floor, ms  predicted, ms";
  os << "\n";
  for (int64_t tokens : {1, 16, 256, 4096}) {
    double active = work.getExpectedActive(tokens);
    double flops = work.getFlops(tokens, tokens * work.topK);
    double bytes = work.getWeightBytes(active);
    os << llvm::format("  %6lld  %14.1f  %8.2f  %16.3f",
                       static_cast<long long>(tokens), active, flops / 1e9,
                       bytes / 1e9);
    if (rates) {
      CallCost cost = CallCost::get(flops, bytes, *rates);
      os << llvm::format("  %9.3f  %13.3f", cost.getFloor() * 1e3,
                         cost.getPredicted(rates->kernels) * 1e3);
    }
    os << "\n";
  }
}
