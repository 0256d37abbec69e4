//===- ExecMemory.h - Checked access to memory ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What all instructions that touch memory share.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_EXECMEMORY_H
#define MOE_LIB_EMULATOR_EXECMEMORY_H

#include "Block.h"
#include "InstructionTable.h"

namespace moe::emulator {

/// Turns a generic address into one of its space; constants are global.
Space resolveSpace(Space space, uint64_t &address);

/// The bytes of one lane's access after all checks, null when it must not
/// happen. `value` is what a store will write, if known: warps may write the
/// same bytes to the same place without order.
uint8_t *accessLane(Warp &warp, const Op &op, Access kind, unsigned lane,
                    Space space, uint64_t address, uint32_t size,
                    uint32_t align, const uint8_t *value = nullptr);

/// Shared bytes that an asynchronous agent accesses on behalf of a lane.
uint8_t *accessSharedAs(Warp &warp, const Op &op, Access kind, unsigned lane,
                        uint64_t address, uint32_t size, uint32_t align,
                        Epoch self);

/// What an atomic operation makes of the bits of a value; see ExecAtomic.cpp.
enum class AtomicOp : uint8_t {
  Add,
  Min,
  Max,
  Inc,
  Dec,
  And,
  Or,
  Xor,
  Exch,
  Cas
};
std::optional<AtomicOp> atomicOp(const Selection &selection);
uint64_t updateBits(Type type, AtomicOp operation, uint64_t old, uint64_t b,
                    uint64_t c);

void reportConflict(Warp &warp, const Op &op, uint32_t lanes, Access kind,
                    uint64_t address, const Conflict &conflict);

void countGlobal(Warp &warp, const uint64_t (&addresses)[warpSize],
                 uint32_t mask, uint32_t size, bool isStore);
void countShared(Warp &warp, const uint64_t (&addresses)[warpSize],
                 uint32_t mask, uint32_t size);

Space spaceOf(const Selection &selection);

/// Op::flags of accesses that order others.
constexpr uint8_t orderStrong = 1, orderAcquire = 2, orderRelease = 4;
uint8_t orderFlags(const Selection &selection);

/// Clocks pass through strong accesses of shared memory, as PTX's memory model
/// has it: a release, or a fence before; an acquire, or a fence after.
void finishOrderedLoad(Warp &warp, const Op &op,
                       const uint64_t (&addresses)[warpSize], uint32_t mask);
void acquireOrdered(Warp &warp, const Op &op,
                    const uint64_t (&addresses)[warpSize], uint32_t mask);
void startOrderedStore(Warp &warp, const Op &op,
                       const uint64_t (&addresses)[warpSize], uint32_t mask);

/// Gives way when an instruction finds the same as the last time.
void pollIfRepeated(Warp &warp, const Op &op, uint64_t hash);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_EXECMEMORY_H
