//===- ExecAsync.cpp - cp.async and mbarriers -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Copies of single lanes to shared memory, and the mbarrier instructions.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "ExecMemory.h"
#include "Selectors.h"

#include <algorithm>
#include <array>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

namespace {
/// Op::flags: what the fourth operand is.
enum Source : uint8_t { Whole, Size, Ignore };
/// Where a lane copies from and to; null when it must not.
struct LaneCopy {
  const uint8_t *from;
  uint8_t *to;
  uint32_t bytes; ///< from memory; the rest is zeros
};
} // namespace

static void cpAsync(Warp &warp, const Op &op, uint32_t mask) {
  Block &block = warp.block;
  uint64_t to[warpSize], from[warpSize];
  warp.addresses(op.addr[0], to);
  warp.addresses(op.addr[1], from);
  Unit &unit = block.async.unit(warp, UnitKind::CpAsync);
  Epoch self = block.async.epoch(unit);
  uint32_t size = uint32_t(op.immediate), reading = 0;
  std::array<LaneCopy, warpSize> copies{};
  forLanes(mask, [&](unsigned lane) {
    LaneCopy &copy = copies[lane];
    copy.bytes = size;
    if (op.flags == Size)
      copy.bytes = warp.src<uint32_t>(op.r[0])[lane];
    if (op.flags == Ignore && warp.predicate(op, 0) >> lane & 1)
      copy.bytes = 0;
    if (copy.bytes > size) {
      block.report(
          CheckKind::InvalidOperation, warp, op, 1u << lane, from[lane],
          "source size " + std::to_string(copy.bytes) + " exceeds the " +
              std::to_string(size) + " bytes of the copy");
      copy.bytes = size;
    }
    if (copy.bytes) {
      reading |= 1u << lane;
      copy.from =
          accessLane(warp, op, Access::Read, lane, Space::Global, from[lane],
                     copy.bytes, copy.bytes == size ? size : 1);
    }
    copy.to = accessSharedAs(warp, op, Access::Write, lane, to[lane], size,
                             size, self);
    block.counters.asyncBytes += copy.bytes;
    block.counters.filledBytes += size - copy.bytes;
  });
  if (reading)
    countGlobal(warp, from, reading, size, false);
  countShared(warp, to, mask, size);
  block.async.issue(unit, warp, op, mask, [copies, size](uint32_t lanes) {
    forLanes(lanes, [&](unsigned lane) {
      const LaneCopy &copy = copies[lane];
      if (!copy.to)
        return;
      std::memset(copy.to, 0, size);
      if (copy.from)
        std::memcpy(copy.to, copy.from, copy.bytes);
    });
  });
}
Handler moe::emulator::selectCpAsync(Selection &selection) {
  Op &op = selection.op;
  bool sizes = op.immediate == 16 || (selection.has("ca") &&
                                      (op.immediate == 4 || op.immediate == 8));
  if (!sizes)
    return selection.fail(selection.has("ca")
                              ? "expected a copy of 4, 8 or 16 bytes"
                              : "expected a copy of 16 bytes");
  unsigned extra =
      selection.numOperands() - 3 - selection.has("L2::cache_hint");
  if (extra) {
    const Operand &o = selection.operand(3);
    bool predicate = o.kind == OperandKind::Register && o.type == Type::Pred;
    op.flags = predicate ? Ignore : Size;
  }
  return cpAsync;
}

static void cpCommit(Warp &warp, const Op &, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  async.commit(async.unit(warp, UnitKind::CpAsync), mask);
}
Handler moe::emulator::selectCpCommit(Selection &) { return cpCommit; }

static void cpWait(Warp &warp, const Op &op, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  Unit &unit = async.unit(warp, UnitKind::CpAsync);
  if (op.flags)
    async.waitAll(unit, warp, mask);
  else
    async.waitGroup(unit, warp, mask, uint32_t(op.immediate));
}
Handler moe::emulator::selectCpWait(Selection &selection) {
  selection.op.flags = selection.has("wait_all");
  return cpWait;
}

/// An arrival on an mbarrier once the copies of the lanes are done.
static void cpMbarrierArrive(Warp &warp, const Op &op, uint32_t mask) {
  Block &block = warp.block;
  AsyncUnits &async = block.async;
  Unit &unit = async.unit(warp, UnitKind::CpAsync);
  std::array<uint32_t, warpSize> addresses{};
  uint32_t good = 0;
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = warp.address(op.addr[0], lane);
    resolveSpace(op.space, address);
    MBarrier *barrier = async.find(warp, op, address, lane);
    if (!barrier)
      return;
    if (!op.flags) // the arrival is not among those expected
      ++barrier->pending;
    addresses[lane] = uint32_t(address);
    good |= 1u << lane;
  });
  VectorClock released = block.clock(warp);
  released.at[unit.agent] = unit.sequence;
  VectorClock scratch;
  block.release(warp, scratch);
  async.issue(
      unit, warp, op, good,
      [&async, &warp, &op, addresses, released](uint32_t lanes) {
        forLanes(lanes, [&](unsigned lane) {
          auto it = async.barriers.find(addresses[lane]);
          if (it != async.barriers.end())
            async.arrive(it->second, op, 1, &warp, &released);
        });
      },
      /*isArrival=*/true);
  ++unit.sequence; // later copies are not covered
}
Handler moe::emulator::selectCpMbarrierArrive(Selection &selection) {
  selection.op.flags = selection.has("noinc");
  selection.op.space = spaceOf(selection);
  return cpMbarrierArrive;
}

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

