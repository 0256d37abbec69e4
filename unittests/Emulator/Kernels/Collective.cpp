//===- Collective.cpp - Test kernels that work together -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"

DEVICE float add(float a, float b) { return a + b; }
DEVICE float larger(float a, float b) { return __nvvm_fmax_f(a, b); }

/// Reduces over a block of at most 1024 threads; every thread gets the result.
template <typename Op>
DEVICE float blockReduce(float x, float neutral, SHARED float *partial, Op op) {
  int warp = threadIndex() / 32, warps = (blockSize() + 31) / 32;
  x = warpReduce(x, op);
  if (lane() == 0)
    partial[warp] = x;
  __syncthreads();
  x = warpReduce(lane() < warps ? partial[lane()] : neutral, op);
  __syncthreads(); // before `partial` is written again
  return x;
}

/// Softmax of one row per block.
KERNEL softmax(int columns, const float *x, float *y) {
  static SHARED float partial[32];
  const float *row = x + blockIndex() * columns;
  float *out = y + blockIndex() * columns;
  float top = -__builtin_inff(), total = 0;
  for (int i = threadIndex(); i < columns; i += blockSize())
    top = larger(top, row[i]);
  top = blockReduce(top, -__builtin_inff(), partial, larger);
  for (int i = threadIndex(); i < columns; i += blockSize())
    total += __nvvm_ex2_approx_f((row[i] - top) * 1.4426950408889634f);
  total = blockReduce(total, 0.0f, partial, add);
  for (int i = threadIndex(); i < columns; i += blockSize())
    out[i] = __nvvm_ex2_approx_f((row[i] - top) * 1.4426950408889634f) / total;
}

/// The k largest of a row of at most 32 * 8 values, one warp per row; ties go
/// to the lower index.
KERNEL topk(int columns, int k, const float *x, float *values, int *indices) {
  int row = globalIndex() / 32;
  float mine[8];
  for (int j = 0; j < 8; ++j) {
    int c = lane() + 32 * j;
    mine[j] = c < columns ? x[row * columns + c] : -__builtin_inff();
  }
  for (int round = 0; round < k; ++round) {
    float best = mine[0];
    int at = lane();
    for (int j = 1; j < 8; ++j)
      if (mine[j] > best)
        best = mine[j], at = lane() + 32 * j;
    for (int mask = 16; mask > 0; mask /= 2) {
      float other = shuffleXor(best, mask);
      int otherAt = shuffleXor(at, mask);
      if (other > best || (other == best && otherAt < at))
        best = other, at = otherAt;
    }
    for (int j = 0; j < 8; ++j)
      if (lane() + 32 * j == at)
        mine[j] = -__builtin_inff();
    if (lane() == 0) {
      values[row * k + round] = best;
      indices[row * k + round] = at;
    }
  }
}

/// Counts of 64 bins: shared counters per block, then global ones.
KERNEL histogram(int n, const int *x, int *bins) {
  static SHARED int counts[64];
  for (int b = threadIndex(); b < 64; b += blockSize())
    counts[b] = 0;
  __syncthreads();
  for (int i = globalIndex(); i < n; i += blockSize() * gridSize())
    atomicAdd((int *)&counts[x[i] & 63], 1);
  __syncthreads();
  for (int b = threadIndex(); b < 64; b += blockSize())
    atomicAdd(&bins[b], counts[b]);
}

/// Inclusive prefix sum of one block's worth of integers.
KERNEL scan(int n, const int *x, int *y) {
  static SHARED int warpTotals[32];
  int i = threadIndex(), warp = i / 32;
  int sum = i < n ? x[i] : 0;
  for (int delta = 1; delta < 32; delta *= 2) {
    int below = shuffleUp(sum, delta);
    if (lane() >= delta)
      sum += below;
  }
  if (lane() == 31)
    warpTotals[warp] = sum;
  __syncthreads();
  for (int w = 0; w < warp; ++w)
    sum += warpTotals[w];
  if (i < n)
    y[i] = sum;
}

/// Scan by doubling in two shared buffers, a barrier per step.
KERNEL scanDoubling(int n, const float *x, float *y) {
  static SHARED float buffer[2][256];
  int i = threadIndex(), from = 0;
  buffer[0][i] = i < n ? x[i] : 0.0f;
  __syncthreads();
  for (int delta = 1; delta < blockSize(); delta *= 2) {
    float v = buffer[from][i];
    buffer[1 - from][i] = i >= delta ? v + buffer[from][i - delta] : v;
    from = 1 - from;
    __syncthreads();
  }
  if (i < n)
    y[i] = buffer[from][i];
}

/// Sum of a vector by float atomics: depends on the order of blocks.
KERNEL sumAtomic(int n, const float *x, float *total) {
  float sum = 0;
  for (int i = globalIndex(); i < n; i += blockSize() * gridSize())
    sum += x[i];
  sum = warpReduce(sum, add);
  if (lane() == 0)
    atomicAdd(total, sum);
}

/// 32 x 32 tiles through shared memory, padded against bank conflicts.
KERNEL transpose(int rows, int columns, const float *x, float *y) {
  static SHARED float tile[32][33];
  int tilesAcross = (columns + 31) / 32;
  int r0 = blockIndex() / tilesAcross * 32,
      c0 = blockIndex() % tilesAcross * 32;
  for (int j = threadIndex() / 32; j < 32; j += blockSize() / 32)
    if (r0 + j < rows && c0 + lane() < columns)
      tile[j][lane()] = x[(r0 + j) * columns + c0 + lane()];
  __syncthreads();
  for (int j = threadIndex() / 32; j < 32; j += blockSize() / 32)
    if (c0 + j < columns && r0 + lane() < rows)
      y[(c0 + j) * rows + r0 + lane()] = tile[lane()][j];
}

/// Votes, match and integer reduction of a warp in which lanes diverge.
KERNEL votes(const int *x, int *out) {
  int v = x[globalIndex()], *o = out + 8 * globalIndex();
  o[0] = (int)__nvvm_vote_ballot_sync(kAllLanes, v > 0);
  o[1] = __nvvm_vote_all_sync(kAllLanes, v > -100);
  o[2] = __nvvm_vote_any_sync(kAllLanes, v > 90);
  o[3] = (int)__nvvm_match_any_sync_i32(kAllLanes, (uint32_t)v);
  o[4] = __nvvm_redux_sync_add(v, kAllLanes);
  o[5] = __nvvm_redux_sync_max(v, kAllLanes);
  uint32_t odd = __nvvm_vote_ballot_sync(kAllLanes, lane() % 2);
  o[6] = 0;
  if (lane() % 2)
    o[6] = (int)__nvvm_vote_ballot_sync(odd, v > 0);
  __nvvm_bar_warp_sync(kAllLanes);
  o[7] = __nvvm_shfl_sync_idx_i32(kAllLanes, v, (lane() + 5) % 32, 31);
}
