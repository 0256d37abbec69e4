//===- Hopper.cpp - Test kernels on mbarrier, bulk copies and wgmma -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"

namespace {

constexpr int kTileM = 64, kTileN = 64, kTileK = 64, kStages = 3;
constexpr int kTileBytes = kTileM * kTileK * 2;

DEVICE void barrierInit(uint32_t barrier, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier),
               "r"(count)
               : "memory");
}
DEVICE void barrierExpect(uint32_t barrier, int bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier),
      "r"(bytes)
      : "memory");
}
DEVICE void barrierArrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier)
               : "memory");
}
DEVICE void barrierWait(uint32_t barrier, int parity) {
  asm volatile("{\n.reg .pred done;\n"
               "again:\n"
               "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
               "@!done bra again;\n}" ::"r"(barrier),
               "r"(parity)
               : "memory");
}

/// Loads the box at (x, y) of a tensor map.
DEVICE void copyTile(uint32_t to, const void *map, int x, int y,
                     uint32_t barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::"
               "complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(to),
               "l"(map), "r"(x), "r"(y), "r"(barrier)
               : "memory");
}

/// A descriptor of a K-major tile with 128-byte rows and swizzle.
DEVICE uint64_t descriptor(uint32_t address) {
  return (uint64_t)((address & 0x3ffff) >> 4) | (uint64_t)1 << 16 |
         (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}

/// 64 x 64 x 16, f32 accumulators from bf16 in shared memory.
DEVICE void wgmma(float *d, uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "
      "%32, %33, 1, 1, 1, 0, 0;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]),
        "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]),
        "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]),
        "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]),
        "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]),
        "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]),
        "+f"(d[31])
      : "l"(a), "l"(b)
      : "memory");
}

} // namespace

/// C = A * B^T in bf16 with f32 result: A is M x K, B is N x K. Warps 0 to 3
/// multiply, warp 4 feeds them by tensor copies through a ring of three stages.
/// 160 threads a block; `mapA` and `mapB` have boxes of 64 x 64 with 128-byte
/// swizzle. M and N may be odd (the maps fill), K is a multiple of 64.
KERNEL gemmWgmma(int m, int n, int k, const void *mapA, const void *mapB,
                 float *c) {
  static SHARED
      __attribute__((aligned(1024))) char tiles[kStages * 2 * kTileBytes];
  static SHARED uint64_t full[kStages], empty[kStages];
  int tilesAcross = (n + kTileN - 1) / kTileN;
  int m0 = blockIndex() / tilesAcross * kTileM;
  int n0 = blockIndex() % tilesAcross * kTileN;
  int thread = threadIndex(), steps = k / kTileK;
  if (thread == 0) {
    for (int s = 0; s < kStages; ++s) {
      barrierInit(sharedAddress(&full[s]), 1);
      barrierInit(sharedAddress(&empty[s]), 4);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (thread >= 128) {
    if (thread == 128)
      for (int step = 0; step < steps; ++step) {
        int stage = step % kStages, turn = step / kStages;
        uint32_t at = sharedAddress(tiles) + stage * 2 * kTileBytes;
        if (turn > 0)
          barrierWait(sharedAddress(&empty[stage]), (turn - 1) % 2);
        barrierExpect(sharedAddress(&full[stage]), 2 * kTileBytes);
        copyTile(at, mapA, step * kTileK, m0, sharedAddress(&full[stage]));
        copyTile(at + kTileBytes, mapB, step * kTileK, n0,
                 sharedAddress(&full[stage]));
      }
    return;
  }
  float acc[32] = {};
  for (int step = 0; step < steps; ++step) {
    int stage = step % kStages;
    uint32_t at = sharedAddress(tiles) + stage * 2 * kTileBytes;
    barrierWait(sharedAddress(&full[stage]), step / kStages % 2);
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    for (int kk = 0; kk < kTileK; kk += 16)
      wgmma(acc, descriptor(at + kk * 2), descriptor(at + kTileBytes + kk * 2));
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    if (lane() == 0)
      barrierArrive(sharedAddress(&empty[stage]));
  }
  for (int i = 0; i < 32; ++i) {
    int row = m0 + thread / 32 * 16 + lane() / 4 + i / 2 % 2 * 8;
    int column = n0 + i / 4 * 8 + lane() % 4 * 2 + i % 2;
    if (row < m && column < n)
      c[row * n + column] = acc[i];
  }
}

/// Adds one to a box of a tensor and stores it back by the tensor map; elements
/// outside are filled on the way in and dropped on the way out.
KERNEL boxIncrement(const void *map, int x, int y) {
  static SHARED __attribute__((aligned(128))) float box[8 * 32];
  static SHARED uint64_t barrier;
  int thread = threadIndex();
  if (thread == 0) {
    barrierInit(sharedAddress(&barrier), 1);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    barrierExpect(sharedAddress(&barrier), sizeof(box));
    copyTile(sharedAddress(box), map, x, y, sharedAddress(&barrier));
  }
  __syncthreads();
  barrierWait(sharedAddress(&barrier), 0);
  for (int i = thread; i < 8 * 32; i += blockSize())
    box[i] += 1.0f;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  if (thread == 0) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group "
                 "[%0, {%1, %2}], [%3];" ::"l"(map),
                 "r"(x), "r"(y), "r"(sharedAddress(box))
                 : "memory");
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
  }
}
