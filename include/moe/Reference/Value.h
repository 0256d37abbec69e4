//===- Value.h - Values that the interpreter computes with ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scalars, strided views of runtime tensors, and the union of the two.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_REFERENCE_VALUE_H
#define MOE_REFERENCE_VALUE_H

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Runtime/Tensor.h"
#include <variant>

namespace mlir::moe {

/// A scalar of any type: a float of at most 64 bits as a double, an integer or
/// index as an int64_t, sign-extended from its width (an i1 is 0 or 1).
class Scalar {
public:
  Scalar() = default;
  static Scalar ofFloat(double value) { return Scalar(value); }
  static Scalar ofInteger(int64_t value) { return Scalar(value); }

  bool isFloat() const { return std::holds_alternative<double>(storage); }
  double getFloat() const { return std::get<double>(storage); }
  int64_t getInteger() const { return std::get<int64_t>(storage); }

private:
  explicit Scalar(double value) : storage(value) {}
  explicit Scalar(int64_t value) : storage(value) {}
  std::variant<double, int64_t> storage;
};

/// The element type of runtime tensors that stores values of `type` (index as
/// i64), or nothing where there is none.
std::optional<ElementType> getElementTypeFor(Type type);

/// What reading an element that nobody wrote gives: NaN for a float, the least
/// value of an integer type, true for an i1.
Scalar getUnspecifiedScalar(ElementType type);

/// `value` stored at `position`, rounded to the tensor's element type.
void storeScalar(Tensor &tensor, int64_t position, Scalar value);

/// A tensor of `shape` whose elements are all unspecified; an error for a
/// shape that cannot be allocated.
llvm::Expected<Tensor> createUnspecified(ElementType type,
                                         ArrayRef<int64_t> shape);

/// A window onto the elements of a runtime tensor: element (i, j, ...) is at
/// position `offset + i * stride_0 + j * stride_1 + ...`, counted in elements.
/// Slices, transposes and broadcasts of a parameter are views, never copies.
class TensorView {
public:
  TensorView() = default;
  /// All of `tensor`, in row-major order.
  explicit TensorView(Tensor tensor);

  ElementType getElementType() const { return base.getType(); }
  ArrayRef<int64_t> getShape() const { return shape; }
  ArrayRef<int64_t> getStrides() const { return strides; }
  int64_t getRank() const { return static_cast<int64_t>(shape.size()); }
  int64_t getDim(int64_t index) const { return shape[index]; }
  int64_t getNumElements() const;
  int64_t getOffset() const { return offset; }
  /// The tensor whose elements the view shows.
  const Tensor &getBase() const { return base; }

  /// The position of the element at `indices`, which are in bounds.
  int64_t getPosition(ArrayRef<int64_t> indices) const;
  /// Whether `indices` are those of an element.
  bool contains(ArrayRef<int64_t> indices) const;
  Scalar load(int64_t position) const;
  Scalar at(ArrayRef<int64_t> indices) const {
    return load(getPosition(indices));
  }
  /// The element of a float or integer tensor as a number.
  double numberAt(ArrayRef<int64_t> indices) const {
    return base.get(getPosition(indices));
  }

  /// Every `step`-th of `sizes` elements from `offsets` on, all in bounds.
  TensorView slice(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                   ArrayRef<int64_t> steps) const;
  /// The sub-tensor at `index` of dimension 0.
  TensorView slice(int64_t index) const;
  /// Dimension `i` of the result is dimension `permutation[i]` of this.
  TensorView transpose(ArrayRef<int64_t> permutation) const;
  /// A view with other dimensions onto the same base, which must hold them.
  TensorView withShape(ArrayRef<int64_t> newShape,
                       ArrayRef<int64_t> newStrides) const;

  /// Whether the elements lie in row-major order without gaps.
  bool isContiguous() const;
  /// The elements in row-major order: shared where they already are, else
  /// copied.
  Tensor toTensor() const;

private:
  Tensor base;
  int64_t offset = 0;
  SmallVector<int64_t, 4> shape = {0};
  SmallVector<int64_t, 4> strides = {1};
};

/// Row-major strides of a dense tensor.
SmallVector<int64_t> computeRowMajorStrides(ArrayRef<int64_t> shape);

/// Calls `visit` with each index tuple of `shape`, in row-major order.
void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(ArrayRef<int64_t>)> visit);

/// What an SSA value stands for at run time.
class InterpreterValue {
public:
  InterpreterValue() = default;
  InterpreterValue(Scalar scalar) : storage(scalar) {}
  InterpreterValue(TensorView view) : storage(std::move(view)) {}
  InterpreterValue(Tensor tensor) : storage(TensorView(std::move(tensor))) {}

  bool isScalar() const { return std::holds_alternative<Scalar>(storage); }
  bool isTensor() const { return std::holds_alternative<TensorView>(storage); }
  Scalar getScalar() const { return std::get<Scalar>(storage); }
  const TensorView &getView() const { return std::get<TensorView>(storage); }
  /// The elements of a tensor in row-major order.
  Tensor getTensor() const { return getView().toTensor(); }

private:
  std::variant<Scalar, TensorView> storage;
};

} // namespace mlir::moe

#endif // MOE_REFERENCE_VALUE_H
