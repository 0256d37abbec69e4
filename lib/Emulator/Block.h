//===- Block.h - A thread block and its shared memory -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A thread block: its warps, shared memory, barriers and asynchronous
// operations; and the launch it belongs to.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_BLOCK_H
#define MOE_LIB_EMULATOR_BLOCK_H

#include "Async.h"
#include "Memory.h"
#include "SharedMemory.h"
#include "Warp.h"

#include <atomic>
#include <mutex>

namespace moe::emulator {

/// A small, fast generator of reproducible numbers (splitmix64).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t operator()() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform enough in [0, n), n > 0.
  uint64_t below(uint64_t n) { return (*this)() % n; }

private:
  uint64_t state;
};

/// What all blocks of a launch share.
struct LaunchContext {
  LaunchContext(const Program &program, const LaunchConfig &config,
                const DeviceOptions &options, GlobalMemory &memory,
                std::vector<uint8_t> params)
      : program(program), config(config), options(options), memory(memory),
        params(std::move(params)) {}

  const Program &program;
  const LaunchConfig &config;
  const DeviceOptions &options;
  GlobalMemory &memory;
  std::vector<uint8_t> params;
  bool checks[numCheckKinds];
  uint64_t gridId = 0;

  std::atomic<bool> aborted{false};
  std::mutex mutex;
  std::vector<Report> reports;
  std::vector<uint64_t> reportingBlocks; ///< linear index, for each report
  Counters counters;

  bool enabled(CheckKind kind) const { return checks[unsigned(kind)]; }
};

/// A hardware barrier (bar.sync and relatives), one of sixteen.
struct Barrier {
  uint32_t expected = 0; ///< threads, 0: nobody has arrived
  uint32_t arrived = 0;
  struct Arrival {
    Warp *warp;
    const Op *op;
    uint32_t lanes;
    bool waits;
    uint32_t predicate; ///< for bar.red
  };
  std::vector<Arrival> arrivals;
  VectorClock clock{};
};

class Block {
public:
  Block(LaunchContext &launch, Dim3 index, uint64_t linear);
  ~Block();

  /// Files a report; one per kind and instruction is kept.
  void report(CheckKind kind, const Warp &warp, const Op &op, uint32_t lanes,
              uint64_t address, std::string message,
              std::optional<Site> other = std::nullopt);
  Site site(const Op &op, unsigned warp, uint32_t lanes) const;
  /// Ends the launch.
  void abort() { launch.aborted = true; }
  bool aborted() const {
    return launch.aborted.load(std::memory_order_relaxed);
  }
  /// Something happened that others may wait for.
  void progress() { ++effects; }

  /// \name Barriers
  /// @{
  void arrive(Warp &warp, const Op &op, uint32_t lanes, uint32_t number,
              uint32_t threads, bool waits, uint32_t predicate);
  /// barrier.cluster, in a cluster of this block alone.
  void arriveCluster(Warp &warp, const Op &op, uint32_t lanes, bool waits);
  /// @}

  /// \name Vector clocks
  /// @{
  VectorClock &clock(const Warp &warp) { return clocks[warp.index]; }
  /// Publishes what a warp has done, into `into`.
  void release(const Warp &warp, VectorClock &into);
  void acquire(const Warp &warp, const VectorClock &from);
  /// What fences and strong accesses pass on; see ExecSync.cpp.
  struct FenceState {
    bool fenced = false;
    VectorClock released; ///< by the last fence
    VectorClock observed; ///< by strong loads since
  };
  std::vector<FenceState> fences;               ///< per warp
  std::map<uint32_t, VectorClock> synchronised; ///< by shared address
  /// @}

  uint32_t numThreads() const { return threads; }

  LaunchContext &launch;
  const Dim3 index;
  const uint64_t linear;
  std::vector<std::unique_ptr<Warp>> warps;
  SharedMemory shared;
  std::vector<Barrier> barriers;
  AsyncUnits async;
  Counters counters;
  Random random;
  std::vector<VectorClock> clocks;
  uint64_t effects = 0;
  uint32_t dynamicShared = 0;
  /// setmaxnreg: registers of the block nobody owns.
  int64_t freeRegisters = 0;

private:
  void complete(Barrier &barrier);
  uint32_t threads;
  struct {
    uint32_t arrived = 0, phase = 0;
    VectorClock current, completed;
  } cluster;
  std::vector<uint32_t> clusterPhase; ///< in which a warp arrived, plus one
};

/// Runs resident blocks to their end under the order of the launch.
void runBlocks(std::vector<std::unique_ptr<Block>> blocks, Random &random);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_BLOCK_H
