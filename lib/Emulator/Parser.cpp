//===- Parser.cpp - Directives, variables and initial values --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The module level of the parser.
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Messages and tokens
//===----------------------------------------------------------------------===//

bool Parser::error(const Token &at, const std::string &message) {
  if (errors++ < maxErrors)
    messages += (messages.empty() ? "" : "\n") + module.file + ":" +
                std::to_string(at.line) + ":" + std::to_string(at.column) +
                ": error: " + message;
  return false;
}

bool Parser::expected(const std::string &what) {
  const Token &token = lexer.peek();
  if (token.kind == TokenKind::Invalid)
    return error(token, token.message);
  std::string got = token.kind == TokenKind::End ? "the end of the file"
                    : token.kind == TokenKind::Dotted
                        ? "'." + std::string(token.text) + "'"
                        : "'" + std::string(token.text) + "'";
  return error(token, "expected " + what + ", got " + got);
}

bool Parser::accept(char c) {
  if (!lexer.peek().is(c))
    return false;
  lexer.next();
  return true;
}

bool Parser::expect(char c) {
  return accept(c) || expected(std::string("'") + c + "'");
}

bool Parser::acceptDotted(std::string_view name) {
  if (!lexer.peek().isDotted(name))
    return false;
  lexer.next();
  return true;
}

bool Parser::expectInteger(uint64_t &value) {
  if (lexer.peek().kind != TokenKind::Integer)
    return expected("an integer");
  value = lexer.next().integer;
  return true;
}

bool Parser::expectIdentifier(std::string_view &name) {
  if (lexer.peek().kind != TokenKind::Identifier)
    return expected("a name");
  name = lexer.next().text;
  return true;
}

/// Skips to the end of the statement after an error.
void Parser::recover() {
  while (lexer.peek().kind != TokenKind::End && !lexer.peek().is('{') &&
         !lexer.peek().is('}'))
    if (lexer.next().is(';'))
      return;
}

//===----------------------------------------------------------------------===//
// Module level
//===----------------------------------------------------------------------===//

Status Parser::run() {
  bool more = parseHeader();
  while (more && lexer.peek().kind != TokenKind::End && errors < maxErrors) {
    function = nullptr;
    if (!parseTopLevel()) {
      recover();
      if (lexer.peek().is('{') || lexer.peek().is('}'))
        break;
    }
  }
  if (errors)
    return Error{messages};
  return {};
}

static bool isKnownVersion(uint64_t major, uint64_t minor) {
  return (major == 6 && minor <= 5) || (major == 7 && minor <= 8) ||
         (major == 8 && minor <= 8) || (major == 9 && minor <= 4);
}

bool Parser::parseHeader() {
  if (!acceptDotted("version"))
    return expected("'.version'");
  Token version = lexer.peek();
  if (version.kind != TokenKind::Float)
    return expected("a version such as 8.0");
  lexer.next();
  uint64_t major = 0, minor = 0;
  size_t dot = version.text.find('.');
  for (char c : version.text.substr(0, dot))
    major = std::min<uint64_t>(major * 10 + uint64_t(c - '0'), 1000);
  for (char c : version.text.substr(dot + 1))
    minor = std::min<uint64_t>(minor * 10 + uint64_t(c - '0'), 1000);
  if (!isKnownVersion(major, minor))
    return error(version, "expected a PTX version from 6.0 to 9.4, got " +
                              std::string(version.text));
  module.version = unsigned(major * 10 + minor);

  if (!acceptDotted("target"))
    return expected("'.target'");
  Token target = lexer.peek();
  std::string_view name;
  if (!expectIdentifier(name))
    return false;
  static const char *const known[] = {
      "sm_70",  "sm_72",   "sm_75",  "sm_80",   "sm_86",  "sm_87",
      "sm_88",  "sm_89",   "sm_90",  "sm_90a",  "sm_100", "sm_100a",
      "sm_103", "sm_103a", "sm_120", "sm_120a", "sm_121", "sm_121a"};
  if (std::find(std::begin(known), std::end(known), name) == std::end(known))
    return error(target, "unknown target '" + std::string(name) +
                             "', expected one from sm_70 to sm_121a");
  module.archSpecific = name.back() == 'a';
  module.target = unsigned(std::strtoul(name.data() + 3, nullptr, 10));
  while (accept(',')) {
    Token option = lexer.peek();
    std::string_view text;
    if (!expectIdentifier(text))
      return false;
    if (text != "debug" && text != "texmode_unified" &&
        text != "texmode_independent")
      return error(option, "unknown target option '" + std::string(text) + "'");
  }
  if (acceptDotted("address_size")) {
    Token size = lexer.peek();
    uint64_t bits;
    if (!expectInteger(bits))
      return false;
    if (bits != 64)
      return error(size, "expected '.address_size 64', got " +
                             std::string(size.text));
  }
  return true;
}

