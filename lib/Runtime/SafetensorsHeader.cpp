//===- SafetensorsHeader.cpp - The header of a safetensors file -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Parsing and checking of the JSON header. Nothing in it is trusted.
//
//===----------------------------------------------------------------------===//

#include "SafetensorsHeader.h"
#include "moe/Runtime/JSONScan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

using namespace mlir::moe;
using namespace mlir::moe::safetensors;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

namespace {
/// An element type of the format.
struct Dtype {
  llvm::StringLiteral name;
  unsigned bits;
  std::optional<ElementType> type;
};
} // namespace

static const Dtype dtypes[] = {
    {"BF16", 16, ElementType::bf16},
    {"F16", 16, ElementType::f16},
    {"F32", 32, ElementType::f32},
    {"F64", 64, ElementType::f64},
    {"F8_E4M3", 8, ElementType::f8e4m3},
    {"F8_E5M2", 8, ElementType::f8e5m2},
    {"I64", 64, ElementType::i64},
    {"I32", 32, ElementType::i32},
    {"I16", 16, ElementType::i16},
    {"I8", 8, ElementType::i8},
    {"U64", 64, ElementType::u64},
    {"U32", 32, ElementType::u32},
    {"U16", 16, ElementType::u16},
    {"U8", 8, ElementType::u8},
    {"BOOL", 8, ElementType::i1},
    // A file may hold these beside tensors that we read.
    {"C64", 64, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},
};

StringRef safetensors::getDtype(ElementType type) {
  return llvm::find_if(dtypes, [&](const Dtype &d) { return d.type == type; })
      ->name;
}

static Error tensorError(StringRef name, const Twine &reason) {
  return createStringError("tensor " + quoteName(name) + ": " + reason);
}

/// The text of `value` for a message, cut where it gets long.
static std::string printValue(const json::Value &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  constexpr size_t limit = 60;
  if (text.size() > limit)
    text = json::fixUTF8(StringRef(text).take_front(limit)) + "...";
  return text;
}

/// The value of `key` in the object that describes tensor `name`.
static Expected<const json::Value *>
getField(StringRef name, const json::Object &object, StringRef key) {
  if (const json::Value *value = object.get(key))
    return value;
  return tensorError(name, "expected the key '" + key + "', got none");
}

static Expected<const Dtype *> parseDtype(StringRef name,
                                          const json::Object &object) {
  Expected<const json::Value *> value = getField(name, object, "dtype");
  if (!value)
    return value.takeError();
  std::optional<StringRef> text = (*value)->getAsString();
  if (!text)
    return tensorError(name, "expected 'dtype' to be a string, got " +
                                 printValue(**value));
  const Dtype *dtype =
      llvm::find_if(dtypes, [&](const Dtype &d) { return d.name == *text; });
  if (dtype == std::end(dtypes))
    return tensorError(name, "expected a known 'dtype', such as BF16, got " +
                                 quoteName(*text));
  return dtype;
}

/// A list of integers from 0 to 2^63 - 1.
static Expected<llvm::SmallVector<int64_t, 4>>
parseIntegers(StringRef name, const json::Object &object, StringRef key) {
  Expected<const json::Value *> value = getField(name, object, key);
  if (!value)
    return value.takeError();
  const json::Array *array = (*value)->getAsArray();
  if (!array)
    return tensorError(name, "expected '" + key + "' to be an array, got " +
                                 printValue(**value));
  llvm::SmallVector<int64_t, 4> integers;
  for (const json::Value &element : *array) {
    // Unlike getAsInteger this does not take 1.0 or 1e3 for an integer.
    std::optional<uint64_t> integer = element.getAsUINT64();
    if (!integer || *integer > INT64_MAX)
      return tensorError(name, "expected integers from 0 to 2^63 - 1 in '" +
                                   key + "', got " + printValue(element));
    integers.push_back(static_cast<int64_t>(*integer));
  }
  return integers;
}

