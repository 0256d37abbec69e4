//===- TargetInfo.h - x86-64 processors -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The processor that code is generated for: its name, its features, and
// whether this machine has them.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_TARGETINFO_H
#define MOE_TARGET_CPU_TARGETINFO_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace mlir::moe {

/// A processor in LLVM's terms.
struct CPUTarget {
  std::string cpu;
  /// Features beyond (`+avx2`) or short of (`-avx512f`) those of `cpu`, with
  /// commas between them.
  std::string features;
};

/// The processor called `name`: one of LLVM's names for 64-bit x86 processors,
/// or `native`, this machine's. An error for another name says which are near.
llvm::Expected<CPUTarget> resolveCPU(llvm::StringRef name);

/// The code generator for `target`: position-independent ELF for Linux. An
/// error for a processor or a feature that LLVM does not know.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const CPUTarget &target, unsigned optLevel = 3);

/// A feature that generated code may use and how CPUID and XCR0 tell whether
/// the machine has it.
struct CPUFeature {
  const char *name;
  uint32_t leaf, subleaf;
  /// 0 to 3: EAX, EBX, ECX, EDX.
  uint32_t reg;
  uint32_t bit;
  /// The state that the operating system has to save, as XCR0 has it.
  uint32_t xcr0;
};

/// The features beyond baseline x86-64 that code of `machine` may use.
llvm::SmallVector<CPUFeature>
getRequiredFeatures(const llvm::TargetMachine &machine);

/// Those of getRequiredFeatures that this machine lacks.
llvm::SmallVector<llvm::StringRef>
getMissingFeatures(const llvm::TargetMachine &machine);

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_TARGETINFO_H
