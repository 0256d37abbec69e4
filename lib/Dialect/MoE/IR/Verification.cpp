//===- Verification.cpp - What the verifiers share ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Verification.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

bool mlir::moe::mayEqual(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}
static bool mayAllEqual(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
           return mayEqual(std::get<0>(pair), std::get<1>(pair));
         });
}

std::string mlir::moe::sizeText(int64_t size) {
  return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}
static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::interleave(
      shape, [&](int64_t size) { text += sizeText(size); },
      [&] { text += "x"; });
  return text;
}

int64_t mlir::moe::slotsOf(int64_t numTokens, int64_t topK) {
  if (ShapedType::isDynamic(numTokens))
    return ShapedType::kDynamic;
  int64_t product;
  return llvm::MulOverflow(numTokens, topK, product)
             ? std::numeric_limits<int64_t>::max()
             : product;
}

bool mlir::moe::isStaticNonEmpty(ShapedType type) {
  return type.hasStaticShape() && !llvm::is_contained(type.getShape(), 0);
}

LogicalResult mlir::moe::expectShape(Operation *op, StringRef name, Value value,
                                     ArrayRef<int64_t> shape) {
  if (mayAllEqual(shapedType(value).getShape(), shape))
    return success();
  return op->emitOpError() << "expected " << name << " to have shape "
                           << shapeText(shape) << ", got "
                           << shapeText(shapedType(value).getShape());
}

LogicalResult mlir::moe::verifyDestinations(Operation *op, ValueRange inits) {
  bool onTensors = isa<TensorType>(inits.front().getType());
  for (Value operand : op->getOperands())
    if (isa<ShapedType>(operand.getType()) &&
        isa<TensorType>(operand.getType()) != onTensors)
      return op->emitOpError(
          "expected all operands to be tensors, or all to be memrefs");
  size_t expected = onTensors ? inits.size() : 0;
  if (op->getNumResults() != expected)
    return op->emitOpError() << "expected " << expected << " results, got "
                             << op->getNumResults();
  for (auto [result, init] : llvm::zip(op->getResults(), inits))
    if (result.getType() != init.getType())
      return op->emitOpError()
             << "expected the result to have the type of "
                "its destination, "
             << init.getType() << ", got " << result.getType();
  return success();
}

LogicalResult mlir::moe::expectArguments(Operation *op, Block &block,
                                         ArrayRef<Type> types) {
  if (llvm::equal(block.getArgumentTypes(), types))
    return success();
  auto diag = op->emitOpError("expected the region to take (");
  llvm::interleaveComma(types, diag);
  diag << "), got (";
  llvm::interleaveComma(block.getArgumentTypes(), diag);
  return diag << ")";
}

//===----------------------------------------------------------------------===//
// Regions that compute one element
//===----------------------------------------------------------------------===//

static bool isNumber(Type type) {
  return isa<FloatType, IntegerType, IndexType>(type);
}

/// True if `op` uses no value from outside `region` but constants.
static bool usesOnlyConstantsFromOutside(Operation &op, Region &region) {
  return llvm::all_of(op.getOperands(), [&](Value v) {
    return region.isAncestor(v.getParentRegion()) ||
           matchPattern(v, m_Constant());
  });
}

Operation *mlir::moe::findNonScalarOp(Block &block) {
  for (Operation &op : block) {
    bool isScalar = llvm::all_of(op.getOperandTypes(), isNumber) &&
                    llvm::all_of(op.getResultTypes(), isNumber);
    if (!isScalar || !usesOnlyConstantsFromOutside(op, *block.getParent()) ||
        op.getNumRegions() != 0 || !isMemoryEffectFree(&op))
      return &op;
  }
  return nullptr;
}

LogicalResult mlir::moe::expectScalarRegion(Operation *op, Block &block) {
  Operation *offender = findNonScalarOp(block);
  if (!offender)
    return success();
  InFlightDiagnostic diag =
      op->emitOpError("expected the region to compute numbers from numbers and "
                      "constants, without side effects or regions");
  diag.attachNote(offender->getLoc())
      << "'" << offender->getName() << "' does not";
  return diag;
}
