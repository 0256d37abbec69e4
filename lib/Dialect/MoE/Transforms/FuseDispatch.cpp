//===- FuseDispatch.cpp - Rows gathered by the product --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEFUSEDISPATCHPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
struct FuseDispatchPass : moe::impl::MoEFuseDispatchPassBase<FuseDispatchPass> {
  void runOnOperation() override {
    getOperation().walk([&](GroupedMatmulOp op) {
      auto dispatch = op.getX().getDefiningOp<DispatchOp>();
      if (!dispatch || op.getSource() != RowSource::Plan)
        return;
      remark::RemarkOpts opts = fusionRemark("moe-fuse-dispatch");
      bool sameSlots = !op.getRows() || (op.getRows() == dispatch.getRows() &&
                                         op.getTopK() == dispatch.getTopK());
      if (dispatch.getOffsets() != op.getOffsets() || !sameSlots) {
        remark::missed(op.getLoc(), opts)
            << "kept the dispatched copy of rows: it follows another plan";
        return;
      }
      op.getXMutable().assign(dispatch.getX());
      op.getRowsMutable().assign(dispatch.getRows());
      op.setTopKAttr(dispatch.getTopKAttr());
      op.setSource(RowSource::Token);
      remark::passed(op.getLoc(), opts) << "rows are gathered by the product";
      if (dispatch->use_empty())
        dispatch.erase();
    });
  }
};
} // namespace
