//===- ExecMatrix.cpp - ldmatrix, stmatrix and mma ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Matrix instructions of one warp. Floating-point products are exact; their sum
// and the accumulator are added in double and rounded once per instruction.
//
//===----------------------------------------------------------------------===//

#include "ExecMatrix.h"
#include "Exec.h"
#include "ExecMemory.h"
#include "Selectors.h"
#include "moe/Emulator/Fragments.h"
#include "moe/Emulator/Numerics.h"

#include <array>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// ldmatrix, stmatrix, movmatrix
//===----------------------------------------------------------------------===//

/// Sixteen bytes: what lane l points at is row l % 8 of tile l / 8.
using MatrixRow = std::array<uint16_t, 8>;

/// The bytes of the rows that the first lanes point at. `values` are the rows
/// that will be stored.
static bool matrixRows(Warp &warp, const Op &op, Access kind,
                       uint8_t *(&rows)[warpSize],
                       const MatrixRow *values = nullptr) {
  uint64_t addresses[warpSize];
  warp.addresses(op.addr[0], addresses);
  unsigned count = 8u * op.listSize;
  uint32_t pointing = count == 32 ? fullMask : (1u << count) - 1;
  bool good = true;
  for (unsigned lane = 0; lane < count; ++lane) {
    const auto *value =
        values ? reinterpret_cast<const uint8_t *>(&values[lane]) : nullptr;
    rows[lane] = accessLane(warp, op, kind, lane, op.space, addresses[lane], 16,
                            16, value);
    good &= rows[lane] != nullptr;
  }
  countShared(warp, addresses, pointing, 16);
  return good;
}

static void ldmatrix(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  uint8_t *rows[warpSize];
  if (!matrixRows(warp, op, Access::Read, rows))
    return;
  for (unsigned tile = 0; tile < op.listSize; ++tile) {
    int32_t offset = warp.program.lists[op.list + tile];
    if (offset == noRegister)
      continue;
    // Element 8 i + j of the register is element j of row i, or its transpose.
    uint16_t *d = warp.dst<uint16_t>(offset);
    for (unsigned i = 0; i < 8; ++i) {
      uint16_t row[8];
      std::memcpy(row, rows[8 * tile + i], 16);
      for (unsigned j = 0; j < 8; ++j)
        d[op.flags ? 8 * j + i : 8 * i + j] = row[j];
    }
  }
}

static void stmatrix(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  MatrixRow values[warpSize];
  for (unsigned tile = 0; tile < op.listSize; ++tile) {
    const uint16_t *a = warp.src<uint16_t>(warp.program.lists[op.list + tile]);
    for (unsigned i = 0; i < 8; ++i)
      for (unsigned j = 0; j < 8; ++j)
        values[8 * tile + i][j] = a[op.flags ? 8 * j + i : 8 * i + j];
  }
  uint8_t *rows[warpSize];
  warp.block.progress();
  if (!matrixRows(warp, op, Access::Write, rows, values))
    return;
  for (unsigned lane = 0; lane < 8u * op.listSize; ++lane)
    std::memcpy(rows[lane], &values[lane], sizeof(MatrixRow));
}

static Handler matrixHandler(Selection &selection, Handler handler) {
  selection.op.flags = selection.has("trans");
  selection.op.space = Space::Shared;
  return handler;
}
Handler moe::emulator::selectLdmatrix(Selection &selection) {
  return matrixHandler(selection, ldmatrix);
}
Handler moe::emulator::selectStmatrix(Selection &selection) {
  return matrixHandler(selection, stmatrix);
}

/// Transposes an 8x8 tile that lies in the registers.
static void movmatrix(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  uint16_t tile[8][8];
  const uint16_t *a = warp.src<uint16_t>(op.r[1]);
  for (unsigned i = 0; i < 64; ++i)
    tile[i / 8][i % 8] = a[i];
  uint16_t *d = warp.dst<uint16_t>(op.r[0]);
  for (unsigned i = 0; i < 64; ++i)
    d[i] = tile[i % 8][i / 8];
}
Handler moe::emulator::selectMovmatrix(Selection &) { return movmatrix; }

