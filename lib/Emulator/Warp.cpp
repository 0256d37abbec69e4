//===- Warp.cpp - The engine that runs 32 lanes ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warp: registers, program counters, divergence.
//
//===----------------------------------------------------------------------===//

#include "Warp.h"
#include "Block.h"
#include "Trace.h"

#include <algorithm>

using namespace moe::emulator;

Warp::Warp(Block &block, const Program &program, unsigned index, uint32_t lanes)
    : block(block), program(program), index(index), existing(lanes),
      storage(program.registerBytes + 64, 0xcd) {
  auto start = reinterpret_cast<uintptr_t>(storage.data());
  registers = storage.data() + (64 - start % 64) % 64;
  constants = program.constants.data();
  local.assign(size_t(program.localBytes) * warpSize, 0xff);
  localInit.assign(local.size(), 0);
  params.assign(size_t(program.paramBytes) * warpSize, 0xff);
  ownedRegisters.assign(program.registerBytes / 32 / 64 + 1, 0);
  Fragment start0;
  start0.mask = lanes;
  fragments.push_back(start0);
  fillSpecialRegisters();
}

void Warp::fillSpecialRegisters() {
  const LaunchConfig &config = block.launch.config;
  const Dim3 &size = config.block;
  for (const SpecialRegister &special : program.specials) {
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      uint64_t thread = uint64_t(index) * warpSize + lane, value = 0;
      uint32_t bit = 1u << lane;
      switch (special.kind) {
      case SpecialRegister::TidX:
        value = thread % size.x;
        break;
      case SpecialRegister::TidY:
        value = thread / size.x % size.y;
        break;
      case SpecialRegister::TidZ:
        value = thread / size.x / size.y;
        break;
      case SpecialRegister::NtidX:
        value = size.x;
        break;
      case SpecialRegister::NtidY:
        value = size.y;
        break;
      case SpecialRegister::NtidZ:
        value = size.z;
        break;
      case SpecialRegister::CtaidX:
      case SpecialRegister::ClusterIdX:
        value = block.index.x;
        break;
      case SpecialRegister::CtaidY:
      case SpecialRegister::ClusterIdY:
        value = block.index.y;
        break;
      case SpecialRegister::CtaidZ:
      case SpecialRegister::ClusterIdZ:
        value = block.index.z;
        break;
      case SpecialRegister::NctaidX:
      case SpecialRegister::NclusterIdX:
        value = config.grid.x;
        break;
      case SpecialRegister::NctaidY:
      case SpecialRegister::NclusterIdY:
        value = config.grid.y;
        break;
      case SpecialRegister::NctaidZ:
      case SpecialRegister::NclusterIdZ:
        value = config.grid.z;
        break;
      case SpecialRegister::LaneId:
        value = lane;
        break;
      case SpecialRegister::WarpId:
        value = index;
        break;
      case SpecialRegister::NwarpId:
        value = (size.count() + warpSize - 1) / warpSize;
        break;
      case SpecialRegister::GridId:
        value = block.launch.gridId;
        break;
      case SpecialRegister::LaneMaskEq:
        value = bit;
        break;
      case SpecialRegister::LaneMaskLe:
        value = bit | (bit - 1);
        break;
      case SpecialRegister::LaneMaskLt:
        value = bit - 1;
        break;
      case SpecialRegister::LaneMaskGe:
        value = uint32_t(~(bit - 1));
        break;
      case SpecialRegister::LaneMaskGt:
        value = uint32_t(~(bit | (bit - 1)));
        break;
      case SpecialRegister::DynamicShared:
        value = config.dynamicShared;
        break;
      case SpecialRegister::TotalShared:
        value = block.shared.end() - sharedBase;
        break;
      case SpecialRegister::SmId:
      case SpecialRegister::ClusterCtaid:
      case SpecialRegister::Zero:
        value = 0;
        break;
      case SpecialRegister::ReservedEnd:
        value = sharedBase;
        break;
      case SpecialRegister::NsmId:
      case SpecialRegister::ClusterNctaid:
      case SpecialRegister::One:
        value = 1;
        break;
      }
      if (special.bytes == 8)
        dst<uint64_t>(special.offset)[lane] = value;
      else
        dst<uint32_t>(special.offset)[lane] = uint32_t(value);
    }
  }
}

