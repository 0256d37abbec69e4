//===- Passes.h - From fused moe to CPU loops -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_CONVERSION_MOETOCPU_PASSES_H
#define MOE_CONVERSION_MOETOCPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::moe {
#define GEN_PASS_DECL
#include "moe/Conversion/MoEToCPU/Passes.h.inc"

/// Generates the code to register all passes of the CPU lowering.
#define GEN_PASS_REGISTRATION
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

#endif // MOE_CONVERSION_MOETOCPU_PASSES_H
