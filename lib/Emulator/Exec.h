//===- Exec.h - Shapes that instruction handlers share ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Handlers that apply a function of one, two or three values in every lane.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_EXEC_H
#define MOE_LIB_EMULATOR_EXEC_H

#include "InstructionTable.h"
#include "Warp.h"

#include <type_traits>

// Handlers for rare types need not vectorise.
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

namespace moe::emulator {

/// An unsigned type in which T computes without undefined overflow.
template <typename T>
using Wide = std::common_type_t<std::make_unsigned_t<T>, uint32_t>;

/// Runs `body(lane)`; full warps in a loop the compiler may vectorise. Lanes
/// may alias only with themselves.
template <typename F>
inline void lanes(uint32_t mask, F body) {
  if (mask == fullMask) {
#pragma clang loop vectorize(assume_safety)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      body(lane);
    return;
  }
  for (; mask; mask &= mask - 1)
    body(unsigned(__builtin_ctz(mask)));
}

template <auto F, typename D, typename A>
void unary(Warp &warp, const Op &op, uint32_t mask) {
  D *d = warp.dst<D>(op.r[0]);
  const A *a = warp.src<A>(op.r[1]);
  lanes(mask, [=](unsigned i) { d[i] = F(a[i]); });
}

template <auto F, typename D, typename A, typename B>
void binary(Warp &warp, const Op &op, uint32_t mask) {
  D *d = warp.dst<D>(op.r[0]);
  const A *a = warp.src<A>(op.r[1]);
  const B *b = warp.src<B>(op.r[2]);
  lanes(mask, [=](unsigned i) { d[i] = F(a[i], b[i]); });
}

template <auto F, typename D, typename A, typename B, typename C>
void ternary(Warp &warp, const Op &op, uint32_t mask) {
  D *d = warp.dst<D>(op.r[0]);
  const A *a = warp.src<A>(op.r[1]);
  const B *b = warp.src<B>(op.r[2]);
  const C *c = warp.src<C>(op.r[3]);
  lanes(mask, [=](unsigned i) { d[i] = F(a[i], b[i], c[i]); });
}

/// The same with the instruction, for modifiers that are looked at in the lane.
template <auto F, typename D, typename A>
void unaryWith(Warp &warp, const Op &op, uint32_t mask) {
  D *d = warp.dst<D>(op.r[0]);
  const A *a = warp.src<A>(op.r[1]);
  lanes(mask, [=, &op](unsigned i) { d[i] = F(op, a[i]); });
}

template <auto F, typename D, typename A, typename B>
void binaryWith(Warp &warp, const Op &op, uint32_t mask) {
  D *d = warp.dst<D>(op.r[0]);
  const A *a = warp.src<A>(op.r[1]);
  const B *b = warp.src<B>(op.r[2]);
  lanes(mask, [=, &op](unsigned i) { d[i] = F(op, a[i], b[i]); });
}

template <auto F, typename D, typename A, typename B, typename C>
void ternaryWith(Warp &warp, const Op &op, uint32_t mask) {
  D *d = warp.dst<D>(op.r[0]);
  const A *a = warp.src<A>(op.r[1]);
  const B *b = warp.src<B>(op.r[2]);
  const C *c = warp.src<C>(op.r[3]);
  lanes(mask, [=, &op](unsigned i) { d[i] = F(op, a[i], b[i], c[i]); });
}

/// An operation that leaves its operands alone: prefetches, hints.
void noOperation(Warp &warp, const Op &op, uint32_t mask);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_EXEC_H