//===----------------------------------------------------------------------===//
// mma
//===----------------------------------------------------------------------===//

namespace {

/// How elements of A and B become numbers.
struct HalfElement {
  using Stored = uint16_t;
  using Sum = double;
  static double get(uint16_t x) { return f32FromF16(x); }
};
struct BFloatElement {
  using Stored = uint16_t;
  using Sum = double;
  static double get(uint16_t x) { return f32FromBF16(x); }
};
struct TF32Element {
  using Stored = uint32_t;
  using Sum = double;
  static double get(uint32_t x) { return f32FromTF32(x); }
};
template <typename T>
struct ByteElement {
  using Stored = uint8_t;
  using Sum = int64_t;
  static int64_t get(uint8_t x) { return T(x); }
};

/// The accumulators of integer products.
struct IntegerAccumulator {
  using Stored = int32_t;
  static constexpr unsigned perRegister = 1;
  static int64_t get(int32_t x) { return x; }
  static int32_t put(int64_t x, bool saturate) {
    if (saturate)
      x = x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x;
    return int32_t(x);
  }
};

} // namespace

uint16_t moe::emulator::roundToHalf(double x) {
  float single = float(x);
  // Rounding twice is right when the first time was exact.
  return double(single) == x ? f16FromF32(single)
                             : uint16_t(encode(kF16, x, Round::NearestEven));
}

MOE_EMULATOR_CLONES
void moe::emulator::multiplyAdd(double *__restrict sum,
                                const double *__restrict a,
                                const double *__restrict b, unsigned M,
                                unsigned K, unsigned n) {
  // Four rows by eight columns of sums stay in registers. Compilers do not find
  // that by themselves; both GCC and Clang have vector types.
  using Columns = double __attribute__((vector_size(64)));
  for (unsigned j = 0; j < n; j += 8)
    for (unsigned m = 0; m < M; m += 4) {
      Columns block[4], right;
      for (unsigned i = 0; i < 4; ++i)
        std::memcpy(&block[i], sum + (m + i) * n + j, sizeof(Columns));
      for (unsigned k = 0; k < K; ++k) {
        std::memcpy(&right, b + k * n + j, sizeof(Columns));
        for (unsigned i = 0; i < 4; ++i)
          block[i] += a[(m + i) * K + k] * right;
      }
      for (unsigned i = 0; i < 4; ++i)
        std::memcpy(sum + (m + i) * n + j, &block[i], sizeof(Columns));
    }
}

static void multiplyAdd(int64_t *sum, const int64_t *a, const int64_t *b,
                        unsigned M, unsigned K, unsigned n) {
  for (unsigned m = 0; m < M; ++m)
    for (unsigned k = 0; k < K; ++k)
      for (unsigned j = 0; j < n; ++j)
        sum[m * n + j] += a[m * K + k] * b[k * n + j];
}

/// Elements of A to rows [m][K]: each register holds 4 e neighbours of a row in
/// each group of four lanes, e of them per lane.
template <typename E>
static void loadLeft(const Warp &warp, const int32_t *registers, unsigned m,
                     unsigned K, typename E::Sum *out) {
  constexpr unsigned run = 16 / sizeof(typename E::Stored);
  unsigned halves = m / 8;
  for (unsigned r = 0; r < halves * (K / run); ++r) {
    const auto *from = warp.src<typename E::Stored>(registers[r]);
    for (unsigned group = 0; group < 8; ++group)
      for (unsigned i = 0; i < run; ++i)
        out[(group + r % halves * 8) * K + r / halves * run + i] =
            E::get(from[group * run + i]);
  }
}

/// Elements of B to rows [k][8].
template <typename E>
static void loadRight(const Warp &warp, const int32_t *registers, unsigned K,
                      typename E::Sum *out) {
  constexpr unsigned run = 16 / sizeof(typename E::Stored);
  for (unsigned r = 0; r < K / run; ++r) {
    const auto *from = warp.src<typename E::Stored>(registers[r]);
    for (unsigned group = 0; group < 8; ++group)
      for (unsigned i = 0; i < run; ++i)
        out[(r * run + i) * 8 + group] = E::get(from[group * run + i]);
  }
}

