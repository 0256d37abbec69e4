//===- KeyPath.cpp - What selection keys are computed from ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The backward slice of everything that a router ranks experts by.
//
//===----------------------------------------------------------------------===//

#include "Frame.h"
#include "moe/Dialect/MoE/IR/MoE.h"

using namespace mlir;
using namespace mlir::moe;

namespace {
/// Grows the slice of one function until it is closed.
class KeyPath {
public:
  explicit KeyPath(SymbolTableCollection &symbols) : symbols(symbols) {}

  void addRouters(func::FuncOp function);
  bool contains(Value value) const { return values.contains(value); }
  llvm::DenseSet<Operation *> takeOps() { return std::move(ops); }

private:
  void addValue(Value value);
  void addOp(Operation *op);
  void addGate(GateOp gate);
  /// The arguments of the callee that its own selection keys depend on.
  void addCallOperands(func::CallOp call);

  SymbolTableCollection &symbols;
  llvm::DenseSet<Operation *> ops;
  llvm::DenseSet<Value> values;
  /// Functions whose calls lead here; recursion adds nothing.
  llvm::DenseSet<Operation *> visitedCallees;
};
} // namespace

/// An op on the path is there with all that its regions read, nested ops
/// included: which result of a loop depends on what is not told apart.
void KeyPath::addOp(Operation *op) {
  if (isa<FunctionOpInterface>(op) || !ops.insert(op).second)
    return;
  op->walk([&](Operation *nested) {
    ops.insert(nested);
    for (Value operand : nested->getOperands())
      addValue(operand);
  });
}

void KeyPath::addValue(Value value) {
  if (!value || !values.insert(value).second)
    return;
  if (Operation *op = value.getDefiningOp())
    return addOp(op);
  addOp(cast<BlockArgument>(value).getOwner()->getParentOp());
}

void KeyPath::addCallOperands(func::CallOp call) {
  auto callee =
      symbols.lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  if (!callee || callee.isExternal() || !visitedCallees.insert(callee).second)
    return;
  KeyPath inner(symbols);
  inner.visitedCallees = visitedCallees;
  inner.addRouters(callee);
  visitedCallees.erase(callee);
  for (auto [operand, argument] :
       llvm::zip(call.getOperands(), callee.getArguments()))
    if (inner.contains(argument))
      addValue(operand);
}

/// The region of a gate computes the logit, so it is on the path; the gate
/// itself, which also computes weights, is not.
void KeyPath::addGate(GateOp gate) {
  gate.getLogit().walk([&](Operation *nested) {
    ops.insert(nested);
    for (Value operand : nested->getOperands())
      if (!gate.getLogit().isAncestor(operand.getParentRegion()))
        addValue(operand);
  });
  addValue(gate.getX());
  addValue(gate.getWeight());
  addValue(gate.getLogitBias());
  addValue(gate.getKeyBias());
}

void KeyPath::addRouters(func::FuncOp function) {
  function.walk([&](Operation *op) {
    if (auto route = dyn_cast<RouteOp>(op)) {
      addValue(route.getLogits());
      addValue(route.getKeyBias());
    } else if (auto gate = dyn_cast<GateOp>(op)) {
      addGate(gate);
    } else if (auto call = dyn_cast<func::CallOp>(op)) {
      addCallOperands(call);
    }
  });
}

llvm::DenseSet<Operation *>
mlir::moe::computeKeyPath(func::FuncOp function,
                          SymbolTableCollection &symbols) {
  KeyPath path(symbols);
  path.addRouters(function);
  return path.takeOps();
}
