//===- Config.h - A model's config.json, checked while read -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Typed access to the keys of a Hugging Face config.json, with diagnostics that
// point at the key.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_IMPORT_CONFIG_H
#define MOE_IMPORT_CONFIG_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/JSON.h"
#include <optional>

namespace mlir::moe {

/// The largest size (width, number of experts or layers) that is believed:
/// 2^20. The widest published layer has 32768 columns and the largest pool of
/// experts 2^20 members, so anything above is a mistake in the file.
inline constexpr int64_t maxConfigSize = int64_t(1) << 20;

/// The keys of a config.json. A getter that does not find what it expects emits
/// a diagnostic at the key and returns a harmless value (the least that was
/// allowed), so that one run reports all wrong keys; whoever reads a Config
/// asks `hasErrors` before it believes what it has read. A key with the value
/// null counts as missing, as in transformers.
class Config {
public:
  /// Parses `text`, one JSON object; `name` is the file's for diagnostics.
  /// Malformed JSON is a diagnostic at its line and a failure.
  static FailureOr<Config> parse(MLIRContext *context, llvm::StringRef text,
                                 llvm::StringRef name);

  bool has(llvm::StringRef key) const { return find(key) != nullptr; }

  /// An integer from `min` to `max`. A missing key is an error unless
  /// `ifMissing` is given.
  int64_t getInteger(llvm::StringRef key, int64_t min, int64_t max,
                     std::optional<int64_t> ifMissing = std::nullopt);

  /// A size, from 1 to `maxConfigSize`.
  int64_t getSize(llvm::StringRef key) {
    return getInteger(key, 1, maxConfigSize);
  }

  /// The size `key`, which also goes by `aliases`; where several are present
  /// they must agree.
  int64_t getSize(llvm::StringRef key, llvm::ArrayRef<llvm::StringRef> aliases);

  /// A list of integers from 0 to `maxConfigSize`, empty where the key is
  /// missing.
  std::vector<int64_t> getIntegers(llvm::StringRef key);

  /// A finite number above 0.
  double getPositiveNumber(llvm::StringRef key);

  /// A boolean. A missing key is an error unless `ifMissing` is given.
  bool getFlag(llvm::StringRef key,
               std::optional<bool> ifMissing = std::nullopt);

  /// A string. A missing key is an error unless `ifMissing` is given.
  std::string
  getString(llvm::StringRef key,
            std::optional<llvm::StringRef> ifMissing = std::nullopt);

  /// What the name at `key` stands for in `choices`. A missing key is an error
  /// unless `ifMissing` is given; nothing after an error.
  template <typename T>
  std::optional<T>
  getChoice(llvm::StringRef key,
            llvm::ArrayRef<std::pair<llvm::StringRef, T>> choices,
            std::optional<T> ifMissing = std::nullopt) {
    if (ifMissing && !has(key))
      return ifMissing;
    std::optional<llvm::StringRef> name;
    if (const llvm::json::Value *value = find(key))
      name = value->getAsString();
    std::string expected;
    for (auto [choice, meaning] : choices) {
      if (choice == name)
        return meaning;
      expected += (expected.empty() ? "\"" : " or \"") + choice.str() + "\"";
    }
    (void)emitError(key, expected);
    return std::nullopt;
  }

  /// Emits `'key': expected EXPECTED, got VALUE` at the key.
  InFlightDiagnostic emitError(llvm::StringRef key,
                               const llvm::Twine &expected);

  /// As `emitError`, unless `holds` or there were errors before: for conditions
  /// on values that were read.
  void require(bool holds, llvm::StringRef key, const llvm::Twine &expected);

  bool hasErrors() const { return numErrors != 0; }

  /// The location of a key; the start of the file where it is missing.
  Location getLoc(llvm::StringRef key) const;

private:
  Config(MLIRContext *context, llvm::StringRef text, llvm::StringRef name,
         llvm::json::Object object)
      : context(context), text(text), name(name), object(std::move(object)) {}

  const llvm::json::Value *find(llvm::StringRef key) const;

  /// The key's value, null where it is missing, which is an error that says
  /// what was `expected` unless `isOptional`.
  const llvm::json::Value *lookup(llvm::StringRef key, bool isOptional,
                                  const llvm::Twine &expected);

  MLIRContext *context;
  std::string text;
  std::string name;
  llvm::json::Object object;
  unsigned numErrors = 0;
};

} // namespace mlir::moe

#endif // MOE_IMPORT_CONFIG_H
