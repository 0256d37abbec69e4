//===- Value.cpp - Values that the interpreter computes with --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Element access, views and copies of interpreter values.
//
//===----------------------------------------------------------------------===//

#include "moe/Reference/Value.h"

#include "llvm/ADT/TypeSwitch.h"
#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static std::optional<ElementType> getIntegerElementType(IntegerType type) {
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return ElementType::i1;
  case 8:
    return isUnsigned ? ElementType::u8 : ElementType::i8;
  case 16:
    return isUnsigned ? ElementType::u16 : ElementType::i16;
  case 32:
    return isUnsigned ? ElementType::u32 : ElementType::i32;
  case 64:
    return isUnsigned ? ElementType::u64 : ElementType::i64;
  default:
    return std::nullopt;
  }
}

std::optional<ElementType> mlir::moe::getElementTypeFor(Type type) {
  using Result = std::optional<ElementType>;
  return llvm::TypeSwitch<Type, Result>(type)
      .Case<Float64Type>([](Type) { return ElementType::f64; })
      .Case<Float32Type>([](Type) { return ElementType::f32; })
      .Case<Float16Type>([](Type) { return ElementType::f16; })
      .Case<BFloat16Type>([](Type) { return ElementType::bf16; })
      .Case<Float8E4M3FNType>([](Type) { return ElementType::f8e4m3; })
      .Case<Float8E5M2Type>([](Type) { return ElementType::f8e5m2; })
      .Case<IndexType>([](Type) { return ElementType::i64; })
      .Case<IntegerType>(getIntegerElementType)
      .Default([](Type) { return std::nullopt; });
}

Scalar mlir::moe::getUnspecifiedScalar(ElementType type) {
  if (isFloat(type))
    return Scalar::ofFloat(std::numeric_limits<double>::quiet_NaN());
  if (type == ElementType::i1)
    return Scalar::ofInteger(1);
  // Storing saturates, so this is the least value of every integer type.
  int64_t least = std::numeric_limits<int64_t>::min();
  unsigned shift = 64 - getStorageBits(type);
  return Scalar::ofInteger(least >> shift);
}

template <typename T>
static void storePlain(Tensor &tensor, int64_t position, int64_t value) {
  static_cast<T *>(tensor.getMutableData())[position] = static_cast<T>(value);
}

void mlir::moe::storeScalar(Tensor &tensor, int64_t position, Scalar value) {
  if (value.isFloat())
    return tensor.set(position, value.getFloat());
  // Integers do not pass through a double, which would round large ones.
  switch (getStorageBits(tensor.getType())) {
  case 8:
    return storePlain<int8_t>(tensor, position, value.getInteger());
  case 16:
    return storePlain<int16_t>(tensor, position, value.getInteger());
  case 32:
    return storePlain<int32_t>(tensor, position, value.getInteger());
  default:
    return storePlain<int64_t>(tensor, position, value.getInteger());
  }
}

Scalar TensorView::load(int64_t position) const {
  ElementType type = base.getType();
  if (isFloat(type))
    return Scalar::ofFloat(base.get(position));
  if (getStorageBits(type) == 64)
    return Scalar::ofInteger(
        static_cast<const int64_t *>(base.getData())[position]);
  return Scalar::ofInteger(static_cast<int64_t>(base.get(position)));
}

llvm::Expected<Tensor> mlir::moe::createUnspecified(ElementType type,
                                                    ArrayRef<int64_t> shape) {
  llvm::Expected<Tensor> result = Tensor::create(type, shape);
  if (!result)
    return result;
  Scalar unspecified = getUnspecifiedScalar(type);
  for (int64_t i = 0, e = result->getNumElements(); i < e; ++i)
    storeScalar(*result, i, unspecified);
  return result;
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

SmallVector<int64_t>
mlir::moe::computeRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

void mlir::moe::forEachIndex(ArrayRef<int64_t> shape,
                             function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(index);
    int64_t dim = static_cast<int64_t>(shape.size()) - 1;
    for (; dim >= 0 && ++index[dim] == shape[dim]; --dim)
      index[dim] = 0;
    if (dim < 0)
      return;
  }
}

TensorView::TensorView(Tensor tensor)
    : base(std::move(tensor)), shape(base.getShape()),
      strides(computeRowMajorStrides(shape)) {}

int64_t TensorView::getNumElements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

int64_t TensorView::getPosition(ArrayRef<int64_t> indices) const {
  assert(contains(indices) && "index out of bounds");
  return std::inner_product(indices.begin(), indices.end(), strides.begin(),
                            offset);
}

bool TensorView::contains(ArrayRef<int64_t> indices) const {
  return indices.size() == shape.size() &&
         llvm::all_of(llvm::zip(indices, shape), [](auto pair) {
           auto [index, size] = pair;
           return 0 <= index && index < size;
         });
}

TensorView TensorView::slice(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                             ArrayRef<int64_t> steps) const {
  TensorView result = *this;
  result.shape.assign(sizes.begin(), sizes.end());
  for (int64_t i = 0; i < getRank(); ++i) {
    result.offset += offsets[i] * strides[i];
    result.strides[i] *= steps[i];
  }
  return result;
}

TensorView TensorView::slice(int64_t index) const {
  TensorView result = *this;
  result.offset += index * strides.front();
  result.shape.erase(result.shape.begin());
  result.strides.erase(result.strides.begin());
  return result;
}

TensorView TensorView::transpose(ArrayRef<int64_t> permutation) const {
  TensorView result = *this;
  for (auto [i, source] : llvm::enumerate(permutation)) {
    result.shape[i] = shape[source];
    result.strides[i] = strides[source];
  }
  return result;
}

TensorView TensorView::withShape(ArrayRef<int64_t> newShape,
                                 ArrayRef<int64_t> newStrides) const {
  TensorView result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  result.strides.assign(newStrides.begin(), newStrides.end());
  return result;
}

bool TensorView::isContiguous() const {
  int64_t expected = 1;
  for (int64_t i = getRank() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != expected)
      return getNumElements() == 0;
    expected *= shape[i];
  }
  return true;
}

Tensor TensorView::toTensor() const {
  if (isContiguous()) {
    if (offset == 0 && ArrayRef(shape) == base.getShape())
      return base;
    auto owner = std::make_shared<const Tensor>(base);
    const char *data = static_cast<const char *>(base.getData());
    int64_t bytes = getStorageBits(getElementType()) / 8;
    return Tensor::view(getElementType(), shape, data + offset * bytes, owner);
  }
  Tensor result = Tensor::zeros(getElementType(), shape);
  int64_t next = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    storeScalar(result, next++, at(index));
  });
  return result;
}