/// Calls `body(barrier, lane)` for the lanes whose barrier is valid.
template <typename F>
static void forBarriers(Warp &warp, const Op &op, uint32_t mask, F body) {
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = warp.address(op.addr[0], lane);
    resolveSpace(op.space, address);
    if (MBarrier *barrier = warp.block.async.find(warp, op, address, lane))
      body(*barrier, lane);
  });
}

static void mbarrierInit(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *count = warp.src<uint32_t>(op.r[0]);
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = warp.address(op.addr[0], lane);
    Space space = resolveSpace(op.space, address);
    // The object is written; whoever still uses the bytes races with that.
    if (accessLane(warp, op, Access::Write, lane, space, address, 8, 8) &&
        space == Space::Shared)
      warp.block.async.initialise(warp, op, uint32_t(address), lane,
                                  count[lane]);
  });
}
static Handler withSpace(Selection &selection, Handler handler) {
  selection.op.space = spaceOf(selection);
  return handler;
}
Handler moe::emulator::selectMbarrierInit(Selection &selection) {
  return withSpace(selection, mbarrierInit);
}

static void mbarrierInval(Warp &warp, const Op &op, uint32_t mask) {
  forBarriers(warp, op, mask, [&](MBarrier &barrier, unsigned) {
    warp.block.async.invalidate(barrier.address);
  });
}
Handler moe::emulator::selectMbarrierInval(Selection &selection) {
  return withSpace(selection, mbarrierInval);
}

/// The state that an arrival returns: phase above, missing arrivals below.
static uint64_t stateOf(const MBarrier &barrier) {
  return uint64_t(barrier.phase) << 32 | uint32_t(barrier.pending);
}

namespace {
// Op::flags of arrivals.
constexpr uint8_t expectFlag = 1, dropFlag = 2, hasStateFlag = 4;
} // namespace

static void mbarrierArrive(Warp &warp, const Op &op, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  unsigned first = op.flags & hasStateFlag ? 1 : 0;
  forBarriers(warp, op, mask, [&](MBarrier &barrier, unsigned lane) {
    int64_t count = 1, bytes = 0;
    if (op.r[first] != noRegister)
      (op.flags & expectFlag ? bytes : count) =
          warp.src<uint32_t>(op.r[first])[lane];
    if (first && op.r[0] != noRegister)
      warp.dst<uint64_t>(op.r[0])[lane] = stateOf(barrier);
    if (op.flags & expectFlag)
      async.expectBytes(barrier, op, bytes);
    if (op.flags & dropFlag)
      barrier.expected -=
          uint32_t(std::min<int64_t>(count, barrier.expected - 1));
    async.arrive(barrier, op, count, &warp);
  });
}
Handler moe::emulator::selectMbarrierArrive(Selection &selection) {
  uint8_t &flags = selection.op.flags;
  flags = hasStateFlag;
  flags |= selection.has("expect_tx") ? expectFlag : 0;
  flags |= selection.has("arrive_drop") ? dropFlag : 0;
  return withSpace(selection, mbarrierArrive);
}
Handler moe::emulator::selectMbarrierArriveNoState(Selection &selection) {
  selection.op.flags = 0;
  return withSpace(selection, mbarrierArrive);
}

static void mbarrierExpectTx(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *bytes = warp.src<uint32_t>(op.r[0]);
  forBarriers(warp, op, mask, [&](MBarrier &barrier, unsigned lane) {
    if (op.flags)
      warp.block.async.completeBytes(barrier, op, bytes[lane]);
    else
      warp.block.async.expectBytes(barrier, op, bytes[lane]);
  });
  warp.block.progress();
}
Handler moe::emulator::selectMbarrierExpectTx(Selection &selection) {
  return withSpace(selection, mbarrierExpectTx);
}
Handler moe::emulator::selectMbarrierCompleteTx(Selection &selection) {
  selection.op.flags = 1;
  return withSpace(selection, mbarrierExpectTx);
}

/// test_wait and try_wait. A wait in vain gives way to other warps.
static void mbarrierWait(Warp &warp, const Op &op, uint32_t mask) {
  uint32_t done = 0;
  forBarriers(warp, op, mask, [&](MBarrier &barrier, unsigned lane) {
    bool complete;
    if (op.flags) // the phase of that parity is not the current one
      complete = (barrier.phase & 1) != (warp.src<uint32_t>(op.r[1])[lane] & 1);
    else
      complete = barrier.phase > warp.src<uint64_t>(op.r[1])[lane] >> 32;
    done |= uint32_t(complete) << lane;
    if (complete)
      warp.block.acquire(warp, barrier.completed);
  });
  warp.setPredicate(op.r[0], mask, done);
  ++warp.block.counters.mbarrierWaits;
  if (done != mask)
    warp.poll();
}
Handler moe::emulator::selectMbarrierWait(Selection &selection) {
  selection.op.flags = selection.has("parity");
  return withSpace(selection, mbarrierWait);
}

static uint32_t pendingCount(uint64_t state) { return uint32_t(state); }
Handler moe::emulator::selectMbarrierPendingCount(Selection &) {
  return unary<pendingCount, uint32_t, uint64_t>;
}

/// createpolicy: a value that cache hints pass on.
static void createPolicy(Warp &warp, const Op &op, uint32_t mask) {
  uint64_t *d = warp.dst<uint64_t>(op.r[0]);
  forLanes(mask, [&](unsigned lane) { d[lane] = 0; });
}
Handler moe::emulator::selectCreatepolicy(Selection &) { return createPolicy; }
