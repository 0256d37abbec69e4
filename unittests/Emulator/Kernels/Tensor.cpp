//===- Tensor.cpp - Test kernels on mma.sync, ldmatrix and cp.async -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"

namespace {

constexpr int kTileM = 64, kTileN = 64, kTileK = 32;
/// Elements between rows in shared memory: 16 bytes more than the tile, so that
/// ldmatrix has no bank conflicts.
constexpr int kPitchA = kTileK + 8, kPitchB = kTileN + 8;

/// Copies 16 bytes, or zeros from `valid` bytes on.
DEVICE void copyAsync(SHARED void *to, const void *from, int valid) {
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)),
      "l"(from), "r"(valid)
      : "memory");
}

struct Fragment4 {
  uint32_t r[4];
};

DEVICE Fragment4 loadMatrix4(const SHARED void *row) {
  Fragment4 f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(f.r[0]), "=r"(f.r[1]), "=r"(f.r[2]), "=r"(f.r[3])
               : "r"(sharedAddress(row))
               : "memory");
  return f;
}

DEVICE Fragment4 loadMatrix4Transposed(const SHARED void *row) {
  Fragment4 f;
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
      : "=r"(f.r[0]), "=r"(f.r[1]), "=r"(f.r[2]), "=r"(f.r[3])
      : "r"(sharedAddress(row))
      : "memory");
  return f;
}

DEVICE void mmaBF16(float *d, Fragment4 a, uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b0),
                 "r"(b1));
}

} // namespace

/// C = A * B with bf16 inputs, both row-major, f32 result. Blocks of 128
/// threads make 64 x 64 tiles in a pipeline of `stages` (2 or 3) copies. K and
/// N are multiples of 32 and 64; rows of A beyond M read as zero.
KERNEL gemmBF16(int m, int n, int k, int stages, const __bf16 *a,
                const __bf16 *b, float *c) {
  static SHARED __attribute__((aligned(16))) __bf16 tileA[3][kTileM * kPitchA];
  static SHARED __attribute__((aligned(16))) __bf16 tileB[3][kTileK * kPitchB];
  int m0 = blockIndex() / (n / kTileN) * kTileM;
  int n0 = blockIndex() % (n / kTileN) * kTileN;
  int thread = threadIndex(), warp = thread / 32;
  int warpM = warp / 2 * 32, warpN = warp % 2 * 32;
  int steps = k / kTileK;

  auto load = [&](int step) {
    int stage = step % stages;
    for (int i = thread; i < kTileM * kTileK / 8; i += 128) {
      int row = i / (kTileK / 8), column = i % (kTileK / 8) * 8;
      bool inside = m0 + row < m;
      copyAsync(&tileA[stage][row * kPitchA + column],
                a + (inside ? (m0 + row) * k + step * kTileK + column : 0),
                inside ? 16 : 0);
    }
    for (int i = thread; i < kTileK * kTileN / 8; i += 128) {
      int row = i / (kTileN / 8), column = i % (kTileN / 8) * 8;
      copyAsync(&tileB[stage][row * kPitchB + column],
                b + (step * kTileK + row) * n + n0 + column, 16);
    }
  };

  float acc[2][4][4] = {};
  for (int s = 0; s < stages - 1; ++s) {
    if (s < steps)
      load(s);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  for (int step = 0; step < steps; ++step) {
    if (stages == 2)
      asm volatile("cp.async.wait_group 0;" ::: "memory");
    else
      asm volatile("cp.async.wait_group 1;" ::: "memory");
    __syncthreads();
    if (step + stages - 1 < steps)
      load(step + stages - 1);
    asm volatile("cp.async.commit_group;" ::: "memory");
    SHARED __bf16 *sa = tileA[step % stages], *sb = tileB[step % stages];
    for (int kk = 0; kk < kTileK; kk += 16) {
      Fragment4 fa[2], fb[2];
      for (int i = 0; i < 2; ++i)
        fa[i] = loadMatrix4(&sa[(warpM + 16 * i + lane() % 16) * kPitchA + kk +
                                lane() / 16 * 8]);
      for (int j = 0; j < 2; ++j)
        fb[j] = loadMatrix4Transposed(&sb[(kk + lane() % 16) * kPitchB + warpN +
                                          16 * j + lane() / 16 * 8]);
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 4; ++j)
          mmaBF16(acc[i][j], fa[i], fb[j / 2].r[j % 2 * 2],
                  fb[j / 2].r[j % 2 * 2 + 1]);
    }
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j)
      for (int e = 0; e < 4; ++e) {
        int row = m0 + warpM + 16 * i + lane() / 4 + e / 2 * 8;
        int column = n0 + warpN + 8 * j + lane() % 4 * 2 + e % 2;
        if (row < m)
          c[row * n + column] = acc[i][j][e];
      }
}

/// Fragments straight from memory, so that the layouts of the manual are
/// spelled out once more: int8 m16n8k32, tf32 m16n8k8 and f16 accumulators
/// m16n8k16.
KERNEL mmaShapes(const uint32_t *a8, const uint32_t *b8, int *c8,
                 const uint32_t *a32, const uint32_t *b32, float *c32,
                 const uint32_t *a16, const uint32_t *b16, uint32_t *c16) {
  int group = lane() / 4, t = lane() % 4;
  int d[4];
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%0,%1,%2,%3}, "
               "{%4,%5,%6,%7}, {%8,%9}, {%10,%10,%10,%10};"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(a8[group * 8 + t]), "r"(a8[(group + 8) * 8 + t]),
                 "r"(a8[group * 8 + t + 4]), "r"(a8[(group + 8) * 8 + t + 4]),
                 "r"(b8[group * 8 + t]), "r"(b8[group * 8 + t + 4]), "r"(7));
  float f[4] = {};
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(f[0]), "+f"(f[1]), "+f"(f[2]), "+f"(f[3])
               : "r"(a32[group * 8 + t]), "r"(a32[(group + 8) * 8 + t]),
                 "r"(a32[group * 8 + t + 4]), "r"(a32[(group + 8) * 8 + t + 4]),
                 "r"(b32[group * 8 + t]), "r"(b32[group * 8 + t + 4]));
  uint32_t h[2] = {};
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 "
               "{%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"
               : "+r"(h[0]), "+r"(h[1])
               : "r"(a16[group * 8 + t]), "r"(a16[(group + 8) * 8 + t]),
                 "r"(a16[group * 8 + t + 4]), "r"(a16[(group + 8) * 8 + t + 4]),
                 "r"(b16[group * 8 + t]), "r"(b16[group * 8 + t + 4]));
  for (int e = 0; e < 4; ++e) {
    int at = (group + e / 2 * 8) * 8 + t * 2 + e % 2;
    c8[at] = d[e];
    c32[at] = f[e];
  }
  c16[group * 4 + t] = h[0];
  c16[(group + 8) * 4 + t] = h[1];
}
