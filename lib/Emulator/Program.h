//===- Program.h - A kernel ready to run ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The decoded form of one kernel with all functions it can call. It is built
// once and run by every warp of every launch.
//
// A register holds the 32 lanes of a warp side by side, each as wide as its
// declared type; a predicate is one 32-bit mask. Operands are byte offsets into
// the warp's register file; an odd offset means the table of constants.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_PROGRAM_H
#define MOE_LIB_EMULATOR_PROGRAM_H

#include "Syntax.h"

#include <array>

namespace moe::emulator {

class Warp;
struct Op;

/// Executes one instruction for the lanes of `mask`, which is not empty.
using Handler = void (*)(Warp &warp, const Op &op, uint32_t mask);

constexpr unsigned warpSize = 32;
constexpr uint32_t fullMask = 0xffffffffu;
constexpr int32_t noRegister = -2;

/// Where generic addresses of the windows start. Global memory is mapped to
/// itself, below all of them.
constexpr uint64_t sharedWindow = uint64_t(0x0101) << 48;
constexpr uint64_t localWindow = uint64_t(0x0102) << 48;
constexpr uint64_t paramWindow = uint64_t(0x0103) << 48;
constexpr uint64_t functionWindow = uint64_t(0x0104) << 48;
constexpr uint64_t windowSize = uint64_t(1) << 48;
/// Parameters of device functions follow those of the kernel.
constexpr uint64_t deviceParams = 0x10000;

/// A memory operand.
struct AddressOperand {
  int64_t offset = 0;
  int32_t base = noRegister;
  bool wide = false; ///< the base register has 64 bits
};

struct Op {
  Handler run = nullptr;
  AddressOperand addr[3];
  int64_t immediate = 0;      ///< of an immediate operand, or what run wants
  int32_t guard = noRegister; ///< predicate
  int32_t r[6] = {noRegister, noRegister, noRegister,
                  noRegister, noRegister, noRegister};
  uint32_t list = 0; ///< first of `listSize` offsets in Program::lists
  uint16_t listSize = 0;
  uint16_t negated = 0; ///< bit i: source predicate r[i] is negated
  bool guardNegated = false;
  Space space = Space::Generic;
  uint8_t width = 0;    ///< bytes of an element in memory
  uint8_t count = 1;    ///< elements of a vector access
  uint8_t regWidth = 0; ///< bytes of the data registers
  bool isSigned = false;
  uint8_t flags = 0;          ///< free for the handler
  bool mayTouchOwned = false; ///< a wgmma: its registers may be in flight
  const Instruction *source = nullptr;
  const Function *function = nullptr;
};

/// A special register that is filled when a warp starts.
struct SpecialRegister {
  enum Kind : uint8_t {
    TidX,
    TidY,
    TidZ,
    NtidX,
    NtidY,
    NtidZ,
    CtaidX,
    CtaidY,
    CtaidZ,
    NctaidX,
    NctaidY,
    NctaidZ,
    LaneId,
    WarpId,
    NwarpId,
    SmId,
    NsmId,
    GridId,
    LaneMaskEq,
    LaneMaskLe,
    LaneMaskLt,
    LaneMaskGe,
    LaneMaskGt,
    DynamicShared,
    TotalShared,
    Zero,
    One,
    ReservedEnd,
    ClusterCtaid,
    ClusterNctaid,
    ClusterIdX,
    ClusterIdY,
    ClusterIdZ,
    NclusterIdX,
    NclusterIdY,
    NclusterIdZ,
  } kind;
  uint8_t bytes;
  int32_t offset;
};

/// What a call needs to know of the callee.
struct Callee {
  const Function *function;
  uint32_t entry;                        ///< index into Program::code
  std::vector<uint64_t> params, results; ///< offsets in param memory
};

/// A variable whose address depends on the kernel.
struct PlacedVariable {
  std::string name;
  uint64_t address, size;
};

struct Program {
  std::shared_ptr<const Module> module;
  const Function *kernel = nullptr;
  std::vector<Op> code;
  std::vector<int32_t> lists;
  std::vector<uint8_t> constants;
  std::vector<SpecialRegister> specials;
  std::vector<Callee> callees;
  std::vector<std::vector<uint32_t>> branchTables; ///< code indices
  uint32_t registerBytes = 0;
  uint32_t localBytes = 0, paramBytes = 0; ///< per lane
  uint32_t kernelParamBytes = 0;
  std::vector<uint32_t> kernelParamOffsets;
  std::vector<PlacedVariable> shared;
  uint32_t sharedEnd = 0;     ///< static part, addresses start at sharedBase
  uint32_t dynamicAlign = 16; ///< of `.extern .shared`
  uint32_t dynamicBase = 0;
};

/// Shared addresses below are reserved, as on sm_90.
constexpr uint32_t sharedBase = 1024;

/// Addresses of module variables on a device.
using VariableAddresses = std::vector<uint64_t>;

/// Builds the program of a kernel whose instructions have all been matched.
Expected<std::unique_ptr<Program>>
buildProgram(std::shared_ptr<const Module> module, const Function &kernel,
             const VariableAddresses &addresses);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_PROGRAM_H
