//===- ScalarOps.h - Scalar operations --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The meaning of each arith, math and affine op on scalars.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_REFERENCE_SCALAROPS_H
#define MOE_LIB_REFERENCE_SCALAROPS_H

#include "mlir/IR/Operation.h"
#include "moe/Reference/Interpreter.h"

namespace mlir::moe {

/// Computes the result of an op on scalars, a float not yet rounded. Where the
/// result is undefined (division by zero) it emits an error and fails.
using ScalarFunction =
    std::function<FailureOr<Scalar>(Operation *, ArrayRef<Scalar>)>;

/// The function for `op`, which has one result, or null. An op on tensors
/// applies it to each element.
const ScalarFunction *lookupScalarFunction(Operation *op);

/// The value of an attribute that a constant holds, or a failure.
FailureOr<Scalar> getScalarConstant(Attribute attribute);

/// `value` as a result of type `type`: in typed mode a float is rounded.
Scalar roundResult(Scalar value, Type type, Precision precision);

/// `value` rounded to f32, as routers do.
inline double roundToF32(double value) { return static_cast<float>(value); }

} // namespace mlir::moe

#endif // MOE_LIB_REFERENCE_SCALAROPS_H
