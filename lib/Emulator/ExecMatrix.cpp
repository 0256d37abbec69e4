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

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// ldmatrix, stmatrix, movmatrix
//===----------------------------------------------------------------------===//

/// The bytes of the 8-element rows that the first lanes point at.
static bool matrixRows(Warp &warp, const Op &op, Access kind,
                       uint8_t *(&rows)[warpSize]) {
  uint64_t addresses[warpSize];
  warp.addresses(op.addr[0], addresses);
  unsigned count = 8u * op.listSize;
  uint32_t pointing = count == 32 ? fullMask : (1u << count) - 1;
  bool good = true;
  for (unsigned lane = 0; lane < count; ++lane) {
    rows[lane] =
        accessLane(warp, op, kind, lane, op.space, addresses[lane], 16, 16);
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
    uint16_t *d = warp.dst<uint16_t>(offset);
    for (unsigned i = 0; i < 2 * warpSize; ++i) {
      MatrixSlot slot = matrixSlot(i / 2, tile, i % 2, op.flags);
      std::memcpy(d + i, rows[slot.lane] + 2 * slot.element, 2);
    }
  }
}

static void stmatrix(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  uint8_t *rows[warpSize];
  warp.block.progress();
  if (!matrixRows(warp, op, Access::Write, rows))
    return;
  for (unsigned tile = 0; tile < op.listSize; ++tile) {
    const uint16_t *a = warp.src<uint16_t>(warp.program.lists[op.list + tile]);
    for (unsigned i = 0; i < 2 * warpSize; ++i) {
      MatrixSlot slot = matrixSlot(i / 2, tile, i % 2, op.flags);
      std::memcpy(rows[slot.lane] + 2 * slot.element, a + i, 2);
    }
  }
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

/// How accumulators are read and written.
struct FloatAccumulator {
  using Stored = float;
  static double get(float x) { return x; }
  static float put(double x, bool) { return canonical(float(x)); }
};
struct HalfAccumulator {
  using Stored = uint16_t;
  static double get(uint16_t x) { return f32FromF16(x); }
  static uint16_t put(double x, bool) { return roundToHalf(x); }
};
struct IntegerAccumulator {
  using Stored = int32_t;
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

/// D[m][n] += A[m][k] * B[k][n], for N = 8.
MOE_EMULATOR_CLONES
static void multiply(double *__restrict d, const double *__restrict a,
                     const double *__restrict b, unsigned M, unsigned K) {
  for (unsigned m = 0; m < M; ++m)
    for (unsigned k = 0; k < K; ++k)
      for (unsigned n = 0; n < 8; ++n)
        d[m * 8 + n] += a[m * K + k] * b[k * 8 + n];
}
static void multiply(int64_t *__restrict d, const int64_t *__restrict a,
                     const int64_t *__restrict b, unsigned M, unsigned K) {
  for (unsigned m = 0; m < M; ++m)
    for (unsigned k = 0; k < K; ++k)
      for (unsigned n = 0; n < 8; ++n)
        d[m * 8 + n] += a[m * K + k] * b[k * 8 + n];
}

/// One element of a fragment: `perRegister` of them lie in a register.
template <typename T>
static T fragmentElement(const Warp &warp, const int32_t *registers,
                         unsigned lane, unsigned index) {
  constexpr unsigned perRegister = sizeof(T) < 4 ? 4 / sizeof(T) : 1;
  return warp.src<T>(
      registers[index / perRegister])[lane * perRegister + index % perRegister];
}

template <unsigned M, unsigned K, typename EA, typename EB, typename C>
static void mma(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  constexpr unsigned N = 8;
  constexpr unsigned bits = 8 * sizeof(typename EA::Stored);
  constexpr MmaShape shape{M, N, K, bits};
  constexpr unsigned perC = sizeof(typename C::Stored) == 2 ? 2 : 1;
  const int32_t *d = &warp.program.lists[op.list];
  const int32_t *a = d + shape.cCount() / perC;
  const int32_t *b = a + shape.aCount() / shape.perRegister();
  const int32_t *c = b + shape.bCount() / shape.perRegister();
  typename EA::Sum left[M][K], right[K][N], sum[M][N];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    for (unsigned i = 0; i < shape.aCount(); ++i) {
      Coordinate at = mmaA(shape, lane, i);
      left[at.row][at.column] =
          EA::get(fragmentElement<typename EA::Stored>(warp, a, lane, i));
    }
    for (unsigned i = 0; i < shape.bCount(); ++i) {
      Coordinate at = mmaB(shape, lane, i);
      right[at.row][at.column] =
          EB::get(fragmentElement<typename EB::Stored>(warp, b, lane, i));
    }
    for (unsigned i = 0; i < shape.cCount(); ++i) {
      Coordinate at = mmaC(shape, lane, i);
      sum[at.row][at.column] =
          C::get(fragmentElement<typename C::Stored>(warp, c, lane, i));
    }
  }
  multiply(&sum[0][0], &left[0][0], &right[0][0], M, K);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    for (unsigned i = 0; i < shape.cCount(); ++i) {
      if (d[i / perC] == noRegister)
        continue;
      Coordinate at = mmaC(shape, lane, i);
      warp.dst<typename C::Stored>(d[i / perC])[lane * perC + i % perC] =
          C::put(sum[at.row][at.column], op.flags);
    }
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
