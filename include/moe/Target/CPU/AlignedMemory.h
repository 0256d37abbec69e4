//===- AlignedMemory.h - Memory for packed weights and workspaces -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memory that huge pages can hold.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_ALIGNEDMEMORY_H
#define MOE_TARGET_CPU_ALIGNEDMEMORY_H

#include "llvm/Support/Error.h"
#include <cstddef>
#include <utility>

namespace mlir::moe {

/// Zeroed memory aligned to 2 MiB for which the kernel is asked to use huge
/// pages. Pages are only taken when they are first touched, by the node of the
/// thread that touches them.
class AlignedMemory {
public:
  static constexpr size_t kAlignment = size_t(2) << 20;

  /// Memory of `size` bytes, or an error if there is not as much.
  static llvm::Expected<AlignedMemory> allocate(size_t size);

  AlignedMemory() = default;
  AlignedMemory(AlignedMemory &&other) noexcept { swap(other); }
  AlignedMemory &operator=(AlignedMemory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~AlignedMemory();

  /// Null for a size of 0.
  void *getData() const { return data; }
  size_t getSize() const { return size; }

private:
  void swap(AlignedMemory &other) {
    std::swap(data, other.data);
    std::swap(size, other.size);
  }

  void *data = nullptr;
  size_t size = 0;
};

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_ALIGNEDMEMORY_H