template <unsigned M, unsigned K, typename EA, typename EB, typename C>
static void mma(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  constexpr unsigned N = 8;
  constexpr MmaShape shape{M, N, K, 8 * sizeof(typename EA::Stored)};
  const int32_t *d = &warp.program.lists[op.list];
  const int32_t *a = d + shape.cCount() / C::perRegister;
  const int32_t *b = a + shape.aCount() / shape.perRegister();
  const int32_t *c = b + shape.bCount() / shape.perRegister();
  typename EA::Sum left[M * K], right[K * N], sum[M * N];
  loadLeft<EA>(warp, a, M, K, left);
  loadRight<EB>(warp, b, K, right);
  loadSums<C>(warp, c, M, N, sum);
  multiplyAdd(sum, left, right, M, K, N);
  storeSums<C>(warp, d, M, N, sum, op.flags);
  warp.block.counters.tensorFlops += 2 * M * N * K;
}

/// m8n8k4 in double: each product is fused with the running sum.
static void mmaDouble(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  constexpr MmaShape shape{8, 8, 4, 64};
  const int32_t *list = &warp.program.lists[op.list];
  double a[8][4], b[4][8], sum[8][8];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    Coordinate atA = mmaA(shape, lane, 0), atB = mmaB(shape, lane, 0);
    a[atA.row][atA.column] = warp.src<double>(list[2])[lane];
    b[atB.row][atB.column] = warp.src<double>(list[3])[lane];
    for (unsigned i = 0; i < 2; ++i) {
      Coordinate at = mmaC(shape, lane, i);
      sum[at.row][at.column] = warp.src<double>(list[4 + i])[lane];
    }
  }
  for (unsigned m = 0; m < 8; ++m)
    for (unsigned n = 0; n < 8; ++n)
      for (unsigned k = 0; k < 4; ++k)
        sum[m][n] = std::fma(a[m][k], b[k][n], sum[m][n]);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    for (unsigned i = 0; i < 2; ++i) {
      Coordinate at = mmaC(shape, lane, i);
      if (list[i] != noRegister)
        warp.dst<double>(list[i])[lane] = sum[at.row][at.column];
    }
  warp.block.counters.tensorFlops += 2 * 8 * 8 * 4;
}

template <unsigned M, unsigned K>
static Handler mmaBytes(bool signedA, bool signedB) {
  using S = ByteElement<int8_t>;
  using U = ByteElement<uint8_t>;
  using C = IntegerAccumulator;
  if (signedA)
    return signedB ? mma<M, K, S, S, C> : mma<M, K, S, U, C>;
  return signedB ? mma<M, K, U, S, C> : mma<M, K, U, U, C>;
}

Handler moe::emulator::selectMma(Selection &selection) {
  Type result = selection.type(0), a = selection.type(1), b = selection.type(2);
  unsigned k = selection.number("n8k");
  selection.op.flags = selection.has("satfinite");
  if (result == Type::F64)
    return mmaDouble;
  if (result == Type::S32) {
    bool signedA = a == Type::S8, signedB = b == Type::S8;
    if (selection.has("m8n8k16"))
      return mmaBytes<8, 16>(signedA, signedB);
    return k == 16 ? mmaBytes<16, 16>(signedA, signedB)
                   : mmaBytes<16, 32>(signedA, signedB);
  }
  if (a == Type::TF32)
    return k == 4 ? mma<16, 4, TF32Element, TF32Element, FloatAccumulator>
                  : mma<16, 8, TF32Element, TF32Element, FloatAccumulator>;
  if (a == Type::BF16)
    return k == 8 ? mma<16, 8, BFloatElement, BFloatElement, FloatAccumulator>
                  : mma<16, 16, BFloatElement, BFloatElement, FloatAccumulator>;
  if (result == Type::F16)
    return k == 8 ? mma<16, 8, HalfElement, HalfElement, HalfAccumulator>
                  : mma<16, 16, HalfElement, HalfElement, HalfAccumulator>;
  return k == 8 ? mma<16, 8, HalfElement, HalfElement, FloatAccumulator>
                : mma<16, 16, HalfElement, HalfElement, FloatAccumulator>;
}
