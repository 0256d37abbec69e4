//===- ExecMatrix.h - What mma and wgmma share ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Helpers of the matrix instructions.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_EXECMATRIX_H
#define MOE_LIB_EMULATOR_EXECMATRIX_H

#include "Warp.h"
#include "moe/Emulator/Numerics.h"

// Inner loops are compiled for wider vectors too and chosen when the program
// starts. Sanitizers cannot run before that choice.
#if defined(__x86_64__) && defined(__linux__) &&                               \
    !defined(MOE_EMULATOR_NO_CLONES)
#define MOE_EMULATOR_CLONES                                                    \
  __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define MOE_EMULATOR_CLONES
#endif

namespace moe::emulator {

/// f16, round to nearest even.
uint16_t roundToHalf(double x);

/// sum[M][n] += a[M][K] * b[K][n]; M is a multiple of 4, n of 8.
void multiplyAdd(double *sum, const double *a, const double *b, unsigned M,
                 unsigned K, unsigned n);

/// How accumulators of a type lie in registers and become numbers; see
/// Fragments.h. `perRegister` neighbours in a row share a register.
struct FloatAccumulator {
  using Stored = float;
  static constexpr unsigned perRegister = 1;
  static double get(float x) { return x; }
  static float put(double x, bool) { return canonical(float(x)); }
};
struct HalfAccumulator {
  using Stored = uint16_t;
  static constexpr unsigned perRegister = 2;
  static double get(uint16_t x) { return f32FromF16(x); }
  static uint16_t put(double x, bool) { return roundToHalf(x); }
};

/// Calls `body(register, first lane element, row, column, stride)` for each run
/// of a warp's accumulators of `rows` (8 or 16) x n: four or eight elements of
/// the register, at columns `column`, `column + stride`, ...
template <typename C, typename F>
inline void forAccumulators(const int32_t *registers, unsigned rows, unsigned n,
                            F body) {
  constexpr unsigned per = C::perRegister, registersPerRow = 2 / per;
  unsigned halves = rows / 8;
  for (unsigned pair = 0; pair < halves * (n / 8); ++pair)
    for (unsigned i = 0; i < registersPerRow; ++i)
      for (unsigned group = 0; group < 8; ++group)
        body(registers[pair * registersPerRow + i], group * 4 * per,
             group + pair % halves * 8, pair / halves * 8 + i, 2 / per);
}

/// Copies accumulators to rows of n sums.
template <typename C, typename Sum>
inline void loadSums(const Warp &warp, const int32_t *registers, unsigned rows,
                     unsigned n, Sum *sum) {
  forAccumulators<C>(registers, rows, n,
                     [&](int32_t offset, unsigned first, unsigned row,
                         unsigned column, unsigned stride) {
                       const auto *from =
                           warp.src<typename C::Stored>(offset) + first;
                       Sum *to = sum + row * n + column;
                       for (unsigned i = 0; i < 4 * C::perRegister; ++i)
                         to[i * stride] = C::get(from[i]);
                     });
}

/// Copies sums back to accumulators, rounded; `saturate` is for integers.
template <typename C, typename Sum>
inline void storeSums(Warp &warp, const int32_t *registers, unsigned rows,
                      unsigned n, const Sum *sum, bool saturate) {
  forAccumulators<C>(registers, rows, n,
                     [&](int32_t offset, unsigned first, unsigned row,
                         unsigned column, unsigned stride) {
                       if (offset == noRegister)
                         return;
                       auto *to = warp.dst<typename C::Stored>(offset) + first;
                       const Sum *from = sum + row * n + column;
                       for (unsigned i = 0; i < 4 * C::perRegister; ++i)
                         to[i] = C::put(from[i * stride], saturate);
                     });
}

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_EXECMATRIX_H
