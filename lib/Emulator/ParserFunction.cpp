//===- ParserFunction.cpp - Functions, statements and operands ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of the parser that is inside of functions.
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

bool Parser::parseFunction(bool isEntry) {
  Function parsed;
  function = &parsed;
  scope = 0;
  location = 0;
  registerScopes.assign(1, {});
  parsed.isEntry = isEntry;
  parsed.line = lexer.peek().line;
  if (acceptDotted("attribute") && !skipUntil(')'))
    return false;
  if (lexer.peek().is('(') && !isEntry)
    if (!parseParameters(parsed.results))
      return false;
  Token at = lexer.peek();
  std::string_view name;
  if (!expectIdentifier(name))
    return false;
  parsed.name = std::string(name);
  if (lexer.peek().is('(') && !parseParameters(parsed.params))
    return false;
  for (bool handled = true; handled;)
    if (!parsePerformance(handled))
      return false;
  if (!accept(';')) {
    parsed.hasBody = true;
    if (!expect('{') || !parseBody())
      return false;
  }
  auto [it, inserted] = module.functionIndex.emplace(
      parsed.name, uint32_t(module.functions.size()));
  if (inserted) {
    module.functions.push_back(std::move(parsed));
    return true;
  }
  Function &old = module.functions[it->second];
  if (old.hasBody && parsed.hasBody)
    return error(at, "redefinition of '" + parsed.name + "'");
  if (parsed.hasBody)
    old = std::move(parsed);
  return true;
}

/// `(.param .u64 .ptr .global .align 16 name, ...)`; device functions may
/// also take `.reg` parameters, which no compiler emits any more.
bool Parser::parseParameters(std::vector<uint32_t> &list) {
  if (!expect('('))
    return false;
  if (accept(')'))
    return true;
  do {
    Token at = lexer.peek();
    if (!acceptDotted("param"))
      return expected("'.param'");
    Variable variable;
    variable.space = Space::Param;
    if (!parseVariableHead(variable))
      return false;
    if (acceptDotted("ptr")) {
      variable.isPointer = true;
      while (acceptDotted("global") || acceptDotted("shared") ||
             acceptDotted("local") || acceptDotted("const"))
        ;
      uint64_t align;
      if (acceptDotted("align") && !expectInteger(align))
        return false;
    }
    if (!parseVariableName(variable))
      return false;
    if (variable.size > 32764)
      return error(at, "parameter '" + variable.name + "' is too large");
    list.push_back(uint32_t(function->variables.size()));
    if (variable.name != "_" && // declarations may repeat `_`
        !declare(variable))
      return error(at, "redefinition of '" + variable.name + "'");
    function->variables.push_back(std::move(variable));
  } while (accept(','));
  return expect(')');
}

/// `.maxntid`, `.reqntid`, `.minnctapersm`, ...
bool Parser::parsePerformance(bool &handled) {
  Token token = lexer.peek();
  handled = token.kind == TokenKind::Dotted;
  if (!handled)
    return true;
  lexer.next();
  auto dimensions = [&](Dim3 &dim) {
    uint64_t values[3] = {1, 1, 1};
    for (unsigned i = 0; i < 3; ++i) {
      if (!expectInteger(values[i]))
        return false;
      if (!accept(','))
        break;
    }
    dim = {uint32_t(values[0]), uint32_t(values[1]), uint32_t(values[2])};
    return true;
  };
  uint64_t value = 0;
  Dim3 ignored;
  if (token.text == "maxntid")
    return dimensions(function->maxBlock);
  if (token.text == "reqntid")
    return dimensions(function->requiredBlock);
  if (token.text == "minnctapersm" || token.text == "maxnreg" ||
      token.text == "maxnctapersm" || token.text == "maxclusterrank") {
    if (!expectInteger(value))
      return false;
    if (token.text == "minnctapersm")
      function->minBlocks = uint32_t(value);
    if (token.text == "maxnreg")
      function->maxRegisters = uint32_t(value);
    return true;
  }
  if (token.text == "reqnctapercluster") {
    if (!dimensions(ignored))
      return false;
    if (ignored.count() != 1)
      return error(token, "clusters of more than one block are not supported");
    return true;
  }
  if (token.text == "noreturn" || token.text == "explicitcluster" ||
      token.text == "abi_preserve")
    return true;
  if (token.text == "pragma")
    return skipUntil(';');
  return error(token, "unknown directive '." + std::string(token.text) + "'");
}

