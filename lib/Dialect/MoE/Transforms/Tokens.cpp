//===- Tokens.cpp - How many tokens a layer has ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

Value mlir::moe::getTokenRows(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<RouteOp>([](RouteOp route) { return route.getLogits(); })
      .Case<ExpertsOp>([](ExpertsOp experts) { return experts.getIds(); })
      .Case<GateOp>([](GateOp gate) { return gate.getX(); })
      .Case<PlanOp>([](PlanOp plan) { return plan.getIds(); })
      .Case<CombineOp>([](CombineOp combine) { return combine.getInverse(); })
      .Default([](Operation *) { return Value(); });
}

std::optional<int64_t> mlir::moe::getFixedTokens(func::FuncOp layer,
                                                 TypeRange inputs,
                                                 TypeRange outputs) {
  auto isStatic = [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return !shaped || shaped.hasStaticShape();
  };
  if (!llvm::all_of(inputs, isStatic) || !llvm::all_of(outputs, isStatic))
    return std::nullopt;
  for (Operation &op : layer.getOps())
    if (Value rows = getTokenRows(&op))
      if (auto type = cast<ShapedType>(rows.getType()); !type.isDynamicDim(0))
        return type.getDimSize(0);
  auto first = inputs.empty() ? ShapedType() : dyn_cast<ShapedType>(inputs[0]);
  return first && first.getRank() > 0 ? first.getDimSize(0) : 0;
}
