# Triton's matrix product through tensor descriptors made by the host: bulk tensor
# copies, mbarriers and wgmma on sm_90a, with tiles that stick out of the matrix.
# REQUIRES: triton
# RUN: %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=lazy,greedy %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=eager,priority,seed=2 %triton %s | FileCheck %s

import numpy as np
import triton
import triton.language as tl

import emulated


@triton.jit
def matmul(a, b, c, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row, column = tl.program_id(0) * BM, tl.program_id(1) * BN
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        x = a.load([row, k])
        y = b.load([column, k])
        acc = tl.dot(x, y.T, acc)
    c.store([row, column], acc.to(tl.float16))


# CHECK-COUNT-3: ok
random = np.random.default_rng(2)
for m, n, k in ((64, 64, 128), (100, 72, 192), (64, 136, 64)):
    a = emulated.matrix(random, m, k, "float16")
    b = emulated.matrix(random, n, k, "float16")
    c = np.full((m, n), np.nan, np.float16)
    emulated.run(matmul, 90, (-(-m // 64), -(-n // 64)),
                 (emulated.Described(a, (64, 64)), emulated.Described(b, (64, 64)),
                  emulated.Described(c, (64, 64)), k), BM=64, BN=64, BK=64)
    expected = (emulated.widen(a) @ emulated.widen(b).T).astype(np.float16)
    emulated.expect_equal(f"{m}x{n}x{k}", c, expected)
