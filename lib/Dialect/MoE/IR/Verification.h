//===- Verification.h - What the verifiers share ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_DIALECT_MOE_IR_VERIFICATION_H
#define MOE_LIB_DIALECT_MOE_IR_VERIFICATION_H

#include "moe/Dialect/MoE/IR/MoE.h"

namespace mlir::moe {

inline ShapedType shapedType(Value value) {
  return cast<ShapedType>(value.getType());
}
inline int64_t dimSize(Value value, unsigned dim) {
  return shapedType(value).getDimSize(dim);
}

/// True unless both sizes are static and differ.
bool mayEqual(int64_t a, int64_t b);

/// The size for a message, "?" where it is dynamic.
std::string sizeText(int64_t size);

/// The number of slots of `numTokens` tokens; the largest number there is where
/// it overflows.
int64_t slotsOf(int64_t numTokens, int64_t topK);

/// True for a static shape in which no dimension has size 0.
bool isStaticNonEmpty(ShapedType type);

/// Emits "expected NAME to have shape S, got T" unless the shapes may agree.
LogicalResult expectShape(Operation *op, StringRef name, Value value,
                          ArrayRef<int64_t> shape);

/// A destination-passing op has the type of its destination as result on
/// tensors, and no result on memrefs.
LogicalResult verifyDestinations(Operation *op, ValueRange inits);

/// Emits "expected the region to take ..., got ..." unless the types agree.
LogicalResult expectArguments(Operation *op, Block &block,
                              ArrayRef<Type> types);

/// C10 of moe.grouped_matmul and moe.gate.
LogicalResult expectScalarRegion(Operation *op, Block &block);

} // namespace mlir::moe

#endif // MOE_LIB_DIALECT_MOE_IR_VERIFICATION_H
