//===- Tensor.h - Tensors in host memory ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A dense row-major tensor in host memory that owns its elements or views
// memory that someone else owns, such as a mapped weight file.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_TENSOR_H
#define MOE_RUNTIME_TENSOR_H

#include "moe/Runtime/ElementType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cassert>
#include <memory>
#include <string>
#include <type_traits>

namespace mlir::moe {

/// "64x2048", or "scalar" where there are no dimensions.
std::string stringifyShape(llvm::ArrayRef<int64_t> shape);

/// Bytes that the elements of a tensor take, the last byte rounded up; nothing
/// for a negative dimension or for 2^63 bits or more.
std::optional<int64_t> computeSizeInBytes(unsigned bitsPerElement,
                                          llvm::ArrayRef<int64_t> shape);

/// A dense row-major tensor. Copies share the elements, as views do; `clone`
/// makes a tensor of its own. Memory that a tensor allocates is aligned to 64
/// bytes (2 MiB from 2 MiB on, so that huge pages can hold it); a view is
/// aligned to its element size at least.
class Tensor {
public:
  /// An f32 tensor of shape 0, without elements.
  Tensor() = default;

  /// A tensor of zeros, or an error for a shape that has a negative dimension,
  /// or needs more bytes than can be addressed or allocated.
  static llvm::Expected<Tensor> create(ElementType type,
                                       llvm::ArrayRef<int64_t> shape);

  /// A tensor of zeros whose shape the program itself vouches for: what
  /// `create` calls an error ends the program.
  static Tensor zeros(ElementType type, llvm::ArrayRef<int64_t> shape);

  /// A tensor of the given elements in row-major order, each stored as
  /// `storeElement` does.
  static Tensor fromValues(ElementType type, llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<double> values);

  /// A read-only tensor over the elements at `data`, aligned to the element's
  /// size; `owner` keeps them alive (null where the caller does).
  static Tensor view(ElementType type, llvm::ArrayRef<int64_t> shape,
                     const void *data, std::shared_ptr<const void> owner);

  ElementType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return static_cast<int64_t>(shape.size()); }
  int64_t getDim(int64_t index) const { return shape[index]; }
  int64_t getNumElements() const;
  int64_t getSizeInBytes() const;

  /// Whether elements may be written; false for a view of a mapped file.
  bool isWritable() const { return writable; }

  const void *getData() const { return data; }
  void *getMutableData() {
    assert(writable && "expected a tensor that may be written");
    return const_cast<void *>(data);
  }

  /// The elements as an array of the C++ type that stores them: float and
  /// double for f32 and f64, uint16_t for f16 and bf16, uint8_t for i1 and
  /// 8-bit floats.
  template <typename T>
  llvm::ArrayRef<T> getValues() const {
    checkStorage<T>();
    return {static_cast<const T *>(data),
            static_cast<size_t>(getNumElements())};
  }
  template <typename T>
  llvm::MutableArrayRef<T> getMutableValues() {
    checkStorage<T>();
    return {static_cast<T *>(getMutableData()),
            static_cast<size_t>(getNumElements())};
  }

  /// Element access by row-major position, with the conversions of loadElement
  /// and storeElement.
  double get(int64_t position) const {
    assert(position >= 0 && position < getNumElements());
    return loadElement(type, data, position);
  }
  void set(int64_t position, double value) {
    assert(position >= 0 && position < getNumElements());
    storeElement(type, getMutableData(), position, value);
  }

  /// Row-major position of the element at `indices`, and back.
  int64_t getPosition(llvm::ArrayRef<int64_t> indices) const;
  llvm::SmallVector<int64_t> getIndices(int64_t position) const;

  /// Element access by indices.
  double at(llvm::ArrayRef<int64_t> indices) const {
    return get(getPosition(indices));
  }

  /// The sub-tensor at `index` of the first dimension; shares the elements.
  Tensor slice(int64_t index) const;

  /// The same elements under another shape of as many elements.
  Tensor reshape(llvm::ArrayRef<int64_t> newShape) const;

  /// A writable copy of the elements.
  Tensor clone() const;

  /// This tensor if it has that element type, else a copy with each element
  /// rounded to it.
  Tensor convertTo(ElementType newType) const;

private:
  template <typename T>
  void checkStorage() const {
    static_assert(std::is_arithmetic_v<T>);
    assert(sizeof(T) * 8 == getStorageBits(type) &&
           std::is_floating_point_v<T> ==
               (type == ElementType::f64 || type == ElementType::f32) &&
           "expected the C++ type that stores the elements");
  }

  ElementType type = ElementType::f32;
  bool writable = false;
  llvm::SmallVector<int64_t, 4> shape = {0};
  const void *data = nullptr;
  std::shared_ptr<const void> owner;
};

} // namespace mlir::moe

#endif // MOE_RUNTIME_TENSOR_H
