# Products of other types on sm_80: tf32, int8, f64, and f16 sums. The inputs are
# small integers, so every result is exact. (Triton 3.9 unpacks the f16 sums of
# wgmma before it waits for them, which is reported, so sm_90a is not among them.)
# REQUIRES: triton
# RUN: %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=eager,priority,seed=2 %triton %s | FileCheck %s

import numpy as np
import triton
import triton.language as tl

import emulated


@triton.jit
def product(a, b, c, K, M: tl.constexpr, N: tl.constexpr, BK: tl.constexpr,
            SUM: tl.constexpr):
    rows, columns, ks = tl.arange(0, M), tl.arange(0, N), tl.arange(0, BK)
    acc = tl.zeros((M, N), dtype=SUM)
    for k in range(0, K, BK):
        x = tl.load(a + rows[:, None] * K + (k + ks)[None, :])
        y = tl.load(b + (k + ks)[:, None] * N + columns[None, :])
        acc = tl.dot(x, y, acc, out_dtype=SUM)
    tl.store(c + rows[:, None] * N + columns[None, :], acc)


# CHECK: sm_80 float32 ok
# CHECK: sm_80 int8 ok
# CHECK: sm_80 float64 ok
# CHECK: sm_80 float16 ok
random = np.random.default_rng(5)
M, N, K = 64, 64, 96
for chip, dtype, sum_type, sum_dtype, low, high in (
        (80, np.float32, tl.float32, np.float32, -9, 9),
        (80, np.int8, tl.int32, np.int32, -128, 127),
        (80, np.float64, tl.float64, np.float64, -1000, 1000),
        (80, np.float16, tl.float16, np.float16, -3, 3)):
    a = random.integers(low, high + 1, (M, K)).astype(dtype)
    b = random.integers(low, high + 1, (K, N)).astype(dtype)
    c = np.zeros((M, N), sum_dtype)
    emulated.run(product, chip, (1,), (a, b, c, K), M=M, N=N, BK=32, SUM=sum_type)
    expected = (a.astype(np.float64) @ b.astype(np.float64)).astype(sum_dtype)
    emulated.expect_equal(f"sm_{chip} {np.dtype(dtype).name}", c, expected)
