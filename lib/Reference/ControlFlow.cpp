//===- ControlFlow.cpp - Calls, loops and constants -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What func, scf and constants mean.
//
//===----------------------------------------------------------------------===//

#include "Frame.h"
#include "ScalarOps.h"
#include "ScalarRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// One element under all indices of `shape`.
static TensorView makeSplat(ElementType type, ArrayRef<int64_t> shape,
                            Scalar value) {
  Tensor element = Tensor::zeros(type, {1});
  storeScalar(element, 0, value);
  return TensorView(element).withShape(shape,
                                       SmallVector<int64_t>(shape.size(), 0));
}

static LogicalResult evaluate(arith::ConstantOp op, Frame &frame) {
  if (FailureOr<Scalar> scalar = getScalarConstant(op.getValue());
      succeeded(scalar)) {
    frame.set(op, *scalar);
    return success();
  }
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("expected a number or dense elements, which the "
                          "interpreter supports");
  ElementType type = *getElementTypeFor(elements.getElementType());
  ArrayRef<int64_t> shape = elements.getType().getShape();
  if (elements.isSplat()) {
    Scalar value = *getScalarConstant(elements.getSplatValue<Attribute>());
    frame.set(op, makeSplat(type, shape, value));
    return success();
  }
  Tensor tensor = Tensor::zeros(type, shape);
  for (auto [i, element] : llvm::enumerate(elements.getValues<Attribute>()))
    storeScalar(tensor, i, *getScalarConstant(element));
  frame.set(op, tensor);
  return success();
}

static LogicalResult evaluate(ub::PoisonOp op, Frame &frame) {
  auto tensorType = dyn_cast<RankedTensorType>(op.getType());
  std::optional<ElementType> type =
      getElementTypeFor(getElementTypeOrSelf(op.getType()));
  if (!type || (tensorType && !tensorType.hasStaticShape()))
    return op.emitOpError("is not supported by the interpreter for type ")
           << op.getType();
  Scalar value = getUnspecifiedScalar(*type);
  if (tensorType)
    frame.set(op, makeSplat(*type, tensorType.getShape(), value));
  else
    frame.set(op, value);
  return success();
}

//===----------------------------------------------------------------------===//
// func and scf
//===----------------------------------------------------------------------===//

static LogicalResult evaluate(func::CallOp op, Frame &frame) {
  Session &session = frame.getSession();
  auto callee = session.symbols.lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  bool allTyped = frame.getPrecision(op) == Precision::Typed;
  FailureOr<SmallVector<InterpreterValue>> results =
      callFunction(callee, frame.getAll(op.getOperands()), session, allTyped);
  if (failed(results))
    return failure();
  frame.setAll(op.getResults(), *results);
  return success();
}

static LogicalResult evaluate(scf::IfOp op, Frame &frame) {
  bool condition = frame.getScalar(op.getCondition()).getInteger();
  Region &region = condition ? op.getThenRegion() : op.getElseRegion();
  if (region.empty())
    return success();
  if (failed(frame.run(region.front())))
    return failure();
  frame.setAll(op.getResults(),
               frame.getAll(region.front().getTerminator()->getOperands()));
  return success();
}

static LogicalResult evaluate(scf::ForOp op, Frame &frame) {
  int64_t lower = frame.getInteger(op.getLowerBound());
  int64_t upper = frame.getInteger(op.getUpperBound());
  int64_t step = frame.getInteger(op.getStep());
  if (step <= 0)
    return op.emitOpError() << "expected a positive step, got " << step;
  SmallVector<InterpreterValue> carried = frame.getAll(op.getInitArgs());
  for (int64_t i = lower; i < upper; i += step) {
    frame.set(op.getInductionVar(), Scalar::ofInteger(i));
    frame.setAll(op.getRegionIterArgs(), carried);
    if (failed(frame.run(*op.getBody())))
      return failure();
    carried = frame.getAll(op.getBody()->getTerminator()->getOperands());
    // Stop before the next index could overflow.
    if (static_cast<uint64_t>(upper) - static_cast<uint64_t>(i) <=
        static_cast<uint64_t>(step))
      break;
  }
  frame.setAll(op.getResults(), carried);
  return success();
}

void mlir::moe::addControlFlowOps(OpTable &table) {
  table.add<arith::ConstantOp>(evaluate);
  table.add<ub::PoisonOp>(evaluate);
  table.add<func::CallOp>(evaluate);
  table.add<scf::IfOp>(evaluate);
  table.add<scf::ForOp>(evaluate);
}