bool Parser::skipUntil(char last) {
  while (lexer.peek().kind != TokenKind::End)
    if (lexer.next().is(last))
      return true;
  return expected(std::string("'") + last + "'");
}

/// `.file index "name"[, timestamp, size]`
bool Parser::parseFile() {
  uint64_t index, ignored;
  if (!expectInteger(index))
    return false;
  if (lexer.peek().kind != TokenKind::String)
    return expected("a file name");
  files[index] = std::string(lexer.next().text);
  while (accept(','))
    if (!expectInteger(ignored))
      return false;
  return true;
}

/// `.section name { ... }`: debug information, of no effect.
bool Parser::parseSection() {
  if (lexer.peek().kind != TokenKind::Dotted &&
      lexer.peek().kind != TokenKind::Identifier)
    return expected("a section name");
  lexer.next();
  unsigned depth = 0;
  do {
    if (lexer.peek().kind == TokenKind::End)
      return expected("'}'");
    Token token = lexer.next();
    depth += token.is('{');
    depth -= token.is('}') && depth;
  } while (depth);
  return true;
}

bool Parser::parseTopLevel() {
  const Token &token = lexer.peek();
  if (token.kind != TokenKind::Dotted)
    return expected("a directive");
  if (acceptDotted("file"))
    return parseFile();
  if (acceptDotted("section"))
    return parseSection();
  if (acceptDotted("pragma"))
    return skipUntil(';');
  return parseLinkedItem();
}

