# Flash attention in Triton: two chained products, an online softmax, on both
# chips (on sm_90a the second product takes its left operand from registers).
# REQUIRES: triton
# RUN: %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=lazy,greedy %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=eager,priority,seed=2 %triton %s | FileCheck %s

import numpy as np
import triton
import triton.language as tl

import emulated


@triton.jit
def attention(q, k, v, out, n, scale, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns, d = tl.arange(0, BN), tl.arange(0, D)
    query = tl.load(q + rows[:, None] * D + d[None, :])
    top = tl.full((BM,), -float("inf"), tl.float32)
    total = tl.zeros((BM,), tl.float32)
    acc = tl.zeros((BM, D), tl.float32)
    for start in range(0, n, BN):
        keys = tl.load(k + (start + columns)[None, :] * D + d[:, None])
        values = tl.load(v + (start + columns)[:, None] * D + d[None, :])
        scores = tl.dot(query, keys) * scale
        newTop = tl.maximum(top, tl.max(scores, 1))
        p = tl.exp2(scores - newTop[:, None])
        shrink = tl.exp2(top - newTop)
        total = total * shrink + tl.sum(p, 1)
        acc = tl.dot(p.to(tl.float16), values, acc * shrink[:, None])
        top = newTop
    tl.store(out + rows[:, None] * D + d[None, :], acc / total[:, None])


# CHECK-COUNT-2: ok
random = np.random.default_rng(4)
n, D = 192, 64
q, k, v = (random.uniform(-1, 1, (n, D)).astype(np.float16) for _ in range(3))
scale = 1.4426950408889634 / 8
for chip in emulated.CHIPS:
    out = np.empty((n, D), np.float32)
    emulated.run(attention, chip, (n // 64,), (q, k, v, out, n, scale), BM=64, BN=64, D=D)
    s = q.astype(np.float64) @ k.astype(np.float64).T / 8
    p = np.exp(s - s.max(axis=1, keepdims=True))
    expected = p / p.sum(axis=1, keepdims=True) @ v.astype(np.float64)
    # p is rounded to f16 (2^-11) and |v| <= 1, so the mean is off by at most
    # 2^-11 of the mean of |v|, itself below 1.
    near = np.abs(out - expected) <= 2.0**-10
    emulated.expect_equal(f"sm_{chip}", near, np.full(near.shape, True))
