//===- Memory.cpp - Global memory -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Allocations in global memory and which of their bytes have been written.
//
//===----------------------------------------------------------------------===//

#include "Memory.h"

#include <algorithm>
#include <cstdio>

using namespace moe::emulator;

/// Space between allocations, so that small overruns hit nothing.
constexpr uint64_t guardBytes = 4096;
constexpr size_t maxAllocation = size_t(1) << 38;

static std::string hex(uint64_t value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "0x%llx", (unsigned long long)value);
  return buffer;
}

std::string Allocation::describe() const {
  std::string text = name.empty() ? "allocation" : "'" + name + "'";
  return text + " of " + std::to_string(size) + " bytes at " + hex(base);
}

bool Allocation::initialized(uint64_t offset, uint64_t bytes) const {
  if (written.empty())
    return true;
  for (uint64_t i = offset; i < offset + bytes;) {
    uint64_t first = i % 8, count = std::min(8 - first, offset + bytes - i);
    uint8_t mask = uint8_t(((1u << count) - 1) << first);
    if ((__atomic_load_n(&written[i / 8], __ATOMIC_RELAXED) & mask) != mask)
      return false;
    i += count;
  }
  return true;
}

void Allocation::markWritten(uint64_t offset, uint64_t bytes) {
  if (written.empty())
    return;
  for (uint64_t i = offset; i < offset + bytes;) {
    uint64_t first = i % 8, count = std::min(8 - first, offset + bytes - i);
    uint8_t mask = uint8_t(((1u << count) - 1) << first);
    uint8_t *cell = &written[i / 8];
    // Blocks on other cores may mark neighbouring bytes.
    if ((__atomic_load_n(cell, __ATOMIC_RELAXED) & mask) != mask)
      __atomic_fetch_or(cell, mask, __ATOMIC_RELAXED);
    i += count;
  }
}

Expected<uint64_t> GlobalMemory::allocate(size_t size, std::string name,
                                          uint32_t align) {
  if (size > maxAllocation)
    return Error{"cannot allocate " + std::to_string(size) +
                 " bytes of device memory"};
  auto allocation = std::make_unique<Allocation>();
  // Aligned as stated and no better.
  uint64_t base = (next + 2 * align - 1) / (2 * align) * (2 * align) + align;
  next = base + size + guardBytes;
  allocation->base = base;
  allocation->size = size;
  allocation->name = std::move(name);
  allocation->storage.assign(size, 0xff);
  allocation->data = allocation->storage.data();
  allocation->written.assign(size / 8 + 1, 0);
  allocations.emplace(base, std::move(allocation));
  return base;
}

Status GlobalMemory::adopt(void *data, size_t size) {
  uint64_t base = uint64_t(reinterpret_cast<uintptr_t>(data));
  Allocation *near = find(base + (size ? size - 1 : 0));
  if (near && !near->freed && near->base + near->size > base)
    return Error{"host memory at " + hex(base) + " is registered already"};
  auto allocation = std::make_unique<Allocation>();
  allocation->base = base;
  allocation->size = size;
  allocation->name = "host memory";
  allocation->data = static_cast<uint8_t *>(data);
  allocations[base] = std::move(allocation);
  return {};
}

Status GlobalMemory::release(uint64_t base, bool adopted) {
  auto it = allocations.find(base);
  if (it == allocations.end() ||
      (it->second->storage.empty() && it->second->size) != adopted)
    return Error{"address " + hex(base) + " was not returned by an allocation"};
  Allocation &allocation = *it->second;
  if (allocation.freed)
    return Error{allocation.describe() + " is freed twice"};
  allocation.freed = true;
  std::vector<uint8_t>().swap(allocation.storage);
  std::vector<uint8_t>().swap(allocation.written);
  if (adopted)
    allocations.erase(it);
  return {};
}

Allocation *GlobalMemory::find(uint64_t address) {
  auto it = allocations.upper_bound(address);
  return it == allocations.begin() ? nullptr : std::prev(it)->second.get();
}

Expected<Allocation *> GlobalMemory::range(uint64_t address, size_t size,
                                           const char *what) {
  Allocation *allocation = find(address);
  std::string range = std::string(what) + " of " + std::to_string(size) +
                      " bytes at " + hex(address);
  if (!allocation || !allocation->contains(address, size))
    return Error{range + " is outside of every allocation"};
  if (allocation->freed)
    return Error{range + " is in freed memory: " + allocation->describe()};
  return allocation;
}
