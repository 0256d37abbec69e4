//===- Block.cpp - A thread block: reports, barriers, clocks --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A thread block: its warps, reports, barriers and vector clocks.
//
//===----------------------------------------------------------------------===//

#include "Block.h"

#include <algorithm>

using namespace moe::emulator;

constexpr unsigned numBarriers = 16;
/// 32-bit registers of a multiprocessor, and most registers of a thread.
constexpr int64_t registerFile = 65536;

Block::Block(LaunchContext &launch, Dim3 index, uint64_t linear)
    : launch(launch), index(index), linear(linear), barriers(numBarriers),
      async(*this, launch.options.order.timing == AsyncTiming::Lazy),
      random(launch.options.order.seed * 0x2545f4914f6cdd1dull + linear),
      threads(uint32_t(launch.config.block.count())) {
  const Program &program = launch.program;
  shared.reset(
      std::max(sharedBase, program.dynamicBase + launch.config.dynamicShared),
      program.code.data());
  if (!launch.enabled(CheckKind::SharedRace) &&
      !launch.enabled(CheckKind::AsyncOwnership))
    shared.disableRaces();
  unsigned numWarps = (threads + warpSize - 1) / warpSize;
  clocks.resize(numWarps);
  fences.resize(numWarps);
  for (unsigned i = 0; i < numWarps; ++i) {
    uint32_t left = threads - i * warpSize;
    uint32_t lanes = left >= warpSize ? fullMask : (1u << left) - 1;
    warps.push_back(std::make_unique<Warp>(*this, program, i, lanes));
    clocks[i].at[async.newAgent()] = 1;
  }
  int64_t perThread = program.kernel->maxRegisters;
  if (!perThread)
    perThread = std::min<int64_t>(
        255, registerFile / std::max<uint32_t>(1, program.kernel->minBlocks) /
                 std::max(1u, numWarps * warpSize) / 8 * 8);
  for (auto &warp : warps)
    warp->maxRegisters = unsigned(perThread);
  freeRegisters = registerFile / warpSize - perThread * numWarps;
  clusterPhase.assign(numWarps, 0);
}

Block::~Block() = default;

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

Site Block::site(const Op &op, unsigned warp, uint32_t lanes) const {
  Site site;
  site.line = op.source->line;
  site.instruction = std::string(op.source->text);
  const SourceLocation &location = op.function->locations[op.source->location];
  site.sourceFile = location.file;
  site.sourceLine = location.line;
  site.warp = warp;
  site.lanes = lanes;
  return site;
}

void Block::report(CheckKind kind, const Warp &warp, const Op &op,
                   uint32_t lanes, uint64_t address, std::string message,
                   std::optional<Site> other) {
  if (!launch.enabled(kind))
    return;
  std::lock_guard<std::mutex> lock(launch.mutex);
  size_t i = 0;
  for (; i < launch.reports.size(); ++i)
    if (launch.reports[i].kind == kind &&
        launch.reports[i].site.line == op.source->line &&
        launch.reports[i].site.instruction == op.source->text)
      break;
  bool isNew = i == launch.reports.size();
  if (isNew && i >= launch.options.maxReports) {
    launch.aborted = true; // enough is known
    return;
  }
  uint64_t count = isNew ? 0 : launch.reports[i].count;
  if (isNew) {
    launch.reports.emplace_back();
    launch.reportingBlocks.push_back(~uint64_t(0));
  }
  Report &report = launch.reports[i];
  report.count = count + 1;
  // The first block speaks for all, whichever core found it first.
  if (linear >= launch.reportingBlocks[i])
    return;
  launch.reportingBlocks[i] = linear;
  report.kind = kind;
  report.file = launch.program.module->impl().file;
  report.kernel = launch.program.kernel->name;
  report.block = index;
  report.site = site(op, warp.index, lanes);
  report.address = address;
  report.message = std::move(message);
  report.other = std::move(other);
}

//===----------------------------------------------------------------------===//
// Vector clocks
//===----------------------------------------------------------------------===//

void Block::release(const Warp &warp, VectorClock &into) {
  VectorClock &own = clocks[warp.index];
  into.join(own, async.numAgents());
  if (own.at[warp.index] < maxClock)
    ++own.at[warp.index];
}

