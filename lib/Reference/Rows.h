//===- Rows.h - Routed rows and sums over slots -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the ops on routed rows share: reading a plan, and summing slots.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_ROWS_H
#define MOE_LIB_REFERENCE_ROWS_H

#include "Frame.h"
#include "Router.h"

namespace mlir::moe {

/// The sum over the slots of a token: in slot order, in f32 where it is typed.
class SlotSum {
public:
  explicit SlotSum(Precision precision) : round(getRouterRounding(precision)) {}
  void add(double value) { total = round(total + value); }
  void addWeighted(double weight, double value) { add(round(weight * value)); }
  double getTotal() const { return total; }

private:
  Rounding round;
  double total = 0.0;
};

/// The expert of each routed row, from a plan's offsets. Emits an error on
/// `op` and fails unless they start at 0, never fall, and end at `maxRows` at
/// most.
FailureOr<SmallVector<int64_t>>
getExpertOfRows(Operation *op, const TensorView &offsets, int64_t maxRows);

/// Entry `index` of a plan's `rows` or `inverse`, which `name` names; it must
/// lie in `least .. limit - 1`.
FailureOr<int64_t> readPlanEntry(Operation *op, StringRef name,
                                 const TensorView &entries,
                                 ArrayRef<int64_t> index, int64_t least,
                                 int64_t limit);

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_ROWS_H
