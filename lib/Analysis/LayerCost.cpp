//===- LayerCost.cpp - What a layer costs on a machine --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/LayerCost.h"

#include <cmath>

using namespace mlir::moe;

double LayerWork::getExpectedActive(int64_t tokens) const {
  if (numExperts == 0)
    return 0;
  double experts = static_cast<double>(numExperts);
  double missed = 1 - static_cast<double>(topK) / experts;
  return experts * (1 - std::pow(missed, static_cast<double>(tokens)));
}
