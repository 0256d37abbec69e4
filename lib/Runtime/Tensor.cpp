//===- Tensor.cpp - Tensors in host memory --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Allocation, views and conversion of host tensors.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Parallel.h"
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <sys/mman.h>

using namespace mlir::moe;
using llvm::ArrayRef;

std::string mlir::moe::stringifyShape(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  return llvm::join(
      llvm::map_range(shape, [](int64_t dim) { return std::to_string(dim); }),
      "x");
}

std::optional<int64_t> mlir::moe::computeSizeInBytes(unsigned bitsPerElement,
                                                     ArrayRef<int64_t> shape) {
  if (llvm::any_of(shape, [](int64_t dim) { return dim < 0; }))
    return std::nullopt;
  // No element at all, however large the other dimensions are.
  if (llvm::is_contained(shape, 0))
    return 0;
  std::optional<int64_t> bits = bitsPerElement;
  for (int64_t dim : shape) {
    bits = llvm::checkedMul(*bits, dim);
    if (!bits)
      return std::nullopt;
  }
  return llvm::divideCeil(*bits, 8);
}

static int64_t countElements(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

/// Pages that the system zeroes when they are first touched (so by the threads
/// that fill them), aligned for huge pages; null on failure.
static std::shared_ptr<void> mapZeros(size_t size, size_t alignment) {
  size_t mapped = size + alignment;
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  void *aligned = reinterpret_cast<void *>(
      llvm::alignTo(reinterpret_cast<uintptr_t>(memory), alignment));
  (void)madvise(aligned, size, MADV_HUGEPAGE); // A hint, free to fail.
  return std::shared_ptr<void>(aligned,
                               [=](void *) { munmap(memory, mapped); });
}

/// Zeroed memory that frees itself, or null.
static std::shared_ptr<void> allocateZeros(size_t size) {
  constexpr size_t cacheLine = 64, hugePage = size_t(2) << 20;
  if (size >= hugePage)
    return mapZeros(size, hugePage);
  size_t rounded = llvm::alignTo(std::max<size_t>(size, 1), cacheLine);
  void *memory = std::aligned_alloc(cacheLine, rounded);
  if (!memory)
    return nullptr;
  std::memset(memory, 0, rounded);
  return std::shared_ptr<void>(memory, [](void *memory) { std::free(memory); });
}

llvm::Expected<Tensor> Tensor::create(ElementType type,
                                      ArrayRef<int64_t> shape) {
  std::optional<int64_t> size = computeSizeInBytes(getStorageBits(type), shape);
  std::string name =
      stringifyShape(shape) + " tensor of " + stringifyElementType(type).str();
  if (!size)
    return llvm::createStringError(
        "expected non-negative dimensions and less than 2^60 bytes, got a " +
        name);
  std::shared_ptr<void> memory = allocateZeros(*size);
  if (!memory)
    return llvm::createStringError("cannot allocate " + std::to_string(*size) +
                                   " bytes for a " + name);
  Tensor result = view(type, shape, memory.get(), memory);
  result.writable = true;
  return result;
}

Tensor Tensor::zeros(ElementType type, ArrayRef<int64_t> shape) {
  return llvm::cantFail(create(type, shape), "cannot make a tensor");
}

Tensor Tensor::fromValues(ElementType type, ArrayRef<int64_t> shape,
                          ArrayRef<double> values) {
  Tensor result = zeros(type, shape);
  assert(result.getNumElements() == static_cast<int64_t>(values.size()) &&
         "expected as many values as the shape has elements");
  for (auto [position, value] : llvm::enumerate(values))
    result.set(position, value);
  return result;
}

Tensor Tensor::view(ElementType type, ArrayRef<int64_t> shape, const void *data,
                    std::shared_ptr<const void> owner) {
  assert(reinterpret_cast<uintptr_t>(data) % (getStorageBits(type) / 8) == 0 &&
         "expected memory aligned to the element's size");
  Tensor result;
  result.type = type;
  result.shape.assign(shape.begin(), shape.end());
  result.data = data;
  result.owner = std::move(owner);
  return result;
}

int64_t Tensor::getNumElements() const { return countElements(shape); }

int64_t Tensor::getSizeInBytes() const {
  return *computeSizeInBytes(getStorageBits(type), shape);
}

int64_t Tensor::getPosition(ArrayRef<int64_t> indices) const {
  assert(indices.size() == shape.size() && "expected one index a dimension");
  int64_t position = 0;
  for (auto [index, dim] : llvm::zip_equal(indices, shape)) {
    assert(index >= 0 && index < dim && "index out of bounds");
    position = position * dim + index;
  }
  return position;
}

llvm::SmallVector<int64_t> Tensor::getIndices(int64_t position) const {
  llvm::SmallVector<int64_t> indices(shape.size());
  for (int64_t i = getRank() - 1; i >= 0; --i) {
    indices[i] = position % shape[i];
    position /= shape[i];
  }
  return indices;
}

Tensor Tensor::slice(int64_t index) const {
  assert(!shape.empty() && index >= 0 && index < shape.front());
  Tensor result = *this;
  result.shape.erase(result.shape.begin());
  int64_t bytes = result.getSizeInBytes();
  result.data = static_cast<const char *>(data) + index * bytes;
  return result;
}

Tensor Tensor::reshape(ArrayRef<int64_t> newShape) const {
  assert(countElements(newShape) == getNumElements() &&
         "expected a shape of as many elements");
  Tensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  return result;
}

Tensor Tensor::clone() const {
  Tensor result = zeros(type, shape);
  if (int64_t size = getSizeInBytes())
    std::memcpy(result.getMutableData(), data, size);
  return result;
}

/// Converts elements [begin, end); the pairs that a whole layer's weights go
/// through have loops of their own.
static void convertRange(const Tensor &from, Tensor &to, int64_t begin,
                         int64_t end) {
  if (from.getType() == ElementType::f32 && to.getType() == ElementType::bf16) {
    const float *source = from.getValues<float>().data();
    uint16_t *target = to.getMutableValues<uint16_t>().data();
    for (int64_t i = begin; i < end; ++i)
      target[i] = floatToBFloat16(source[i]);
    return;
  }
  if (from.getType() == ElementType::bf16 && to.getType() == ElementType::f32) {
    const uint16_t *source = from.getValues<uint16_t>().data();
    float *target = to.getMutableValues<float>().data();
    for (int64_t i = begin; i < end; ++i)
      target[i] = bfloat16ToFloat(source[i]);
    return;
  }
  for (int64_t i = begin; i < end; ++i)
    to.set(i, from.get(i));
}

Tensor Tensor::convertTo(ElementType newType) const {
  if (newType == type)
    return *this;
  Tensor result = zeros(newType, shape);
  constexpr int64_t chunk = 1 << 16;
  int64_t count = getNumElements();
  llvm::parallelFor(0, llvm::divideCeil(count, chunk), [&](size_t index) {
    int64_t begin = static_cast<int64_t>(index) * chunk;
    convertRange(*this, result, begin, std::min(begin + chunk, count));
  });
  return result;
}
