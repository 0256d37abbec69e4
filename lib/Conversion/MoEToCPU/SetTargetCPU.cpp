//===- SetTargetCPU.cpp - Writes the CPU on the module --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/CPUModel.h"
#include "moe/Conversion/MoEToCPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOESETTARGETCPU
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
struct SetTargetCPUPass
    : public moe::impl::MoESetTargetCPUBase<SetTargetCPUPass> {
  using MoESetTargetCPUBase::MoESetTargetCPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::Expected<CPUModel> model = CPUModel::get(cpu);
    if (!model) {
      module.emitError(llvm::toString(model.takeError()));
      return signalPassFailure();
    }
    Builder b(&getContext());
    module->setAttr("moe.target_cpu", b.getStringAttr(model->cpu));
    module->setAttr("moe.target_features", b.getStringAttr(model->features));
    SmallVector<StringRef> features;
    StringRef(model->features).split(features, ',', -1, /*KeepEmpty=*/false);
    module.walk([&](LLVM::LLVMFuncOp function) {
      function.setTargetCpu(model->cpu);
      if (!features.empty())
        function.setTargetFeaturesAttr(
            LLVM::TargetFeaturesAttr::get(&getContext(), features));
      function.setNoUnwind(true);
    });
  }
};
} // namespace
