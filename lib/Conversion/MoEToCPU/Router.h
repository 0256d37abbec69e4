//===- Router.h - Selection of experts by #moe.router -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_ROUTER_H
#define MOE_LIB_CONVERSION_MOETOCPU_ROUTER_H

#include "Products.h"

namespace mlir::moe {

/// Emits what `#moe.router` says for one token, step by step, in f32.
class RouterEmitter {
public:
  /// `gate` on memrefs; `logits` is a flat memref of f32.
  RouterEmitter(LoopBuilder &builder, Scratch &scratch, GateOp gate,
                Value logits);

  /// Selects for `token`, whose E logits start at `logitsStart`, and writes
  /// its row of ids and weights.
  void emit(Value token, Value logitsStart);

private:
  // The steps of #moe.router, under its numbers.
  void emitScores();      // 1
  void emitKeys();        // 2
  void emitGroups();      // 3
  void emitIds();         // 4
  void emitWeights();     // 5
  void emitRenormalize(); // 6
  void emitScaled();      // 7, 8

  void emitSoftmax();
  Value groupScore(Value group);
  Value sparseMixerWeight(Value slot, Value expert);
  Value softmaxSelectedSum(Value largest);

  /// The largest of `count` entries that is not taken, the lowest among equal
  /// ones: its position and value. One entry at least is not taken.
  std::pair<Value, Value> findLargest(Value memory, Value first, int64_t count,
                                      Value taken);
  /// Sums `term(i)` in order.
  Value sumOver(int64_t count, function_ref<Value(Value)> term);
  Value maxOver(int64_t count, function_ref<Value(Value)> term);

  Value logit(Value expert) { return b.load(logits, b.add(start, expert)); }
  Value slotExpert(Value slot); // an index, meaningless where absent
  Value isPresent(Value slot);
  Value exp(Value x);
  Value sigmoid(Value x);
  Value isMasked(Value expert);
  Value f32Of(Value value);

  LoopBuilder &b;
  GateOp gate;
  RouterAttr router;
  int64_t experts, topK;
  Value logits, scores, keys, taken, groupScores, groupTaken, weights;
  Value token, start;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_ROUTER_H
