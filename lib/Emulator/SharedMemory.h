//===- SharedMemory.h - Shared memory that knows its accesses ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The shared memory of a block with a shadow that finds races.
//
// Every warp is an agent with a vector clock, and so is every asynchronous
// engine that acts on its own: the cp.async, bulk-copy and wgmma units of a
// warp, and each mbarrier on behalf of the copies that complete on it.
// Barriers, mbarriers, waits, fences and atomics pass clocks on. Each word
// remembers the agent and time of its last write and of the reads since; an
// access that does not know of a conflicting earlier one is a race, or, when
// that one is asynchronous, touches memory that an operation still owns.
//
// Shared bytes within one word are told apart, but only the last writer of a
// word is remembered.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_SHAREDMEMORY_H
#define MOE_LIB_EMULATOR_SHAREDMEMORY_H

#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

namespace moe::emulator {

struct Op;

constexpr unsigned maxAgents = 256;

/// For every agent, up to when its actions are known.
struct VectorClock {
  uint32_t at[maxAgents] = {};

  void join(const VectorClock &other, unsigned agents) {
    for (unsigned i = 0; i < agents; ++i)
      at[i] = at[i] > other.at[i] ? at[i] : other.at[i];
  }
};

/// Agent and time in one word; 0 is "never".
using Epoch = uint32_t;
constexpr unsigned clockBits = 23;
constexpr uint32_t maxClock = (1u << clockBits) - 1;
constexpr Epoch makeEpoch(unsigned agent, uint32_t clock) {
  return agent << clockBits | clock;
}
inline bool isKnown(Epoch epoch, const VectorClock &clock) {
  return (epoch & maxClock) <= clock.at[epoch >> clockBits];
}

/// Strong accesses (volatile, relaxed, acquire, release) and atomics race only
/// with weak ones.
enum class Access : uint8_t { Read, Write, StrongRead, StrongWrite, Atomic };
inline bool reads(Access kind) {
  return kind != Access::Write && kind != Access::StrongWrite;
}
inline bool writes(Access kind) {
  return kind != Access::Read && kind != Access::StrongRead;
}
inline bool isStrong(Access kind) { return kind >= Access::StrongRead; }

/// The earlier access that a new one conflicts with.
struct Conflict {
  const Op *op = nullptr;
  unsigned agent = 0;
  bool isWrite = false;
};

class SharedMemory {
public:
  /// `end` is the address behind the last byte; data is a NaN pattern.
  void reset(uint32_t end);

  uint8_t *data() { return bytes.data(); }
  uint32_t end() const { return uint32_t(bytes.size()); }

  /// Records an access of `agent` at `time` that knows `clock`. `size` bytes
  /// from `address`. False, and `conflict`, when it races.
  bool access(Access kind, uint32_t address, uint32_t size, Epoch self,
              const VectorClock &clock, const Op *op, Conflict &conflict);
  bool initialized(uint32_t address, uint32_t size) const;
  /// Counts the bytes as initialised without recording an access.
  void markInitialized(uint32_t address, uint32_t size);
  /// Switches the recording of accesses off.
  void disableRaces() { trackRaces = false; }

private:
  struct Cell {
    Epoch write = 0;
    uint32_t readers = 0; ///< Epoch, or poolBit | index into `pool`
    const Op *writeOp = nullptr;
    const Op *readOp = nullptr;
    uint8_t writeMask = 0, readMask = 0;
    uint8_t init = 0;
    bool strongWrite = false, strongReads = false;
  };
  static constexpr uint32_t poolBit = 1u << 31;
  using Readers = std::vector<Epoch>;

  bool readersKnown(uint32_t readers, const VectorClock &clock,
                    unsigned selfAgent, Epoch &culprit) const;
  uint32_t addReader(uint32_t readers, Epoch self, const VectorClock &clock);
  void forgetReaders();

  std::vector<uint8_t> bytes;
  std::vector<Cell> cells;
  std::vector<Readers> pool;
  bool trackRaces = true;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_SHAREDMEMORY_H
