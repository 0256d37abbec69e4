//===- JSONScan.cpp - Checks on JSON before it is parsed ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One pass over JSON text that follows brackets and keys.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/JSONScan.h"
#include "moe/Runtime/Safetensors.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

using namespace mlir::moe;
using llvm::StringRef;

static constexpr size_t maxNesting = 16;

/// The length of the string literal, quotes included, at the start of `text`;
/// all of it if the literal does not end.
static size_t getStringLength(StringRef text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.size();
}

/// The string that a literal stands for; the literal where it is malformed.
static std::string decodeString(StringRef literal) {
  if (literal.contains('\\')) {
    llvm::Expected<llvm::json::Value> value = llvm::json::parse(literal);
    if (value && value->getAsString())
      return value->getAsString()->str();
    llvm::consumeError(value.takeError());
  }
  return literal.drop_front().drop_back().str();
}

llvm::Error mlir::moe::checkNestingAndKeys(StringRef text) {
  /// The keys seen so far of each object or (always none) array that is open.
  std::vector<llvm::StringSet<>> open;
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '"') {
      StringRef literal = text.substr(i, getStringLength(text.substr(i)));
      i += literal.size();
      bool isKey = text.substr(i).ltrim(" \t\r\n").starts_with(":");
      if (!isKey || open.empty() || literal.size() < 2)
        continue;
      std::string key = decodeString(literal);
      if (!open.back().insert(key).second)
        return llvm::createStringError("expected each name once, got " +
                                       quoteName(key) + " again");
      continue;
    }
    if (c == '{' || c == '[') {
      if (open.size() == maxNesting)
        return llvm::createStringError("expected at most " +
                                       llvm::Twine(maxNesting) +
                                       " levels of nesting in JSON, got more");
      open.emplace_back();
    } else if ((c == '}' || c == ']') && !open.empty()) {
      open.pop_back();
    }
    ++i;
  }
  return llvm::Error::success();
}
