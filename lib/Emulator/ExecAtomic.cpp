//===- ExecAtomic.cpp - Atomic read-modify-write --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// atom and red. Lanes act one after the other.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "ExecMemory.h"
#include "Selectors.h"
#include "moe/Emulator/Numerics.h"

#include <algorithm>

using namespace moe::emulator;

// Op::immediate of atomics: the operation, and whether there is a result.
constexpr int64_t operationMask = 15, resultFlag = 16;

static float addFloat(float a, float b, bool ftz) {
  return addF32(a, b, {Round::NearestEven, ftz, false});
}

/// The new value for an old one.
template <typename T>
static T update(AtomicOp operation, T old, T b, T c) {
  switch (operation) {
  case AtomicOp::Add:
    return T(Wide<T>(old) + Wide<T>(b));
  case AtomicOp::Min:
    return std::min(old, b);
  case AtomicOp::Max:
    return std::max(old, b);
  case AtomicOp::Inc:
    return old >= b ? T(0) : T(old + 1);
  case AtomicOp::Dec:
    return old == 0 || old > b ? b : T(old - 1);
  case AtomicOp::And:
    return old & b;
  case AtomicOp::Or:
    return old | b;
  case AtomicOp::Xor:
    return old ^ b;
  case AtomicOp::Exch:
    return b;
  default:
    return old == b ? c : old;
  }
}

static uint16_t updateHalf(FloatFormat format, AtomicOp operation, uint16_t old,
                           uint16_t b) {
  if (operation == AtomicOp::Add)
    return addHalf(format, old, b, {});
  return uint16_t(minMax(format, old, b,
                         {operation == AtomicOp::Max, false, false, false}));
}

/// Any type, on bits.
uint64_t moe::emulator::updateBits(Type type, AtomicOp operation, uint64_t old,
                                   uint64_t b, uint64_t c) {
  auto packed = [&](FloatFormat format) {
    uint64_t low = updateHalf(format, operation, uint16_t(old), uint16_t(b));
    uint64_t high =
        updateHalf(format, operation, uint16_t(old >> 16), uint16_t(b >> 16));
    return high << 16 | low;
  };
  switch (type) {
  case Type::F32:
    return bitCast<uint32_t>(addFloat(bitCast<float>(uint32_t(old)),
                                      bitCast<float>(uint32_t(b)), false));
  case Type::F64:
    return bitCast<uint64_t>(
        addF64(bitCast<double>(old), bitCast<double>(b), Round::NearestEven));
  case Type::F16:
    return updateHalf(kF16, operation, uint16_t(old), uint16_t(b));
  case Type::BF16:
    return updateHalf(kBF16, operation, uint16_t(old), uint16_t(b));
  case Type::F16x2:
    return packed(kF16);
  case Type::BF16x2:
    return packed(kBF16);
  case Type::S32:
    return uint32_t(
        update<int32_t>(operation, int32_t(old), int32_t(b), int32_t(c)));
  case Type::S64:
    return uint64_t(
        update<int64_t>(operation, int64_t(old), int64_t(b), int64_t(c)));
  case Type::B16:
    return update<uint16_t>(operation, uint16_t(old), uint16_t(b), uint16_t(c));
  case Type::U64:
  case Type::B64:
    return update<uint64_t>(operation, old, b, c);
  default:
    return update<uint32_t>(operation, uint32_t(old), uint32_t(b), uint32_t(c));
  }
}

/// Blocks on other cores may update the same word.
template <typename T>
static uint64_t exchange(uint8_t *memory, Type type, AtomicOp operation,
                         uint64_t b, uint64_t c) {
  T *word = reinterpret_cast<T *>(memory);
  T old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
  for (;;) {
    T fresh = T(updateBits(type, operation, old, b, c));
    if (__atomic_compare_exchange_n(word, &old, fresh, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
      return old;
  }
}

static uint64_t value(const Warp &warp, int32_t offset, unsigned bytes,
                      unsigned lane) {
  uint64_t bits = 0;
  if (offset != noRegister)
    std::memcpy(&bits, warp.src<uint8_t>(offset) + lane * bytes, bytes);
  return bits;
}

static void atomic(Warp &warp, const Op &op, uint32_t mask) {
  uint64_t addresses[warpSize];
  warp.addresses(op.addr[0], addresses);
  Type type = Type(op.count);
  AtomicOp operation = AtomicOp(op.immediate & operationMask);
  bool hasResult = op.immediate & resultFlag;
  unsigned source = hasResult ? 1 : 0;
  startOrderedStore(warp, op, addresses, mask);
  bool changed = false;
  uint64_t hash = 0;
  forLanes(mask, [&](unsigned lane) {
    uint8_t *memory = accessLane(warp, op, Access::Atomic, lane, op.space,
                                 addresses[lane], op.width, op.width);
    if (!memory)
      return;
    uint64_t b = value(warp, op.r[source], op.width, lane);
    uint64_t c = value(warp, op.r[source + 1], op.width, lane);
    uint64_t old =
        op.width == 2   ? exchange<uint16_t>(memory, type, operation, b, c)
        : op.width == 4 ? exchange<uint32_t>(memory, type, operation, b, c)
                        : exchange<uint64_t>(memory, type, operation, b, c);
    changed |= updateBits(type, operation, old, b, c) != old;
    hash = (hash ^ old ^ addresses[lane]) * 0x9e3779b97f4a7c15u;
    if (hasResult && op.r[0] != noRegister)
      std::memcpy(warp.dst<uint8_t>(op.r[0]) + lane * op.width, &old, op.width);
  });
  Block &block = warp.block;
  block.counters.atomics += unsigned(__builtin_popcount(mask));
  if (changed)
    block.progress();
  else
    pollIfRepeated(warp, op, hash);
  acquireOrdered(warp, op, addresses, mask);
}

std::optional<AtomicOp> moe::emulator::atomicOp(const Selection &selection) {
  static const char *const names[] = {"add", "min", "max", "inc",  "dec",
                                      "and", "or",  "xor", "exch", "cas"};
  for (uint8_t i = 0; i < 10; ++i)
    if (selection.has(names[i]))
      return AtomicOp(i);
  return std::nullopt;
}

static Handler setAtomic(Selection &selection, bool hasResult) {
  Op &op = selection.op;
  op.immediate = int64_t(*atomicOp(selection));
  op.immediate |= hasResult ? resultFlag : 0;
  Type type = selection.type();
  op.count = uint8_t(type);
  op.width = op.regWidth = uint8_t(sizeOf(type));
  op.space = spaceOf(selection);
  op.flags = uint8_t(orderFlags(selection) | orderStrong);
  return atomic;
}
Handler moe::emulator::selectAtom(Selection &selection) {
  return setAtomic(selection, true);
}
Handler moe::emulator::selectRed(Selection &selection) {
  return setAtomic(selection, false);
}
