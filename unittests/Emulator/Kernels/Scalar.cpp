//===- Scalar.cpp - Test kernels of one thread per element ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"

KERNEL saxpy(int n, float a, const float *x, float *y) {
  for (int i = globalIndex(); i < n; i += blockSize() * gridSize())
    y[i] = a * x[i] + y[i];
}

/// Four doubles a thread, and what only f64 has: fma, division, square root.
KERNEL doubles(int n, const double *x, const double *y, double *out) {
  int i = globalIndex();
  if (i >= n)
    return;
  out[4 * i] = x[i] / y[i];
  out[4 * i + 1] = __nvvm_sqrt_rn_d(x[i] * x[i]);
  out[4 * i + 2] = __builtin_fma(x[i], y[i], -1.0);
  out[4 * i + 3] = (double)(float)x[i] - y[i];
}

/// f16 and bf16 arithmetic and conversions.
KERNEL halves(int n, const _Float16 *x, const __bf16 *y, _Float16 *sum,
              __bf16 *product, float *wide) {
  int i = globalIndex();
  if (i >= n)
    return;
  sum[i] = x[i] * x[i] + (_Float16)1.5f;
  product[i] = (__bf16)((float)y[i] * (float)x[i]);
  wide[i] = (float)x[i] - (float)y[i];
}

/// SiLU, GELU (tanh), sigmoid and ReLU, as activations are written for speed.
KERNEL activations(int n, const float *x, float *out) {
  int i = globalIndex();
  if (i >= n)
    return;
  float v = x[i];
  float e = __nvvm_ex2_approx_ftz_f(-1.4426950408889634f * v);
  float sigmoid = __nvvm_rcp_approx_ftz_f(1.0f + e);
  float u = 0.7978845608f * (v + 0.044715f * v * v * v);
  float t = __nvvm_ex2_approx_ftz_f(2.885390082f * u);
  out[4 * i] = v * sigmoid;
  out[4 * i + 1] = 0.5f * v * (2.0f - __nvvm_div_approx_f(2.0f, 1.0f + t));
  out[4 * i + 2] = sigmoid;
  out[4 * i + 3] = __nvvm_fmax_f(v, 0.0f);
}

/// Sixteen integer operations, each with its own PTX instructions.
KERNEL integers(int n, const int *a, const int *b, uint32_t *out) {
  int i = globalIndex();
  if (i >= n)
    return;
  int x = a[i], y = b[i];
  uint32_t u = (uint32_t)x, v = (uint32_t)y;
  uint32_t *o = out + 16 * i;
  o[0] = u / (v | 1);
  o[1] = (uint32_t)(x % (y | 1));
  o[2] = (uint32_t)(((int64_t)x * y) >> 32);
  o[3] = (uint32_t)(((uint64_t)u * v) >> 32);
  o[4] = (uint32_t)__builtin_popcount(u) + (uint32_t)__builtin_clz(v | 1);
  o[5] = __builtin_bitreverse32(u);
  o[6] = (u << (v & 31)) | (u >> ((32 - (v & 31)) & 31));
  o[7] = (uint32_t)(x < y ? x : y) ^ (u > v ? u : v);
  o[8] = (uint32_t)__nvvm_prmt(u, v, 0x7512);
  o[9] = (u >> 5) & 0x3ff;
  o[10] = (uint32_t)(x < 0 ? -x : x);
  o[11] = (uint32_t)(((uint64_t)u << 32 | v) / ((uint64_t)v << 3 | 5));
  o[12] = ((u & v) | (~u & 0x55555555u)) ^ v;
  o[13] = (uint32_t)(int)(short)u + (uint32_t)(uint8_t)v;
  o[14] = (uint32_t)__builtin_ctz(u | 0x80000000u);
  o[15] = (uint32_t)(((int64_t)x << 20) >> (v & 63));
}

/// Conversions between every width.
KERNEL conversions(int n, const float *x, int *ints, int64_t *longs,
                   uint8_t *bytes, float *back) {
  int i = globalIndex();
  if (i >= n)
    return;
  ints[i] = __nvvm_f2i_rn(x[i]);
  longs[i] = __nvvm_f2ll_rz(x[i]);
  bytes[i] = (uint8_t)__nvvm_f2ui_rz(x[i]);
  back[i] = (float)longs[i] + (float)(uint32_t)ints[i] + __builtin_floorf(x[i]);
}

/// A dense switch (brx.idx) around calls that are not inlined.
struct Pair {
  int first;
  float second;
};
static __attribute__((noinline)) Pair makePair(int x, float scale) {
  return {x * 3 + 1, (float)x * scale};
}
static __attribute__((noinline)) int collatz(int x) {
  int steps = 0;
  for (; x > 1; ++steps)
    x = x % 2 ? 3 * x + 1 : x / 2;
  return steps;
}
KERNEL calls(int n, const int *x, int *out) {
  int i = globalIndex();
  if (i >= n)
    return;
  int v = x[i], r = 0;
  switch (v % 9) {
  case 0:
    r = collatz(v + 1);
    break;
  case 1:
    r = makePair(v, 2.0f).first;
    break;
  case 2:
    r = (int)makePair(v, 0.5f).second;
    break;
  case 3:
    r = v ^ 0x55;
    break;
  case 4:
    r = v << 3;
    break;
  case 5:
    r = -v;
    break;
  case 6:
    r = v * v;
    break;
  case 7:
    r = v / 7;
    break;
  default:
    r = collatz(2 * v);
    break;
  }
  out[i] = r;
}

/// A local array indexed by data: the stack.
KERNEL localArray(int n, const int *x, int *out) {
  int i = globalIndex();
  if (i >= n)
    return;
  int counts[8] = {};
  for (int j = 0; j < 32; ++j)
    counts[(x[i] >> (j % 24)) & 7] += j;
  int best = 0;
  for (int j = 1; j < 8; ++j)
    if (counts[j] > counts[best])
      best = j;
  out[i] = best * 1000 + counts[best];
}

/// Rows of vectors moved by index: a gather and its inverse.
typedef float float4 __attribute__((ext_vector_type(4)));
KERNEL gatherRows(int rows, int width4, const int *index, const float4 *from,
                  float4 *to) {
  for (int i = globalIndex(); i < rows * width4; i += blockSize() * gridSize())
    to[i] = from[index[i / width4] * width4 + i % width4];
}
KERNEL scatterRows(int rows, int width4, const int *index, const float4 *from,
                   float4 *to) {
  for (int i = globalIndex(); i < rows * width4; i += blockSize() * gridSize())
    to[index[i / width4] * width4 + i % width4] = from[i];
}
