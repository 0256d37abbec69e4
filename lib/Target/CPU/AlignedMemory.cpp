//===- AlignedMemory.cpp - Memory for packed weights and workspaces --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/AlignedMemory.h"

#include "llvm/Support/MathExtras.h"
#include <sys/mman.h>

using namespace mlir::moe;

static llvm::Error makeError(size_t size) {
  return llvm::createStringError("cannot allocate %zu bytes of memory", size);
}

llvm::Expected<AlignedMemory> AlignedMemory::allocate(size_t size) {
  AlignedMemory memory;
  if (size == 0)
    return memory;
  if (size > SIZE_MAX / 2)
    return makeError(size);
  size_t wanted = llvm::alignTo(size, kAlignment);
  size_t mapped = wanted + kAlignment;
  void *start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED)
    return makeError(size);
  // Give back what lies before and after the aligned part.
  char *begin = static_cast<char *>(start);
  char *aligned = reinterpret_cast<char *>(
      llvm::alignTo(reinterpret_cast<uintptr_t>(start), kAlignment));
  if (aligned != begin)
    munmap(begin, aligned - begin);
  if (size_t rest = begin + mapped - (aligned + wanted))
    munmap(aligned + wanted, rest);
  madvise(aligned, wanted, MADV_HUGEPAGE); // A wish; small pages work, too.
  memory.data = aligned;
  memory.size = size;
  return memory;
}

AlignedMemory::~AlignedMemory() {
  if (data)
    munmap(data, llvm::alignTo(size, kAlignment));
}