/// A variable or function with its linkage.
bool Parser::parseLinkedItem() {
  bool isExtern = false;
  for (bool linkage = true; linkage;) {
    linkage = acceptDotted("visible") || acceptDotted("weak") ||
              acceptDotted("common");
    if (acceptDotted("extern"))
      linkage = isExtern = true;
    if (acceptDotted("attribute")) {
      linkage = true;
      if (!skipUntil(')'))
        return false;
    }
  }
  if (acceptDotted("entry"))
    return parseFunction(/*isEntry=*/true);
  if (acceptDotted("func"))
    return parseFunction(/*isEntry=*/false);
  Space space;
  if (acceptDotted("global"))
    space = Space::Global;
  else if (acceptDotted("const"))
    space = Space::Const;
  else if (acceptDotted("shared"))
    space = Space::Shared;
  else
    return expected("a variable or function");
  std::vector<Variable> variables;
  Token at = lexer.peek();
  if (!parseVariables(space, isExtern, variables))
    return false;
  for (Variable &variable : variables) {
    std::string name = variable.name;
    auto [it, inserted] =
        module.variableIndex.emplace(name, uint32_t(module.variables.size()));
    if (inserted) {
      module.variables.push_back(std::move(variable));
      continue;
    }
    Variable &old = module.variables[it->second];
    if (!old.isExtern && !variable.isExtern)
      return error(at, "redefinition of '" + name + "'");
    if (!variable.isExtern)
      old = std::move(variable);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Variables
//===----------------------------------------------------------------------===//

/// `[.align n] [.attribute(..)] [.vN] .type`
bool Parser::parseVariableHead(Variable &variable) {
  uint64_t align = 0;
  unsigned vector = 1;
  for (;;) {
    Token token = lexer.peek();
    if (token.kind != TokenKind::Dotted)
      return expected("a type");
    lexer.next();
    if (token.text == "align") {
      Token at = lexer.peek();
      if (!expectInteger(align))
        return false;
      if (!align || (align & (align - 1)) || align > 4096)
        return error(at, "expected a power of two up to 4096, got " +
                             std::string(at.text));
    } else if (token.text == "attribute") {
      if (!skipUntil(')'))
        return false;
    } else if (token.text == "v2" || token.text == "v4") {
      vector = unsigned(token.text[1] - '0');
    } else if (std::optional<Type> type = typeByName(token.text);
               type && *type != Type::Pred) {
      variable.element = *type;
      variable.size = sizeOf(*type) * vector;
      variable.align = std::max(uint32_t(align), uint32_t(variable.size));
      if (align)
        variable.align = uint32_t(align);
      return true;
    } else {
      return error(token, "unknown type '." + std::string(token.text) + "'");
    }
  }
}

/// `name[d0][d1]...`
bool Parser::parseVariableName(Variable &variable) {
  std::string_view name;
  if (!expectIdentifier(name))
    return false;
  variable.name = std::string(name);
  bool unsized = false;
  while (accept('[')) {
    if (accept(']')) {
      unsized = true;
      continue;
    }
    Token at = lexer.peek();
    uint64_t count;
    if (!expectInteger(count) || !expect(']'))
      return false;
    if (__builtin_mul_overflow(variable.size, count, &variable.size) ||
        variable.size > maxVariableSize)
      return error(at, "variable '" + variable.name + "' is too large");
  }
  if (unsized)
    variable.size = 0;
  return true;
}

bool Parser::parseVariables(Space space, bool isExtern,
                            std::vector<Variable> &variables) {
  Variable head;
  head.space = space;
  head.isExtern = isExtern;
  // `.const [bank]` of old versions is not accepted: no compiler emits it.
  if (!parseVariableHead(head))
    return false;
  do {
    Variable variable = head;
    if (!parseVariableName(variable))
      return false;
    if (lexer.peek().is('<')) {
      // Parametrised names: b<10> declares b0 .. b9.
      lexer.next();
      Token at = lexer.peek();
      uint64_t count;
      if (!expectInteger(count) || !expect('>'))
        return false;
      if (count > 65536)
        return error(at, "expected at most 65536 variables");
      std::string prefix = variable.name;
      for (uint64_t i = 0; i < count; ++i) {
        variable.name = prefix + std::to_string(i);
        variables.push_back(variable);
      }
      continue;
    }
    if (accept('=')) {
      if (space != Space::Global && space != Space::Const)
        return error(lexer.peek(), "only .global and .const variables may "
                                   "have an initial value");
      if (!parseInitializer(variable))
        return false;
    }
    variables.push_back(std::move(variable));
  } while (accept(','));
  return expect(';');
}

bool Parser::parseInitializer(Variable &variable) {
  uint64_t offset = 0;
  if (variable.size)
    variable.init.resize(variable.size);
  if (!lexer.peek().is('{'))
    return parseInitializerItem(variable, offset);
  unsigned depth = 0;
  do {
    if (accept('{')) {
      ++depth;
    } else if (accept('}')) {
      --depth;
      if (depth)
        accept(',');
    } else {
      if (!parseInitializerItem(variable, offset))
        return false;
      if (!accept(',') && !lexer.peek().is('}'))
        return expected("',' or '}'");
    }
  } while (depth);
  if (!variable.size)
    variable.size = variable.init.size();
  return true;
}

/// A number, a symbol, generic(symbol) or mask(symbol), with an addend.
bool Parser::parseInitializerItem(Variable &variable, uint64_t &offset) {
  Token at = lexer.peek();
  unsigned bytes = sizeOf(variable.element);
  uint64_t bits = 0;
  Relocation relocation{uint32_t(offset), bytes, 0, "", false, 0};
  bool isSymbol = at.kind == TokenKind::Identifier;
  if (at.kind == TokenKind::Float) {
    lexer.next();
    bits = at.integer;
    if (!at.isSingle && bytes == 4) {
      double value;
      std::memcpy(&value, &bits, 8);
      float single = float(value);
      bits = 0;
      std::memcpy(&bits, &single, 4);
    }
  } else if (!isSymbol) {
    int64_t value;
    if (!parseConstant(value))
      return false;
    bits = uint64_t(value);
    if (accept('(')) {
      isSymbol = true;
      relocation.shift = bits ? unsigned(__builtin_ctzll(bits)) : 0;
    }
  }
  if (isSymbol) {
    bool masked = at.kind != TokenKind::Identifier;
    std::string_view name;
    if (!expectIdentifier(name))
      return false;
    if (name == "generic" && accept('(')) {
      relocation.generic = true;
      if (!expectIdentifier(name) || !expect(')'))
        return false;
    }
    relocation.symbol = std::string(name);
    if (lexer.peek().is('+') || lexer.peek().is('-'))
      if (!parseConstant(relocation.addend))
        return false;
    if (masked && !expect(')'))
      return false;
    variable.relocations.push_back(relocation);
  }
  if (!variable.size && variable.init.size() < offset + bytes)
    variable.init.resize(offset + bytes);
  if (offset + bytes > variable.init.size())
    return error(at, "expected at most " +
                         std::to_string(variable.init.size() / bytes) +
                         " initial values");
  std::memcpy(variable.init.data() + offset, &bits, std::min(bytes, 8u));
  offset += bytes;
  return true;
}

/// A sum of integers.
bool Parser::parseConstant(int64_t &value, unsigned depth) {
  uint64_t sum = 0;
  bool first = true;
  while (first || lexer.peek().is('+') || lexer.peek().is('-')) {
    bool minus = accept('-');
    if (!minus)
      accept('+');
    int64_t term;
    if (accept('(')) {
      if (depth > maxNesting)
        return error(lexer.peek(), "expression is nested too deeply");
      if (!parseConstant(term, depth + 1) || !expect(')'))
        return false;
    } else {
      bool invert = accept('~');
      minus ^= accept('-'); // compilers write [%rd1+-8]
      uint64_t number;
      if (!expectInteger(number))
        return false;
      term = int64_t(invert ? ~number : number);
    }
    sum += minus ? -uint64_t(term) : uint64_t(term);
    first = false;
  }
  value = int64_t(sum);
  return true;
}

Status moe::emulator::parseModule(Module::Impl &module) {
  return Parser(module).run();
}
