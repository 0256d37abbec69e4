//===- Scheduler.cpp - Which warp runs next -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs resident blocks to their end under one of the orders, and finds out when
// nothing can move any more.
//
//===----------------------------------------------------------------------===//

#include "Block.h"

#include <algorithm>

using namespace moe::emulator;

namespace {

/// Instructions a warp may run before the next choice.
constexpr uint64_t greedySlice = 1 << 16;
constexpr uint64_t roundRobinSlice = 16;
/// Rounds in which every warp only polls before that counts as a livelock.
constexpr unsigned maxIdleRounds = 256;

struct Entry {
  Block *block;
  Warp *warp;
  uint64_t priority;
};

class Scheduler {
public:
  Scheduler(std::vector<std::unique_ptr<Block>> blocks, Random &random);
  void run();

private:
  Entry *choose();
  uint64_t slice();
  void after(Entry &entry, RunResult result);
  bool unblock();
  bool stalled();
  void reportStuck(Block &block, bool spinning);
  void finishBlock(Block &block);

  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<Entry> entries;
  Random &random;
  WarpPolicy policy;
  size_t last = 0;
  unsigned idleRounds = 0;
  uint64_t lastEffects = 0, sinceEffect = 0;
};

} // namespace

Scheduler::Scheduler(std::vector<std::unique_ptr<Block>> resident,
                     Random &random)
    : blocks(std::move(resident)), random(random) {
  const DeviceOptions &options = blocks.front()->launch.options;
  policy = options.order.policy;
  for (auto &block : blocks)
    for (auto &warp : block->warps)
      entries.push_back({block.get(), warp.get(), random()});
}

/// The warp to run next, null if none can.
Entry *Scheduler::choose() {
  Entry *best = nullptr;
  if (policy == WarpPolicy::RoundRobin) {
    for (size_t i = 1; i <= entries.size(); ++i) {
      Entry &entry = entries[(last + i) % entries.size()];
      if (entry.warp->runnable()) {
        last = (last + i) % entries.size();
        return &entry;
      }
    }
    return nullptr;
  }
  for (Entry &entry : entries)
    if (entry.warp->runnable() && (!best || entry.priority > best->priority))
      best = &entry;
  return best;
}

uint64_t Scheduler::slice() {
  switch (policy) {
  case WarpPolicy::Greedy:
    return greedySlice;
  case WarpPolicy::RoundRobin:
    return roundRobinSlice;
  case WarpPolicy::Priority:
    // Mostly long runs, sometimes a switch after very few instructions.
    return random.below(4) ? 1 + random.below(4096) : 1 + random.below(16);
  }
  return 1;
}

void Scheduler::after(Entry &entry, RunResult result) {
  // A warp that polls or ran long gives way; under seeded priorities a warp
  // keeps its rank most of the time.
  bool demote = result == RunResult::Ready &&
                (entry.warp->polling() || policy == WarpPolicy::Greedy ||
                 !random.below(4));
  if (!demote)
    return;
  uint64_t lowest = entry.priority;
  for (const Entry &other : entries)
    lowest = std::min(lowest, other.priority);
  if (policy == WarpPolicy::Priority && !entry.warp->polling())
    entry.priority = random();
  else
    entry.priority = lowest ? lowest - 1 : 0;
  if (!lowest)
    for (Entry &other : entries)
      other.priority = random();
}

/// Lets something happen that no warp waits for by name. False if nothing is
/// left to happen.
bool Scheduler::unblock() {
  size_t start = random.below(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i)
    if (blocks[(start + i) % blocks.size()]->async.performOne())
      return true;
  return false;
}

/// Other threads run other blocks of the launch.
static void addCounters(Block &block) {
  std::lock_guard<std::mutex> lock(block.launch.mutex);
  block.launch.counters.add(block.counters);
}

void Scheduler::finishBlock(Block &block) {
  block.async.finish();
  addCounters(block);
}

void Scheduler::run() {
  LaunchContext &launch = blocks.front()->launch;
  while (!entries.empty() && !launch.aborted) {
    Entry *entry = choose();
    if (!entry || stalled()) {
      if (unblock())
        continue;
      if (entry && idleRounds < maxIdleRounds)
        ; // polling may yet succeed: time limits of try_wait pass
      else {
        for (auto &block : blocks)
          if (!std::all_of(block->warps.begin(), block->warps.end(),
                           [](auto &warp) { return warp->exited(); }))
            reportStuck(*block, entry != nullptr);
        break;
      }
    }
    uint64_t before = entry->warp->executed;
    RunResult result = entry->warp->run(slice());
    sinceEffect += entry->warp->executed - before;
    if (result == RunResult::Exited) {
      Block *block = entry->block;
      entries.erase(entries.begin() + (entry - entries.data()));
      last = entries.empty() ? 0 : last % entries.size();
      if (std::none_of(entries.begin(), entries.end(),
                       [&](const Entry &e) { return e.block == block; }))
        finishBlock(*block);
      continue;
    }
    after(*entry, result);
  }
  for (auto &block : blocks)
    if (std::any_of(entries.begin(), entries.end(),
                    [&](const Entry &e) { return e.block == block.get(); }))
      addCounters(*block);
}

