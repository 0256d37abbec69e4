//===- SelectStrategy.cpp - Chooses how products are tiled for a CPU ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Products.h"

#include "moe/Conversion/MoEToCPU/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOESELECTSTRATEGY
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

static LoweringConfigAttr choose(const CPUModel &model, Type operand,
                                 ShapedType weight, unsigned numWeights,
                                 bool smallBlocks) {
  DotKind kind = getDotKind(operand, weight.getElementType(), model.hasBF16Dot,
                            model.hasTiles);
  TileChoice tiles = chooseTiles(model, kind, numWeights,
                                 weight.getDimSize(weight.getRank() - 1));
  if (smallBlocks) {
    tiles.rowBlock = 2 * tiles.rows;
    tiles.kBlock = 32;
    tiles.passBytes = 1024;
    tiles.passPanels = 2;
  }
  return LoweringConfigAttr::get(weight.getContext(), tiles.rows, tiles.columns,
                                 tiles.panels, tiles.rowBlock, tiles.kBlock,
                                 tiles.prefetch, tiles.passBytes,
                                 tiles.passPanels);
}

namespace {
struct SelectStrategyPass
    : public moe::impl::MoESelectStrategyBase<SelectStrategyPass> {
  using MoESelectStrategyBase::MoESelectStrategyBase;

  void runOnOperation() override {
    llvm::Expected<CPUModel> model = CPUModel::get(cpu);
    if (!model) {
      getOperation().emitError(llvm::toString(model.takeError()));
      return signalPassFailure();
    }
    if (vectorBits != 0) {
      model->numRegisters = vectorBits == 512 ? 32 : 16;
      model->vectorBits = vectorBits;
    }
    model->hasBF16Dot |= bf16Dot;
    model->hasTiles &= !bf16Dot && model->vectorBits == 512;
    getOperation().walk([&](Operation *op) {
      if (auto product = dyn_cast<GroupedMatmulOp>(op)) {
        if (!product.getLoweringConfig())
          product.setLoweringConfigAttr(
              choose(*model, getElementTypeOrSelf(product.getX().getType()),
                     product.getWeightType(), product.getWeights().size(),
                     smallBlocks));
      } else if (auto gate = dyn_cast<GateOp>(op)) {
        if (!gate.getLoweringConfig() && gate.getWeight())
          gate.setLoweringConfigAttr(choose(
              *model, getElementTypeOrSelf(gate.getX().getType()),
              cast<ShapedType>(gate.getWeight().getType()), 1, smallBlocks));
      }
    });
  }
};
} // namespace
