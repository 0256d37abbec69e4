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

#include <cstdint>

// Inner loops are compiled for wider vectors too and chosen when the program
// starts. Sanitizers cannot run before that choice.
#if defined(__x86_64__) && defined(__linux__) &&                               \
    !defined(MOE_EMULATOR_NO_CLONES)
#define MOE_EMULATOR_CLONES                                                    \
  __attribute__((target_clones("default", "arch=haswell")))
#else
#define MOE_EMULATOR_CLONES
#endif

namespace moe::emulator {

/// f16, round to nearest even.
uint16_t roundToHalf(double x);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_EXECMATRIX_H
