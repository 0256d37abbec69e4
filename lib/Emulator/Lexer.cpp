//===- Lexer.cpp - Tokens of PTX text -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Splits PTX text into tokens.
//
//===----------------------------------------------------------------------===//

#include "Lexer.h"

#include <cctype>
#include <cstdlib>
#include <cstring>

using namespace moe::emulator;

static bool isIdentifierStart(char c) {
  return std::isalpha((unsigned char)c) || c == '_' || c == '$' || c == '%';
}

static bool isIdentifierBody(char c) {
  return std::isalnum((unsigned char)c) || c == '_' || c == '$';
}

static Token invalid(Token token, const char *message) {
  token.kind = TokenKind::Invalid;
  token.message = message;
  return token;
}

Token Lexer::next() {
  Token current = token;
  token = lex();
  return current;
}

/// Skips blanks and comments. False when a comment does not end.
bool Lexer::skipBlanks() {
  while (pos < text.size()) {
    char c = text[pos];
    if (c == '\n') {
      ++line;
      lineStart = ++pos;
    } else if (std::isspace((unsigned char)c)) {
      ++pos;
    } else if (text.compare(pos, 2, "//") == 0) {
      size_t end = text.find('\n', pos);
      pos = end == std::string_view::npos ? text.size() : end;
    } else if (text.compare(pos, 2, "/*") == 0) {
      size_t end = text.find("*/", pos + 2);
      if (end == std::string_view::npos)
        return false;
      for (; pos < end + 2; ++pos)
        if (text[pos] == '\n') {
          ++line;
          lineStart = pos + 1;
        }
    } else {
      break;
    }
  }
  return true;
}

Token Lexer::lex() {
  size_t before = pos;
  bool closed = skipBlanks();
  tokenStart = pos;
  Token result;
  result.spaceBefore = pos != before;
  result.line = line;
  result.column = unsigned(pos - lineStart + 1);
  if (!closed) {
    pos = text.size();
    return invalid(result, "expected '*/' before the end of the file");
  }
  if (pos >= text.size())
    return result;
  char c = text[pos];
  if (std::isdigit((unsigned char)c)) {
    Token number = lexNumber();
    number.spaceBefore = result.spaceBefore;
    number.line = result.line;
    number.column = result.column;
    return number;
  }
  size_t start = pos;
  if (isIdentifierStart(c)) {
    for (++pos; pos < text.size() && isIdentifierBody(text[pos]);)
      ++pos;
    result.kind = TokenKind::Identifier;
    result.text = text.substr(start, pos - start);
    return result;
  }
  if (c == '.' && pos + 1 < text.size() && isIdentifierBody(text[pos + 1])) {
    for (++pos; pos < text.size();) {
      if (isIdentifierBody(text[pos]))
        ++pos;
      else if (text.compare(pos, 2, "::") == 0)
        pos += 2;
      else
        break;
    }
    result.kind = TokenKind::Dotted;
    result.text = text.substr(start + 1, pos - start - 1);
    return result;
  }
  if (c == '"') {
    size_t end = text.find('"', pos + 1);
    size_t newline = text.find('\n', pos + 1);
    if (end == std::string_view::npos || newline < end) {
      pos = newline == std::string_view::npos ? text.size() : newline;
      return invalid(result, "expected '\"' before the end of the line");
    }
    pos = end + 1;
    result.kind = TokenKind::String;
    result.text = text.substr(start + 1, end - start - 1);
    return result;
  }
  ++pos;
  result.text = text.substr(start, 1);
  if (!std::strchr("(){}[]<>,;:=+-*/!@|&~.^?", c))
    return invalid(result, "unexpected character");
  result.kind = TokenKind::Punct;
  return result;
}

Token Lexer::lexNumber() {
  Token result;
  size_t start = pos;
  auto isHexFloat = [&](char upper, char lower) {
    return text[pos] == '0' && pos + 1 < text.size() &&
           (text[pos + 1] == upper || text[pos + 1] == lower);
  };
  auto finish = [&](TokenKind kind) {
    result.kind = kind;
    result.text = text.substr(start, pos - start);
    return result;
  };
  auto digits = [&](unsigned base) {
    size_t first = pos;
    bool overflow = false;
    for (; pos < text.size() && std::isxdigit((unsigned char)text[pos]);
         ++pos) {
      char c = char(std::tolower((unsigned char)text[pos]));
      unsigned digit = unsigned(c <= '9' ? c - '0' : c - 'a' + 10);
      if (digit >= base)
        break;
      overflow |= __builtin_mul_overflow(result.integer, uint64_t(base),
                                         &result.integer);
      overflow |= __builtin_add_overflow(result.integer, uint64_t(digit),
                                         &result.integer);
    }
    return pos != first && !overflow;
  };
  bool single = isHexFloat('F', 'f');
  if (single || isHexFloat('D', 'd')) {
    pos += 2;
    size_t first = pos;
    bool valid = digits(16) && pos - first == (single ? 8 : 16);
    result.isSingle = single;
    result = finish(TokenKind::Float);
    return valid ? result : invalid(result, "malformed hexadecimal float");
  }
  bool valid;
  if (isHexFloat('X', 'x')) {
    pos += 2;
    valid = digits(16);
  } else if (isHexFloat('B', 'b')) {
    pos += 2;
    valid = digits(2);
  } else {
    size_t end = pos;
    while (end < text.size() && std::isdigit((unsigned char)text[end]))
      ++end;
    bool fraction = end < text.size() && text[end] == '.';
    bool exponent = end < text.size() && (text[end] == 'e' || text[end] == 'E');
    if (fraction || exponent) {
      auto isPart = [&](size_t i) {
        return std::isdigit((unsigned char)text[i]) || text[i] == '.' ||
               text[i] == 'e' || text[i] == 'E' ||
               ((text[i] == '+' || text[i] == '-') &&
                (text[i - 1] == 'e' || text[i - 1] == 'E'));
      };
      for (end = pos; end < text.size() && isPart(end);)
        ++end;
      std::string copy(text.substr(pos, end - pos));
      char *last;
      double value = std::strtod(copy.c_str(), &last);
      pos = end;
      std::memcpy(&result.integer, &value, sizeof value);
      result = finish(TokenKind::Float);
      return *last ? invalid(result, "malformed floating-point number")
                   : result;
    }
    bool octal = text[pos] == '0' && end > pos + 1;
    valid = digits(octal ? 8 : 10);
  }
  if (at('U')) {
    result.isUnsigned = true;
    ++pos;
  }
  valid &= pos >= text.size() || !isIdentifierBody(text[pos]);
  result = finish(TokenKind::Integer);
  return valid ? result : invalid(result, "malformed integer");
}
