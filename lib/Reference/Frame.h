//===- Frame.h - State of one call in the interpreter -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The values of one function call, and the table of ops that can be run.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_FRAME_H
#define MOE_LIB_REFERENCE_FRAME_H

#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "moe/Reference/Interpreter.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::moe {

/// What all calls of one interpretation share.
struct Session {
  const InterpreterOptions &options;
  SymbolTableCollection symbols;
  /// How many moe.route and moe.gate ops were executed.
  size_t numRoutings = 0;
  unsigned callDepth = 0;
};

/// One call of a function: the run-time value of each SSA value seen so far.
class Frame {
public:
  /// `keyPath` holds the ops that are typed in exact mode; with `allTyped` the
  /// whole call is.
  Frame(Session &session, llvm::DenseSet<Operation *> keyPath, bool allTyped)
      : session(session), keyPath(std::move(keyPath)), allTyped(allTyped) {}

  Session &getSession() { return session; }

  const InterpreterValue &get(Value value) const {
    return values.find(value)->second;
  }
  const TensorView &getTensor(Value value) const {
    return get(value).getView();
  }
  Scalar getScalar(Value value) const { return get(value).getScalar(); }
  /// An index or integer that an op holds as an attribute or as an operand.
  int64_t getInteger(OpFoldResult value) const;
  SmallVector<int64_t> getIntegers(ArrayRef<OpFoldResult> list) const;
  SmallVector<InterpreterValue> getAll(ValueRange range) const;
  void set(Value value, InterpreterValue result) {
    values[value] = std::move(result);
  }
  void setAll(ValueRange range, ArrayRef<InterpreterValue> results);

  /// How the results of `op`, and of the ops in its regions, are rounded.
  Precision getPrecision(Operation *op) const;
  /// The type in which results of `op` of type `elementType` are stored.
  ElementType getStorageType(Operation *op, Type elementType) const;

  /// An unspecified tensor for a result of `op`; emits an error where none can
  /// be made.
  FailureOr<Tensor> createResult(Operation *op, Type elementType,
                                 ArrayRef<int64_t> shape) const;

  /// Runs `block` up to its terminator, whose operands the caller gets.
  LogicalResult run(Block &block);

private:
  Session &session;
  llvm::DenseMap<Value, InterpreterValue> values;
  llvm::DenseSet<Operation *> keyPath;
  bool allTyped;
};

/// Calls `function`; in exact mode the call is typed as a whole if `allTyped`.
FailureOr<SmallVector<InterpreterValue>>
callFunction(func::FuncOp function, ArrayRef<InterpreterValue> arguments,
             Session &session, bool allTyped);

/// The ops of `function` from whose results a selection key is computed.
llvm::DenseSet<Operation *> computeKeyPath(func::FuncOp function,
                                           SymbolTableCollection &symbols);

/// Emits an error and fails unless `shape` is one of `type`.
LogicalResult checkShape(Operation *op, const Twine &name,
                         ArrayRef<int64_t> shape, ArrayRef<int64_t> expected);

/// Runs one op: computes its results from the values in the frame.
using OpHandler = std::function<LogicalResult(Operation *, Frame &)>;

/// The ops that can be run, by kind. LinalgOps are not in the table: all of
/// them are run by `evaluateLinalgOp`.
class OpTable {
public:
  static const OpTable &get();

  template <typename OpTy>
  void add(LogicalResult (*handler)(OpTy, Frame &)) {
    handlers[TypeID::get<OpTy>()] = [handler](Operation *op, Frame &frame) {
      return handler(cast<OpTy>(op), frame);
    };
  }
  /// The handler of `op`, or null.
  const OpHandler *lookup(Operation *op) const;

private:
  llvm::DenseMap<TypeID, OpHandler> handlers;
};

void addControlFlowOps(OpTable &table);
void addTensorOps(OpTable &table);
void addRoutingOps(OpTable &table);
void addRowOps(OpTable &table);
void addGroupedMatmulOp(OpTable &table);

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_FRAME_H
