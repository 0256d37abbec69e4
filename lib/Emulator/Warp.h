//===- Warp.h - The engine that runs 32 lanes -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warp: registers, program counters, divergence.
//
// The live lanes of a warp are partitioned into fragments, each with one
// program counter and call stack. Normally there is one fragment. A divergent
// branch splits it; fragments that meet at the same place merge. The fragment
// deepest in calls and then earliest in the text runs first, so that branches
// of structured code meet at their end. An instruction that needs lanes which
// are elsewhere parks its fragment until they come; when all that is left is
// parked, the warp has diverged in a collective and that is reported.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_WARP_H
#define MOE_LIB_EMULATOR_WARP_H

#include "Program.h"

#include <cstring>

namespace moe::emulator {

class Block;
struct Allocation;

enum class FragmentState : uint8_t {
  Ready,
  Parked,  ///< waits for other lanes of its warp
  Waiting, ///< waits for something outside of the warp
};

struct Frame {
  uint32_t returnTo;
  const Op *call;
  uint32_t callee;
};

struct Fragment {
  uint32_t mask = 0;
  uint32_t pc = 0;
  FragmentState state = FragmentState::Ready;
  bool polling = false; ///< its last wait came back empty-handed
  uint64_t lastRun = 0;
  std::vector<Frame> stack;
  const char *waitingFor = nullptr; ///< for deadlock reports
  uint64_t waitingOn = 0;           ///< address or barrier number
};

/// What the scheduler learns from Warp::run.
enum class RunResult : uint8_t { Ready, Waiting, Exited };

class Warp {
public:
  Warp(Block &block, const Program &program, unsigned index, uint32_t lanes);

  /// Runs up to `budget` instructions.
  RunResult run(uint64_t budget);

  /// \name For instruction handlers
  /// @{
  template <typename T>
  T *dst(int32_t offset) {
    return reinterpret_cast<T *>(registers + offset);
  }
  template <typename T>
  const T *src(int32_t offset) const {
    return reinterpret_cast<const T *>(offset & 1 ? constants + (offset & ~1)
                                                  : registers + offset);
  }
  /// A predicate operand, with its negation.
  uint32_t predicate(const Op &op, unsigned i) const {
    uint32_t value = *src<uint32_t>(op.r[i]);
    return op.negated >> i & 1 ? ~value : value;
  }
  void setPredicate(int32_t offset, uint32_t mask, uint32_t value) {
    if (offset == noRegister)
      return;
    uint32_t &p = *dst<uint32_t>(offset);
    p = (p & ~mask) | (value & mask);
  }
  /// Addresses of an operand for all lanes.
  void addresses(const AddressOperand &operand,
                 uint64_t (&out)[warpSize]) const;
  uint64_t address(const AddressOperand &operand, unsigned lane) const;

  /// Continues at `target` instead of the next instruction.
  void jump(uint32_t target) { next = target; }
  /// The lanes of `taken` go to `target`, the rest to the next instruction.
  void branch(uint32_t taken, uint32_t target);
  void exitLanes(uint32_t mask);
  /// Of the lanes `mask` that execute an instruction only `group` goes on; the
  /// others execute it again, and those it skips go to the next.
  void narrow(uint32_t mask, uint32_t group);
  /// Whether the current fragment is inside of a call of `callee`.
  bool isActive(uint32_t callee) const;
  void call(const Op &op, uint32_t mask, uint32_t callee);
  void ret(uint32_t mask);
  /// Lets other fragments come here; the instruction is executed again.
  void park(const char *reason);
  /// Stops until `wake`. With `again` the instruction is executed again.
  void wait(const char *reason, uint64_t on, bool again);
  /// Like `wait` with `again`, but the fragment stays runnable.
  void yield();
  /// Marks that the current fragment asked for something that is not there.
  void poll() { polled = true; }
  void setPc(uint32_t pc) { next = pc; }
  uint32_t pc() const { return current().pc; }
  uint32_t activeMask() const { return current().mask; }
  uint32_t existingLanes() const { return existing; }
  uint32_t liveLanes() const;
  /// @}

  void wake(Fragment &fragment);
  bool exited() const { return fragments.empty(); }
  bool runnable() const;
  bool polling() const;

  Block &block;
  const Program &program;
  const unsigned index;
  std::vector<Fragment> fragments; ///< fragments[0] is the current one
  uint8_t *registers;
  const uint8_t *constants;
  std::vector<uint8_t> local, localInit; ///< lane after lane
  std::vector<uint8_t> params;           ///< of device functions
  uint64_t executed = 0;
  const Op *currentOp = nullptr;
  Allocation *lastAllocation = nullptr;
  unsigned maxRegisters = 0; ///< a thread, see setmaxnreg

  /// wgmma instructions not yet waited for, with their group, and the registers
  /// they own, one bit per 32 bytes of register file.
  struct Owner {
    uint32_t group;
    const Op *op;
  };
  std::vector<Owner> owners;
  std::vector<uint64_t> ownedRegisters;
  bool wgmmaFenced = false;
  uint64_t conditionCodes = 0; ///< carry flags of the lanes
  bool polled = false;
  const Op *pollOp = nullptr; ///< last poll, and what it found
  uint64_t pollHash = 0;

private:
  Fragment &current() { return fragments[0]; }
  const Fragment &current() const { return fragments[0]; }
  void fillSpecialRegisters();
  bool pick();
  bool settle();
  void checkOwned(const Op &op);

  const uint32_t existing;
  std::vector<uint8_t> storage;
  uint32_t next = 0;
  bool stop = false;
  uint64_t lastRunCounter = 0;
};

/// Passes the results of a call to the caller; see ExecControl.cpp.
void copyResults(Warp &warp, const Op &call, uint32_t callee, uint32_t mask);

/// Calls `body(lane)` for every lane of a mask.
template <typename F>
inline void forLanes(uint32_t mask, F body) {
  if (mask == fullMask) {
    for (unsigned lane = 0; lane < warpSize; ++lane)
      body(lane);
    return;
  }
  for (; mask; mask &= mask - 1)
    body(unsigned(__builtin_ctz(mask)));
}

/// Runs `body(lanes)` for every group of lanes with the same membership mask,
/// once all lanes that the masks name have arrived; until then the fragment is
/// parked. Lanes that never existed count as present.
template <typename F>
void collective(Warp &warp, uint32_t mask, const uint32_t *members, F body) {
  uint32_t existing = warp.existingLanes();
  for (uint32_t rest = mask; rest;) {
    unsigned first = unsigned(__builtin_ctz(rest));
    uint32_t wanted = members[first] & existing, group = 0;
    forLanes(rest, [&](unsigned lane) {
      group |= (members[lane] & existing) == wanted ? 1u << lane : 0;
    });
    if (group != wanted)
      return warp.park("lanes of the membership mask");
    rest &= ~group;
  }
  for (uint32_t rest = mask; rest;) {
    uint32_t group = members[__builtin_ctz(rest)] & existing;
    body(group);
    rest &= ~group;
  }
}

/// For `.aligned` instructions: true when all live lanes execute them together;
/// otherwise parks.
inline bool aligned(Warp &warp, uint32_t mask) {
  if (mask == warp.liveLanes())
    return true;
  warp.park("all lanes of the warp");
  return false;
}

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_WARP_H
