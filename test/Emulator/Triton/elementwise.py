# Triton kernels on scalars: math functions, integer division, random numbers,
# atomics, associative scans and shape changes.
# REQUIRES: triton
# RUN: %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=lazy,greedy %triton %s | FileCheck %s

import numpy as np
import triton
import triton.language as tl

import emulated


@triton.jit
def functions(x, y, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    tl.store(y + i, tl.exp(v))
    tl.store(y + B + i, tl.log(v))
    tl.store(y + 2 * B + i, tl.sin(v))
    tl.store(y + 3 * B + i, tl.sqrt(v))
    tl.store(y + 4 * B + i, tl.rsqrt(v))
    tl.store(y + 5 * B + i, tl.erf(v))
    tl.store(y + 6 * B + i, tl.sigmoid(v))
    tl.store(y + 7 * B + i, tl.math.div_rn(v, 3.0))


@triton.jit
def integers(x, y, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    tl.store(y + i, v // 7)
    tl.store(y + B + i, v % 5)
    tl.store(y + 2 * B + i, (v >> 2) ^ (v << 3))
    tl.store(y + 3 * B + i, tl.umulhi(v, v))


@triton.jit
def uniform(y, seed, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(y + i, tl.rand(seed, i))


@triton.jit
def atomics(x, y, z, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i)
    tl.atomic_add(y + i % 3, v)
    tl.atomic_max(y + 3 + i % 3, v)
    tl.atomic_min(y + 6 + i % 3, v)
    tl.atomic_xor(z + i % 2, i)
    tl.atomic_or(z + 2 + i % 2, i)


@triton.jit
def shapes(x, y, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    tl.store(y + tl.arange(0, 2 * B), tl.interleave(v, tl.flip(v)))
    t = tl.trans(tl.reshape(v, (16, B // 16)))
    tl.store(y + 2 * B + i, tl.reshape(t, (B,)))


@triton.jit
def largest(x, value, index, B: tl.constexpr):
    row = tl.program_id(0)
    top, at = tl.max(tl.load(x + row * B + tl.arange(0, B)), axis=0, return_indices=True)
    tl.store(value + row, top)
    tl.store(index + row, at)


# CHECK-COUNT-12: ok
random = np.random.default_rng(6)
B = 256
for chip in emulated.CHIPS:
    x = random.uniform(0.1, 5, B).astype(np.float32)
    y = np.empty((8, B), np.float32)
    emulated.run(functions, chip, (1,), (x, y), B=B)
    v = x.astype(np.float64)
    from math import erf
    expected = np.stack([np.exp(v), np.log(v), np.sin(v), np.sqrt(v), 1 / np.sqrt(v),
                         np.vectorize(erf)(v), 1 / (1 + np.exp(-v)), v / 3])
    # log and sin are approximations with an absolute error of 2^-20 near their
    # zeros; the rest is within a few ulp.
    near = np.abs(y - expected) <= 2.0**-19 + 2.0**-20 * np.abs(expected)
    emulated.expect_equal("functions", near, np.full(near.shape, True))

    x = random.integers(0, 1 << 30, B).astype(np.int32)
    y = np.empty((4, B), np.int32)
    emulated.run(integers, chip, (1,), (x, y), B=B)
    v = x.astype(np.int64)
    expected = np.stack([v // 7, v % 5, (v >> 2) ^ (v << 3), (v * v) >> 32])
    emulated.expect_equal("integers", y, expected.astype(np.int32))

    y = np.empty(B, np.float32)
    emulated.run(uniform, chip, (1,), (y, 42), B=B)
    inside = (y >= 0) & (y < 1) & (np.unique(y).size > B - 3)
    emulated.expect_equal("random", inside, np.full(B, True))

    x = random.integers(-99, 99, 4 * B).astype(np.int32)
    y = np.array([0] * 3 + [-1000] * 3 + [1000] * 3, np.int32)
    z = np.zeros(4, np.int32)
    emulated.run(atomics, chip, (4,), (x, y, z), B=B)
    i = np.arange(4 * B)
    expected = [f(x[i % 3 == r]) for f in (np.sum, np.max, np.min) for r in range(3)]
    expected += [np.bitwise_xor.reduce(i[i % 2 == r]) for r in range(2)]
    expected += [np.bitwise_or.reduce(i[i % 2 == r]) for r in range(2)]
    emulated.expect_equal("atomics", np.concatenate([y, z]), np.array(expected, np.int32))

    x = random.uniform(-1, 1, B).astype(np.float32)
    y = np.empty(3 * B, np.float32)
    emulated.run(shapes, chip, (1,), (x, y), B=B)
    expected = np.concatenate([np.stack([x, x[::-1]], axis=1).ravel(),
                               x.reshape(16, -1).T.ravel()])
    emulated.expect_equal("shapes", y, expected)

    x = random.permutation(3 * B).astype(np.float32)
    value, index = np.empty(3, np.float32), np.empty(3, np.int32)
    emulated.run(largest, chip, (3,), (x, value, index), B=B)
    rows = x.reshape(3, B)
    expected = np.concatenate([rows.max(axis=1), rows.argmax(axis=1)])
    emulated.expect_equal("largest", np.concatenate([value, index]), expected)
