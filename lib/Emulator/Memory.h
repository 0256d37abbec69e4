//===- Memory.h - Global memory ---------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Allocations in global memory and which of their bytes have been written.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_MEMORY_H
#define MOE_LIB_EMULATOR_MEMORY_H

#include "moe/Emulator/Emulator.h"

#include <map>

namespace moe::emulator {

/// One allocation. It stays on record after it is freed.
struct Allocation {
  uint64_t base = 0, size = 0;
  uint8_t *data = nullptr;
  std::string name;
  bool freed = false;
  bool readOnly = false;
  std::vector<uint8_t> storage; ///< empty when the memory is the host's
  std::vector<uint8_t> written; ///< one bit per byte; empty: all of it

  bool contains(uint64_t address, uint64_t bytes) const {
    return address >= base && bytes <= size && address - base <= size - bytes;
  }
  bool initialized(uint64_t offset, uint64_t bytes) const;
  void markWritten(uint64_t offset, uint64_t bytes);
  std::string describe() const;
};

class GlobalMemory {
public:
  Expected<uint64_t> allocate(size_t size, std::string name, uint32_t align);
  Status adopt(void *data, size_t size);
  Status release(uint64_t base, bool adopted);

  /// The allocation that holds `address`, or the nearest below; null if none.
  Allocation *find(uint64_t address);
  /// Host pointer to a live range, or an error.
  Expected<Allocation *> range(uint64_t address, size_t size, const char *what);

private:
  std::map<uint64_t, std::unique_ptr<Allocation>> allocations;
  uint64_t next = uint64_t(0x2000) << 32;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_MEMORY_H
