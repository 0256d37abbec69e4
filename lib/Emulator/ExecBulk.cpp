//===- ExecBulk.cpp - Bulk and tensor copies ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// cp.async.bulk and cp.async.bulk.tensor: loads that complete on an mbarrier,
// stores and reductions that complete in groups.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "ExecMemory.h"
#include "Selectors.h"
#include "moe/Emulator/TensorMap.h"

#include <algorithm>

using namespace moe::emulator;

namespace {

/// Bytes that one copy moves in one go. A null pointer outside: fill or skip.
struct Piece {
  uint8_t *global;
  uint32_t shared;
  uint32_t bytes;
};
using Pieces = std::vector<Piece>;

} // namespace

/// The type of a reduction and its operation, in Op::count and Op::immediate.
static void reducePiece(const Op &op, const Piece &piece, const uint8_t *from) {
  Type type = Type(op.count);
  unsigned bytes = sizeOf(type);
  for (uint32_t i = 0; i + bytes <= piece.bytes; i += bytes) {
    uint64_t old = 0, value = 0;
    std::memcpy(&old, piece.global + i, bytes);
    std::memcpy(&value, from + i, bytes);
    old = updateBits(type, AtomicOp(op.immediate), old, value, 0);
    std::memcpy(piece.global + i, &old, bytes);
  }
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

/// Zeros, or the NaN of a type of `nanWidth` bytes: all ones but the sign.
static void fillPiece(uint8_t *to, uint32_t bytes, unsigned nanWidth) {
  std::memset(to, nanWidth ? 0xff : 0, bytes);
  for (uint32_t i = nanWidth; nanWidth && i <= bytes; i += nanWidth)
    to[i - 1] = 0x7f;
}

/// Issues a load of `pieces` that adds `bytes` to an mbarrier.
static void issueLoad(Warp &warp, const Op &op, unsigned lane, Pieces pieces,
                      unsigned nanWidth, uint32_t bytes, MBarrier &barrier) {
  Block &block = warp.block;
  AsyncUnits &async = block.async;
  uint32_t address = barrier.address, epoch = barrier.epoch;
  async.issueCopy(warp, op, lane, [=, &block, &async, &warp, &op] {
    for (const Piece &piece : pieces) {
      uint8_t *to = block.shared.data() + piece.shared;
      if (piece.global)
        std::memcpy(to, piece.global, piece.bytes);
      else
        fillPiece(to, piece.bytes, nanWidth);
    }
    MBarrier &target = async.barriers.find(address)->second;
    if (target.epoch != epoch)
      block.report(CheckKind::TransactionCount, warp, op, 1u << lane, address,
                   "copy of " + std::to_string(bytes) +
                       " bytes completes after the phase it was issued in: "
                       "fewer bytes were expected than arrive",
                   block.site(*target.lastOp, 0, 0));
    async.completeBytes(target, op, bytes);
  });
}

/// The mbarrier of a load, in the last address operand.
static MBarrier *barrierOf(Warp &warp, const Op &op, unsigned lane) {
  uint64_t address = warp.address(op.addr[2], lane);
  resolveSpace(Space::Generic, address);
  return warp.block.async.find(warp, op, address, lane);
}

/// Copies that complete in a phase belong to the agent of the mbarrier.
static Epoch epochOf(const MBarrier &barrier) {
  return makeEpoch(barrier.agent, std::min(barrier.epoch + 1, maxClock));
}

static bool checkBulkSize(Warp &warp, const Op &op, unsigned lane,
                          uint32_t size) {
  if (size && size % 16 == 0)
    return true;
  warp.block.report(CheckKind::InvalidOperation, warp, op, 1u << lane, size,
                    "expected a multiple of 16 bytes, got " +
                        std::to_string(size));
  return false;
}

static void bulkLoad(Warp &warp, const Op &op, uint32_t mask) {
  forLanes(mask, [&](unsigned lane) {
    uint64_t to = warp.address(op.addr[0], lane);
    uint64_t from = warp.address(op.addr[1], lane);
    resolveSpace(Space::Generic, to);
    uint32_t size = warp.src<uint32_t>(op.r[0])[lane];
    MBarrier *barrier = barrierOf(warp, op, lane);
    if (!barrier || !checkBulkSize(warp, op, lane, size))
      return;
    uint8_t *source =
        accessLane(warp, op, Access::Read, lane, Space::Global, from, size, 16);
    uint8_t *target = accessSharedAs(warp, op, Access::Write, lane, to, size,
                                     16, epochOf(*barrier));
    if (!target)
      return;
    Counters &counters = warp.block.counters;
    counters.asyncBytes += size;
    counters.globalLoadBytes += size;
    counters.globalLoadSectors += (from + size + 31) / 32 - from / 32;
    issueLoad(warp, op, lane, {{source, uint32_t(to), size}}, 0, size,
              *barrier);
  });
}
Handler moe::emulator::selectBulkLoad(Selection &) { return bulkLoad; }

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

/// Reads and checks the tensor map that an operand points at.
static std::optional<TensorMap> tensorMap(Warp &warp, const Op &op,
                                          const AddressOperand &operand,
                                          unsigned lane) {
  uint64_t address = warp.address(operand, lane);
  const uint8_t *bytes =
      accessLane(warp, op, Access::Read, lane, Space::Generic, address,
                 kTensorMapBytes, 64);
  if (!bytes)
    return std::nullopt;
  auto fail = [&](const std::string &message) {
    warp.block.report(CheckKind::InvalidOperation, warp, op, 1u << lane,
                      address, message);
    return std::nullopt;
  };
  auto map = TensorMap::read(bytes);
  if (!map)
    return fail(map.error().message);
  if (Status status = map->validate(); !status)
    return fail(status.error().message);
  if (map->rank != op.listSize)
    return fail("expected " + std::to_string(map->rank) +
                " coordinates for the tensor map, got " +
                std::to_string(op.listSize));
  return *map;
}

/// The pieces of a box that lie in accessible memory.
static void boxPieces(Warp &warp, const Op &op, unsigned lane,
                      const TensorMap &map, uint32_t shared, Access global,
                      Pieces &pieces) {
  int32_t coordinates[TensorMap::kMaxRank] = {};
  const int32_t *list = &warp.program.lists[op.list];
  for (unsigned i = 0; i < map.rank; ++i)
    coordinates[i] = warp.src<int32_t>(list[i])[lane];
  Counters &counters = warp.block.counters;
  bool load = global == Access::Read;
  walkBoxRuns(map, coordinates, shared, [&](const BoxPiece &run) {
    if (!run.inside) {
      counters.filledBytes += load ? run.bytes : 0;
      if (load)
        swizzleRun(map.swizzle, run, [&](const BoxPiece &piece) {
          pieces.push_back({nullptr, piece.shared, piece.bytes});
        });
      return;
    }
    (load ? counters.globalLoadSectors : counters.globalStoreSectors) +=
        (run.global + run.bytes + 31) / 32 - run.global / 32;
    (load ? counters.globalLoadBytes : counters.globalStoreBytes) += run.bytes;
    counters.asyncBytes += run.bytes;
    if (uint8_t *bytes = accessLane(warp, op, global, lane, Space::Global,
                                    run.global, run.bytes, 1))
      swizzleRun(map.swizzle, run, [&](const BoxPiece &piece) {
        pieces.push_back(
            {bytes + (piece.global - run.global), piece.shared, piece.bytes});
      });
  });
}

static void tensorLoad(Warp &warp, const Op &op, uint32_t mask) {
  forLanes(mask, [&](unsigned lane) {
    uint64_t to = warp.address(op.addr[0], lane);
    resolveSpace(Space::Generic, to);
    MBarrier *barrier = barrierOf(warp, op, lane);
    auto map = tensorMap(warp, op, op.addr[1], lane);
    if (!barrier || !map)
      return;
    uint32_t bytes = map->boxBytes();
    if (!accessSharedAs(warp, op, Access::Write, lane, to, bytes, 128,
                        epochOf(*barrier)))
      return;
    Pieces pieces;
    boxPieces(warp, op, lane, *map, uint32_t(to), Access::Read, pieces);
    bool nan = map->fill == TensorMapFill::NaN;
    issueLoad(warp, op, lane, std::move(pieces), nan ? map->elementBytes() : 0,
              bytes, *barrier);
  });
}
Handler moe::emulator::selectTensorLoad(Selection &) { return tensorLoad; }

//===----------------------------------------------------------------------===//
// Stores and reductions
//===----------------------------------------------------------------------===//

static void issueStore(Warp &warp, const Op &op, unsigned lane, Pieces pieces) {
  Block &block = warp.block;
  Unit &unit = block.async.unit(warp, UnitKind::Bulk);
  block.async.issue(
      unit, warp, op, 1u << lane, [pieces, &block, &op](uint32_t) {
        for (const Piece &piece : pieces) {
          const uint8_t *from = block.shared.data() + piece.shared;
          if (op.flags)
            reducePiece(op, piece, from);
          else
            std::memcpy(piece.global, from, piece.bytes);
        }
      });
}

static void bulkStore(Warp &warp, const Op &op, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  forLanes(mask, [&](unsigned lane) {
    uint64_t to = warp.address(op.addr[0], lane);
    uint64_t from = warp.address(op.addr[1], lane);
    uint32_t size = warp.src<uint32_t>(op.r[0])[lane];
    if (!checkBulkSize(warp, op, lane, size))
      return;
    Epoch self = async.epoch(async.unit(warp, UnitKind::Bulk));
    if (!accessSharedAs(warp, op, Access::Read, lane, from, size, 16, self))
      return;
    uint8_t *target =
        accessLane(warp, op, op.flags ? Access::Atomic : Access::Write, lane,
                   Space::Global, to, size, 16);
    if (!target)
      return;
    Counters &counters = warp.block.counters;
    counters.asyncBytes += size;
    counters.globalStoreBytes += size;
    counters.globalStoreSectors += (to + size + 31) / 32 - to / 32;
    issueStore(warp, op, lane, {{target, uint32_t(from), size}});
  });
}
Handler moe::emulator::selectBulkStore(Selection &) { return bulkStore; }

static void setReduction(Selection &selection, Type type) {
  selection.op.flags = 1;
  selection.op.immediate = int64_t(*atomicOp(selection));
  selection.op.count = uint8_t(type);
}
Handler moe::emulator::selectBulkReduce(Selection &selection) {
  setReduction(selection, selection.type());
  return bulkStore;
}

static Type reducedType(TensorMapType type) {
  switch (type) {
  case TensorMapType::U32:
    return Type::U32;
  case TensorMapType::S32:
    return Type::S32;
  case TensorMapType::U64:
    return Type::U64;
  case TensorMapType::S64:
    return Type::S64;
  case TensorMapType::F16:
    return Type::F16;
  case TensorMapType::BF16:
    return Type::BF16;
  case TensorMapType::F64:
    return Type::F64;
  case TensorMapType::F32:
  case TensorMapType::F32Ftz:
  case TensorMapType::TF32:
  case TensorMapType::TF32Ftz:
    return Type::F32;
  default:
    return Type::None;
  }
}

static void tensorStore(Warp &warp, const Op &op, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  forLanes(mask, [&](unsigned lane) {
    auto map = tensorMap(warp, op, op.addr[0], lane);
    if (!map)
      return;
    uint64_t from = warp.address(op.addr[1], lane);
    Epoch self = async.epoch(async.unit(warp, UnitKind::Bulk));
    if (!accessSharedAs(warp, op, Access::Read, lane, from, map->boxBytes(),
                        128, self))
      return;
    Pieces pieces;
    boxPieces(warp, op, lane, *map, uint32_t(from),
              op.flags ? Access::Atomic : Access::Write, pieces);
    if (!op.flags)
      return issueStore(warp, op, lane, std::move(pieces));
    Type type = reducedType(map->type);
    if (type == Type::None)
      return warp.block.report(CheckKind::InvalidOperation, warp, op,
                               1u << lane, 0,
                               "the tensor map's type cannot be reduced");
    Unit &unit = async.unit(warp, UnitKind::Bulk);
    Block &block = warp.block;
    async.issue(
        unit, warp, op, 1u << lane, [pieces, &block, &op, type](uint32_t) {
          Op typed = op;
          typed.count = uint8_t(type);
          for (const Piece &piece : pieces)
            reducePiece(typed, piece, block.shared.data() + piece.shared);
        });
  });
}
Handler moe::emulator::selectTensorStore(Selection &) { return tensorStore; }
Handler moe::emulator::selectTensorReduce(Selection &selection) {
  setReduction(selection, Type::None);
  return tensorStore;
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

static void bulkCommit(Warp &warp, const Op &, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  async.commit(async.unit(warp, UnitKind::Bulk), mask);
}
Handler moe::emulator::selectBulkCommit(Selection &) { return bulkCommit; }

static void bulkWait(Warp &warp, const Op &op, uint32_t mask) {
  AsyncUnits &async = warp.block.async;
  async.waitGroup(async.unit(warp, UnitKind::Bulk), warp, mask,
                  uint32_t(op.immediate));
}
Handler moe::emulator::selectBulkWait(Selection &) { return bulkWait; }
