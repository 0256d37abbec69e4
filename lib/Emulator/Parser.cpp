//===- Parser.cpp - From PTX text to a module -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A recursive-descent parser for PTX modules. It resolves registers; labels,
// variables and functions stay names with the scope they were named in.
//
//===----------------------------------------------------------------------===//

#include "Lexer.h"
#include "Syntax.h"

#include <algorithm>
#include <cstring>

using namespace moe::emulator;

namespace {

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

} // namespace

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

Status moe::emulator::parseModule(Module::Impl &module) {
  return Parser(module).run();
}
