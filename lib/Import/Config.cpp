//===- Config.cpp - A model's config.json, checked while read -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The typed getters of Config, and where in the text a key is.
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Config.h"

#include "moe/Runtime/JSONScan.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstdio>

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;
using llvm::Twine;

/// The offset of `key` among the keys of the outermost object of `text`, which
/// is well-formed; 0 where it is none of them or is spelled with escapes.
static size_t findKeyOffset(StringRef text, StringRef key) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' || text[i] == '[')
      ++depth;
    if (text[i] == '}' || text[i] == ']')
      --depth;
    if (text[i] != '"')
      continue;
    size_t start = i++;
    for (; i < text.size() && text[i] != '"'; ++i)
      if (text[i] == '\\')
        ++i;
    bool isKey = text.substr(i + 1).ltrim().starts_with(":");
    if (depth == 1 && isKey && text.slice(start + 1, i) == key)
      return start;
  }
  return 0;
}

static Location getLocAtOffset(MLIRContext *context, StringRef text,
                               StringRef name, size_t offset) {
  StringRef before = text.take_front(offset);
  size_t lineStart = before.rfind('\n') + 1; // npos + 1 is 0
  return FileLineColLoc::get(context, name, before.count('\n') + 1,
                             offset - lineStart + 1);
}

/// A value as a message shows it: JSON, cut where it is long.
static std::string toText(const llvm::json::Value &value) {
  constexpr size_t maxLength = 60;
  std::string result;
  llvm::raw_string_ostream(result) << value;
  if (result.size() > maxLength)
    result = result.substr(0, maxLength) + "...";
  return result;
}

FailureOr<Config> Config::parse(MLIRContext *context, StringRef text,
                                StringRef name) {
  Location start = FileLineColLoc::get(context, name, 1, 1);
  // The parser recurses into nested values and lets the last of two equal keys
  // win: neither is for a file of unknown origin.
  if (llvm::Error error = checkNestingAndKeys(text))
    return mlir::emitError(start) << llvm::toString(std::move(error));
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value) {
    std::string message = llvm::toString(value.takeError());
    unsigned line = 1, column = 1;
    int length = 0;
    std::sscanf(message.c_str(), "[%u:%u, byte=%*u]: %n", &line, &column,
                &length);
    return mlir::emitError(FileLineColLoc::get(context, name, line, column))
           << "malformed JSON: " << StringRef(message).drop_front(length);
  }
  llvm::json::Object *object = value->getAsObject();
  if (!object)
    return mlir::emitError(start)
           << "expected a JSON object, got " << toText(*value);
  return Config(context, text, name, std::move(*object));
}

Location Config::getLoc(StringRef key) const {
  return getLocAtOffset(context, text, name, findKeyOffset(text, key));
}

const llvm::json::Value *Config::find(StringRef key) const {
  const llvm::json::Value *value = object.get(key);
  return value && value->kind() != llvm::json::Value::Null ? value : nullptr;
}

InFlightDiagnostic Config::emitError(StringRef key, const Twine &expected) {
  ++numErrors;
  const llvm::json::Value *value = object.get(key);
  return mlir::emitError(getLoc(key))
         << "'" << key << "': expected " << expected << ", got "
         << (value ? toText(*value) : "no such key");
}

void Config::require(bool holds, StringRef key, const Twine &expected) {
  if (!holds && !hasErrors())
    (void)emitError(key, expected);
}

const llvm::json::Value *Config::lookup(StringRef key, bool isOptional,
                                        const Twine &expected) {
  const llvm::json::Value *value = find(key);
  if (!value && !isOptional)
    (void)emitError(key, expected);
  return value;
}

int64_t Config::getInteger(StringRef key, int64_t min, int64_t max,
                           std::optional<int64_t> ifMissing) {
  std::string expected =
      llvm::formatv("an integer from {0} to {1}", min, max).str();
  const llvm::json::Value *value = lookup(key, ifMissing.has_value(), expected);
  if (!value)
    return ifMissing.value_or(min);
  std::optional<int64_t> integer = value->getAsInteger();
  if (integer && *integer >= min && *integer <= max)
    return *integer;
  (void)emitError(key, expected);
  return min;
}

int64_t Config::getSize(StringRef key, llvm::ArrayRef<StringRef> aliases) {
  StringRef first = key;
  for (StringRef alias : aliases)
    if (!has(first))
      first = alias;
  if (!has(first))
    return getSize(key);
  unsigned errorsBefore = numErrors;
  int64_t result = getSize(first);
  for (StringRef alias : aliases) {
    if (alias == first || !has(alias))
      continue;
    int64_t size = getSize(alias);
    if (size != result && numErrors == errorsBefore)
      emitError(alias, Twine(result) + " as in '" + first + "'")
              .attachNote(getLoc(first))
          << "'" << first << "' is here";
  }
  return result;
}

std::vector<int64_t> Config::getIntegers(StringRef key) {
  std::string expected =
      llvm::formatv("a list of integers from 0 to {0}", maxConfigSize).str();
  std::vector<int64_t> result;
  const llvm::json::Value *value = lookup(key, /*isOptional=*/true, expected);
  if (!value)
    return result;
  const llvm::json::Array *array = value->getAsArray();
  bool isValid = array != nullptr;
  for (size_t i = 0; isValid && i < array->size(); ++i) {
    std::optional<int64_t> integer = (*array)[i].getAsInteger();
    isValid = integer && *integer >= 0 && *integer <= maxConfigSize;
    if (isValid)
      result.push_back(*integer);
  }
  if (!isValid)
    (void)emitError(key, expected);
  return result;
}

double Config::getPositiveNumber(StringRef key) {
  StringRef expected = "a finite number above 0";
  const llvm::json::Value *value = lookup(key, /*isOptional=*/false, expected);
  if (!value)
    return 1;
  std::optional<double> number = value->getAsNumber();
  if (number && std::isfinite(*number) && *number > 0)
    return *number;
  (void)emitError(key, expected);
  return 1;
}

bool Config::getFlag(StringRef key, std::optional<bool> ifMissing) {
  const llvm::json::Value *value =
      lookup(key, ifMissing.has_value(), "true or false");
  if (!value)
    return ifMissing.value_or(false);
  std::optional<bool> flag = value->getAsBoolean();
  if (!flag)
    (void)emitError(key, "true or false");
  return flag.value_or(false);
}

std::string Config::getString(StringRef key,
                              std::optional<StringRef> ifMissing) {
  const llvm::json::Value *value =
      lookup(key, ifMissing.has_value(), "a string");
  if (!value)
    return ifMissing.value_or("").str();
  std::optional<StringRef> string = value->getAsString();
  if (!string)
    (void)emitError(key, "a string");
  return string.value_or("").str();
}
