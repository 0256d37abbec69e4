# Row-wise Triton kernels: softmax, scan, sort, histogram, gather, layer norm.
# REQUIRES: triton
# RUN: %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=lazy,greedy %triton %s | FileCheck %s
# RUN: env MOE_EMULATOR_ORDER=eager,priority,seed=2 %triton %s | FileCheck %s

import numpy as np
import triton
import triton.language as tl

import emulated


@triton.jit
def softmax(x, y, n, B: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, B)
    v = tl.load(x + row * n + i, mask=i < n, other=-float("inf"))
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(y + row * n + i, e / tl.sum(e, axis=0), mask=i < n)


@triton.jit
def scan(x, y, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(y + i, tl.cumsum(tl.load(x + i), axis=0))


@triton.jit
def sort(x, y, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(y + i, tl.sort(tl.load(x + i)))


@triton.jit
def top(x, y, B: tl.constexpr, K: tl.constexpr):
    tl.store(y + tl.arange(0, K), tl.topk(tl.load(x + tl.arange(0, B)), K))


@triton.jit
def histogram(x, bins, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    counts = tl.histogram(tl.load(x + i, mask=i < n, other=0), 32, mask=i < n)
    tl.atomic_add(bins + tl.arange(0, 32), counts)


@triton.jit
def gather(x, index, y, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(y + i, tl.gather(tl.load(x + i), tl.load(index + i), axis=0))


@triton.jit
def layer_norm(x, w, y, n, B: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, B)
    v = tl.load(x + row * n + i, mask=i < n, other=0.0).to(tl.float32)
    mean = tl.sum(v, axis=0) / n
    d = tl.where(i < n, v - mean, 0.0)
    scale = tl.rsqrt(tl.sum(d * d, axis=0) / n + 1e-5)
    out = d * scale * tl.load(w + i, mask=i < n, other=0.0)
    tl.store(y + row * n + i, out.to(tl.float16), mask=i < n)


@triton.jit
def count_tickets(ticket, order):
    tl.store(order + tl.program_id(0), tl.atomic_add(ticket, 1))


# CHECK-COUNT-16: ok
random = np.random.default_rng(3)
for chip in emulated.CHIPS:
    x = random.uniform(-9, 9, (5, 300)).astype(np.float32)
    y = np.empty_like(x)
    emulated.run(softmax, chip, (5,), (x, y, 300), B=512)
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    # The argument of ex2 is at most 26: half an ulp of it is 2^-20.
    emulated.expect_close("softmax", y, e / e.sum(axis=1, keepdims=True), 2.0**-17)

    x = random.integers(-99, 99, 512).astype(np.int32)
    y = np.empty_like(x)
    emulated.run(scan, chip, (1,), (x, y), B=512)
    emulated.expect_equal("scan", y, np.cumsum(x).astype(np.int32))

    x = random.integers(-30, 30, 256).astype(np.float32)
    y = np.empty_like(x)
    emulated.run(sort, chip, (1,), (x, y), B=256)
    emulated.expect_equal("sort", y, np.sort(x))

    y = np.empty(8, np.float32)
    emulated.run(top, chip, (1,), (x, y), B=256, K=8)
    emulated.expect_equal("top", y, np.sort(x)[::-1][:8])

    x = random.integers(0, 32, 1000).astype(np.int32)
    bins = np.zeros(32, np.int32)
    emulated.run(histogram, chip, (4,), (x, bins, 1000), B=256)
    emulated.expect_equal("histogram", bins, np.bincount(x, minlength=32))

    x = random.uniform(-1, 1, 256).astype(np.float32)
    index = random.integers(0, 256, 256).astype(np.int32)
    y = np.empty_like(x)
    emulated.run(gather, chip, (1,), (x, index, y), B=256)
    emulated.expect_equal("gather", y, x[index])

    x = random.uniform(-2, 2, (3, 200)).astype(np.float16)
    w = random.uniform(0.5, 1.5, 200).astype(np.float32)
    y = np.empty_like(x)
    emulated.run(layer_norm, chip, (3,), (x, w, y, 200), B=256)
    v = x.astype(np.float64)
    d = v - v.mean(axis=1, keepdims=True)
    expected = d / np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5) * w
    # Half an ulp of f16 is 2^-11 of the result, and at most 2^-25 below 2^-14.
    near = np.abs(y - expected) <= 2.0**-10 * np.abs(expected) + 2.0**-24
    emulated.expect_equal("layer norm", near, np.full(near.shape, True))

    ticket, order = np.zeros(1, np.int32), np.empty(9, np.int32)
    emulated.run(count_tickets, chip, (9,), (ticket, order))
    emulated.expect_equal("tickets", np.sort(order), np.arange(9, dtype=np.int32))