/// Whether all that run only poll, or nothing has happened for too long.
bool Scheduler::stalled() {
  uint64_t effects = 0;
  for (auto &block : blocks)
    effects += block->effects;
  if (effects != lastEffects) {
    lastEffects = effects;
    idleRounds = 0;
    sinceEffect = 0;
    // What a warp failed to find may be there now.
    for (Entry &entry : entries)
      for (Fragment &fragment : entry.warp->fragments)
        fragment.polling = false;
    return false;
  }
  if (sinceEffect > blocks.front()->launch.options.livelockLimit) {
    idleRounds = maxIdleRounds;
    return true;
  }
  bool allPoll =
      std::all_of(entries.begin(), entries.end(), [](const Entry &entry) {
        return !entry.warp->runnable() || entry.warp->polling();
      });
  if (!allPoll)
    return false;
  ++idleRounds;
  return true;
}

/// Explains why a block cannot go on.
void Scheduler::reportStuck(Block &block, bool spinning) {
  std::string positions;
  const Warp *first = nullptr;
  const Fragment *culprit = nullptr;
  for (auto &warp : block.warps) {
    std::string line = "\n  warp " + std::to_string(warp->index) + ": ";
    if (warp->exited())
      positions += line + "exited";
    for (const Fragment &fragment : warp->fragments) {
      const Op &op = block.launch.program.code[fragment.pc];
      const Op &at = fragment.state == FragmentState::Waiting &&
                             fragment.waitingFor == std::string("barrier")
                         ? block.launch.program.code[fragment.pc - 1]
                         : op;
      char lanes[16];
      std::snprintf(lanes, sizeof lanes, "%08x", fragment.mask);
      positions += line + "lanes " + lanes + " at line " +
                   std::to_string(at.source->line) + ": " +
                   std::string(at.source->text);
      if (fragment.waitingFor && fragment.state != FragmentState::Ready)
        positions += std::string(" (waits for ") + fragment.waitingFor + ")";
      if (!first || (culprit->state == FragmentState::Ready &&
                     fragment.state != FragmentState::Ready)) {
        first = warp.get();
        culprit = &fragment;
      }
    }
  }
  if (!first)
    return;
  bool atBarrier = culprit->state == FragmentState::Waiting &&
                   culprit->waitingFor == std::string("barrier");
  const Op &op = block.launch.program.code[culprit->pc - (atBarrier ? 1 : 0)];

  // A barrier that lacks threads which are gone.
  for (unsigned i = 0; i < block.barriers.size(); ++i) {
    const Barrier &barrier = block.barriers[i];
    if (!barrier.expected)
      continue;
    uint32_t live = 0;
    for (auto &warp : block.warps)
      live += uint32_t(__builtin_popcount(warp->liveLanes()));
    const Barrier::Arrival &arrival = barrier.arrivals.front();
    if (live < block.numThreads() && live <= barrier.arrived)
      return block.report(CheckKind::EarlyExit, *arrival.warp, *arrival.op,
                          arrival.lanes, i,
                          "barrier " + std::to_string(i) + " waits for " +
                              std::to_string(barrier.expected) + " threads, " +
                              std::to_string(barrier.arrived) + " arrived, " +
                              std::to_string(block.numThreads() - live) +
                              " threads of the block have exited" + positions);
  }
  // An mbarrier whose arrivals are complete but whose bytes are not.
  for (const auto &[address, barrier] : block.async.barriers)
    if (barrier.pending == 0 && barrier.bytes != 0)
      return block.report(
          CheckKind::TransactionCount, *first, op, culprit->mask, address,
          "mbarrier has all arrivals, but its transaction count is " +
              std::to_string(barrier.bytes) +
              " bytes and no copy is under way" + positions,
          barrier.lastOp
              ? std::optional<Site>(block.site(*barrier.lastOp, 0, 0))
              : std::nullopt);
  block.report(
      spinning ? CheckKind::Livelock : CheckKind::Deadlock, *first, op,
      culprit->mask, culprit->waitingOn,
      std::string(spinning ? "every warp waits in a loop" : "no warp can run") +
          positions);
}

void moe::emulator::runBlocks(std::vector<std::unique_ptr<Block>> blocks,
                              Random &random) {
  Scheduler(std::move(blocks), random).run();
}
