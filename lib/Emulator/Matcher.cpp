//===- Matcher.cpp - Matching statements against the table ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds the row of the instruction table for a statement and checks the kinds
// and types of its operands.
//
//===----------------------------------------------------------------------===//

#include "InstructionTable.h"

#include <algorithm>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

namespace moe::emulator {
extern const InstructionRow instructionRows[];
extern const size_t numInstructionRows;
} // namespace moe::emulator

static std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(at), text.size());
    std::string_view part = text.substr(0, end);
    while (!part.empty() && part.front() == ' ')
      part.remove_prefix(1);
    if (!part.empty())
      parts.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

static ModifierSlot compileSlot(std::string_view text) {
  ModifierSlot slot;
  slot.optional = text.back() == '?';
  if (slot.optional)
    text.remove_suffix(1);
  slot.names = split(text, '|');
  for (std::string_view &name : slot.names)
    name.remove_prefix(1); // the dot
  return slot;
}

/// `role[count]:type[+][?]`
static OperandSpec compileOperand(std::string_view text) {
  OperandSpec spec{Role(text[0]), 0, "", false, false};
  if (text.back() == '?') {
    spec.optional = true;
    text.remove_suffix(1);
  }
  if (text.back() == '+') {
    spec.wider = true;
    text.remove_suffix(1);
  }
  size_t colon = text.find(':');
  for (char c : text.substr(1, colon == text.npos ? text.npos : colon - 1))
    spec.count = spec.count * 10 + unsigned(c - '0');
  if (colon != text.npos)
    spec.type = text.substr(colon + 1);
  return spec;
}

using Table = std::map<std::string_view, std::vector<CompiledRow>>;

static const Table &compiledTable() {
  static const Table *table = [] {
    auto *result = new Table;
    for (size_t i = 0; i < numInstructionRows; ++i) {
      CompiledRow compiled{&instructionRows[i], {}, {}};
      for (std::string_view slot : split(compiled.row->modifiers, ' '))
        compiled.slots.push_back(compileSlot(slot));
      for (std::string_view operand : split(compiled.row->operands, ','))
        compiled.operands.push_back(compileOperand(operand));
      (*result)[compiled.row->opcode].push_back(std::move(compiled));
    }
    return result;
  }();
  return *table;
}

const std::vector<CompiledRow> &moe::emulator::rowsOf(std::string_view opcode) {
  static const std::vector<CompiledRow> none;
  auto it = compiledTable().find(opcode);
  return it == compiledTable().end() ? none : it->second;
}

const CompiledRow &moe::emulator::compiledRow(const InstructionRow &row) {
  for (const CompiledRow &compiled : rowsOf(row.opcode))
    if (compiled.row == &row)
      return compiled;
  return rowsOf(row.opcode).front();
}

/// The table as Markdown.
std::string moe::emulator::instructionTable() {
  std::string text =
      "| instruction | operands | PTX | sm |\n|---|---|---|---|\n";
  for (size_t i = 0; i < numInstructionRows; ++i) {
    const InstructionRow &row = instructionRows[i];
    std::string name = std::string("`") + row.opcode;
    for (std::string_view slot : split(row.modifiers, ' ')) {
      bool optional = slot.back() == '?';
      if (optional)
        slot.remove_suffix(1);
      bool several = slot.find('|') != slot.npos;
      std::string shown;
      for (char c : slot)
        shown += c == '|' ? "\\|" : std::string(1, c);
      name += optional  ? "[" + shown + "]"
              : several ? "(" + shown + ")"
                        : shown;
    }
    text += "| " + name + "` | `" + row.operands + "` | " +
            std::to_string(row.version / 10) + "." +
            std::to_string(row.version % 10) + " | " +
            std::to_string(row.target) + (row.archSpecific ? "a" : "") + " |\n";
  }
  return text;
}

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

bool Selection::has(std::string_view modifier) const {
  return std::find(instruction.modifiers.begin(), instruction.modifiers.end(),
                   modifier) != instruction.modifiers.end();
}

static Type typeModifier(const Instruction &instruction, unsigned n) {
  for (std::string_view modifier : instruction.modifiers)
    if (std::optional<Type> type = typeByName(modifier))
      if (!n--)
        return *type;
  return Type::None;
}

ResolvedType moe::emulator::resolveType(const Instruction &instruction,
                                        std::string_view spec) {
  static const std::string_view places = "TUV";
  Type type = Type::None;
  if (spec == "W")
    type = typeModifier(instruction, 0);
  else if (spec.size() == 1 && places.find(spec[0]) != places.npos)
    type = typeModifier(instruction, unsigned(places.find(spec[0])));
  else if (std::optional<Type> named = typeByName(spec))
    type = *named;
  return {info(type).name, sizeOf(type) * (spec == "W" ? 2 : 1),
          info(type).kind};
}

