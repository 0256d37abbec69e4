//===- Async.cpp - Operations that finish later ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Groups, copies that complete on mbarriers, and mbarriers.
//
//===----------------------------------------------------------------------===//

#include "Async.h"
#include "Block.h"

#include <algorithm>

using namespace moe::emulator;

AsyncUnits::AsyncUnits(Block &block, bool lazy) : lazy(lazy), block(block) {}

//===----------------------------------------------------------------------===//
// Agents
//===----------------------------------------------------------------------===//

unsigned AsyncUnits::newAgent() {
  // When agents run out the last one is shared: races may then be missed.
  return agents < maxAgents ? agents++ : maxAgents - 1;
}

std::string AsyncUnits::agentName(unsigned agent) const {
  if (agent < block.warps.size())
    return "warp " + std::to_string(agent);
  auto it = agentNames.find(agent);
  return it == agentNames.end() ? "an asynchronous operation" : it->second;
}

Unit &AsyncUnits::unit(const Warp &warp, UnitKind kind) {
  static const char *const names[] = {"cp.async", "a bulk copy", "wgmma"};
  if (units.empty())
    units.resize(block.warps.size());
  Unit &unit = units[warp.index][size_t(kind)];
  if (unit.agent < 0) {
    unit.agent = int(newAgent());
    agentNames[unsigned(unit.agent)] = std::string(names[size_t(kind)]) +
                                       " of warp " + std::to_string(warp.index);
  }
  return unit;
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

Epoch AsyncUnits::epoch(Unit &unit) {
  return makeEpoch(unsigned(unit.agent), unit.sequence);
}

void AsyncUnits::issue(Unit &unit, Warp &warp, const Op &op, uint32_t mask,
                       std::function<void(uint32_t)> perform, bool isArrival) {
  block.progress();
  if (!lazy) {
    perform(mask);
    return;
  }
  // Lanes that have committed different numbers of groups are kept apart.
  while (mask) {
    uint32_t group = unit.committed[__builtin_ctz(mask)], lanes = 0;
    forLanes(mask, [&](unsigned lane) {
      lanes |= uint32_t(unit.committed[lane] == group) << lane;
    });
    unit.pending.push_back(
        {&warp, &op, lanes, group, issued++, isArrival, perform});
    mask &= ~lanes;
  }
}

void AsyncUnits::commit(Unit &unit, uint32_t mask) {
  block.progress();
  forLanes(mask, [&](unsigned lane) {
    uint32_t group = unit.committed[lane]++;
    if (unit.sequenceAt.size() <= group)
      unit.sequenceAt.resize(group + 1);
    unit.sequenceAt[group] = unit.sequence;
  });
  if (unit.sequence < maxClock)
    ++unit.sequence;
}

/// Performs, in order, what `wanted` selects of the operations of some lanes.
void AsyncUnits::performUntil(
    Unit &unit, uint32_t mask,
    const std::function<bool(const AsyncOp &)> &wanted) {
  for (size_t i = 0; i < unit.pending.size(); ++i) {
    AsyncOp &op = unit.pending[i];
    uint32_t lanes = op.mask & mask;
    if (op.isArrival || !lanes || !wanted(op))
      continue;
    op.mask &= ~lanes;
    // The operation may issue others: do not touch `op` afterwards.
    std::function<void(uint32_t)> perform = op.perform;
    perform(lanes);
  }
  unit.pending.erase(std::remove_if(unit.pending.begin(), unit.pending.end(),
                                    [](const AsyncOp &op) { return !op.mask; }),
                     unit.pending.end());
}

void AsyncUnits::waitGroup(Unit &unit, Warp &warp, uint32_t mask,
                           uint32_t keep) {
  performUntil(unit, mask, [&](const AsyncOp &op) {
    uint32_t lane = uint32_t(__builtin_ctz(op.mask & mask));
    return op.group + keep < unit.committed[lane];
  });
  uint32_t known = maxClock;
  forLanes(mask, [&](unsigned lane) {
    uint32_t groups = unit.committed[lane];
    known =
        std::min(known, groups > keep ? unit.sequenceAt[groups - keep - 1] : 0);
  });
  uint32_t &clock = block.clock(warp).at[unit.agent];
  clock = std::max(clock, known);
}

void AsyncUnits::waitAll(Unit &unit, Warp &warp, uint32_t mask) {
  performUntil(unit, mask, [](const AsyncOp &) { return true; });
  uint32_t &clock = block.clock(warp).at[unit.agent];
  clock = std::max(clock, unit.sequence);
  ++unit.sequence;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void AsyncUnits::issueCopy(Warp &warp, const Op &op, uint32_t lane,
                           std::function<void()> perform) {
  block.progress();
  if (lazy)
    copies.push_back({&warp, &op, 1u << lane, std::move(perform)});
  else
    perform();
}

/// Performs a copy, or an arrival that follows the copies of its lanes.
bool AsyncUnits::performOne() {
  std::vector<std::pair<Unit *, size_t>> arrivals;
  for (auto &ofWarp : units) {
    Unit &unit = ofWarp[size_t(UnitKind::CpAsync)];
    for (size_t i = 0; i < unit.pending.size(); ++i)
      if (unit.pending[i].isArrival) {
        arrivals.push_back({&unit, i});
        break; // arrivals of a warp keep their order
      }
  }
  size_t choices = copies.size() + arrivals.size();
  if (!choices)
    return false;
  size_t choice = block.random.below(choices);
  block.progress();
  if (choice < copies.size()) {
    Copy copy = std::move(copies[choice]);
    copies.erase(copies.begin() + long(choice));
    copy.perform();
    return true;
  }
  auto [unit, index] = arrivals[choice - copies.size()];
  AsyncOp arrival = unit->pending[index];
  unit->pending.erase(unit->pending.begin() + long(index));
  // What the lanes issued before it comes first.
  performUntil(*unit, arrival.mask,
               [&](const AsyncOp &op) { return op.order < arrival.order; });
  arrival.perform(arrival.mask);
  return true;
}

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

MBarrier *AsyncUnits::find(Warp &warp, const Op &op, uint64_t address,
                           uint32_t lane) {
  auto fail = [&](CheckKind kind, const std::string &message,
                  std::optional<Site> other = std::nullopt) {
    block.report(kind, warp, op, 1u << lane, address, message,
                 std::move(other));
    return nullptr;
  };
  if (address % 8)
    return fail(CheckKind::Misaligned, "mbarrier is not aligned to 8 bytes");
  if (address < sharedBase || address + 8 > block.shared.end())
    return fail(CheckKind::OutOfBounds,
                "mbarrier is outside of the block's shared memory");
  auto it = barriers.find(uint32_t(address));
  if (it == barriers.end() || !it->second.expected)
    return fail(CheckKind::Uninitialized, "mbarrier has not been initialised");
  MBarrier &barrier = it->second;
  if (!isKnown(barrier.initialised, block.clock(warp)))
    fail(CheckKind::SharedRace,
         "use of an mbarrier races with its initialisation by warp " +
             std::to_string(barrier.initialised >> clockBits) +
             ", nothing orders them",
         block.site(*barrier.initOp, barrier.initialised >> clockBits, 0));
  return &barrier;
}

void AsyncUnits::initialise(Warp &warp, const Op &op, uint32_t address,
                            uint32_t lane, uint32_t count) {
  if (!count || count > 0xfffff)
    return block.report(CheckKind::InvalidOperation, warp, op, 1u << lane,
                        address,
                        "expected an arrival count from 1 to 1048575, got " +
                            std::to_string(count));
  auto [it, inserted] = barriers.emplace(address, MBarrier());
  MBarrier &barrier = it->second;
  if (inserted) {
    barrier.agent = newAgent();
    char name[64];
    std::snprintf(name, sizeof name,
                  "a copy that completes on the mbarrier at 0x%x", address);
    agentNames[barrier.agent] = name;
  }
  barrier.address = address;
  barrier.expected = count;
  barrier.pending = count;
  barrier.bytes = 0;
  barrier.phase = 0;
  barrier.current = barrier.completed = VectorClock();
  barrier.initialised = makeEpoch(warp.index, block.clock(warp).at[warp.index]);
  barrier.initOp = barrier.lastOp = &op;
  block.progress();
}

void AsyncUnits::invalidate(uint32_t address) {
  auto it = barriers.find(address);
  if (it != barriers.end())
    it->second.expected = 0;
}

/// Ends the phase when nothing is missing.
void AsyncUnits::tryComplete(MBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.pending = barrier.expected;
  ++barrier.phase;
  ++barrier.epoch;
  barrier.current.at[barrier.agent] = barrier.epoch;
  barrier.completed.join(barrier.current, agents);
  block.progress();
}

void AsyncUnits::arrive(MBarrier &barrier, const Op &op, int64_t count,
                        const Warp *warp, const VectorClock *released) {
  barrier.lastOp = &op;
  if (released)
    barrier.current.join(*released, agents);
  else if (warp)
    block.release(*warp, barrier.current);
  block.progress();
  if (count > barrier.pending) {
    block.report(CheckKind::InvalidOperation, *warp, op, 0, barrier.address,
                 "mbarrier expects " + std::to_string(barrier.pending) +
                     " more arrivals in this phase, got " +
                     std::to_string(count));
    count = barrier.pending;
  }
  barrier.pending -= count;
  tryComplete(barrier);
}

void AsyncUnits::expectBytes(MBarrier &barrier, const Op &op, int64_t bytes) {
  barrier.lastOp = &op;
  barrier.bytes += bytes;
}

void AsyncUnits::completeBytes(MBarrier &barrier, const Op &op, int64_t bytes) {
  barrier.lastOp = &op;
  barrier.bytes -= bytes;
  tryComplete(barrier);
}

/// Everybody is gone: what is left over is reported.
void AsyncUnits::finish() {
  while (!copies.empty()) {
    Copy copy = std::move(copies.front());
    copies.pop_front();
    block.report(CheckKind::AsyncOwnership, *copy.warp, *copy.op, copy.lanes, 0,
                 "the block ended before this copy completed");
    copy.perform(); // does it complete in the phase it was issued in?
  }
  for (auto &ofWarp : units) {
    for (const AsyncOp &op : ofWarp[size_t(UnitKind::Bulk)].pending)
      block.report(CheckKind::AsyncOwnership, *op.warp, *op.op, op.mask, 0,
                   "the block ended before this copy was waited for");
    // What cp.async writes to shared memory is lost with it.
  }
  for (const auto &[address, barrier] : barriers)
    if (barrier.expected && barrier.bytes)
      block.report(CheckKind::TransactionCount, *block.warps.front(),
                   *barrier.lastOp, 0, address,
                   "the block ended with a transaction count of " +
                       std::to_string(barrier.bytes) + " bytes on an mbarrier");
}
