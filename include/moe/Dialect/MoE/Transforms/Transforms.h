//===- Transforms.h - What the passes over moe match and build --*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_TRANSFORMS_TRANSFORMS_H
#define MOE_DIALECT_MOE_TRANSFORMS_TRANSFORMS_H

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"

#include <optional>
#include <string>
#include <variant>

namespace mlir::moe {

/// The function argument attribute that names a parameter in the checkpoint.
inline constexpr llvm::StringLiteral kParamAttr = "moe.param";
/// The argument and result attribute that names an input or output.
inline constexpr llvm::StringLiteral kNameAttr = "moe.name";

/// The name of a layer's input: what `moe.name` says of the argument, else `x`
/// for the first input and `arg2` for argument 2.
std::string getInputName(func::FuncOp layer, unsigned argument);
/// The name of a layer's output: what `moe.name` says of the result, else `y`
/// for result 0 and `y1` for result 1.
std::string getOutputName(func::FuncOp layer, unsigned result);

/// The operand of an op that routes, plans or combines with a row for each of
/// the layer's tokens, on tensors or memrefs, or null.
Value getTokenRows(Operation *op);

/// The number of tokens of a layer with these inputs and outputs where none of
/// their sizes is dynamic: the rows of the first op that has them by token, or
/// else of the first input.
std::optional<int64_t> getFixedTokens(func::FuncOp layer, TypeRange inputs,
                                      TypeRange outputs);

/// The options of a fusion remark by the name of the pass.
inline remark::RemarkOpts fusionRemark(StringRef pass) {
  return remark::RemarkOpts::name(pass).category("moe-fusion");
}

/// True if `value` is computed from the parameters of its function (arguments
/// with `moe.param`) and constants alone.
bool isParameterOnly(Value value);

/// True if every element of `value` is known to be a zero.
bool isZeroFilled(Value value);

/// A product of rows with a matrix: result[m, n] = sum_k rows[m, k] * w[n, k],
/// or w[k, n] where the matrix is not transposed.
struct MatmulMatch {
  Value rows, weight;
  bool weightIsTransposed; ///< True for `N x K`.
};

/// Matches a `linalg` op that is such a product, on rank-2 operands of floats.
/// Says nothing of what the product is added to.
std::optional<MatmulMatch> matchMatmul(Operation *op);

/// An op that computes each element of its one result from one element of
/// each operand: an element-wise `linalg` op, or `arith` and `math` on tensors.
struct ElementwiseMatch {
  Operation *op;
  /// The tensor operands that are read, and where: from the result's position.
  SmallVector<OpOperand *> inputs;
  SmallVector<AffineMap> maps;

  /// Emits the computation of one element from one scalar per input.
  Value emitScalar(OpBuilder &builder, ValueRange scalars) const;
};

std::optional<ElementwiseMatch> matchElementwise(Operation *op);

/// The scalar that all elements of `value` are known to equal, or null.
TypedAttr getSplatScalar(Value value);

/// Fuses the element-wise `consumer` with the grouped products `producers`, of
/// the same rows, whose results it is the only op to use: one product with
/// all their weights, whose epilogue ends in what the consumer did. Returns
/// the reason where that cannot be, without a change to the IR.
struct FusionFailure {
  std::string reason;
};
std::variant<GroupedMatmulOp, FusionFailure>
fuseIntoEpilogue(RewriterBase &rewriter, const ElementwiseMatch &consumer,
                 ArrayRef<GroupedMatmulOp> producers);

/// The distinct grouped products, by rows placed as in the plan, that an
/// element-wise op reads element by element.
SmallVector<GroupedMatmulOp> getProducers(const ElementwiseMatch &consumer);

} // namespace mlir::moe

#endif // MOE_DIALECT_MOE_TRANSFORMS_TRANSFORMS_H
