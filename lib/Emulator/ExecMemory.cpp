//===- ExecMemory.cpp - Loads and stores ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ld, st and their checks.
//
//===----------------------------------------------------------------------===//

#include "ExecMemory.h"
#include "Exec.h"
#include "Selectors.h"

#include <algorithm>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Finding the bytes behind an address
//===----------------------------------------------------------------------===//

static const char *verb(Access kind) {
  return kind == Access::Atomic ? "atomic" : writes(kind) ? "store" : "load";
}

/// The space that a generic address lies in; the address becomes one of it.
Space moe::emulator::resolveSpace(Space space, uint64_t &address) {
  if (space != Space::Generic || address < sharedWindow)
    return space == Space::Generic || space == Space::Const ? Space::Global
                                                            : space;
  auto inside = [&](uint64_t window, Space result) {
    if (address - window >= windowSize)
      return false;
    address -= window;
    space = result;
    return true;
  };
  if (!inside(sharedWindow, Space::Shared) &&
      !inside(localWindow, Space::Local) && !inside(paramWindow, Space::Param))
    space = Space::Global;
  return space;
}

namespace {

/// One access of one lane, with everything a report needs.
struct LaneAccess {
  Warp &warp;
  const Op &op;
  Access kind;
  unsigned lane;
  uint64_t address;
  uint32_t size;
  Space space;
  const uint8_t *value = nullptr; ///< that will be stored, if known

  uint8_t *fail(CheckKind check, const std::string &what,
                std::optional<Site> other = std::nullopt) const {
    warp.block.report(check, warp, op, 1u << lane, address,
                      std::string(verb(kind)) + " of " + std::to_string(size) +
                          " bytes in " + spaceName(space) + " memory " + what,
                      std::move(other));
    return nullptr;
  }
  uint8_t *global() const;
  uint8_t *shared() const;
  uint8_t *sharedAs(Epoch self, const VectorClock &clock) const;
  uint8_t *local() const;
  uint8_t *param() const;
};

} // namespace

uint8_t *LaneAccess::global() const {
  GlobalMemory &memory = warp.block.launch.memory;
  Allocation *allocation = warp.lastAllocation;
  if (!allocation || !allocation->contains(address, size) ||
      allocation->freed) {
    allocation = memory.find(address);
    if (!allocation)
      return fail(CheckKind::OutOfBounds, "is outside of every allocation");
    if (!allocation->contains(address, size))
      return fail(CheckKind::OutOfBounds,
                  "is outside of every allocation; the nearest below is " +
                      allocation->describe());
    if (allocation->freed)
      return fail(CheckKind::UseAfterFree,
                  "is in freed memory: " + allocation->describe());
    warp.lastAllocation = allocation;
  }
  uint64_t offset = address - allocation->base;
  if (writes(kind) && allocation->readOnly)
    return fail(CheckKind::InvalidOperation, "is in constant memory");
  if (reads(kind) && !allocation->initialized(offset, size))
    fail(CheckKind::Uninitialized,
         "reads bytes that nobody has written, in " + allocation->describe());
  if (writes(kind))
    allocation->markWritten(offset, size);
  return allocation->data + offset;
}

/// The agent's name and place of the earlier access.
static std::optional<Site> otherSite(const Block &block,
                                     const Conflict &conflict) {
  if (!conflict.op)
    return std::nullopt;
  unsigned warp = conflict.agent < block.warps.size() ? conflict.agent : 0;
  return block.site(*conflict.op, warp, 0);
}

void moe::emulator::reportConflict(Warp &warp, const Op &op, uint32_t lanes,
                                   Access kind, uint64_t address,
                                   const Conflict &conflict) {
  Block &block = warp.block;
  bool async = conflict.agent >= block.warps.size();
  std::string who = block.async.agentName(conflict.agent);
  std::string message =
      std::string(verb(kind)) + " of shared memory " +
      (async ? std::string(conflict.isWrite ? "that is still being written by "
                                            : "that is still being read by ") +
                   who
             : std::string("races with a ") +
                   (conflict.isWrite ? "write" : "read") + " by " + who +
                   ", nothing orders them");
  block.report(async ? CheckKind::AsyncOwnership : CheckKind::SharedRace, warp,
               op, lanes, address, message, otherSite(block, conflict));
}

