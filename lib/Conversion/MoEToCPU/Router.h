//===- Router.h - Selection of experts by #moe.router -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_ROUTER_H
#define MOE_LIB_CONVERSION_MOETOCPU_ROUTER_H

#include "Products.h"

namespace mlir::moe {

/// Emits what `#moe.router` says for one token, step by step, in f32: what is
/// done with each expert by vectors, and with the last ones one by one; what is
/// done with each slot one by one, as K is small.
class RouterEmitter {
public:
  /// `gate` on memrefs; `logits` is a flat memref of f32, `ids` and `weights`
  /// (`T x K`) are where the selection goes.
  RouterEmitter(LoopBuilder &builder, Scratch &scratch, GateOp gate,
                Value logits, Value ids, Value weights, unsigned lanes);

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

  /// Runs `body` on `count` positions from `first` on, `width` of them at a
  /// time; in the end, or without `byVectors`, one by one, with `width` 0.
  using VectorBody = function_ref<void(Value position, unsigned width)>;
  void forEachVector(Value first, int64_t count, VectorBody body,
                     bool byVectors = true);
  /// Combines what `term` returns for these positions, from `start` on.
  using VectorTerm = function_ref<Value(Value position, unsigned width)>;
  Value reduce(vector::CombiningKind kind, Value start, Value first,
               int64_t count, VectorTerm term, bool byVectors = true);

  /// Writes the ranks of `count` values: integers in the order of the values,
  /// none of which is NaN; equal values, as 0.0 and -0.0, have equal ranks.
  void emitRanks(Value values, int64_t count, Value ranks);
  /// Takes the largest of `count` ranks, the first among equal ones, and
  /// returns its position. One of them at least is not taken.
  Value takeLargest(Value ranks, Value first, int64_t count);

  /// Combines `term(i)` one by one, in order.
  Value sumOver(int64_t count, function_ref<Value(Value)> term);
  Value maxOver(int64_t count, function_ref<Value(Value)> term);

  Value logit(Value expert, unsigned width = 0) {
    return b.loadLanes(width, logits, b.add(start, expert));
  }
  Value slotExpert(Value slot); // an index, meaningless where absent
  Value isPresent(Value slot);
  Value exp(Value x);
  Value sigmoid(Value x);
  Value isMasked(Value expert);

  LoopBuilder &b;
  GateOp gate;
  RouterAttr router;
  int64_t experts, topK;
  unsigned lanes;
  Value logits, ids, weights;
  Value scores, keys, ranks, taken, groupScores, groupRanks, sources;
  Value token, start;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_ROUTER_H
