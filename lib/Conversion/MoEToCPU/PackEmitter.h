//===- PackEmitter.h - Code that packs parameters ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_PACKEMITTER_H
#define MOE_LIB_CONVERSION_MOETOCPU_PACKEMITTER_H

#include "PackedLayout.h"
#include "ParameterView.h"

#include <optional>

namespace mlir::moe {

/// One stretch of the packed buffer: the panels of a product's weights, or,
/// without a layout, a row-major copy of one view.
struct PackItem {
  Location loc;
  int64_t byteOffset;
  std::optional<PackedLayout> panels;
  SmallVector<ParameterView> sources;
};

/// Adds `@NAME__pack(params, packed)` to the module, which fills the packed
/// buffer from an array of pointers: one per parameter of `function`, E for a
/// parameter that is one tensor per expert.
void emitPackFunction(ModuleOp module, func::FuncOp function,
                      ArrayRef<PackItem> items);

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_PACKEMITTER_H