uint8_t *LaneAccess::shared() const {
  const VectorClock &clock = warp.block.clock(warp);
  return sharedAs(makeEpoch(warp.index, clock.at[warp.index]), clock);
}

/// Whether a store conflicts with nothing but stores of other warps.
static bool isBetweenWrites(const Warp &warp, const Conflict &conflict) {
  return conflict.isWrite && conflict.agent < warp.block.warps.size();
}

uint8_t *LaneAccess::sharedAs(Epoch self, const VectorClock &clock) const {
  SharedMemory &memory = warp.block.shared;
  if (address < sharedBase || address + size > memory.end())
    return fail(CheckKind::OutOfBounds,
                "is outside of the block's " +
                    std::to_string(memory.end() - sharedBase) + " bytes");
  SharedMemory::Result result =
      memory.access(kind, uint32_t(address), size, self, clock, &op);
  if (!result.initialized)
    fail(CheckKind::Uninitialized, "reads bytes that nobody has written");
  uint8_t *bytes = memory.data() + address;
  bool sameValue = value && isBetweenWrites(warp, result.conflict) &&
                   std::memcmp(bytes, value, size) == 0;
  if (!result.ordered && !sameValue)
    reportConflict(warp, op, 1u << lane, kind, address, result.conflict);
  return bytes;
}

uint8_t *moe::emulator::accessSharedAs(Warp &warp, const Op &op, Access kind,
                                       unsigned lane, uint64_t address,
                                       uint32_t size, uint32_t align,
                                       Epoch self) {
  LaneAccess access{warp, op, kind, lane, address, size, Space::Shared};
  if (address & (align - 1))
    return access.fail(CheckKind::Misaligned,
                       "is not aligned to " + std::to_string(align) + " bytes");
  return access.sharedAs(self, warp.block.clock(warp));
}

uint8_t *LaneAccess::local() const {
  uint32_t bytes = warp.program.localBytes;
  if (address > bytes || size > bytes - address)
    return fail(CheckKind::OutOfBounds, "is outside of the thread's " +
                                            std::to_string(bytes) + " bytes");
  size_t offset = size_t(lane) * bytes + address;
  if (reads(kind)) {
    // Unoptimised code copies structures with their padding, which nobody
    // writes: only whole words count.
    const uint8_t *init = &warp.localInit[offset];
    if (size >= 4 &&
        std::none_of(init, init + size, [](uint8_t x) { return x; }))
      fail(CheckKind::Uninitialized, "reads bytes that nobody has written");
  }
  if (writes(kind))
    std::fill_n(&warp.localInit[offset], size, uint8_t(1));
  return warp.local.data() + offset;
}

uint8_t *LaneAccess::param() const {
  const Program &program = warp.program;
  std::vector<uint8_t> &kernel = warp.block.launch.params;
  if (address + size <= kernel.size()) {
    if (writes(kind))
      return fail(CheckKind::InvalidOperation, "writes a kernel parameter");
    return kernel.data() + address;
  }
  uint64_t offset = address - deviceParams;
  if (offset > program.paramBytes || size > program.paramBytes - offset)
    return fail(CheckKind::OutOfBounds, "is outside of the parameters");
  return warp.params.data() + size_t(lane) * program.paramBytes + offset;
}

