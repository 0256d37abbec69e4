//===- Trace.cpp - Printing what a warp executes --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One line per executed warp instruction.
//
//===----------------------------------------------------------------------===//

#include "Trace.h"
#include "Block.h"

#include <cstdio>
#include <ostream>

using namespace moe::emulator;

void moe::emulator::trace(const Warp &warp, const Op &op, uint32_t mask) {
  const Block &block = warp.block;
  const DeviceOptions &options = block.launch.options;
  if (options.traceBlock >= 0 && uint64_t(options.traceBlock) != block.linear)
    return;
  char head[96];
  std::snprintf(head, sizeof head, "block %llu warp %u lanes %08x line %u: ",
                (unsigned long long)block.linear, warp.index, mask,
                op.source->line);
  *options.trace << head << op.source->text << '\n';
}
