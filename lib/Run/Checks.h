//===- Checks.h - Whether results are right ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compares what an engine computed with a file, or with the interpreter.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUN_CHECKS_H
#define MOE_LIB_RUN_CHECKS_H

#include "Engine.h"
#include "moe/Runtime/Compare.h"

namespace mlir::moe {

/// The user's tolerances; the documented ones where not set.
struct ToleranceOptions {
  std::optional<double> absolute, relative;

  /// For a result, or routing weights, computed in `type`.
  Tolerance get(const Tensor &expected, ElementType type,
                bool isRoutingWeight) const;
};

/// Compares `outputs` with the tensors of the same names in `file`, of which
/// there has to be one at least, and prints the errors. False if one is out of
/// tolerance.
llvm::Expected<bool> compareWithFile(llvm::raw_ostream &os, const Layer &layer,
                                     const Outputs &outputs, Checkpoint &file,
                                     const ToleranceOptions &tolerance);

/// Compares `outputs` of `layer` with the interpreter on a sample of tokens, at
/// most `maxTokens`, and prints the errors. Where the routing is an output,
/// each choice is checked against the interpreter's keys, then the choices are
/// replayed. False if something is out of tolerance.
FailureOr<bool>
compareWithInterpreter(llvm::raw_ostream &os, const Layer &layer,
                       const LayerData &data, const Outputs &outputs,
                       int64_t maxTokens, const ToleranceOptions &tolerance);

} // namespace mlir::moe

#endif // MOE_LIB_RUN_CHECKS_H
