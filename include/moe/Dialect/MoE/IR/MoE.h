//===- MoE.h - The moe dialect: enums, attributes, ops ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_IR_MOE_H
#define MOE_DIALECT_MOE_IR_MOE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "moe/Dialect/MoE/IR/MoEDialect.h.inc"
#include "moe/Dialect/MoE/IR/MoEEnums.h.inc"

namespace mlir::moe::detail {
/// A number as attributes of moe spell it: `2.5`, `1.0E-20`; never a type.
FailureOr<FloatAttr> parseNumber(AsmParser &parser);
void printNumber(AsmPrinter &printer, FloatAttr number);
} // namespace mlir::moe::detail

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/MoE/IR/MoEAttrs.h.inc"

#define GET_OP_CLASSES
#include "moe/Dialect/MoE/IR/MoEOps.h.inc"

namespace mlir::moe {

/// Constraints C1 to C5 of `moe.route`, shared with `moe.gate`: what a router
/// demands of its operands for `T x numExperts` logits. Null operands are
/// absent. Emits an error on `op` and fails where one does not hold.
LogicalResult verifyRouterOperands(Operation *op, RouterAttr router,
                                   int64_t numTokens, int64_t numExperts,
                                   Value keyBias, Value mask, Value expertScale,
                                   Value givenIds);

/// The region of `moe.grouped_matmul` and `moe.gate` computes numbers from
/// numbers, so that it can be run in registers, per vector or by an
/// interpreter: each op has integers, floats or indices as operands and
/// results, no side effect and no region, and what it uses from outside are
/// constants. Returns the first op of `block` that is different, or null.
Operation *findNonScalarOp(Block &block);

} // namespace mlir::moe

#endif // MOE_DIALECT_MOE_IR_MOE_H