void Block::acquire(const Warp &warp, const VectorClock &from) {
  clocks[warp.index].join(from, async.numAgents());
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

void Block::arrive(Warp &warp, const Op &op, uint32_t lanes, uint32_t number,
                   uint32_t count, bool waits, uint32_t predicate) {
  if (number >= numBarriers)
    return report(CheckKind::InvalidOperation, warp, op, lanes, number,
                  "expected a barrier number below 16, got " +
                      std::to_string(number));
  if (count % warpSize && count != threads)
    return report(CheckKind::InvalidOperation, warp, op, lanes, number,
                  "expected a multiple of 32 threads, got " +
                      std::to_string(count));
  Barrier &barrier = barriers[number];
  if (barrier.expected && barrier.expected != count)
    report(CheckKind::InvalidOperation, warp, op, lanes, number,
           "barrier " + std::to_string(number) + " is waited for by " +
               std::to_string(barrier.expected) + " threads, here by " +
               std::to_string(count),
           site(*barrier.arrivals.front().op,
                barrier.arrivals.front().warp->index,
                barrier.arrivals.front().lanes));
  barrier.expected = count;
  // Lanes that do not exist, in a block that ends within a warp, count when
  // the number of threads was stated in whole warps.
  uint32_t arriving = uint32_t(__builtin_popcount(lanes));
  if (count % warpSize == 0 && lanes == warp.existingLanes())
    arriving = warpSize;
  barrier.arrived += arriving;
  barrier.arrivals.push_back({&warp, &op, lanes, waits, predicate});
  release(warp, barrier.clock);
  ++counters.barriers;
  progress();
  if (waits)
    warp.wait("barrier", number, /*again=*/false);
  if (barrier.arrived >= count) {
    if (barrier.arrived > count)
      report(CheckKind::InvalidOperation, warp, op, lanes, number,
             "barrier " + std::to_string(number) + " expects " +
                 std::to_string(count) + " threads, " +
                 std::to_string(barrier.arrived) + " arrived");
    complete(barrier);
  }
}

void Block::complete(Barrier &barrier) {
  Barrier done;
  std::swap(done, barrier);
  uint32_t all = 0, any = 0, count = 0;
  bool allTrue = true;
  for (const Barrier::Arrival &arrival : done.arrivals) {
    uint32_t set = arrival.predicate & arrival.lanes;
    allTrue &= set == arrival.lanes;
    any |= set;
    count += uint32_t(__builtin_popcount(set));
  }
  all = allTrue ? fullMask : 0;
  for (const Barrier::Arrival &arrival : done.arrivals) {
    if (!arrival.waits)
      continue;
    Warp &warp = *arrival.warp;
    acquire(warp, done.clock);
    const Op &op = *arrival.op;
    // bar.red: `flags` is the operation, see ExecSync.cpp.
    if (op.flags == 1)
      forLanes(arrival.lanes, [&](unsigned lane) {
        warp.dst<uint32_t>(op.r[0])[lane] = count;
      });
    else if (op.flags)
      warp.setPredicate(op.r[0], arrival.lanes,
                        op.flags == 2 ? all
                        : any         ? fullMask
                                      : 0);
    for (Fragment &fragment : warp.fragments)
      if (fragment.state == FragmentState::Waiting &&
          fragment.mask == arrival.lanes && fragment.waitingFor &&
          fragment.waitingOn == uint64_t(&barrier - barriers.data()))
        warp.wake(fragment);
  }
}

void Block::arriveCluster(Warp &warp, const Op &op, uint32_t lanes,
                          bool waits) {
  static const char *const reason = "cluster barrier";
  uint32_t &phase = clusterPhase[warp.index];
  if (waits) {
    if (!phase)
      return report(CheckKind::InvalidOperation, warp, op, lanes, 0,
                    "barrier.cluster.wait without arrive");
    if (cluster.phase < phase)
      return warp.wait(reason, 0, /*again=*/true);
    return acquire(warp, cluster.completed);
  }
  phase = cluster.phase + 1;
  cluster.arrived += uint32_t(__builtin_popcount(lanes));
  release(warp, cluster.current);
  ++counters.barriers;
  progress();
  if (cluster.arrived < threads)
    return;
  cluster.arrived = 0;
  ++cluster.phase;
  cluster.completed = cluster.current;
  for (auto &other : warps)
    for (Fragment &fragment : other->fragments)
      if (fragment.state == FragmentState::Waiting &&
          fragment.waitingFor == reason)
        other->wake(fragment);
}
