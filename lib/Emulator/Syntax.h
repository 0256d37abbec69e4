//===- Syntax.h - A parsed PTX module ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the parser makes of PTX text: variables, functions, instructions.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_SYNTAX_H
#define MOE_LIB_EMULATOR_SYNTAX_H

#include "Types.h"
#include "moe/Emulator/Emulator.h"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moe::emulator {

struct InstructionRow;

using NameMap = std::map<std::string, uint32_t, std::less<>>;

/// A piece of an initialiser that holds an address.
struct Relocation {
  uint32_t offset;    ///< in the variable
  uint32_t bytes;     ///< 8, or 1 for a byte selected by a mask
  uint32_t shift;     ///< bits to shift the address right before storing
  std::string symbol; ///< variable or function
  bool generic;       ///< generic(symbol)
  int64_t addend;
};

/// A variable in some state space other than registers.
struct Variable {
  std::string name;
  Space space = Space::Global;
  uint32_t align = 1;
  uint64_t size = 0; ///< 0: `name[]`, sized at launch
  bool isExtern = false;
  bool isPointer = false; ///< a parameter with `.ptr`
  Type element = Type::B8;
  std::vector<uint8_t> init; ///< empty: zero (global, const) or undefined
  std::vector<Relocation> relocations;
};

enum class OperandKind : uint8_t {
  Register,  ///< `index`, `type`
  Special,   ///< `name`: %tid.x
  Immediate, ///< `value`
  Symbol,    ///< `name` [+ value]: label, variable or function
  Address,   ///< [elements[0] + value], then coordinates in elements[1..]
  Vector,    ///< {elements} or a parenthesised list
  Pair,      ///< elements[0] | elements[1]
  Sink,      ///< _
};

struct Operand {
  OperandKind kind = OperandKind::Sink;
  Type type = Type::None; ///< of a register
  bool negated = false;   ///< !p
  bool isFloat = false;   ///< `value` holds the bits of a double
  bool isSingle = false;  ///< ... of a float
  uint32_t index = 0;     ///< register number within the function
  uint32_t scope = 0;     ///< where a symbol was named
  int64_t value = 0;
  std::string_view name;
  std::vector<Operand> elements;
};

/// One instruction, as written and as matched.
struct Instruction {
  unsigned line = 0, column = 0;
  uint32_t location = 0; ///< index into Function::locations, 0: none
  int32_t guard = -1;    ///< predicate register, -1: none
  bool guardNegated = false;
  std::string_view opcode;
  std::string_view text; ///< the whole statement
  std::vector<std::string_view> modifiers;
  std::vector<Operand> operands;
  const InstructionRow *row = nullptr; ///< set by matchInstruction
  std::vector<int8_t> slots;           ///< alternative per slot, -1: absent
};

/// A `{ }` scope of a function: labels and variables visible in it.
struct Scope {
  uint32_t parent = 0;
  NameMap labels; ///< to instruction
  NameMap variables;
  std::map<std::string, std::vector<std::string_view>, std::less<>>
      branchTargets;
};

struct SourceLocation {
  std::string file;
  unsigned line = 0;
};

struct Function {
  std::string name;
  unsigned line = 0;
  bool isEntry = false;
  bool hasBody = false;
  std::vector<uint32_t> params, results; ///< indices into `variables`
  std::vector<Variable> variables;       ///< parameters and locals
  std::vector<Type> registers;
  std::vector<Scope> scopes{Scope()};
  std::vector<Instruction> body;
  std::vector<SourceLocation> locations{SourceLocation()};
  Dim3 requiredBlock{0, 0, 0}, maxBlock{0, 0, 0};
  uint32_t minBlocks = 0, maxRegisters = 0;
  bool isOrderDependent = false; ///< set by checkModule

  /// Finds a variable or label from `scope` outwards.
  const uint32_t *find(NameMap Scope::*table, uint32_t scope,
                       std::string_view symbol) const {
    for (;; scope = scopes[scope].parent) {
      auto it = (scopes[scope].*table).find(symbol);
      if (it != (scopes[scope].*table).end())
        return &it->second;
      if (!scope)
        return nullptr;
    }
  }
};

struct Module::Impl {
  std::string text, file;
  unsigned version = 0; ///< 88 for 8.8
  unsigned target = 0;
  bool archSpecific = false;
  std::vector<Variable> variables;
  NameMap variableIndex;
  std::vector<Function> functions;
  NameMap functionIndex;
  std::vector<KernelInfo> kernels;
};

/// Matches every instruction and resolves every name; fills in `kernels`.
Status checkModule(Module::Impl &module);

/// Parses `module.text` into `module`; the error lists all messages.
Status parseModule(Module::Impl &module);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_SYNTAX_H