uint8_t *moe::emulator::accessLane(Warp &warp, const Op &op, Access kind,
                                   unsigned lane, Space space, uint64_t address,
                                   uint32_t size, uint32_t align,
                                   const uint8_t *value) {
  space = resolveSpace(space, address);
  LaneAccess access{warp, op, kind, lane, address, size, space, value};
  if (address & (align - 1))
    return access.fail(CheckKind::Misaligned,
                       "is not aligned to " + std::to_string(align) + " bytes");
  switch (space) {
  case Space::Shared:
    return access.shared();
  case Space::Local:
    return access.local();
  case Space::Param:
    return access.param();
  default:
    return access.global();
  }
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

static unsigned countDistinct(uint64_t *values, unsigned count) {
  if (!std::is_sorted(values, values + count))
    std::sort(values, values + count);
  return unsigned(std::unique(values, values + count) - values);
}

/// 32-byte sectors that a warp's access touches.
static unsigned countSectors(const uint64_t (&addresses)[warpSize],
                             uint32_t mask, uint32_t size) {
  uint64_t sectors[2 * warpSize];
  unsigned count = 0;
  forLanes(mask, [&](unsigned lane) {
    uint64_t first = addresses[lane] / 32,
             last = (addresses[lane] + size - 1) / 32;
    sectors[count++] = first;
    if (last != first)
      sectors[count++] = last;
  });
  return countDistinct(sectors, count);
}

void moe::emulator::countGlobal(Warp &warp,
                                const uint64_t (&addresses)[warpSize],
                                uint32_t mask, uint32_t size, bool isStore) {
  Counters &counters = warp.block.counters;
  uint64_t bytes = uint64_t(size) * unsigned(__builtin_popcount(mask));
  unsigned sectors = countSectors(addresses, mask, size);
  (isStore ? counters.globalStoreSectors : counters.globalLoadSectors) +=
      sectors;
  (isStore ? counters.globalStoreBytes : counters.globalLoadBytes) += bytes;
}

/// `countShared` for 16 aligned bytes per lane, eight lanes at a time: each
/// takes one of eight groups of four banks.
static void countSharedRows(Counters &counters,
                            const uint64_t (&addresses)[warpSize],
                            uint32_t mask) {
  for (unsigned first = 0; first < warpSize; first += 8) {
    uint8_t inGroup[8] = {}, most = 0;
    for (unsigned lane = first; lane < first + 8; ++lane) {
      uint64_t row = addresses[lane] / 16;
      bool isNew = mask >> lane & 1;
      for (unsigned other = first; other < lane; ++other)
        isNew &= addresses[other] / 16 != row || !(mask >> other & 1);
      inGroup[row % 8] = uint8_t(inGroup[row % 8] + isNew);
      most = std::max(most, inGroup[row % 8]);
    }
    counters.sharedWavefronts += most;
    counters.sharedWavefrontsMin += (mask >> first & 0xff) != 0;
  }
}

/// Shared memory serves 32 banks of 4 bytes at a time; wider accesses go in
/// groups of lanes that ask for 128 bytes together.
void moe::emulator::countShared(Warp &warp,
                                const uint64_t (&addresses)[warpSize],
                                uint32_t mask, uint32_t size) {
  Counters &counters = warp.block.counters;
  if (size == 16)
    return countSharedRows(counters, addresses, mask);
  unsigned lanesPerPass = size <= 4 ? 32 : size <= 8 ? 16 : 8;
  unsigned words = std::max(1u, size / 4);
  for (unsigned first = 0; first < warpSize; first += lanesPerPass) {
    uint32_t pass = lanesPerPass == 32
                        ? mask
                        : mask & (((1u << lanesPerPass) - 1) << first);
    if (!pass)
      continue;
    uint64_t touched[warpSize];
    unsigned count = 0;
    forLanes(pass, [&](unsigned lane) {
      for (unsigned w = 0; w < words && count < warpSize; ++w)
        touched[count++] = addresses[lane] / 4 + w;
    });
    count = countDistinct(touched, count);
    uint8_t perBank[32] = {};
    unsigned most = 0;
    for (unsigned i = 0; i < count; ++i)
      most = std::max<unsigned>(most, ++perBank[touched[i] % 32]);
    counters.sharedWavefronts += most;
    counters.sharedWavefrontsMin += (count + 31) / 32;
  }
}

static void count(Warp &warp, const Op &op,
                  const uint64_t (&addresses)[warpSize], uint32_t mask,
                  uint32_t size, bool isStore) {
  uint64_t first = addresses[__builtin_ctz(mask)];
  Space space = resolveSpace(op.space, first);
  if (space == Space::Shared)
    countShared(warp, addresses, mask, size);
  else if (space == Space::Global)
    countGlobal(warp, addresses, mask, size, isStore);
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

/// Whether all lanes access one live global allocation in bounds, aligned and
/// (for loads) initialised; then the lanes need no checks of their own.
static uint8_t *fastGlobal(Warp &warp, const Op &op,
                           const uint64_t (&addresses)[warpSize], uint32_t mask,
                           uint32_t size, bool isStore) {
  if (op.space != Space::Global && op.space != Space::Generic)
    return nullptr;
  uint64_t low = ~uint64_t(0), high = 0, all = 0;
  forLanes(mask, [&](unsigned lane) {
    low = std::min(low, addresses[lane]);
    high = std::max(high, addresses[lane]);
    all |= addresses[lane];
  });
  if (all & (size - 1) || high >= sharedWindow)
    return nullptr;
  Allocation *allocation = warp.lastAllocation;
  if (!allocation || !allocation->contains(low, high - low + size))
    allocation = warp.block.launch.memory.find(low);
  if (!allocation || !allocation->contains(low, high - low + size) ||
      allocation->freed || allocation->readOnly)
    return nullptr;
  warp.lastAllocation = allocation;
  bool dense = mask == fullMask && high - low == uint64_t(size) * 31;
  if (!isStore) {
    if (dense ? !allocation->initialized(low - allocation->base, 32 * size)
              : !allocation->written.empty())
      return nullptr;
  } else if (dense) {
    // A permutation of a dense range would be the exception; mark lane by lane
    // unless the addresses ascend.
    for (unsigned i = 0; i < warpSize; ++i)
      if (addresses[i] != low + i * size)
        return nullptr;
    allocation->markWritten(low - allocation->base, 32 * size);
  } else {
    return nullptr;
  }
  return allocation->data - allocation->base;
}

template <typename T>
static uint64_t signExtended(uint64_t bits) {
  return uint64_t(int64_t(T(bits)));
}
static uint64_t extended(const Op &op, uint64_t bits) {
  if (!op.isSigned)
    return bits;
  return op.width == 1   ? signExtended<int8_t>(bits)
         : op.width == 2 ? signExtended<int16_t>(bits)
         : op.width == 4 ? signExtended<int32_t>(bits)
                         : bits;
}

/// memcpy with the usual sizes inlined.
static void copyElement(void *to, const void *from, unsigned width) {
  switch (width) {
  case 2:
    std::memcpy(to, from, 2);
    return;
  case 4:
    std::memcpy(to, from, 4);
    return;
  case 8:
    std::memcpy(to, from, 8);
    return;
  default:
    std::memcpy(to, from, width);
  }
}

/// Of one lane, vectors included.
constexpr unsigned maxElementBytes = 64;

/// Copies elements between memory and the registers of one lane.
static void fromMemory(Warp &warp, const Op &op, const int32_t *registers,
                       unsigned lane, const uint8_t *memory) {
  for (unsigned i = 0; i < op.count; ++i) {
    if (registers[i] == noRegister)
      continue;
    uint64_t bits = 0;
    copyElement(&bits, memory + i * op.width, op.width);
    bits = extended(op, bits);
    copyElement(warp.dst<uint8_t>(registers[i]) + lane * op.regWidth, &bits,
                op.regWidth);
  }
}
static void toMemory(Warp &warp, const Op &op, const int32_t *registers,
                     unsigned lane, uint8_t *memory) {
  for (unsigned i = 0; i < op.count; ++i) {
    unsigned stride = registers[i] & 1 ? op.width : op.regWidth;
    copyElement(memory + i * op.width,
                warp.src<uint8_t>(registers[i]) + lane * stride, op.width);
  }
}
/// Elements of 4 bytes in registers of 4 bytes: most of all accesses.
template <unsigned width>
static void fromMemoryFast(Warp &warp, const Op &op, const int32_t *registers,
                           const uint64_t (&addresses)[warpSize], uint32_t mask,
                           const uint8_t *base) {
  for (unsigned i = 0; i < op.count; ++i) {
    if (registers[i] == noRegister)
      continue;
    uint8_t *d = warp.dst<uint8_t>(registers[i]);
    forLanes(mask, [&](unsigned lane) {
      std::memcpy(d + lane * width, base + addresses[lane] + i * width, width);
    });
  }
}

/// One access for a full warp whose lanes lie side by side in shared memory.
/// `stored` are the registers of a store.
static uint8_t *fastShared(Warp &warp, const Op &op, Access kind,
                           const uint64_t (&addresses)[warpSize], uint32_t mask,
                           uint32_t size, const int32_t *stored) {
  uint64_t first = addresses[0];
  if (mask != fullMask || resolveSpace(op.space, first) != Space::Shared ||
      first < sharedBase || first & (size - 1) ||
      first + 32 * size > warp.block.shared.end())
    return nullptr;
  for (unsigned i = 1; i < warpSize; ++i)
    if (addresses[i] != addresses[0] + i * size)
      return nullptr;
  SharedMemory &memory = warp.block.shared;
  const VectorClock &clock = warp.block.clock(warp);
  Epoch self = makeEpoch(warp.index, clock.at[warp.index]);
  SharedMemory::Result result =
      memory.access(kind, uint32_t(first), 32 * size, self, clock, &op);
  if (!result.initialized)
    return nullptr; // lane by lane, to name the lanes
  uint8_t *base = memory.data() + first - addresses[0];
  auto sameValues = [&] {
    if (!stored || !isBetweenWrites(warp, result.conflict))
      return false;
    uint8_t value[maxElementBytes];
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      toMemory(warp, op, stored, lane, value);
      if (std::memcmp(base + addresses[lane], value, size) != 0)
        return false;
    }
    return true;
  };
  if (!result.ordered && !sameValues())
    reportConflict(warp, op, mask, kind, first, result.conflict);
  return base;
}

static const int32_t *dataRegisters(const Warp &warp, const Op &op) {
  return op.listSize ? &warp.program.lists[op.list] : op.r;
}

static void load(Warp &warp, const Op &op, uint32_t mask) {
  uint64_t addresses[warpSize];
  warp.addresses(op.addr[0], addresses);
  const int32_t *registers = dataRegisters(warp, op);
  uint32_t size = uint32_t(op.width) * op.count;
  if (op.space != Space::Param)
    count(warp, op, addresses, mask, size, false);
  if (!op.isSigned && op.width == op.regWidth &&
      (op.width == 4 || op.width == 8 || op.width == 2))
    if (const uint8_t *base =
            fastGlobal(warp, op, addresses, mask, size, false)) {
      if (op.width == 4)
        fromMemoryFast<4>(warp, op, registers, addresses, mask, base);
      else if (op.width == 8)
        fromMemoryFast<8>(warp, op, registers, addresses, mask, base);
      else
        fromMemoryFast<2>(warp, op, registers, addresses, mask, base);
      if (op.flags)
        finishOrderedLoad(warp, op, addresses, mask);
      return;
    }
  static const uint8_t poison[64] = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  if (const uint8_t *base = op.flags
                                ? nullptr
                                : fastShared(warp, op, Access::Read, addresses,
                                             mask, size, nullptr)) {
    forLanes(mask, [&](unsigned lane) {
      fromMemory(warp, op, registers, lane, base + addresses[lane]);
    });
    return;
  }
  forLanes(mask, [&](unsigned lane) {
    const uint8_t *memory =
        accessLane(warp, op, op.flags ? Access::StrongRead : Access::Read, lane,
                   op.space, addresses[lane], size, size);
    fromMemory(warp, op, registers, lane, memory ? memory : poison);
  });
  if (op.flags)
    finishOrderedLoad(warp, op, addresses, mask);
}

static void store(Warp &warp, const Op &op, uint32_t mask) {
  uint64_t addresses[warpSize];
  warp.addresses(op.addr[0], addresses);
  const int32_t *registers = dataRegisters(warp, op);
  uint32_t size = uint32_t(op.width) * op.count;
  if (op.space != Space::Param)
    count(warp, op, addresses, mask, size, true);
  if (op.flags)
    startOrderedStore(warp, op, addresses, mask);
  if (op.space != Space::Param && op.space != Space::Local)
    warp.block.progress();
  uint8_t *base = fastGlobal(warp, op, addresses, mask, size, true);
  if (!base && !op.flags)
    base =
        fastShared(warp, op, Access::Write, addresses, mask, size, registers);
  if (base) {
    forLanes(mask, [&](unsigned lane) {
      toMemory(warp, op, registers, lane, base + addresses[lane]);
    });
    return;
  }
  forLanes(mask, [&](unsigned lane) {
    uint8_t value[maxElementBytes];
    toMemory(warp, op, registers, lane, value);
    if (uint8_t *memory =
            accessLane(warp, op, op.flags ? Access::StrongWrite : Access::Write,
                       lane, op.space, addresses[lane], size, size, value))
      std::memcpy(memory, value, size);
  });
}

//===----------------------------------------------------------------------===//
// Selectors
//===----------------------------------------------------------------------===//

Space moe::emulator::spaceOf(const Selection &selection) {
  if (selection.has("global"))
    return Space::Global;
  if (selection.has("shared") || selection.has("shared::cta") ||
      selection.has("shared::cluster"))
    return Space::Shared;
  if (selection.has("local"))
    return Space::Local;
  if (selection.has("const"))
    return Space::Const;
  if (selection.has("param") || selection.has("param::entry") ||
      selection.has("param::func"))
    return Space::Param;
  return Space::Generic;
}

uint8_t moe::emulator::orderFlags(const Selection &selection) {
  uint8_t flags = 0;
  if (selection.has("volatile") || selection.has("relaxed") ||
      selection.has("mmio"))
    flags |= orderStrong;
  if (selection.has("acquire") || selection.has("acq_rel"))
    flags |= orderStrong | orderAcquire;
  if (selection.has("release") || selection.has("acq_rel"))
    flags |= orderStrong | orderRelease;
  return flags;
}

static bool setAccess(Selection &selection, unsigned data) {
  Op &op = selection.op;
  Type type = selection.type();
  op.space = spaceOf(selection);
  op.width = uint8_t(sizeOf(type));
  op.isSigned = info(type).kind == 's';
  op.flags = orderFlags(selection);
  op.count = uint8_t(op.listSize ? op.listSize : 1);
  unsigned bytes = 0;
  const Operand &value = selection.operand(data);
  auto look = [&](const Operand &o) {
    if (o.kind != OperandKind::Register)
      return true;
    bool same = !bytes || bytes == sizeOf(o.type);
    bytes = sizeOf(o.type);
    return same;
  };
  bool same = true;
  if (value.kind == OperandKind::Vector)
    for (const Operand &element : value.elements)
      same &= look(element);
  else
    look(value);
  op.regWidth = uint8_t(bytes ? bytes : op.width);
  if (!same)
    selection.fail("expected registers of one size");
  return same;
}
Handler moe::emulator::selectLd(Selection &selection) {
  return setAccess(selection, 0) ? load : nullptr;
}
Handler moe::emulator::selectSt(Selection &selection) {
  return setAccess(selection, 1) ? store : nullptr;
}
