//===- Device.h - The little that test kernels need -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Test kernels are freestanding C++ compiled by clang's NVPTX target: no CUDA
// headers, no device library.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_UNITTESTS_EMULATOR_KERNELS_DEVICE_H
#define MOE_UNITTESTS_EMULATOR_KERNELS_DEVICE_H

#define KERNEL extern "C" __attribute__((device_kernel)) void
#define SHARED __attribute__((address_space(3)))
#define DEVICE static inline __attribute__((always_inline))

using uint8_t = unsigned char;
using uint16_t = unsigned short;
using int32_t = int;
using uint32_t = unsigned;
using int64_t = long long;
using uint64_t = unsigned long long;

DEVICE int threadIndex() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE int blockIndex() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE int blockSize() { return __nvvm_read_ptx_sreg_ntid_x(); }
DEVICE int gridSize() { return __nvvm_read_ptx_sreg_nctaid_x(); }
DEVICE int lane() { return __nvvm_read_ptx_sreg_laneid(); }
DEVICE int globalIndex() { return blockIndex() * blockSize() + threadIndex(); }

constexpr uint32_t kAllLanes = 0xffffffffu;

DEVICE float shuffleXor(float x, int mask) {
  return __nvvm_shfl_sync_bfly_f32(kAllLanes, x, mask, 31);
}
DEVICE int shuffleXor(int x, int mask) {
  return __nvvm_shfl_sync_bfly_i32(kAllLanes, x, mask, 31);
}
DEVICE int shuffleUp(int x, int delta) {
  return __nvvm_shfl_sync_up_i32(kAllLanes, x, delta, 0);
}

template <typename T, typename Op>
DEVICE T warpReduce(T x, Op op) {
  for (int mask = 16; mask > 0; mask /= 2)
    x = op(x, shuffleXor(x, mask));
  return x;
}

template <typename T>
DEVICE T atomicAdd(T *p, T x) {
  return __scoped_atomic_fetch_add(p, x, __ATOMIC_RELAXED,
                                   __MEMORY_SCOPE_DEVICE);
}

DEVICE uint32_t sharedAddress(const SHARED void *p) {
  return (uint32_t)(uint64_t)p;
}

#endif // MOE_UNITTESTS_EMULATOR_KERNELS_DEVICE_H