bool Parser::parseBody() {
  unsigned depth = 1;
  while (depth) {
    if (lexer.peek().kind == TokenKind::End)
      return expected("'}'");
    if (errors >= maxErrors)
      return false;
    if (accept('{')) {
      if (++depth > maxNesting)
        return error(lexer.peek(), "scopes are nested too deeply");
      Scope inner;
      inner.parent = scope;
      scope = uint32_t(function->scopes.size());
      function->scopes.push_back(std::move(inner));
      registerScopes.emplace_back();
    } else if (accept('}')) {
      --depth;
      scope = function->scopes[scope].parent;
      registerScopes.pop_back();
    } else if (!parseStatement()) {
      recover();
    }
  }
  return true;
}

bool Parser::parseStatement() {
  Token token = lexer.peek();
  if (accept(';'))
    return true;
  if (token.kind == TokenKind::Dotted) {
    lexer.next();
    if (token.text == "reg")
      return parseRegisters();
    if (token.text == "loc")
      return parseLocation();
    if (token.text == "pragma")
      return skipUntil(';');
    if (token.text == "file")
      return parseFile();
    if (token.text == "section")
      return parseSection();
    Space space;
    if (token.text == "local")
      space = Space::Local;
    else if (token.text == "shared")
      space = Space::Shared;
    else if (token.text == "param")
      space = Space::Param;
    else
      return error(token,
                   "unknown directive '." + std::string(token.text) + "'");
    std::vector<Variable> variables;
    if (!parseVariables(space, /*isExtern=*/false, variables))
      return false;
    for (Variable &variable : variables) {
      if (!declare(variable))
        return error(token, "redefinition of '" + variable.name + "'");
      function->variables.push_back(std::move(variable));
    }
    return true;
  }
  return parseInstruction();
}

/// `.reg .type %r<n>, %a, ...;`
bool Parser::parseRegisters() {
  Token at = lexer.peek();
  if (at.kind != TokenKind::Dotted)
    return expected("a register type");
  lexer.next();
  std::optional<Type> type = typeByName(at.text);
  if (!type)
    return error(at, "unknown register type '." + std::string(at.text) + "'");
  do {
    Token nameToken = lexer.peek();
    std::string_view name;
    if (!expectIdentifier(name))
      return false;
    uint64_t count = 1;
    bool parametrized = accept('<');
    if (parametrized && (!expectInteger(count) || !expect('>')))
      return false;
    if (count > maxRegisters ||
        function->registers.size() + count > maxRegisters)
      return error(nameToken,
                   "more than " + std::to_string(maxRegisters) + " registers");
    RegisterRange range{uint32_t(function->registers.size()), uint32_t(count),
                        parametrized};
    if (!registerScopes.back().emplace(name, range).second)
      return error(nameToken, "redefinition of '" + std::string(name) + "'");
    function->registers.resize(function->registers.size() + count, *type);
  } while (accept(','));
  return expect(';');
}

/// `.loc file line column[, function_name label[+n], inlined_at f l c]`
bool Parser::parseLocation() {
  uint64_t file, line, column;
  if (!expectInteger(file) || !expectInteger(line) || !expectInteger(column))
    return false;
  unsigned here = lexer.peek().line;
  while (accept(',')) {
    // The attributes say where the code was inlined; skip them.
    while (lexer.peek().kind != TokenKind::End && !lexer.peek().is(',') &&
           (lexer.peek().line == here))
      lexer.next();
  }
  location = uint32_t(function->locations.size());
  function->locations.push_back(
      {files.count(file) ? files[file] : "", unsigned(line)});
  return true;
}

