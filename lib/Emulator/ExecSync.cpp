//===- ExecSync.cpp - Barriers, fences, votes and exchanges ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Synchronisation of a block and communication within a warp.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "Exec.h"
#include "ExecMemory.h"
#include "Selectors.h"

#include <algorithm>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Barriers of a block
//===----------------------------------------------------------------------===//

// r[0]: result of bar.red or unused; then number, count, predicate. Op::flags
// is 0 or the reduction: 1 popc, 2 and, 3 or. Op::immediate is 1 if aligned;
// Op::isSigned if the barrier waits.
static void bar(Warp &warp, const Op &op, uint32_t mask) {
  if (op.immediate && !aligned(warp, mask))
    return;
  unsigned at = op.flags ? 1 : 0, lane = unsigned(__builtin_ctz(mask));
  uint32_t number = warp.src<uint32_t>(op.r[at])[lane];
  uint32_t count = warp.block.numThreads();
  if (op.r[at + 1] != noRegister && op.width > 1)
    count = warp.src<uint32_t>(op.r[at + 1])[lane];
  uint32_t predicate = op.flags ? warp.predicate(op, at + op.width) : 0;
  warp.block.arrive(warp, op, mask, number, count, op.isSigned, predicate);
}

Handler moe::emulator::selectBar(Selection &selection) {
  Op &op = selection.op;
  op.immediate =
      selection.instruction.opcode == "bar" || selection.has("aligned");
  op.isSigned = !selection.has("arrive");
  unsigned operands = selection.numOperands();
  if (selection.has("red")) {
    op.flags = selection.has("popc") ? 1 : selection.has("and") ? 2 : 3;
    operands -= 2; // the result and the predicate
  }
  op.width = uint8_t(operands); // the number, and maybe a count
  if (!operands)
    op.r[0] = selection.decoder.splat(0, 4);
  return bar;
}

static void barWarpSync(Warp &warp, const Op &op, uint32_t mask) {
  collective(warp, mask, warp.src<uint32_t>(op.r[0]), [](uint32_t) {});
}
Handler moe::emulator::selectBarWarpSync(Selection &) { return barWarpSync; }

/// A cluster has one block: arrive does nothing, wait is a barrier of it. The
/// barrier is the last of the block's own, which the program cannot name.
static void barrierCluster(Warp &warp, const Op &op, uint32_t mask) {
  if (op.immediate && !aligned(warp, mask))
    return;
  warp.block.arriveCluster(warp, op, mask, op.isSigned);
}
Handler moe::emulator::selectBarrierCluster(Selection &selection) {
  selection.op.immediate = selection.has("aligned");
  selection.op.isSigned = selection.has("wait");
  return barrierCluster;
}

//===----------------------------------------------------------------------===//
// Fences and strong accesses
//===----------------------------------------------------------------------===//

static void fence(Warp &warp, const Op &, uint32_t) {
  Block &block = warp.block;
  Block::FenceState &state = block.fences[warp.index];
  block.acquire(warp, state.observed);
  state.released = block.clock(warp);
  state.fenced = true;
  VectorClock scratch;
  block.release(warp, scratch); // what follows is not covered
}
Handler moe::emulator::selectFence(Selection &) { return fence; }

void moe::emulator::finishOrderedLoad(Warp &warp, const Op &op,
                                      const uint64_t (&addresses)[warpSize],
                                      uint32_t mask) {
  uint64_t hash = 0;
  int32_t data = op.listSize ? warp.program.lists[op.list] : op.r[0];
  if (data != noRegister)
    forLanes(mask, [&](unsigned lane) {
      uint64_t bits = 0;
      std::memcpy(&bits, warp.src<uint8_t>(data) + lane * op.regWidth,
                  op.regWidth);
      hash = (hash ^ bits ^ addresses[lane]) * 0x9e3779b97f4a7c15u;
    });
  pollIfRepeated(warp, op, hash);
  acquireOrdered(warp, op, addresses, mask);
}

void moe::emulator::acquireOrdered(Warp &warp, const Op &op,
                                   const uint64_t (&addresses)[warpSize],
                                   uint32_t mask) {
  Block &block = warp.block;
  if (block.synchronised.empty())
    return;
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = addresses[lane];
    if (resolveSpace(op.space, address) != Space::Shared)
      return;
    auto it = block.synchronised.find(uint32_t(address));
    if (it == block.synchronised.end())
      return;
    if (op.flags & orderAcquire)
      block.acquire(warp, it->second);
    else
      block.fences[warp.index].observed.join(it->second,
                                             block.async.numAgents());
  });
}

