//===- Router.h - From the logits of one token to ids and weights *- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `#moe.router`, step by step, for one token at a time.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_ROUTER_H
#define MOE_LIB_REFERENCE_ROUTER_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Reference/Interpreter.h"

namespace mlir::moe {

/// How a router's scalar operations round: not at all, or to f32.
using Rounding = double (*)(double);
Rounding getRouterRounding(Precision precision);

/// The rule applied to one token's logits.
class Router {
public:
  explicit Router(RouterAttr attribute) : attribute(attribute) {}

  /// Steps 1 and 2: the selection key of each expert. `bias` and `mask` may be
  /// empty.
  SmallVector<double> computeKeys(ArrayRef<double> logits,
                                  ArrayRef<double> bias, ArrayRef<bool> mask,
                                  Rounding round) const;

  /// Step 3: the keys once groups have restricted the choice. Returns by how
  /// much the worst kept group exceeds the best other one; infinite where
  /// nothing is restricted.
  double restrictToGroups(SmallVectorImpl<double> &keys, ArrayRef<bool> mask,
                          Rounding round) const;

  /// Step 4: the experts with the largest keys, the largest first.
  SmallVector<int64_t> select(ArrayRef<double> keys) const;

  /// Steps 5 to 8: the weight of each slot; of 0 for id -1. `expertScale` may
  /// be empty.
  SmallVector<double> computeWeights(ArrayRef<double> logits,
                                     ArrayRef<int64_t> ids,
                                     ArrayRef<double> expertScale,
                                     Precision precision) const;

private:
  SmallVector<double> computeScores(ArrayRef<double> logits,
                                    Rounding round) const;
  SmallVector<double> takeWeights(ArrayRef<double> logits,
                                  ArrayRef<int64_t> ids, Rounding round) const;
  double computeSparseMixer(ArrayRef<double> logits, ArrayRef<int64_t> earlier,
                            int64_t expert) const;
  double computeNorm(ArrayRef<double> weights, Rounding round) const;

  RouterAttr attribute;
};

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_ROUTER_H