static std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' ||
                           text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

const RegisterRange *Parser::findRegister(std::string_view name,
                                          uint32_t &index) {
  size_t digits = name.size();
  while (digits && name[digits - 1] >= '0' && name[digits - 1] <= '9')
    --digits;
  for (size_t i = registerScopes.size(); i--;) {
    RegisterScope &registers = registerScopes[i];
    auto exact = registers.find(name);
    if (exact != registers.end() && !exact->second.parametrized) {
      index = exact->second.first;
      return &exact->second;
    }
    // Prefixes may end in digits themselves: try every split.
    for (size_t split = digits; split < name.size(); ++split) {
      auto range = registers.find(name.substr(0, split));
      if (range == registers.end() || !range->second.parametrized ||
          name.size() - split > 6 ||
          (name[split] == '0' && split + 1 != name.size()))
        continue;
      uint32_t number = 0;
      for (char c : name.substr(split))
        number = number * 10 + uint32_t(c - '0');
      if (number < range->second.count) {
        index = range->second.first + number;
        return &range->second;
      }
    }
  }
  return nullptr;
}

/// `@p` or `@!p`
bool Parser::parseGuard(Instruction &instruction) {
  instruction.guardNegated = accept('!');
  Token at = lexer.peek();
  std::string_view name;
  uint32_t index;
  if (!expectIdentifier(name))
    return false;
  if (!findRegister(name, index) || function->registers[index] != Type::Pred)
    return error(at, "expected a predicate register, got '" +
                         std::string(name) + "'");
  instruction.guard = int32_t(index);
  return true;
}

bool Parser::parseInstruction() {
  Instruction instruction;
  Token first = lexer.peek();
  size_t start = lexer.offset();
  instruction.line = first.line;
  instruction.column = first.column;
  instruction.location = location;
  if (accept('@') && !parseGuard(instruction))
    return false;
  Token opcode = lexer.peek();
  if (!expectIdentifier(instruction.opcode))
    return false;
  if (accept(':')) {
    if (first.is('@'))
      return error(first, "a label cannot be guarded");
    if (acceptDotted("branchtargets")) {
      auto &list =
          function->scopes[scope].branchTargets[std::string(opcode.text)];
      do {
        std::string_view label;
        if (!expectIdentifier(label))
          return false;
        list.push_back(label);
      } while (accept(','));
      return expect(';');
    }
    if (acceptDotted("callprototype") || acceptDotted("calltargets"))
      return skipUntil(';');
    if (!function->scopes[scope]
             .labels
             .emplace(std::string(opcode.text), uint32_t(function->body.size()))
             .second)
      return error(opcode,
                   "redefinition of label '" + std::string(opcode.text) + "'");
    return true;
  }
  while (lexer.peek().kind == TokenKind::Dotted)
    instruction.modifiers.push_back(lexer.next().text);
  if (!lexer.peek().is(';')) {
    do {
      Operand operand;
      if (!parseOperand(operand, 0))
        return false;
      instruction.operands.push_back(std::move(operand));
    } while (accept(','));
  }
  size_t end = lexer.offset();
  instruction.text = trimmed(lexer.slice(start, end));
  if (!expect(';'))
    return false;
  function->body.push_back(std::move(instruction));
  return true;
}

bool Parser::parseOperandList(char close, Operand &list, unsigned depth) {
  list.kind = OperandKind::Vector;
  if (accept(close))
    return true;
  do {
    Operand element;
    if (!parseOperand(element, depth + 1))
      return false;
    list.elements.push_back(std::move(element));
  } while (accept(','));
  return expect(close);
}

