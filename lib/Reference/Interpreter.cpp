//===- Interpreter.cpp - The meaning of moe programs ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Calls, frames, and the choice of what runs each op.
//
//===----------------------------------------------------------------------===//

#include "moe/Reference/Interpreter.h"
#include "Frame.h"
#include "Linalg.h"
#include "ScalarOps.h"
#include "ScalarRegion.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

int64_t Frame::getInteger(OpFoldResult value) const {
  if (auto attribute = dyn_cast<Attribute>(value))
    return cast<IntegerAttr>(attribute).getInt();
  return getScalar(cast<Value>(value)).getInteger();
}

SmallVector<int64_t> Frame::getIntegers(ArrayRef<OpFoldResult> list) const {
  return llvm::map_to_vector(
      list, [&](OpFoldResult value) { return getInteger(value); });
}

SmallVector<InterpreterValue> Frame::getAll(ValueRange range) const {
  return llvm::map_to_vector(range, [&](Value value) { return get(value); });
}

void Frame::setAll(ValueRange range, ArrayRef<InterpreterValue> results) {
  for (auto [value, result] : llvm::zip_equal(range, results))
    set(value, result);
}

Precision Frame::getPrecision(Operation *op) const {
  bool typed = allTyped || session.options.precision == Precision::Typed ||
               keyPath.contains(op);
  return typed ? Precision::Typed : Precision::Exact;
}

ElementType Frame::getStorageType(Operation *op, Type elementType) const {
  if (isa<FloatType>(elementType) && getPrecision(op) == Precision::Exact)
    return ElementType::f64;
  return *getElementTypeFor(elementType);
}

FailureOr<Tensor> Frame::createResult(Operation *op, Type elementType,
                                      ArrayRef<int64_t> shape) const {
  llvm::Expected<Tensor> result =
      createUnspecified(getStorageType(op, elementType), shape);
  if (!result)
    return op->emitOpError() << llvm::toString(result.takeError());
  return std::move(*result);
}

//===----------------------------------------------------------------------===//
// Running ops
//===----------------------------------------------------------------------===//

const OpTable &OpTable::get() {
  static const OpTable table = [] {
    OpTable table;
    addControlFlowOps(table);
    addTensorOps(table);
    addRoutingOps(table);
    addRowOps(table);
    addGroupedMatmulOp(table);
    return table;
  }();
  return table;
}

const OpHandler *OpTable::lookup(Operation *op) const {
  auto it = handlers.find(op->getName().getTypeID());
  return it == handlers.end() ? nullptr : &it->second;
}

/// Whether values of `type` can be held.
static bool isSupportedType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return getElementTypeFor(tensor.getElementType()).has_value();
  return isScalarType(type);
}

/// Emits an error and fails for an op on values that cannot be held.
static LogicalResult checkTypes(Operation *op) {
  for (Type type : llvm::concat<Type>(SmallVector<Type>(op->getOperandTypes()),
                                      SmallVector<Type>(op->getResultTypes())))
    if (!isSupportedType(type))
      return op->emitOpError("is not supported by the interpreter for type ")
             << type;
  return success();
}

/// The common shape of the tensors among `operands`.
static FailureOr<SmallVector<int64_t>>
getCommonShape(Operation *op, ArrayRef<InterpreterValue> operands) {
  std::optional<SmallVector<int64_t>> common;
  for (const InterpreterValue &operand : operands) {
    if (operand.isScalar())
      continue;
    ArrayRef<int64_t> shape = operand.getView().getShape();
    if (common && ArrayRef(*common) != shape)
      return op->emitOpError()
             << "expected operands of one shape, got "
             << stringifyShape(*common) << " and " << stringifyShape(shape);
    common = SmallVector<int64_t>(shape);
  }
  return *common;
}

/// Applies `function` to each element; scalar operands go with all of them.
static LogicalResult evaluateElementwise(Operation *op,
                                         const ScalarFunction &function,
                                         Frame &frame) {
  SmallVector<InterpreterValue> operands = frame.getAll(op->getOperands());
  FailureOr<SmallVector<int64_t>> shape = getCommonShape(op, operands);
  if (failed(shape))
    return failure();
  Value result = op->getResult(0);
  Type elementType = getElementTypeOrSelf(result);
  FailureOr<Tensor> tensor = frame.createResult(op, elementType, *shape);
  if (failed(tensor))
    return failure();

  Precision precision = frame.getPrecision(op);
  SmallVector<Scalar> scalars(operands.size());
  bool allRun = true;
  int64_t position = 0;
  forEachIndex(*shape, [&](ArrayRef<int64_t> index) {
    if (!allRun)
      return;
    for (auto [scalar, operand] : llvm::zip(scalars, operands))
      scalar = operand.isScalar() ? operand.getScalar()
                                  : operand.getView().at(index);
    FailureOr<Scalar> element = function(op, scalars);
    allRun = succeeded(element);
    if (allRun)
      storeScalar(*tensor, position++,
                  roundResult(*element, elementType, precision));
  });
  frame.set(result, *tensor);
  return success(allRun);
}

