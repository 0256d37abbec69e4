//===- Parser.h - From PTX text to a module ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A recursive-descent parser for PTX modules. It resolves registers; labels,
// variables and functions stay names with the scope they were named in.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_PARSER_H
#define MOE_LIB_EMULATOR_PARSER_H

#include "Lexer.h"
#include "Syntax.h"

namespace moe::emulator {

constexpr unsigned maxErrors = 20;
constexpr size_t maxRegisters = size_t(1) << 18;
constexpr uint64_t maxVariableSize = uint64_t(1) << 32;
constexpr unsigned maxNesting = 64;

/// Registers declared as `%r<n>` or by a single name.
struct RegisterRange {
  uint32_t first, count;
  bool parametrized;
};
using RegisterScope = std::unordered_map<std::string_view, RegisterRange>;

class Parser {
public:
  explicit Parser(Module::Impl &module) : module(module), lexer(module.text) {}
  Status run();

private:
  // Messages and tokens.
  bool error(const Token &at, const std::string &message);
  bool expected(const std::string &what);
  bool accept(char c);
  bool expect(char c);
  bool acceptDotted(std::string_view name);
  bool expectInteger(uint64_t &value);
  bool expectIdentifier(std::string_view &name);
  void recover();

  // Module level.
  bool parseHeader();
  bool parseTopLevel();
  bool parseLinkedItem();
  bool parseSection();
  bool skipUntil(char last);
  bool parseFile();

  // Variables.
  bool parseVariables(Space space, bool isExtern,
                      std::vector<Variable> &variables);
  bool parseVariableHead(Variable &variable);
  bool parseVariableName(Variable &variable);
  bool parseInitializer(Variable &variable);
  bool parseInitializerItem(Variable &variable, uint64_t &offset);
  bool parseConstant(int64_t &value, unsigned depth = 0);

  // Functions.
  bool parseFunction(bool isEntry);
  bool parseParameters(std::vector<uint32_t> &list);
  /// Makes the variable that is pushed next visible in the current scope.
  bool declare(const Variable &variable) {
    return function->scopes[scope]
        .variables.emplace(variable.name, uint32_t(function->variables.size()))
        .second;
  }
  bool parsePerformance(bool &handled);
  bool parseBody();
  bool parseStatement();
  bool parseRegisters();
  bool parseLocation();
  bool parseLabelList();
  bool parseCallPrototype();
  bool parseInstruction();
  bool parseGuard(Instruction &instruction);
  bool parseOperand(Operand &operand, unsigned depth);
  bool parseOperandList(char close, Operand &list, unsigned depth);
  bool parseAddress(Operand &operand, unsigned depth);
  bool parseNamedOperand(Operand &operand);
  bool parseImmediate(Operand &operand);
  const RegisterRange *findRegister(std::string_view name, uint32_t &index);

  Module::Impl &module;
  Lexer lexer;
  std::string messages;
  unsigned errors = 0;
  std::map<uint64_t, std::string> files;

  Function *function = nullptr;
  uint32_t scope = 0;
  std::vector<RegisterScope> registerScopes;
  uint32_t location = 0;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_PARSER_H
