//===- CompiledCheck.h - Compiled layers against their meaning --*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles a random layer for the CPU, runs it and compares with the
// interpreter.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TESTING_COMPILEDCHECK_H
#define MOE_TESTING_COMPILEDCHECK_H

#include "moe/Testing/LayerChecks.h"

namespace mlir::moe {

/// Which kernels to compile.
struct CompiledVariant {
  std::string cpu = "native";
  unsigned vectorBits = 0; ///< 0 for the CPU's.
  bool emulateDot = false;
  bool smallBlocks = false;
};

/// Compiles `layer`, runs it in this process and compares with the interpreter
/// in exact mode:
///
///   * the ids are distinct and in range, and each choice is within the margin
///     that the rounding of a f32 router product makes of the f64 keys; experts
///     with a key of -inf come in order of their number;
///   * with these ids replayed, weights and output lie within the rounding of
///     the layer's types; what is not finite in one is not finite in the other;
///   * with 1, 2, 3 and 8 threads all bits are the same; so are those of the
///     first, the middle and the last token when each runs alone.
///
/// What fails is said to `log`.
LogicalResult checkCompiled(const RandomLayer &layer,
                            const CompiledVariant &variant,
                            MLIRContext &context, raw_ostream &log);

} // namespace mlir::moe

#endif // MOE_TESTING_COMPILEDCHECK_H
