//===- Trace.h - Printing what a warp executes ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One line per executed warp instruction.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_TRACE_H
#define MOE_LIB_EMULATOR_TRACE_H

#include <cstdint>

namespace moe::emulator {

class Warp;
struct Op;

/// Writes block, warp, lanes, line and statement to the launch's trace.
void trace(const Warp &warp, const Op &op, uint32_t mask);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_TRACE_H
