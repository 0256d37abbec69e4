//===- MemRefs.cpp - Runtime functions that take memref descriptors -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What both libraries share: the functions that unpack a memref and then call
// one of the others.
//
//===----------------------------------------------------------------------===//

#include "MgpuRuntime.h"

#include <cstdio>
#include <cstdlib>

void moe::mgpu::fail(const char *message) {
  std::fflush(nullptr);
  std::fprintf(stderr, "error: %s\n", message);
  std::fflush(nullptr);
  std::_Exit(1);
}

namespace {

/// A memref descriptor in memory, followed by `rank` strides.
struct MemRef {
  char *allocated;
  char *aligned;
  int64_t offset;
  int64_t sizes[1]; // of `rank`

  const int64_t *strides(int64_t rank) const { return sizes + rank; }
  char *data(int64_t elementBytes) const {
    return aligned + offset * elementBytes;
  }
};

constexpr unsigned kMaxRank = 5;
constexpr uint32_t kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};

} // namespace

void mgpuMemHostRegisterMemRef(int64_t rank, void *descriptor,
                               int64_t elementBytes) {
  const auto *memref = static_cast<const MemRef *>(descriptor);
  int64_t count = 1;
  for (int64_t i = rank - 1; i >= 0; --i) {
    if (memref->sizes[i] > 1 && memref->strides(rank)[i] != count)
      moe::mgpu::fail("expected a dense memref to register");
    count *= memref->sizes[i];
  }
  mgpuMemHostRegister(memref->data(elementBytes),
                      uint64_t(count * elementBytes));
}

void mgpuMemHostUnregisterMemRef(int64_t, void *descriptor,
                                 int64_t elementBytes) {
  mgpuMemHostUnregister(
      static_cast<const MemRef *>(descriptor)->data(elementBytes));
}

void *mgpuTensorMapEncodeTiledMemref(int64_t rank, void *descriptor,
                                     uint32_t dataType, uint32_t interleave,
                                     uint32_t swizzle, uint32_t l2Promotion,
                                     uint32_t oobFill, int64_t *boxDims) {
  if (rank < 1 || rank > int64_t(kMaxRank))
    moe::mgpu::fail("expected a memref of rank 1 to 5 for a tensor map");
  if (dataType >= sizeof(kElementBytes) / sizeof(*kElementBytes))
    moe::mgpu::fail("expected an unpacked tensor map data type");
  const auto *memref = static_cast<const MemRef *>(descriptor);
  const uint32_t elementBytes = kElementBytes[dataType];
  uint64_t dims[kMaxRank], strides[kMaxRank];
  uint32_t box[kMaxRank], elementStrides[kMaxRank];
  // CUDA counts dimensions from the contiguous one.
  for (int64_t i = 0; i < rank; ++i) {
    int64_t from = rank - 1 - i;
    dims[i] = uint64_t(memref->sizes[from]);
    strides[i] = uint64_t(memref->strides(rank)[from]) * elementBytes;
    box[i] = uint32_t(boxDims[from]);
    elementStrides[i] = 1;
  }
  alignas(64) unsigned char map[128];
  mgpuTensorMapEncodeTiled(map, dataType, uint32_t(rank),
                           memref->data(elementBytes), dims, strides + 1, box,
                           elementStrides, interleave, swizzle, l2Promotion,
                           oobFill);
  void *copy = mgpuMemAlloc(sizeof(map), nullptr, /*isHostShared=*/false);
  mgpuMemcpy(copy, map, sizeof(map), nullptr);
  mgpuStreamSynchronize(nullptr);
  return copy;
}
