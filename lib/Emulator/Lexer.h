//===- Lexer.h - Tokens of PTX text -----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Splits PTX text into tokens.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_LEXER_H
#define MOE_LIB_EMULATOR_LEXER_H

#include <cstdint>
#include <string>
#include <string_view>

namespace moe::emulator {

enum class TokenKind {
  End,
  Identifier, ///< add, %r1, $L__BB0_1, _
  Dotted,     ///< .name, with `::` inside; `text` is without the dot
  Integer,    ///< `integer` holds the value
  Float,      ///< `integer` holds the bits of a double, or of a float (0f)
  String,     ///< without the quotes
  Punct,      ///< one character
  Invalid,    ///< `message` says why
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;
  uint64_t integer = 0;
  bool isSingle = false;    ///< a `0f` literal
  bool isUnsigned = false;  ///< an integer with the suffix U
  bool spaceBefore = false; ///< blank or comment before the token
  unsigned line = 1, column = 1;
  const char *message = nullptr;

  bool is(char c) const {
    return kind == TokenKind::Punct && text.front() == c;
  }
  bool isDotted(std::string_view name) const {
    return kind == TokenKind::Dotted && text == name;
  }
};

/// A cursor over the text, one token ahead.
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) { next(); }

  const Token &peek() const { return token; }
  /// Returns the current token and moves on.
  Token next();
  /// The text between two positions returned by `offset`.
  size_t offset() const { return tokenStart; }
  std::string_view slice(size_t from, size_t to) const {
    return text.substr(from, to - from);
  }

private:
  Token lex();
  Token lexNumber();
  bool skipBlanks();
  bool at(char c) const { return pos < text.size() && text[pos] == c; }

  std::string_view text;
  size_t pos = 0, tokenStart = 0, lineStart = 0;
  unsigned line = 1;
  Token token;
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_LEXER_H
