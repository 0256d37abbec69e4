//===- SharedMemory.cpp - Shared memory that knows its accesses -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The shared memory of a block with a shadow that finds races.
//
//===----------------------------------------------------------------------===//

#include "SharedMemory.h"
#include "Program.h"

#include <algorithm>
#include <cstring>

using namespace moe::emulator;

void SharedMemory::reset(uint32_t end, const Op *firstOp) {
  bytes.assign(end, 0xff);
  cells.assign((end + 3) / 4, Cell());
  pool.clear();
  code = firstOp;
  memo = {};
}

/// Whether every reader in the set is known to `clock`.
bool SharedMemory::readersKnown(uint32_t readers, const VectorClock &clock,
                                unsigned selfAgent, Epoch &culprit) const {
  auto known = [&](Epoch epoch) {
    culprit = epoch;
    return (epoch >> clockBits) == selfAgent || isKnown(epoch, clock);
  };
  if (!(readers & poolBit))
    return known(readers);
  const Readers &set = pool[readers & ~poolBit];
  return std::all_of(set.begin(), set.end(), known);
}

/// The set with `self` added and all readers dropped that `self` knows: what is
/// ordered after `self` is ordered after them too.
uint32_t SharedMemory::addReader(uint32_t readers, Epoch self,
                                 const VectorClock &clock) {
  unsigned agent = self >> clockBits;
  if (readers == self)
    return self;
  if (readers & poolBit && pool[readers & ~poolBit].back() == self)
    return readers;
  Readers kept;
  auto keep = [&](Epoch epoch) {
    if ((epoch >> clockBits) != agent && !isKnown(epoch, clock))
      kept.push_back(epoch);
  };
  if (readers & poolBit)
    for (Epoch epoch : pool[readers & ~poolBit])
      keep(epoch);
  else
    keep(readers);
  if (kept.empty())
    return self;
  kept.push_back(self);
  pool.push_back(std::move(kept));
  return poolBit | uint32_t(pool.size() - 1);
}

/// Drops all recorded reads, to bound memory: a race may then be missed, none
/// is invented.
void SharedMemory::forgetReaders() {
  pool.clear();
  memo = {};
  for (Cell &cell : cells)
    cell.readers = 0;
}

bool SharedMemory::sameCell(const Cell &a, const Cell &b) {
  static_assert(sizeof(Cell) == 16, "no padding to compare");
  return std::memcmp(&a, &b, sizeof(Cell)) == 0;
}

SharedMemory::Result SharedMemory::access(Access kind, uint32_t address,
                                          uint32_t size, Epoch self,
                                          const VectorClock &clock,
                                          const Op *op) {
  Result result;
  unsigned agent = self >> clockBits;
  if (pool.size() > 65536)
    forgetReaders();
  if (memo.self != self) {
    memo = {};
    memo.self = self;
  }
  if (memo.op != op || memo.kind != kind) {
    memo.op = op;
    memo.kind = kind;
    memo.hasStep = false;
  }
  uint32_t opIndex = uint32_t(op - code);
  auto clash = [&](uint32_t other, Epoch epoch, bool isWrite) {
    if (result.ordered || (result.conflict.isWrite && !isWrite))
      result.conflict = {code + other, epoch >> clockBits, isWrite};
    result.ordered = false;
  };
  bool reading = reads(kind), writing = writes(kind), strong = isStrong(kind);
  auto remember = [&](const Cell &before, const Cell &after, uint32_t count) {
    // Not if the readers were forgotten meanwhile: they have new numbers.
    memo.hasStep = count == 4 && result.good() && memo.self == self;
    memo.before = before;
    memo.after = after;
  };
  for (uint32_t i = address; i < address + size;) {
    Cell &cell = cells[i / 4];
    uint32_t first = i % 4, count = std::min(4 - first, address + size - i);
    i += count;
    if (count == 4 && memo.hasStep && sameCell(cell, memo.before)) {
      cell = memo.after;
      for (; i + 4 <= address + size && sameCell(cells[i / 4], memo.before);
           i += 4)
        cells[i / 4] = memo.after;
      continue;
    }
    const Cell before = cell;
    uint32_t mask = ((1u << count) - 1) << first;
    if (reading && (cell.init & mask) != mask)
      result.initialized = false;
    if (writing)
      cell.init |= mask;
    if (!trackRaces)
      continue;
    if (cell.write != memo.knownWrite && cell.writeMask & mask &&
        !(strong && cell.strongWrite)) {
      if ((cell.write >> clockBits) != agent && !isKnown(cell.write, clock))
        clash(cell.writeOp, cell.write, true);
      else
        memo.knownWrite = cell.write;
    }
    if (!writing) {
      cell.strongReads = strong && (cell.strongReads || !cell.readers);
      if (cell.readers != memo.lastReaders) {
        memo.lastReaders = cell.readers;
        memo.newReaders = addReader(cell.readers, self, clock);
      }
      cell.readers = memo.newReaders;
      cell.readMask |= mask;
      cell.readOp = opIndex;
      remember(before, cell, count);
      continue;
    }
    if (cell.readers != memo.knownReaders && cell.readMask & mask &&
        !(strong && cell.strongReads)) {
      Epoch culprit = 0;
      if (!readersKnown(cell.readers, clock, agent, culprit))
        clash(cell.readOp, culprit, false);
      else
        memo.knownReaders = cell.readers;
    }
    cell.writeMask = cell.write == self ? cell.writeMask | mask : mask;
    cell.write = self;
    cell.writeOp = opIndex;
    cell.strongWrite = strong;
    // Reads of other bytes of the word stay on record.
    cell.readMask &= ~mask;
    if (!cell.readMask)
      cell.readers = 0;
    remember(before, cell, count);
  }
  return result;
}