bool Parser::parseAddress(Operand &operand, unsigned depth) {
  operand.kind = OperandKind::Address;
  Operand base;
  if (!parseOperand(base, depth + 1))
    return false;
  if (base.kind == OperandKind::Symbol || base.kind == OperandKind::Immediate)
    std::swap(operand.value, base.value);
  operand.elements.push_back(std::move(base));
  if ((lexer.peek().is('+') || lexer.peek().is('-'))) {
    int64_t offset;
    if (!parseConstant(offset))
      return false;
    operand.value = int64_t(uint64_t(operand.value) + uint64_t(offset));
  }
  while (accept(',')) {
    Operand coordinate;
    if (!parseOperand(coordinate, depth + 1))
      return false;
    operand.elements.push_back(std::move(coordinate));
  }
  return expect(']');
}

bool Parser::parseImmediate(Operand &operand) {
  operand.kind = OperandKind::Immediate;
  bool minus = lexer.peek().is('-');
  Token token = lexer.peek();
  if (minus) {
    lexer.next();
    token = lexer.peek();
  }
  if (token.kind == TokenKind::Float) {
    lexer.next();
    operand.isFloat = true;
    operand.isSingle = token.isSingle;
    uint64_t sign = token.isSingle ? uint64_t(1) << 31 : uint64_t(1) << 63;
    operand.value = int64_t(minus ? token.integer ^ sign : token.integer);
    return true;
  }
  bool invert = !minus && accept('~');
  int64_t value;
  if (!parseConstant(value))
    return false;
  operand.value = minus ? int64_t(-uint64_t(value)) : invert ? ~value : value;
  return true;
}

bool Parser::parseNamedOperand(Operand &operand) {
  Token token = lexer.next();
  operand.name = token.text;
  operand.scope = scope;
  if (token.text == "_") {
    operand.kind = OperandKind::Sink;
    return true;
  }
  if (findRegister(token.text, operand.index)) {
    operand.kind = OperandKind::Register;
    operand.type = function->registers[operand.index];
    return true;
  }
  if (token.text.front() == '%') {
    operand.kind = OperandKind::Special;
    const Token &field = lexer.peek();
    if (field.kind == TokenKind::Dotted && !field.spaceBefore &&
        field.text.size() == 1) {
      Token suffix = lexer.next();
      operand.name = std::string_view(
          token.text.data(),
          size_t(suffix.text.data() + suffix.text.size() - token.text.data()));
    }
    return true;
  }
  if (token.text == "WARP_SZ") {
    operand.kind = OperandKind::Immediate;
    operand.value = 32;
    return true;
  }
  operand.kind = OperandKind::Symbol;
  if (lexer.peek().is('+') || lexer.peek().is('-'))
    return parseConstant(operand.value);
  return true;
}

bool Parser::parseOperand(Operand &operand, unsigned depth) {
  if (depth > 8)
    return error(lexer.peek(), "operand is nested too deeply");
  const Token &token = lexer.peek();
  if (accept('{'))
    return parseOperandList('}', operand, depth);
  if (accept('('))
    return parseOperandList(')', operand, depth);
  if (accept('['))
    return parseAddress(operand, depth);
  if (accept('!')) {
    operand.negated = true;
    if (lexer.peek().kind != TokenKind::Identifier)
      return expected("a predicate register");
  }
  if (token.kind == TokenKind::Integer || token.kind == TokenKind::Float ||
      token.is('-') || token.is('+') || token.is('~'))
    return parseImmediate(operand);
  if (token.kind != TokenKind::Identifier)
    return expected("an operand");
  if (!parseNamedOperand(operand))
    return false;
  if (accept('|')) {
    Operand second;
    if (!parseOperand(second, depth + 1))
      return false;
    Operand first = std::move(operand);
    operand = Operand();
    operand.kind = OperandKind::Pair;
    operand.elements = {std::move(first), std::move(second)};
  }
  return true;
}
