//===- Decoder.h - From matched statements to a program ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Places registers, variables and functions and decodes instructions.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_DECODER_H
#define MOE_LIB_EMULATOR_DECODER_H

#include "InstructionTable.h"

namespace moe::emulator {

class Decoder {
public:
  Decoder(const Module::Impl &module, Program &program,
          const VariableAddresses &addresses)
      : module(module), program(program), addresses(addresses) {}

  /// Decodes a kernel and everything it can call.
  Status run(const Function &kernel);

  /// \name For selectors
  /// @{
  /// The code index of a label.
  std::optional<uint32_t> label(std::string_view name, uint32_t scope);
  /// The index in Program::callees of a function with a body.
  std::optional<uint32_t> callee(std::string_view name);
  /// The index in Program::branchTables of a .branchtargets list.
  std::optional<uint32_t> branchTable(std::string_view name, uint32_t scope);
  /// Offset in param memory of a `.param` variable of the current function.
  std::optional<uint64_t> param(std::string_view name, uint32_t scope);
  /// A constant register of `bytes` bytes with the same value in all lanes.
  int32_t splat(uint64_t value, unsigned bytes);
  /// The register-file offset of a register operand.
  int32_t registerOffset(uint32_t index);
  /// Any scalar source of a given size and class.
  std::optional<int32_t> source(const Operand &operand, unsigned bytes,
                                char kind);
  std::optional<AddressOperand> address(const Operand &operand);
  Status error(const std::string &message) const;
  Program &get() { return program; }
  /// @}

private:
  struct FunctionState {
    const Function *function;
    uint32_t entry;
    std::vector<int32_t> registers;
    std::vector<uint64_t> addresses; ///< of `variables`
  };

  void reach(const Function &kernel);
  bool isAddressTaken(const Function &function) const;
  void place(FunctionState &state, bool isKernel);
  void placeShared();
  uint32_t placeAligned(uint32_t end, uint32_t align) const;
  std::optional<uint64_t> symbol(const Operand &operand);
  std::optional<int32_t> special(std::string_view name, unsigned bytes);
  Status decode(const Instruction &instruction);
  bool decodeOperand(Selection &selection, const OperandSpec &spec,
                     const Operand &operand, unsigned &reg, unsigned &addr,
                     std::string &message);
  bool decodeVector(Op &op, const OperandSpec &spec, const Operand &operand,
                    const Instruction &instruction);

  const Module::Impl &module;
  Program &program;
  const VariableAddresses &addresses;
  std::vector<FunctionState> functions;
  FunctionState *state = nullptr;
  const Instruction *current = nullptr;
  std::map<std::pair<uint64_t, unsigned>, int32_t> splats;
  std::map<std::pair<std::string, unsigned>, int32_t> specials;
  std::map<std::string, uint64_t> sharedAddresses;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_DECODER_H