/// Checks the offsets of one tensor against its size and the file's.
static Error checkExtent(const SafetensorsEntry &entry, const Dtype &dtype,
                         uint64_t dataBytes) {
  StringRef name = entry.name;
  std::string what = stringifyShape(entry.shape) + " of " + entry.dtype;
  std::optional<int64_t> bytes = computeSizeInBytes(dtype.bits, entry.shape);
  if (!bytes)
    return tensorError(name, "expected less than 2^60 bytes, got " + what);
  // Elements of eight times the size take as many bytes as these take bits.
  std::optional<int64_t> bits = computeSizeInBytes(dtype.bits * 8, entry.shape);
  if (bits && *bits % 8 != 0)
    return tensorError(name,
                       "expected elements that fill whole bytes, got " + what);
  if (entry.begin > entry.end)
    return tensorError(name, "expected 'data_offsets' in order, got " +
                                 Twine(entry.begin) + " and " +
                                 Twine(entry.end));
  if (entry.end > dataBytes)
    return tensorError(
        name, "expected elements within the file's " + Twine(dataBytes) +
                  " bytes of data, got an end at " + Twine(entry.end));
  if (entry.end - entry.begin != static_cast<uint64_t>(*bytes))
    return tensorError(name, "expected " + Twine(*bytes) + " bytes for " +
                                 what + ", got " +
                                 Twine(entry.end - entry.begin));
  return Error::success();
}

static Expected<SafetensorsEntry>
parseEntry(StringRef name, const json::Value &value, uint64_t dataBytes) {
  if (name.contains('\0'))
    return tensorError(name, "expected a name without null characters");
  const json::Object *object = value.getAsObject();
  if (!object)
    return tensorError(name, "expected an object, got " + printValue(value));
  Expected<const Dtype *> dtype = parseDtype(name, *object);
  if (!dtype)
    return dtype.takeError();
  auto shape = parseIntegers(name, *object, "shape");
  if (!shape)
    return shape.takeError();
  auto offsets = parseIntegers(name, *object, "data_offsets");
  if (!offsets)
    return offsets.takeError();
  if (offsets->size() != 2)
    return tensorError(name, "expected 2 numbers in 'data_offsets', got " +
                                 Twine(offsets->size()));
  SafetensorsEntry entry{name.str(),
                         (*dtype)->name.str(),
                         (*dtype)->type,
                         std::move(*shape),
                         static_cast<uint64_t>((*offsets)[0]),
                         static_cast<uint64_t>((*offsets)[1])};
  if (Error error = checkExtent(entry, **dtype, dataBytes))
    return error;
  return entry;
}

static Error parseMetadata(const json::Value &value,
                           std::map<std::string, std::string> &metadata) {
  const json::Object *object = value.getAsObject();
  if (!object)
    return createStringError("expected '" + metadataKey +
                             "' to be an object, got " + printValue(value));
  for (const auto &[key, element] : *object) {
    std::optional<StringRef> text = element.getAsString();
    if (!text)
      return createStringError("expected the value of " + quoteName(key) +
                               " in '" + metadataKey +
                               "' to be a string, got " + printValue(element));
    metadata.emplace(key.str(), text->str());
  }
  return Error::success();
}

/// Checks that the tensors, in the order of their bytes, follow one another and
/// fill the data.
static Error checkCoverage(llvm::ArrayRef<SafetensorsEntry> entries,
                           uint64_t dataBytes) {
  uint64_t end = 0;
  StringRef previous;
  for (const SafetensorsEntry &entry : entries) {
    if (entry.begin < end)
      return tensorError(
          entry.name, "expected elements after those of " +
                          quoteName(previous) + ", which end at " + Twine(end) +
                          ", got a start at " + Twine(entry.begin));
    if (entry.begin > end)
      return tensorError(entry.name, "expected no unused bytes before the "
                                     "elements, got " +
                                         Twine(entry.begin - end));
    end = entry.end;
    previous = entry.name;
  }
  if (end != dataBytes)
    return createStringError("expected the tensors to cover all " +
                             Twine(dataBytes) + " bytes of data, got " +
                             Twine(end));
  return Error::success();
}

Expected<Header> safetensors::parseHeader(StringRef text, uint64_t dataBytes) {
  if (!text.starts_with("{"))
    return createStringError("expected the header to start with '{'");
  if (Error error = checkNestingAndKeys(text))
    return error;
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return createStringError("expected a header of valid JSON, got " +
                             llvm::toString(value.takeError()));
  Header header;
  for (const auto &[key, element] : *value->getAsObject()) {
    if (StringRef(key) == metadataKey) {
      if (Error error = parseMetadata(element, header.metadata))
        return error;
      continue;
    }
    Expected<SafetensorsEntry> entry = parseEntry(key, element, dataBytes);
    if (!entry)
      return entry.takeError();
    header.entries.push_back(std::move(*entry));
  }
  llvm::sort(header.entries, [](const auto &a, const auto &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  if (Error error = checkCoverage(header.entries, dataBytes))
    return error;
  return header;
}
