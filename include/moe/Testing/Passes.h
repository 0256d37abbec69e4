//===- Passes.h - Passes that tests run -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Registration of the passes that exist for tests alone.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TESTING_PASSES_H
#define MOE_TESTING_PASSES_H

namespace mlir::moe {

/// Registers `test-moe-interpret`: calls each function without arguments in
/// the reference interpreter and prints its results to standard output, one
/// per line after the function's name.
void registerTestInterpretPass();

} // namespace mlir::moe

#endif // MOE_TESTING_PASSES_H