static LogicalResult
evaluateScalarOp(Operation *op, const ScalarFunction &function, Frame &frame) {
  if (isa<TensorType>(op->getResult(0).getType()))
    return evaluateElementwise(op, function, frame);
  auto operands = llvm::map_to_vector(
      op->getOperands(), [&](Value value) { return frame.getScalar(value); });
  FailureOr<Scalar> result = function(op, operands);
  if (failed(result))
    return failure();
  Type type = op->getResult(0).getType();
  frame.set(op->getResult(0),
            roundResult(*result, type, frame.getPrecision(op)));
  return success();
}

static LogicalResult runOp(Operation *op, Frame &frame) {
  if (failed(checkTypes(op)))
    return failure();
  if (const ScalarFunction *function = lookupScalarFunction(op))
    return evaluateScalarOp(op, *function, frame);
  if (const OpHandler *handler = OpTable::get().lookup(op))
    return (*handler)(op, frame);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return evaluateLinalgOp(linalgOp, frame);
  return op->emitOpError("is not supported by the interpreter");
}

LogicalResult Frame::run(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(runOp(&op, *this)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

LogicalResult mlir::moe::checkShape(Operation *op, const Twine &name,
                                    ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> expected) {
  auto fits = [](auto pair) {
    auto [size, wanted] = pair;
    return ShapedType::isDynamic(wanted) || size == wanted;
  };
  if (shape.size() == expected.size() &&
      llvm::all_of(llvm::zip(shape, expected), fits))
    return success();
  auto text = [](int64_t size) {
    return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
  };
  InFlightDiagnostic diag = op->emitOpError()
                            << "expected " << name << " to have shape ";
  llvm::interleave(
      expected, [&](int64_t size) { diag << text(size); },
      [&] { diag << "x"; });
  return diag << (expected.empty() ? "scalar" : "") << ", got "
              << stringifyShape(shape);
}

/// Calls may not go deeper, so that endless recursion is an error too.
static constexpr unsigned maxCallDepth = 100;

FailureOr<SmallVector<InterpreterValue>>
mlir::moe::callFunction(func::FuncOp function,
                        ArrayRef<InterpreterValue> arguments, Session &session,
                        bool allTyped) {
  if (function.isExternal())
    return function.emitOpError("has no body to interpret");
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expected a body of one block, got ")
           << function.getBody().getBlocks().size();
  if (session.callDepth >= maxCallDepth)
    return function.emitOpError("expected calls nested at most ")
           << maxCallDepth << " deep";
  ++session.callDepth;
  Frame frame(session, computeKeyPath(function, session.symbols), allTyped);
  frame.setAll(function.getArguments(), arguments);
  Block &body = function.getBody().front();
  LogicalResult done = frame.run(body);
  --session.callDepth;
  if (failed(done))
    return failure();
  return frame.getAll(body.getTerminator()->getOperands());
}

/// Whether `value` may be passed for an argument of type `type`.
static LogicalResult checkArgument(func::FuncOp function, unsigned index,
                                   const InterpreterValue &value,
                                   Precision precision) {
  Type type = function.getArgumentTypes()[index];
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!isSupportedType(type))
    return function.emitOpError("is not supported by the interpreter for "
                                "arguments of type ")
           << type;
  if (value.isTensor() != static_cast<bool>(tensorType) ||
      (!tensorType && value.getScalar().isFloat() != isa<FloatType>(type)))
    return function.emitOpError()
           << "expected a value of type " << type << " for argument " << index;
  if (!tensorType)
    return success();
  ElementType actual = value.getView().getElementType();
  Type elementType = tensorType.getElementType();
  bool isExactFloat = precision == Precision::Exact &&
                      isa<FloatType>(elementType) && actual == ElementType::f64;
  if (actual != *getElementTypeFor(elementType) && !isExactFloat)
    return function.emitOpError()
           << "expected elements of type " << elementType << " in argument "
           << index << ", got " << stringifyElementType(actual);
  return checkShape(function, "argument " + Twine(index),
                    value.getView().getShape(), tensorType.getShape());
}

FailureOr<SmallVector<InterpreterValue>>
mlir::moe::interpret(func::FuncOp function,
                     ArrayRef<InterpreterValue> arguments,
                     const InterpreterOptions &options) {
  if (arguments.size() != function.getNumArguments())
    return function.emitOpError() << "expected " << function.getNumArguments()
                                  << " arguments, got " << arguments.size();
  for (auto [index, argument] : llvm::enumerate(arguments))
    if (failed(checkArgument(function, index, argument, options.precision)))
      return failure();
  Session session{options, {}};
  return callFunction(function, arguments, session,
                      options.precision == Precision::Typed);
}
