//===- Fragments.h - Matrix tiles spread over registers ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which element of a matrix tile each lane of a warp holds.
//
// A tensor instruction computes D = A * B + C with A of M x K, B of K x N and
// C, D of M x N elements. No lane holds a whole row: the tile is dealt out in
// fragments. All shapes follow one scheme. Write the lane as
//
//   lane = 4 * group + thread,   group in [0, 8), thread in [0, 4)
//
// `group` chooses the row of A (the column of B), `thread` chooses where along
// the other dimension. A 32-bit register holds e neighbouring elements of A or
// B (e = 2 for f16, 4 for int8, 1 for tf32 and for f64 in its 64-bit register),
// so the four threads of a group cover 4 * e elements of K with one register.
// For m16n8k16 with f16:
//
//        A (16 x 16)       k: 0..7    8..15          B (16 x 8)   n = group
//   row = group             a0 a1     a4 a5          k = 2t, 2t+1    b0 b1
//   row = group + 8         a2 a3     a6 a7          k = 2t+8, 2t+9  b2 b3
//
// Registers of A walk first down the halves of M, then along K; registers of B
// walk along K. Accumulators always come in pairs of neighbouring columns,
// whatever their type: first down the halves of M, then along N in steps of 8.
//
// A warpgroup instruction (wgmma, M = 64) is the same scheme four times: warp w
// of the group holds rows 16 w to 16 w + 15.
//
// ldmatrix moves 8 x 8 tiles of 16-bit elements from rows in shared memory to
// just this distribution: lanes 8 j to 8 j + 7 give the addresses of the rows
// of tile j, and register j of each lane receives elements (group, 2 thread)
// and (group, 2 thread + 1) of it. With `.trans` it receives (2 thread, group)
// and (2 thread + 1, group) instead. stmatrix is its inverse.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_EMULATOR_FRAGMENTS_H
#define MOE_EMULATOR_FRAGMENTS_H

#include "moe/Emulator/SharedLayout.h"

#include <cstdint>

namespace moe::emulator {

/// A position in a matrix.
struct Coordinate {
  uint32_t row, column;
  constexpr bool operator==(const Coordinate &o) const {
    return row == o.row && column == o.column;
  }
};

/// Shape of a warp-wide `mma.sync`: M is 8 or 16, N is 8. `bits` is the width
/// of the elements of A and B in their register (32 for tf32).
struct MmaShape {
  uint32_t m, n, k, bits;

  /// Elements of A and B in one register.
  constexpr uint32_t perRegister() const { return bits < 32 ? 32 / bits : 1; }
  /// Elements that each lane holds.
  constexpr uint32_t aCount() const { return m * k / 32; }
  constexpr uint32_t bCount() const { return k * n / 32; }
  constexpr uint32_t cCount() const { return m * n / 32; }
};

/// Row and column (m, k) of element `index` of a lane's A fragment. Element
/// `index` lies in register index / perRegister(), low bits first.
constexpr Coordinate mmaA(MmaShape s, uint32_t lane, uint32_t index) {
  uint32_t e = s.perRegister(), reg = index / e, halves = s.m / 8;
  return {lane / 4 + reg % halves * 8,
          reg / halves * 4 * e + lane % 4 * e + index % e};
}

/// Row and column (k, n) of element `index` of a lane's B fragment.
constexpr Coordinate mmaB(MmaShape s, uint32_t lane, uint32_t index) {
  uint32_t e = s.perRegister(), reg = index / e;
  return {reg * 4 * e + lane % 4 * e + index % e, lane / 4};
}

/// Row and column (m, n) of element `index` of a lane's C or D fragment. f16
/// accumulators lie two to a register, f32 and s32 one.
constexpr Coordinate mmaC(MmaShape s, uint32_t lane, uint32_t index) {
  uint32_t pair = index / 2, halves = s.m / 8;
  return {lane / 4 + pair % halves * 8,
          pair / halves * 8 + lane % 4 * 2 + index % 2};
}

/// Row and column (m, n) of accumulator `index`, in [0, N / 2), of thread
/// `thread`, in [0, 128), of a wgmma of any N.
constexpr Coordinate wgmmaC(uint32_t thread, uint32_t index) {
  Coordinate c = mmaC({16, 8, 0, 0}, thread % 32, index);
  return {c.row + thread / 32 * 16, c.column};
}

/// Row and column (m, k) of element `index` of thread `thread` when A of a
/// wgmma comes from four registers of elements of `bits` bits.
constexpr Coordinate wgmmaA(uint32_t bits, uint32_t thread, uint32_t index) {
  Coordinate c = mmaA({16, 8, 256 / bits, bits}, thread % 32, index);
  return {c.row + thread / 32 * 16, c.column};
}

/// Where ldmatrix and stmatrix (8 x 8, b16) find an element.
struct MatrixSlot {
  uint32_t lane;    ///< The lane whose address points at the row.
  uint32_t element; ///< 16-bit element within the row.
};

/// The slot of 16-bit half `half` of register `tile` of a lane.
constexpr MatrixSlot matrixSlot(uint32_t lane, uint32_t tile, uint32_t half,
                                bool trans) {
  uint32_t along = lane % 4 * 2 + half, across = lane / 4;
  return {8 * tile + (trans ? along : across), trans ? across : along};
}

} // namespace moe::emulator

#endif // MOE_EMULATOR_FRAGMENTS_H
