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
  /// `end` is the address behind the last byte; data is a NaN pattern. `code`
  /// is where the instructions that will be named lie.
  void reset(uint32_t end, const Op *code);

  uint8_t *data() { return bytes.data(); }
  uint32_t end() const { return uint32_t(bytes.size()); }

  /// What an access found wrong.
  struct Result {
    bool initialized = true; ///< false: reads bytes that nobody has written
    bool ordered = true;     ///< false: races with `conflict`, a read if any
    Conflict conflict;
    bool good() const { return initialized && ordered; }
  };
  /// Records an access of `self` to `size` bytes, which knows `clock`.
  Result access(Access kind, uint32_t address, uint32_t size, Epoch self,
                const VectorClock &clock, const Op *op);
  /// Switches the recording of accesses off.
  void disableRaces() { trackRaces = false; }

private:
  /// The history of a word. The masks are of its bytes.
  struct Cell {
    Epoch write = 0;
    uint32_t readers = 0; ///< Epoch, or poolBit | index into `pool`
    uint32_t writeOp : 24, writeMask : 4, init : 4;
    uint32_t readOp : 24, readMask : 4, strongWrite : 1, strongReads : 1;
    Cell()
        : writeOp(0), writeMask(0), init(0), readOp(0), readMask(0),
          strongWrite(0), strongReads(0) {}
  };
  static bool sameCell(const Cell &a, const Cell &b);
  static constexpr uint32_t poolBit = 1u << 31;
  using Readers = std::vector<Epoch>;

  bool readersKnown(uint32_t readers, const VectorClock &clock,
                    unsigned selfAgent, Epoch &culprit) const;
  uint32_t addReader(uint32_t readers, Epoch self, const VectorClock &clock);
  void forgetReaders();

  std::vector<uint8_t> bytes;
  std::vector<Cell> cells;
  std::vector<Readers> pool;
  const Op *code = nullptr;
  bool trackRaces = true;
  /// Neighbouring words mostly share their history: the verdicts of the last
  /// access by `self`. They stay right, for what is known stays known. The same
  /// goes for what a blameless access to a whole word made of it: `before`
  /// became `after`.
  struct {
    Epoch self = 0, knownWrite = 0;
    uint32_t knownReaders = 0, lastReaders = ~0u, newReaders = 0;
    const Op *op = nullptr;
    Access kind = Access::Read;
    bool hasStep = false;
    Cell before, after;
  } memo;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_SHAREDMEMORY_H
