//===- Async.h - Operations that finish later -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The asynchronous units of a block: cp.async, bulk copies, wgmma, mbarriers.
//
// An operation is issued, performed and waited for. Under eager timing it is
// performed when it is issued; under lazy timing when a wait demands it or, if
// it completes on an mbarrier, when nothing else in the block can run. What
// the program may know is the same in both: `Unit::sequence` numbers what has
// been issued, and a wait passes a number to the clock of the waiting warp.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_ASYNC_H
#define MOE_LIB_EMULATOR_ASYNC_H

#include "Program.h"
#include "SharedMemory.h"

#include <deque>
#include <functional>
#include <map>

namespace moe::emulator {

class Block;

/// An mbarrier object. What lies in memory is only a token.
struct MBarrier {
  uint32_t address = 0;
  uint32_t expected = 0; ///< arrivals per phase
  int64_t pending = 0;   ///< arrivals missing in this phase
  int64_t bytes = 0;     ///< transaction count of this phase
  uint32_t phase = 0;    ///< completed phases since init
  uint32_t epoch = 0;    ///< completed phases of this address, ever
  unsigned agent = 0;
  Epoch initialised = 0;
  const Op *initOp = nullptr;
  const Op *lastOp = nullptr;
  VectorClock current, completed;
};

/// An operation that was issued by a warp.
struct AsyncOp {
  Warp *warp;
  const Op *op;
  uint32_t mask;
  uint32_t group;         ///< lanes' group when issued
  uint64_t order;         ///< of issue, within the block
  bool isArrival = false; ///< cp.async.mbarrier.arrive
  std::function<void(uint32_t mask)> perform;
};

/// One unit of one warp whose operations are collected in groups.
struct Unit {
  std::deque<AsyncOp> pending;       ///< not performed, oldest first
  uint32_t committed[warpSize] = {}; ///< groups, per lane
  std::vector<uint32_t> sequenceAt;  ///< `sequence` when a group was committed
  uint32_t sequence = 1;
  int agent = -1;
};

enum class UnitKind : uint8_t { CpAsync, Bulk, Wgmma };

class AsyncUnits {
public:
  AsyncUnits(Block &block, bool lazy);

  /// \name Groups
  /// @{
  Unit &unit(const Warp &warp, UnitKind kind);
  /// The epoch of an operation that is issued now.
  Epoch epoch(Unit &unit);
  void issue(Unit &unit, Warp &warp, const Op &op, uint32_t mask,
             std::function<void(uint32_t)> perform, bool isArrival = false);
  void commit(Unit &unit, uint32_t mask);
  /// All but the latest `keep` groups of the lanes are done.
  void waitGroup(Unit &unit, Warp &warp, uint32_t mask, uint32_t keep);
  /// Everything issued by the lanes is done.
  void waitAll(Unit &unit, Warp &warp, uint32_t mask);
  /// @}

  /// \name Copies that complete on an mbarrier
  /// @{
  void issueCopy(Warp &warp, const Op &op, uint32_t lane,
                 std::function<void()> perform);
  /// Performs one operation that nobody can demand. False if there is none.
  bool performOne();
  bool hasPendingCopies() const { return !copies.empty(); }
  /// @}

  /// \name mbarriers
  /// @{
  MBarrier *find(Warp &warp, const Op &op, uint64_t address, uint32_t lane);
  void initialise(Warp &warp, const Op &op, uint32_t address, uint32_t lane,
                  uint32_t count);
  void invalidate(uint32_t address);
  /// Arrivals of a warp; what they publish is what the warp knows now, or
  /// `released`.
  void arrive(MBarrier &barrier, const Op &op, int64_t count, const Warp *warp,
              const VectorClock *released = nullptr);
  void expectBytes(MBarrier &barrier, const Op &op, int64_t bytes);
  void completeBytes(MBarrier &barrier, const Op &op, int64_t bytes);
  std::map<uint32_t, MBarrier> barriers;
  /// @}

  unsigned newAgent();
  unsigned numAgents() const { return agents; }
  /// Name of an agent for reports.
  std::string agentName(unsigned agent) const;

  /// Reports what is left over when all warps have exited.
  void finish();

  const bool lazy;

private:
  void performUntil(Unit &unit, uint32_t mask,
                    const std::function<bool(const AsyncOp &)> &wanted);
  void tryComplete(MBarrier &barrier);

  Block &block;
  std::vector<std::array<Unit, 3>> units; ///< per warp
  struct Copy {
    Warp *warp;
    const Op *op;
    uint32_t lanes;
    std::function<void()> perform;
  };
  std::deque<Copy> copies;
  std::map<unsigned, std::string> agentNames;
  unsigned agents = 0;
  uint64_t issued = 0;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_ASYNC_H
