//===- InstructionTable.h - Every instruction there is ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table of instructions and how statements are matched against it. The
// language of its columns is explained above the table, in
// InstructionTable.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_INSTRUCTIONTABLE_H
#define MOE_LIB_EMULATOR_INSTRUCTIONTABLE_H

#include "Program.h"

namespace moe::emulator {

class Selection;
/// Chooses the handler of a matched instruction and completes `op`. Returns
/// null after `selection.fail`.
using Selector = Handler (*)(Selection &selection);

/// One row: an opcode with its modifiers and operands.
struct InstructionRow {
  const char *opcode;
  const char *modifiers;
  const char *operands;
  Selector select;
  uint16_t version = 60;     ///< least PTX version, 78 for 7.8
  uint16_t target = 70;      ///< least sm
  bool archSpecific = false; ///< only on exactly this target with `a`
};

/// A place in a chain of modifiers: one of `names`, or nothing.
struct ModifierSlot {
  std::vector<std::string_view> names;
  bool optional;
};

enum class Role : char {
  Destination = 'd', ///< register
  DestinationOrSink = 'D',
  PredicatePair = 'q',        ///< p, p|q, with sinks
  RegisterAndPredicate = 'e', ///< d, or d|p, with sinks
  Source = 's',               ///< register, immediate or special register
  SourceRegister = 'r',
  Immediate = 'i',
  Predicate = 'P', ///< source predicate, may be negated or constant
  Address = 'a',
  Coordinates = 'A', ///< address followed by a vector of coordinates
  DestinationVector = 'V',
  SourceVector = 'v',
  Label = 'l',
  Any = '*', ///< left to the selector
};

struct OperandSpec {
  Role role;
  unsigned count; ///< of a vector; 0: any
  std::string_view type;
  bool wider; ///< the register may be wider than the type
  bool optional;
};

/// A row with its columns parsed.
struct CompiledRow {
  const InstructionRow *row;
  std::vector<ModifierSlot> slots;
  std::vector<OperandSpec> operands;
};

/// All rows of an opcode; empty when unknown.
const std::vector<CompiledRow> &rowsOf(std::string_view opcode);
/// The compiled form of a matched row.
const CompiledRow &compiledRow(const InstructionRow &row);

/// Finds the row of an instruction and checks its operands. On failure the
/// message names the part that no row accepts.
Status matchInstruction(const Module::Impl &module, const Function &function,
                        Instruction &instruction);

/// Size and class (see Types.h) of the type that a column names: T, U, V are
/// the first, second, third type among the modifiers, W is T widened.
struct ResolvedType {
  std::string_view name;
  unsigned bytes;
  char kind;
};
ResolvedType resolveType(const Instruction &instruction, std::string_view spec);

class Decoder;

/// What a selector sees of the instruction it selects for.
class Selection {
public:
  Selection(const Instruction &instruction, Op &op, Decoder &decoder)
      : instruction(instruction), op(op), decoder(decoder) {}

  bool has(std::string_view modifier) const;
  /// The n-th modifier that is a type, Type::None if there are fewer.
  Type type(unsigned n = 0) const;
  /// Number behind a prefix: number("m64n") of `.m64n256k16` is 256.
  unsigned number(std::string_view prefix) const;
  /// The modifier chosen for a slot of the row, empty if absent.
  std::string_view slot(unsigned index) const;
  const Operand &operand(unsigned n) const { return instruction.operands[n]; }
  unsigned numOperands() const { return unsigned(instruction.operands.size()); }
  /// Bytes of the register behind operand n; of vectors, the first element.
  unsigned registerBytes(unsigned n) const;
  /// The value of a constant operand.
  int64_t constant(unsigned n) const { return operand(n).value; }
  Handler fail(std::string message) {
    failure = std::move(message);
    return nullptr;
  }

  const Instruction &instruction;
  Op &op;
  Decoder &decoder;
  std::string failure;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_INSTRUCTIONTABLE_H
