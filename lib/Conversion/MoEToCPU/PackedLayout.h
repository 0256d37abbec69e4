//===- PackedLayout.h - Where a packed weight's elements lie ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All weights of one product share one buffer. Per expert it is contiguous and
// holds panels of `columns` columns, all weights together: first the columns
// of weight 0, then of weight 1, ... The reduction runs innermost in units of
// 4 bytes, one f32 or a pair of bf16, whose number is a multiple of 16 (a
// tile's row). What lies past the last column or the last term is zero. For two
// weights of bf16 and 16 columns in all:
//
//   expert > panel > k pair > gate n0: k0 k1, n1: k0 k1, .. n7 | up n0: k0 k1
//   ..
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_PACKEDLAYOUT_H
#define MOE_LIB_CONVERSION_MOETOCPU_PACKEDLAYOUT_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::moe {

/// What the packed buffer has before the first weight: a kernel may load bytes
/// before the first one it uses.
constexpr int64_t kLeadBytes = 64;

struct PackedLayout {
  int64_t experts = 1, numColumns = 1, reduction = 1; // E, N, K of one weight
  int64_t numWeights = 1;
  int64_t panelColumns = 1; // all weights together
  int64_t perUnit = 1;      // terms of the reduction in 4 bytes
  Type element;

  /// The layout of `numWeights` weights of type `E x N x K`. The panel's
  /// columns have to be a multiple of the number of weights.
  static PackedLayout get(ShapedType weight, int64_t numWeights,
                          int64_t panelColumns);

  int64_t columnsPerWeight() const { return panelColumns / numWeights; }
  int64_t numPanels() const {
    return llvm::divideCeil(numColumns, columnsPerWeight());
  }
  /// Units along the reduction.
  int64_t numUnits() const {
    int64_t units = llvm::divideCeil(reduction, perUnit);
    return perUnit == 1 ? units : llvm::alignTo(units, 16);
  }
  int64_t panelUnits() const { return numUnits() * panelColumns; }
  int64_t expertUnits() const { return numPanels() * panelUnits(); }
  int64_t numBytes() const { return experts * expertUnits() * 4; }

  /// From (e, n, k) to the element of weight `weight` in the buffer.
  AffineMap getMap(MLIRContext *context, int64_t weight) const;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_PACKEDLAYOUT_H
