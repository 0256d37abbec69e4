//===- ScalarRegion.cpp - Regions that compute scalars --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Resolution of a block of scalar code to steps over slots, and their run.
//
//===----------------------------------------------------------------------===//

#include "ScalarRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::moe;

bool mlir::moe::isScalarType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() >= 1 && integer.getWidth() <= 64;
  if (auto number = dyn_cast<FloatType>(type))
    return number.getWidth() <= 64;
  return type.isIndex();
}

FailureOr<ScalarRegion> ScalarRegion::create(Block &block, const Frame &frame) {
  ScalarRegion region;
  for (BlockArgument argument : block.getArguments()) {
    region.slotOf[argument] = region.slots.size();
    region.slots.emplace_back();
  }
  for (Operation &op : block.without_terminator())
    if (failed(region.addOp(op, frame)))
      return failure();
  Operation &terminator = *block.getTerminator();
  for (Value value : terminator.getOperands()) {
    FailureOr<unsigned> slot = region.getSlot(value, terminator, frame);
    if (failed(slot))
      return failure();
    region.resultSlots.push_back(*slot);
  }
  region.results.resize(region.resultSlots.size());
  return region;
}

FailureOr<unsigned> ScalarRegion::getSlot(Value value, Operation &user,
                                          const Frame &frame) {
  auto [it, isNew] = slotOf.try_emplace(value, slots.size());
  if (!isNew)
    return it->second;
  const InterpreterValue &outer = frame.get(value);
  if (!outer.isScalar())
    return user.emitOpError("expected scalars only in a region that computes "
                            "one element");
  slots.push_back(outer.getScalar());
  return it->second;
}

/// A tensor that the region reads at computed indices.
static ScalarFunction makeExtract(TensorView view) {
  return [view = std::move(view)](Operation *op,
                                  ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    auto indices =
        llvm::map_to_vector(x, [](Scalar index) { return index.getInteger(); });
    if (!view.contains(indices)) {
      InFlightDiagnostic diag =
          op->emitOpError("expected an element of a tensor of shape ")
          << stringifyShape(view.getShape()) << ", got index (";
      llvm::interleaveComma(indices, diag);
      return diag << ")";
    }
    return view.at(indices);
  };
}

FailureOr<ScalarFunction> ScalarRegion::resolve(Operation &op,
                                                const Frame &frame) {
  if (auto extract = dyn_cast<tensor::ExtractOp>(op);
      extract && !slotOf.count(extract.getTensor()))
    return makeExtract(frame.getTensor(extract.getTensor()));
  if (const ScalarFunction *function = lookupScalarFunction(&op))
    return *function;
  return op.emitOpError("is not supported by the interpreter in a region that "
                        "computes one element");
}

LogicalResult ScalarRegion::addOp(Operation &op, const Frame &frame) {
  unsigned result = slots.size();
  auto addResult = [&] {
    result = slots.size();
    slots.emplace_back();
    slotOf[op.getResult(0)] = result;
  };
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    addResult();
    FailureOr<Scalar> value = getScalarConstant(constant.getValue());
    if (failed(value))
      return op.emitOpError("is not supported by the interpreter for type ")
             << constant.getType();
    slots[result] = *value;
    return success();
  }
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    addResult();
    indexSlots.push_back({result, static_cast<unsigned>(index.getDim())});
    return success();
  }
  FailureOr<ScalarFunction> function = resolve(op, frame);
  if (failed(function))
    return failure();
  Step step{&op, std::move(*function), {}, 0, frame.getPrecision(&op)};
  ValueRange operands = op.getOperands();
  if (isa<tensor::ExtractOp>(op))
    operands = operands.drop_front();
  for (Value operand : operands) {
    FailureOr<unsigned> slot = getSlot(operand, op, frame);
    if (failed(slot))
      return failure();
    step.operands.push_back(*slot);
  }
  addResult();
  step.result = result;
  for (Type type : llvm::concat<Type>(SmallVector<Type>(operands.getTypes()),
                                      SmallVector<Type>(op.getResultTypes())))
    if (!isScalarType(type))
      return op.emitOpError("is not supported by the interpreter for type ")
             << type;
  steps.push_back(std::move(step));
  return success();
}

FailureOr<ArrayRef<Scalar>> ScalarRegion::run(ArrayRef<Scalar> arguments,
                                              ArrayRef<int64_t> indices) {
  llvm::copy(arguments, slots.begin());
  for (auto [slot, dim] : indexSlots)
    slots[slot] = Scalar::ofInteger(indices[dim]);
  for (Step &step : steps) {
    operands.clear();
    for (unsigned operand : step.operands)
      operands.push_back(slots[operand]);
    FailureOr<Scalar> result = step.function(step.op, operands);
    if (failed(result))
      return failure();
    slots[step.result] =
        roundResult(*result, step.op->getResult(0).getType(), step.precision);
  }
  for (auto [result, slot] : llvm::zip_equal(results, resultSlots))
    result = slots[slot];
  return ArrayRef<Scalar>(results);
}