Type Selection::type(unsigned n) const { return typeModifier(instruction, n); }

unsigned Selection::number(std::string_view prefix) const {
  for (std::string_view modifier : instruction.modifiers)
    for (size_t at = modifier.find(prefix); at != modifier.npos;
         at = modifier.find(prefix, at + 1)) {
      unsigned value = 0;
      size_t i = at + prefix.size();
      for (; i < modifier.size() && modifier[i] >= '0' && modifier[i] <= '9';
           ++i)
        value = value * 10 + unsigned(modifier[i] - '0');
      if (value)
        return value;
    }
  return 0;
}

std::string_view Selection::slot(unsigned index) const {
  int8_t at = instruction.slots[index];
  return at < 0 ? std::string_view() : instruction.modifiers[size_t(at)];
}

unsigned Selection::registerBytes(unsigned n) const {
  const Operand *o = &operand(n);
  if (o->kind == OperandKind::Vector) {
    for (const Operand &element : o->elements)
      if (element.kind == OperandKind::Register)
        return sizeOf(element.type);
    return 0;
  }
  return o->kind == OperandKind::Register ? sizeOf(o->type) : 0;
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

namespace {

class Matcher {
public:
  Matcher(const Module::Impl &module, Instruction &instruction)
      : module(module), instruction(instruction) {}

  Status run();

private:
  bool matchModifiers(const CompiledRow &row);
  bool matchOperands(const CompiledRow &row);
  bool matchOperand(const OperandSpec &spec, const Operand &operand,
                    unsigned number);
  bool matchRegister(const OperandSpec &spec, const Operand &operand,
                     const std::string &where);
  bool matchVector(const OperandSpec &spec, const Operand &operand,
                   const std::string &where);
  bool checkRequirements(const InstructionRow &row);
  bool failOperand(const std::string &message) {
    if (operandMessage.empty())
      operandMessage = message;
    return false;
  }
  Error error(const std::string &message) const {
    return Error{module.file + ":" + std::to_string(instruction.line) + ":" +
                 std::to_string(instruction.column) + ": error: " + message +
                 " in '" + std::string(instruction.text) + "'"};
  }

  const Module::Impl &module;
  Instruction &instruction;
  size_t furthest = 0; ///< modifiers that some row accepts
  std::vector<std::string_view> expectedThere;
  std::string operandMessage, requirementMessage;
  std::vector<int8_t> slots;
};

} // namespace

bool Matcher::matchModifiers(const CompiledRow &row) {
  const auto &modifiers = instruction.modifiers;
  size_t at = 0;
  slots.assign(row.slots.size(), -1);
  auto expect = [&](const ModifierSlot &slot) {
    if (at < furthest)
      return;
    if (at > furthest)
      expectedThere.clear();
    furthest = at;
    expectedThere.insert(expectedThere.end(), slot.names.begin(),
                         slot.names.end());
  };
  for (size_t i = 0; i < row.slots.size(); ++i) {
    const ModifierSlot &slot = row.slots[i];
    if (at < modifiers.size() && std::find(slot.names.begin(), slot.names.end(),
                                           modifiers[at]) != slot.names.end()) {
      slots[i] = int8_t(at++);
      continue;
    }
    expect(slot);
    if (!slot.optional)
      return false;
  }
  if (at > furthest) {
    furthest = at;
    expectedThere.clear();
  }
  return at == modifiers.size();
}

bool Matcher::matchRegister(const OperandSpec &spec, const Operand &operand,
                            const std::string &where) {
  if (spec.type == "*" && operand.type != Type::Pred)
    return true;
  auto [name, bytes, kind] = resolveType(instruction, spec.type);
  unsigned actual = sizeOf(operand.type);
  char actualKind = info(operand.type).kind;
  auto isInteger = [](char c) { return c == 's' || c == 'u'; };
  bool classes = kind == actualKind || kind == 'b' || actualKind == 'b' ||
                 (isInteger(kind) && isInteger(actualKind)) ||
                 (kind == 'x' && actualKind != 'f') ||
                 (actualKind == 'x' && kind != 'f') ||
                 (name == "f16x2" && isInteger(actualKind)) ||
                 (name == "f16" && isInteger(actualKind));
  if ((kind == 'p') != (actualKind == 'p'))
    classes = false;
  bool sizes = spec.wider ? actual >= bytes : actual == bytes;
  if (classes && sizes)
    return true;
  return failOperand("expected " + where + " of type ." + std::string(name) +
                     (spec.type == "W" ? " widened" : "") + ", got '" +
                     std::string(operand.name) + "' of type ." +
                     info(operand.type).name);
}

bool Matcher::matchVector(const OperandSpec &spec, const Operand &operand,
                          const std::string &where) {
  if (operand.kind != OperandKind::Vector)
    return failOperand("expected a vector as " + where);
  unsigned count = spec.count;
  for (std::string_view modifier : instruction.modifiers)
    if (!count && (modifier == "v2" || modifier == "v4" || modifier == "v8"))
      count = unsigned(modifier[1] - '0');
  if (count && operand.elements.size() != count)
    return failOperand("expected " + std::to_string(count) + " elements in " +
                       where + ", got " +
                       std::to_string(operand.elements.size()));
  OperandSpec element = spec;
  element.role = spec.role == Role::DestinationVector ? Role::DestinationOrSink
                                                      : Role::Source;
  for (const Operand &o : operand.elements)
    if (!matchOperand(element, o, 0))
      return false;
  return true;
}

/// A vector of one element stands for the element where a scalar is meant.
static const Operand &unwrapped(const OperandSpec &spec,
                                const Operand &operand) {
  bool scalar = spec.role == Role::Destination ||
                spec.role == Role::DestinationOrSink ||
                spec.role == Role::Source;
  bool single =
      operand.kind == OperandKind::Vector && operand.elements.size() == 1;
  return scalar && single ? operand.elements[0] : operand;
}

bool Matcher::matchOperand(const OperandSpec &spec, const Operand &written,
                           unsigned number) {
  const Operand &operand = unwrapped(spec, written);
  std::string where =
      number ? "operand " + std::to_string(number) : "vector element";
  bool isRegister = operand.kind == OperandKind::Register;
  switch (spec.role) {
  case Role::DestinationOrSink:
    if (operand.kind == OperandKind::Sink)
      return true;
    [[fallthrough]];
  case Role::Destination:
  case Role::SourceRegister:
    if (!isRegister || operand.negated)
      return failOperand("expected a register as " + where);
    return matchRegister(spec, operand, where);
  case Role::PredicatePair: {
    auto good = [&](const Operand &o) {
      return (o.kind == OperandKind::Register && o.type == Type::Pred &&
              !o.negated) ||
             o.kind == OperandKind::Sink;
    };
    bool pair = operand.kind == OperandKind::Pair;
    if (pair ? good(operand.elements[0]) && good(operand.elements[1])
             : good(operand))
      return true;
    return failOperand("expected a predicate register as " + where);
  }
  case Role::RegisterAndPredicate: {
    bool pair = operand.kind == OperandKind::Pair;
    const Operand &d = pair ? operand.elements[0] : operand;
    if (pair && (operand.elements[1].kind != OperandKind::Register ||
                 operand.elements[1].type != Type::Pred))
      return failOperand("expected a predicate register behind '|' in " +
                         where);
    if (d.kind == OperandKind::Sink)
      return true;
    if (d.kind != OperandKind::Register)
      return failOperand("expected a register as " + where);
    return matchRegister(spec, d, where);
  }
  case Role::Predicate:
    if ((isRegister && operand.type == Type::Pred) ||
        operand.kind == OperandKind::Immediate)
      return true;
    return failOperand("expected a predicate register as " + where);
  case Role::Source: {
    if (operand.negated && (!isRegister || operand.type != Type::Pred))
      return failOperand("'!' needs a predicate register");
    if (isRegister)
      return matchRegister(spec, operand, where);
    auto [name, bytes, kind] = resolveType(instruction, spec.type);
    (void)bytes;
    if (operand.kind == OperandKind::Immediate) {
      if (kind == 'f' && !operand.isFloat)
        return failOperand("expected a floating-point constant as " + where);
      if (operand.isFloat && (kind == 's' || kind == 'u'))
        return failOperand("expected an integer as " + where);
      return true;
    }
    if (operand.kind == OperandKind::Special ||
        operand.kind == OperandKind::Symbol)
      return kind != 'f' || failOperand("expected a register of type ." +
                                        std::string(name) + " as " + where);
    return failOperand("expected a register or constant as " + where);
  }
  case Role::Immediate:
    return operand.kind == OperandKind::Immediate ||
           failOperand("expected a constant as " + where);
  case Role::Address:
  case Role::Coordinates:
    if (operand.kind != OperandKind::Address)
      return failOperand("expected an address as " + where);
    if (operand.elements.size() != (spec.role == Role::Address ? 1 : 2))
      return failOperand(
          spec.role == Role::Address
              ? "expected an address without coordinates as " + where
              : "expected an address with coordinates as " + where);
    if (operand.elements[0].kind == OperandKind::Register &&
        sizeOf(operand.elements[0].type) < 4)
      return failOperand("expected a base register of 32 or 64 bits in " +
                         where);
    return true;
  case Role::DestinationVector:
  case Role::SourceVector:
    return matchVector(spec, operand, where);
  case Role::Label:
    return operand.kind == OperandKind::Symbol ||
           failOperand("expected a name as " + where);
  case Role::Any:
    return true;
  }
  return false;
}

bool Matcher::matchOperands(const CompiledRow &row) {
  size_t required = 0;
  for (const OperandSpec &spec : row.operands)
    required += !spec.optional;
  size_t count = instruction.operands.size();
  if (count < required || count > row.operands.size())
    return failOperand("expected " + std::to_string(required) +
                       " operands, got " + std::to_string(count));
  for (size_t i = 0; i < count && i < row.operands.size(); ++i)
    if (!matchOperand(row.operands[i], instruction.operands[i],
                      unsigned(i + 1)))
      return false;
  return true;
}

bool Matcher::checkRequirements(const InstructionRow &row) {
  auto require = [&](const std::string &what, const std::string &have) {
    if (requirementMessage.empty())
      requirementMessage = "requires " + what + ", got " + have;
    return false;
  };
  if (module.version < row.version)
    return require(".version " + std::to_string(row.version / 10) + "." +
                       std::to_string(row.version % 10),
                   std::to_string(module.version / 10) + "." +
                       std::to_string(module.version % 10));
  bool exact = module.target == row.target && module.archSpecific;
  if (row.archSpecific ? !exact : module.target < row.target)
    return require(".target sm_" + std::to_string(row.target) +
                       (row.archSpecific ? "a" : " or later"),
                   "sm_" + std::to_string(module.target) +
                       (module.archSpecific ? "a" : ""));
  return true;
}

/// Compilers write the qualifiers of atomics in any order, and ptxas takes it:
/// semantics, scope and space come first here, the rest as written.
static void sortQualifiers(Instruction &instruction) {
  if (instruction.opcode != "atom" && instruction.opcode != "red")
    return;
  auto rank = [](std::string_view name) {
    for (const char *sem : {"relaxed", "acquire", "release", "acq_rel"})
      if (name == sem)
        return 0;
    for (const char *scope : {"cta", "cluster", "gpu", "sys"})
      if (name == scope)
        return 1;
    for (const char *space :
         {"global", "shared", "shared::cta", "shared::cluster"})
      if (name == space)
        return 2;
    return 3;
  };
  std::vector<std::string_view> sorted;
  for (int i = 0; i < 4; ++i)
    for (std::string_view name : instruction.modifiers)
      if (rank(name) == i)
        sorted.push_back(name);
  instruction.modifiers = std::move(sorted);
}

Status Matcher::run() {
  sortQualifiers(instruction);
  const std::vector<CompiledRow> &rows = rowsOf(instruction.opcode);
  if (rows.empty())
    return error("unknown instruction '" + std::string(instruction.opcode) +
                 "'");
  for (const CompiledRow &row : rows) {
    if (!matchModifiers(row) || !matchOperands(row) ||
        !checkRequirements(*row.row))
      continue;
    instruction.row = row.row;
    instruction.slots = slots;
    for (size_t i = 0; i < instruction.operands.size(); ++i) {
      Operand plain = unwrapped(row.operands[i], instruction.operands[i]);
      instruction.operands[i] = std::move(plain);
    }
    return {};
  }
  if (!requirementMessage.empty())
    return error("'" + std::string(instruction.opcode) + "' " +
                 requirementMessage);
  if (!operandMessage.empty())
    return error(operandMessage);
  std::string name(instruction.opcode);
  for (size_t i = 0; i < furthest; ++i)
    name += "." + std::string(instruction.modifiers[i]);
  if (furthest < instruction.modifiers.size())
    return error("unknown modifier '." +
                 std::string(instruction.modifiers[furthest]) + "' after '" +
                 name + "'");
  std::string list;
  for (std::string_view modifier : expectedThere)
    list += (list.empty() ? "." : ", .") + std::string(modifier);
  return error("expected one of " + list + " after '" + name + "'");
}

Status moe::emulator::matchInstruction(const Module::Impl &module,
                                       const Function &,
                                       Instruction &instruction) {
  return Matcher(module, instruction).run();
}