void Warp::addresses(const AddressOperand &operand,
                     uint64_t (&out)[warpSize]) const {
  uint64_t offset = uint64_t(operand.offset);
  if (operand.base == noRegister) {
    std::fill(std::begin(out), std::end(out), offset);
  } else if (operand.wide) {
    const uint64_t *base = src<uint64_t>(operand.base);
    for (unsigned i = 0; i < warpSize; ++i)
      out[i] = base[i] + offset;
  } else {
    const uint32_t *base = src<uint32_t>(operand.base);
    for (unsigned i = 0; i < warpSize; ++i)
      out[i] = uint32_t(base[i] + uint32_t(offset));
  }
}

uint64_t Warp::address(const AddressOperand &operand, unsigned lane) const {
  uint64_t offset = uint64_t(operand.offset);
  if (operand.base == noRegister)
    return offset;
  if (operand.wide)
    return src<uint64_t>(operand.base)[lane] + offset;
  return uint32_t(src<uint32_t>(operand.base)[lane] + uint32_t(offset));
}

uint32_t Warp::liveLanes() const {
  uint32_t mask = 0;
  for (const Fragment &fragment : fragments)
    mask |= fragment.mask;
  return mask;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void Warp::branch(uint32_t taken, uint32_t target) {
  uint32_t rest = current().mask & ~taken;
  if (!rest) {
    next = target;
    return;
  }
  ++block.counters.divergentBranches;
  Fragment other = current();
  other.mask = taken;
  other.pc = target;
  other.state = FragmentState::Ready;
  current().mask = rest;
  fragments.push_back(std::move(other));
  stop = true;
}

void Warp::exitLanes(uint32_t mask) {
  block.progress();
  current().mask &= ~mask;
  stop = true;
}

void Warp::narrow(uint32_t mask, uint32_t group) {
  auto leave = [&](uint32_t lanes, uint32_t pc) {
    if (!lanes)
      return;
    Fragment rest = current();
    rest.mask = lanes;
    rest.pc = pc;
    fragments.push_back(std::move(rest));
    stop = true;
  };
  leave(mask & ~group, current().pc);
  leave(current().mask & ~mask, current().pc + 1);
  current().mask = group;
}

bool Warp::isActive(uint32_t callee) const {
  return callee == 0 ||
         std::any_of(current().stack.begin(), current().stack.end(),
                     [&](const Frame &f) { return f.callee == callee; });
}

void Warp::call(const Op &op, uint32_t mask, uint32_t callee) {
  narrow(mask, mask);
  current().stack.push_back({current().pc + 1, &op, callee});
  next = program.callees[callee].entry;
}

void Warp::ret(uint32_t mask) {
  if (current().stack.empty())
    return exitLanes(mask);
  narrow(mask, mask);
  Frame frame = current().stack.back();
  copyResults(*this, *frame.call, frame.callee, mask);
  next = frame.returnTo;
  current().stack.pop_back();
}

void Warp::park(const char *reason) {
  current().state = FragmentState::Parked;
  current().waitingFor = reason;
  next = current().pc;
  stop = true;
}

void Warp::wait(const char *reason, uint64_t on, bool again) {
  current().state = FragmentState::Waiting;
  current().waitingFor = reason;
  current().waitingOn = on;
  next = again ? current().pc : current().pc + 1;
  stop = true;
}

void Warp::yield() {
  next = current().pc;
  stop = true;
}

void Warp::wake(Fragment &fragment) {
  fragment.state = FragmentState::Ready;
  fragment.waitingFor = nullptr;
}

bool Warp::runnable() const {
  return std::any_of(fragments.begin(), fragments.end(), [](const Fragment &f) {
    return f.state == FragmentState::Ready;
  });
}

bool Warp::polling() const {
  return std::all_of(fragments.begin(), fragments.end(), [](const Fragment &f) {
    return f.state != FragmentState::Ready || f.polling;
  });
}

static bool sameStack(const Fragment &a, const Fragment &b) {
  return a.stack.size() == b.stack.size() &&
         std::equal(a.stack.begin(), a.stack.end(), b.stack.begin(),
                    [](const Frame &x, const Frame &y) {
                      return x.returnTo == y.returnTo && x.call == y.call;
                    });
}

/// Drops empty fragments and merges those at the same place.
bool Warp::settle() {
  fragments.erase(std::remove_if(fragments.begin(), fragments.end(),
                                 [](const Fragment &f) { return f.mask == 0; }),
                  fragments.end());
  for (size_t i = 0; i < fragments.size(); ++i)
    for (size_t j = i + 1; j < fragments.size();) {
      Fragment &a = fragments[i], &b = fragments[j];
      // One that found nothing in a loop has not left it yet.
      if (a.pc != b.pc || a.polling != b.polling ||
          a.state == FragmentState::Waiting ||
          b.state == FragmentState::Waiting || !sameStack(a, b)) {
        ++j;
        continue;
      }
      a.mask |= b.mask;
      a.state = FragmentState::Ready;
      fragments.erase(fragments.begin() + long(j));
    }
  return !fragments.empty();
}

/// Makes the fragment that runs next the current one: the deepest in calls,
/// then the earliest in the text, but one that polls only after the others.
bool Warp::pick() {
  size_t best = fragments.size();
  auto before = [](const Fragment &a, const Fragment &b) {
    if (a.polling != b.polling)
      return b.polling;
    if (a.polling && a.lastRun != b.lastRun)
      return a.lastRun < b.lastRun;
    if (a.stack.size() != b.stack.size())
      return a.stack.size() > b.stack.size();
    return a.pc < b.pc;
  };
  for (size_t i = 0; i < fragments.size(); ++i)
    if (fragments[i].state == FragmentState::Ready &&
        (best == fragments.size() || before(fragments[i], fragments[best])))
      best = i;
  if (best == fragments.size())
    return false;
  std::swap(fragments[0], fragments[best]);
  return true;
}

/// Reports instructions that touch registers a wgmma in flight owns.
void Warp::checkOwned(const Op &op) {
  auto owned = [&](int32_t offset) {
    return offset >= 0 && !(offset & 1) &&
           ownedRegisters[size_t(offset) / 2048] >> (offset / 32 % 64) & 1;
  };
  bool hit = std::any_of(std::begin(op.r), std::end(op.r), owned);
  for (unsigned i = 0; i < op.listSize && !hit; ++i)
    hit = owned(program.lists[op.list + i]);
  if (!hit)
    return;
  block.report(CheckKind::AsyncOwnership, *this, op, current().mask, 0,
               "register is owned by a wgmma that has not been waited for",
               block.site(*owners.front().op, index, fullMask));
}

RunResult Warp::run(uint64_t budget) {
  while (budget && settle() && !block.aborted()) {
    if (!pick()) {
      bool parked = std::all_of(
          fragments.begin(), fragments.end(),
          [](const Fragment &f) { return f.state == FragmentState::Parked; });
      if (!parked)
        return RunResult::Waiting;
      // Every lane waits for lanes that are elsewhere.
      const Fragment &a = fragments[0], &b = fragments.back();
      std::optional<Site> other;
      if (fragments.size() > 1)
        other = block.site(program.code[b.pc], index, b.mask);
      block.report(CheckKind::DivergentCollective, *this, program.code[a.pc],
                   a.mask, 0,
                   std::string(a.waitingFor ? a.waitingFor : "collective") +
                       ": the lanes it needs are elsewhere or have exited",
                   other);
      block.abort();
      return RunResult::Waiting;
    }
    Fragment &self = current();
    // Stop where another fragment may be met.
    uint32_t meet = ~0u;
    for (size_t i = 1; i < fragments.size(); ++i)
      if (fragments[i].state != FragmentState::Waiting)
        meet =
            std::min(meet, fragments[i].pc > self.pc ? fragments[i].pc : ~0u);
    bool several = fragments.size() > 1;
    stop = polled = false;
    uint64_t before = executed;
    while (budget) {
      const Op &op = program.code[self.pc];
      --budget;
      ++executed;
      uint32_t mask = self.mask;
      if (op.guard != noRegister) {
        uint32_t guard = *src<uint32_t>(op.guard);
        mask &= op.guardNegated ? ~guard : guard;
      }
      next = self.pc + 1;
      if (mask) {
        block.counters.threadInstructions += unsigned(__builtin_popcount(mask));
        currentOp = &op;
        if (!owners.empty() && !op.mayTouchOwned)
          checkOwned(op);
        if (block.launch.options.trace)
          trace(*this, op, mask);
        op.run(*this, op, mask);
      }
      // `branch` and the like may have moved the fragments in memory.
      uint32_t from = fragments[0].pc;
      fragments[0].pc = next;
      if (stop || polled)
        break;
      // Behind a jump backwards anyone may be met.
      if (several && (next >= meet || next <= from))
        break;
    }
    block.counters.warpInstructions += executed - before;
    if (fragments.empty())
      break;
    fragments[0].polling = polled;
    fragments[0].lastRun = ++lastRunCounter;
    if (polled)
      break;
  }
  if (!settle())
    return RunResult::Exited;
  return runnable() ? RunResult::Ready : RunResult::Waiting;
}
