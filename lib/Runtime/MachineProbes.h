//===- MachineProbes.h - The loops that measure the machine -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loops of known content, one per feature of the CPU and kind of access.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUNTIME_MACHINEPROBES_H
#define MOE_LIB_RUNTIME_MACHINEPROBES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace mlir::moe {

/// A loop of arithmetic on registers.
struct FlopProbe {
  llvm::StringLiteral symbol;
  /// The CPU features that it needs, comma-separated, as LLVM spells them.
  llvm::StringLiteral features;
  llvm::StringLiteral method;
  /// Whether it takes products of bf16 rather than of f32.
  bool isBFloat16;
  int64_t flopsPerIteration;
  void (*run)(int64_t iterations);
};

/// All of them, whether this CPU can run them or not.
llvm::ArrayRef<FlopProbe> getFlopProbes();

/// A loop that reads memory.
struct ReadProbe {
  llvm::StringLiteral symbol;
  llvm::StringLiteral method;
  /// Reads `size` bytes, a multiple of readGranularity.
  void (*run)(const char *data, int64_t size);
};

constexpr int64_t readGranularity = 1024;

llvm::ArrayRef<ReadProbe> getReadProbes();

} // namespace mlir::moe

#endif // MOE_LIB_RUNTIME_MACHINEPROBES_H
