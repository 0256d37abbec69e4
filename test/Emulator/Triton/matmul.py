# Triton's matrix product by pointers: mma.sync on sm_80, wgmma on sm_90a, masks at
# every edge.
# REQUIRES: triton
# RUN: %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=lazy,greedy %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=eager,priority,seed=2 %triton %s | FileCheck %s

import numpy as np
import triton
import triton.language as tl

import emulated


@triton.jit
def matmul(a, b, c, M, N, K, stride_a, stride_b, stride_c,
           BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    ks = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        x = tl.load(a + rows[:, None] * stride_a + (k + ks)[None, :],
                    mask=(rows[:, None] < M) & ((k + ks)[None, :] < K), other=0.0)
        y = tl.load(b + (k + ks)[:, None] * stride_b + columns[None, :],
                    mask=((k + ks)[:, None] < K) & (columns[None, :] < N), other=0.0)
        acc = tl.dot(x, y, acc)
    tl.store(c + rows[:, None] * stride_c + columns[None, :], acc,
             mask=(rows[:, None] < M) & (columns[None, :] < N))


# CHECK-COUNT-12: ok
random = np.random.default_rng(1)
for chip in emulated.CHIPS:
    for dtype in ("float16", "bf16"):
        for m, n, k in ((64, 64, 128), (70, 48, 80), (128, 96, 37)):
            a = emulated.matrix(random, m, k, dtype)
            b = emulated.matrix(random, k, n, dtype)
            c = np.full((m, n), np.nan, np.float32)
            emulated.run(matmul, chip, (-(-m // 64), -(-n // 64)),
                         (a, b, c, m, n, k, k, n, n), BM=64, BN=64, BK=32)
            emulated.expect_equal(f"sm_{chip} {dtype} {m}x{n}x{k}", c,
                                  emulated.widen(a) @ emulated.widen(b))