void moe::emulator::startOrderedStore(Warp &warp, const Op &op,
                                      const uint64_t (&addresses)[warpSize],
                                      uint32_t mask) {
  Block &block = warp.block;
  const Block::FenceState &state = block.fences[warp.index];
  bool releases = op.flags & orderRelease;
  if (!releases && !state.fenced)
    return;
  VectorClock passed = state.released;
  if (releases)
    block.release(warp, passed);
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = addresses[lane];
    if (resolveSpace(op.space, address) == Space::Shared)
      block.synchronised[uint32_t(address)].join(passed,
                                                 block.async.numAgents());
  });
}

void moe::emulator::pollIfRepeated(Warp &warp, const Op &op, uint64_t hash) {
  if (warp.pollOp == &op && warp.pollHash == hash)
    warp.poll();
  warp.pollOp = &op;
  warp.pollHash = hash;
}

//===----------------------------------------------------------------------===//
// Votes
//===----------------------------------------------------------------------===//

enum Vote : uint8_t { Ballot, All, Any, Uni };

static void vote(Warp &warp, const Op &op, uint32_t mask) {
  collective(warp, mask, warp.src<uint32_t>(op.r[2]), [&](uint32_t group) {
    uint32_t set = warp.predicate(op, 1) & group;
    if (op.flags == Ballot) {
      uint32_t *d = warp.dst<uint32_t>(op.r[0]);
      return forLanes(group, [&](unsigned lane) { d[lane] = set; });
    }
    bool result = op.flags == All   ? set == group
                  : op.flags == Any ? set != 0
                                    : set == group || set == 0;
    warp.setPredicate(op.r[0], group, result ? fullMask : 0);
  });
}
Handler moe::emulator::selectVote(Selection &selection) {
  selection.op.flags = selection.has("ballot") ? Ballot
                       : selection.has("all")  ? All
                       : selection.has("any")  ? Any
                                               : Uni;
  return vote;
}

static void activemask(Warp &warp, const Op &op, uint32_t mask) {
  uint32_t *d = warp.dst<uint32_t>(op.r[0]);
  forLanes(mask, [&](unsigned lane) { d[lane] = mask; });
}
Handler moe::emulator::selectActivemask(Selection &) { return activemask; }

/// elect.sync d|p, membermask: the lowest lane.
static void elect(Warp &warp, const Op &op, uint32_t mask) {
  collective(warp, mask, warp.src<uint32_t>(op.r[2]), [&](uint32_t group) {
    uint32_t leader = uint32_t(__builtin_ctz(group));
    if (op.r[0] != noRegister) {
      uint32_t *d = warp.dst<uint32_t>(op.r[0]);
      forLanes(group, [&](unsigned lane) { d[lane] = leader; });
    }
    warp.setPredicate(op.r[1], group, 1u << leader);
  });
}
Handler moe::emulator::selectElect(Selection &) { return elect; }

/// match.any d, a, membermask and match.all d|p, a, membermask.
template <typename T>
static void match(Warp &warp, const Op &op, uint32_t mask) {
  const T *a = warp.src<T>(op.r[2]);
  collective(warp, mask, warp.src<uint32_t>(op.r[3]), [&](uint32_t group) {
    uint32_t results[warpSize], agree = 0;
    unsigned first = unsigned(__builtin_ctz(group));
    forLanes(group, [&](unsigned lane) {
      uint32_t equal = 0;
      forLanes(group, [&](unsigned other) {
        equal |= uint32_t(a[other] == a[lane]) << other;
      });
      results[lane] = equal;
    });
    bool all = results[first] == group;
    agree = all ? group : 0;
    if (op.r[0] != noRegister) {
      uint32_t *d = warp.dst<uint32_t>(op.r[0]);
      forLanes(group, [&](unsigned lane) {
        d[lane] = op.flags ? agree : results[lane];
      });
    }
    warp.setPredicate(op.r[1], group, all ? fullMask : 0);
  });
}
Handler moe::emulator::selectMatch(Selection &selection) {
  selection.op.flags = selection.has("all");
  return sizeOf(selection.type()) == 8 ? match<uint64_t> : match<uint32_t>;
}

//===----------------------------------------------------------------------===//
// Shuffles and reductions
//===----------------------------------------------------------------------===//

enum Shuffle : uint8_t { Up, Down, Butterfly, Index };

