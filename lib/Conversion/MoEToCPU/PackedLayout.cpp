//===- PackedLayout.cpp - Where a packed weight's elements lie ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedLayout.h"

#include "mlir/IR/AffineExpr.h"

using namespace mlir;
using namespace mlir::moe;

PackedLayout PackedLayout::get(ShapedType weight, int64_t numWeights,
                               int64_t panelColumns) {
  PackedLayout layout;
  // A router's weight is that of a single expert.
  bool hasExperts = weight.getRank() == 3;
  layout.experts = hasExperts ? weight.getDimSize(0) : 1;
  layout.numColumns = weight.getDimSize(weight.getRank() - 2);
  layout.reduction = weight.getDimSize(weight.getRank() - 1);
  layout.numWeights = numWeights;
  layout.panelColumns = panelColumns;
  layout.element = weight.getElementType();
  layout.perUnit = 32 / layout.element.getIntOrFloatBitWidth();
  return layout;
}

AffineMap PackedLayout::getMap(MLIRContext *context, int64_t weight) const {
  AffineExpr e = getAffineDimExpr(0, context), n = getAffineDimExpr(1, context),
             k = getAffineDimExpr(2, context);
  int64_t width = columnsPerWeight();
  AffineExpr unit = e * expertUnits() + n.floorDiv(width) * panelUnits() +
                    k.floorDiv(perUnit) * panelColumns + weight * width +
                    n % width;
  AffineExpr element = unit * perUnit + k % perUnit;
  return AffineMap::get(3, 0, element);
}
