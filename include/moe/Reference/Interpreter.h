//===- Interpreter.h - The meaning of moe programs --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs a function of graph, routed or fused IR on tensors. What this
// interpreter computes is what the program means; every pass and every
// lowering is checked against it.
//
// Two precisions:
//
//   * Typed: each scalar operation is computed in f64 and rounded once to its
//     result's type. A contraction (`sum of a * b`, as in linalg.matmul, a
//     linalg.generic of that form, moe.grouped_matmul, moe.gate) accumulates
//     in f64, in the order of its reduction loops, and rounds once per element
//     of its result. Sums over slots are f32, rounded at each step.
//
//   * Exact: all float values are f64 and nothing is rounded, so `extf` and
//     `truncf` do nothing. The one exception is the path to a selection key:
//     an expert is chosen by what the model's types make of its key, ties
//     included. An operation is on that path if the logits, the router input,
//     the router weight, the logit bias or the key bias of a moe.route or
//     moe.gate is computed from its results; such an operation, with the ops
//     in its regions, is typed. The router itself ranks keys that are typed
//     (score, then key, each rounded to f32), and computes the weights of the
//     experts so chosen from the typed logits in f64, unrounded.
//
// Elements that nobody wrote (of `tensor.empty`, and the rows of moe ops that
// are unspecified) are NaN; integers are the least value of their type.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_REFERENCE_INTERPRETER_H
#define MOE_REFERENCE_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "moe/Reference/Value.h"
#include <functional>

namespace mlir::moe {

enum class Precision { Exact, Typed };

/// What one execution of a moe.route or moe.gate decided.
struct RoutingRecord {
  Operation *op;
  /// What experts were ranked by, in f64, `T x E`: the selection keys, -inf for
  /// NaN and where the mask excludes the expert, with `fill` in the groups that
  /// were not kept. The choice itself is by typed keys, so ids may differ from
  /// this ranking where keys are as close as rounding makes them.
  Tensor keys;
  /// By how much the score of the worst kept group exceeds that of the best
  /// other one, in f64, one per token; infinite without groups.
  Tensor groupGaps;
  /// `T x K`: the experts, and their weights (f64 in exact mode, else f32).
  Tensor ids, weights;
};

struct InterpreterOptions {
  Precision precision = Precision::Exact;

  /// Replay: ids (`T x K`, i32) that the first, second, ... moe.route or
  /// moe.gate to be executed takes instead of choosing. An op beyond the end
  /// chooses for itself, and so does one whose tensor has no elements.
  SmallVector<Tensor> replayIds;

  /// Called after each execution of a moe.route or moe.gate.
  std::function<void(const RoutingRecord &)> onRouting;
};

/// Calls `function` with `arguments` and returns its results.
///
/// An argument has the shape and element type that the function says; in exact
/// mode a float tensor may be f64 instead. Results are f64 wherever the exact
/// mode computed them. What cannot be run (an operation that the interpreter
/// does not know, shapes that do not fit at run time, 2^31 routed rows or
/// more, an id that is no expert's) is an error at the operation's location.
FailureOr<SmallVector<InterpreterValue>>
interpret(func::FuncOp function, ArrayRef<InterpreterValue> arguments,
          const InterpreterOptions &options = {});

} // namespace mlir::moe

#endif // MOE_REFERENCE_INTERPRETER_H