// d[|p], a, b, c, membermask
static void shfl(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *a = warp.src<uint32_t>(op.r[2]);
  const uint32_t *b = warp.src<uint32_t>(op.r[3]);
  const uint32_t *c = warp.src<uint32_t>(op.r[4]);
  collective(warp, mask, warp.src<uint32_t>(op.r[5]), [&](uint32_t group) {
    uint32_t results[warpSize], valid = 0;
    forLanes(group, [&](unsigned lane) {
      uint32_t offset = b[lane] & 31, clamp = c[lane] & 31,
               segment = c[lane] >> 8 & 31;
      int maxLane = int((lane & segment) | (clamp & ~segment));
      int from = 0;
      bool p = false;
      switch (op.flags) {
      case Up:
        from = int(lane) - int(offset);
        p = from >= maxLane;
        break;
      case Down:
        from = int(lane + offset);
        p = from <= maxLane;
        break;
      case Butterfly:
        from = int(lane ^ offset);
        p = from <= maxLane;
        break;
      default: {
        int minLane = int(lane & segment);
        from = minLane | int(offset & ~segment);
        p = from <= maxLane;
      }
      }
      if (!p)
        from = int(lane);
      // What a lane that does not take part holds is undefined: a NaN.
      results[lane] = group >> from & 1 ? a[from] : 0xffffffff;
      valid |= uint32_t(p) << lane;
    });
    if (op.r[0] != noRegister) {
      uint32_t *d = warp.dst<uint32_t>(op.r[0]);
      forLanes(group, [&](unsigned lane) { d[lane] = results[lane]; });
    }
    warp.setPredicate(op.r[1], group, valid);
  });
}
Handler moe::emulator::selectShfl(Selection &selection) {
  selection.op.flags = selection.has("up")     ? Up
                       : selection.has("down") ? Down
                       : selection.has("bfly") ? Butterfly
                                               : Index;
  return shfl;
}

enum Redux : uint8_t { Add, Min, Max, And, Or, Xor };

template <typename T>
static void redux(Warp &warp, const Op &op, uint32_t mask) {
  const T *a = warp.src<T>(op.r[1]);
  collective(warp, mask, warp.src<uint32_t>(op.r[2]), [&](uint32_t group) {
    T result = a[__builtin_ctz(group)];
    forLanes(group & (group - 1), [&](unsigned lane) {
      T x = a[lane];
      switch (op.flags) {
      case Add:
        result = T(uint32_t(result) + uint32_t(x));
        break;
      case Min:
        result = std::min(result, x);
        break;
      case Max:
        result = std::max(result, x);
        break;
      case And:
        result &= x;
        break;
      case Or:
        result |= x;
        break;
      default:
        result ^= x;
      }
    });
    T *d = warp.dst<T>(op.r[0]);
    forLanes(group, [&](unsigned lane) { d[lane] = result; });
  });
}
Handler moe::emulator::selectRedux(Selection &selection) {
  static const char *const names[] = {"add", "min", "max", "and", "or", "xor"};
  for (uint8_t i = 0; i < 6; ++i)
    if (selection.has(names[i]))
      selection.op.flags = i;
  return selection.type() == Type::S32 ? redux<int32_t> : redux<uint32_t>;
}

//===----------------------------------------------------------------------===//
// setmaxnreg
//===----------------------------------------------------------------------===//

static void setmaxnreg(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  Block &block = warp.block;
  int64_t wanted = op.immediate, have = warp.maxRegisters;
  bool increase = op.flags;
  if (increase ? wanted < have : wanted > have) {
    block.report(CheckKind::InvalidOperation, warp, op, mask, uint64_t(wanted),
                 std::string(increase ? "increases" : "decreases") + " from " +
                     std::to_string(have) + " registers a thread to " +
                     std::to_string(wanted));
    return;
  }
  if (wanted - have > block.freeRegisters)
    return warp.wait("registers for setmaxnreg", 0, /*again=*/true);
  block.freeRegisters -= wanted - have;
  warp.maxRegisters = unsigned(wanted);
  block.progress();
  for (auto &other : block.warps)
    for (Fragment &fragment : other->fragments)
      if (fragment.state == FragmentState::Waiting && fragment.waitingFor &&
          !std::strcmp(fragment.waitingFor, "registers for setmaxnreg"))
        other->wake(fragment);
}
Handler moe::emulator::selectSetmaxnreg(Selection &selection) {
  int64_t count = selection.op.immediate;
  if (count < 24 || count > 256 || count % 8)
    return selection.fail("expected a multiple of 8 from 24 to 256");
  selection.op.flags = selection.has("inc");
  return setmaxnreg;
}
