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

#include <algorithm>

using namespace moe::emulator;

void SharedMemory::reset(uint32_t end) {
  bytes.assign(end, 0xff);
  cells.assign((end + 3) / 4, Cell());
  pool.clear();
}

bool SharedMemory::initialized(uint32_t address, uint32_t size) const {
  for (uint32_t i = address; i < address + size;) {
    const Cell &cell = cells[i / 4];
    uint32_t first = i % 4, count = std::min(4 - first, address + size - i);
    uint8_t mask = uint8_t(((1u << count) - 1) << first);
    if ((cell.init & mask) != mask)
      return false;
    i += count;
  }
  return true;
}

void SharedMemory::markInitialized(uint32_t address, uint32_t size) {
  for (uint32_t i = address; i < address + size; ++i)
    cells[i / 4].init |= uint8_t(1u << i % 4);
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
  for (Cell &cell : cells)
    cell.readers = 0;
}

bool SharedMemory::access(Access kind, uint32_t address, uint32_t size,
                          Epoch self, const VectorClock &clock, const Op *op,
                          Conflict &conflict) {
  bool good = true;
  unsigned agent = self >> clockBits;
  if (pool.size() > 65536)
    forgetReaders();
  // Neighbouring words mostly share their history: remember the last verdict.
  Epoch knownWrite = 0;
  uint32_t knownReaders = 0, lastReaders = ~0u, newReaders = 0;
  auto clash = [&](const Op *other, Epoch epoch, bool isWrite) {
    if (good)
      conflict = {other, epoch >> clockBits, isWrite};
    good = false;
  };
  for (uint32_t i = address; i < address + size;) {
    Cell &cell = cells[i / 4];
    uint32_t first = i % 4, count = std::min(4 - first, address + size - i);
    uint8_t mask = uint8_t(((1u << count) - 1) << first);
    i += count;
    if (writes(kind))
      cell.init |= mask;
    if (!trackRaces)
      continue;
    if (cell.write != knownWrite && cell.writeMask & mask &&
        !(isStrong(kind) && cell.strongWrite)) {
      if ((cell.write >> clockBits) != agent && !isKnown(cell.write, clock))
        clash(cell.writeOp, cell.write, true);
      else
        knownWrite = cell.write;
    }
    if (!writes(kind)) {
      cell.strongReads = isStrong(kind) && (cell.strongReads || !cell.readers);
      if (cell.readers != lastReaders) {
        lastReaders = cell.readers;
        newReaders = addReader(cell.readers, self, clock);
      }
      cell.readers = newReaders;
      cell.readMask |= mask;
      cell.readOp = op;
      continue;
    }
    if (cell.readers != knownReaders && cell.readMask & mask &&
        !(isStrong(kind) && cell.strongReads)) {
      Epoch culprit = 0;
      if (!readersKnown(cell.readers, clock, agent, culprit))
        clash(cell.readOp, culprit, false);
      else
        knownReaders = cell.readers;
    }
    bool sameWriter = cell.write == self;
    cell.writeMask = sameWriter ? cell.writeMask | mask : mask;
    cell.write = self;
    cell.writeOp = op;
    cell.strongWrite = isStrong(kind);
    // Reads of other bytes of the word stay on record.
    cell.readMask &= uint8_t(~mask);
    if (!cell.readMask)
      cell.readers = 0;
  }
  return good;
}
