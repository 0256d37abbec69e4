//===- SafetensorsHeader.h - The header of a safetensors file ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the reader and the writer of safetensors files share: the format's types
// and limits, and the parser of the JSON header.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_RUNTIME_SAFETENSORSHEADER_H
#define MOE_LIB_RUNTIME_SAFETENSORSHEADER_H

#include "moe/Runtime/Safetensors.h"

namespace mlir::moe::safetensors {

/// Bytes of the header's length, and the format's limit for that length.
constexpr uint64_t lengthBytes = 8;
constexpr uint64_t maxHeaderBytes = 100'000'000;

/// The key that holds the file's own metadata instead of a tensor.
constexpr llvm::StringLiteral metadataKey = "__metadata__";

/// The format's spelling of `type`.
llvm::StringRef getDtype(ElementType type);

/// A checked header. Entries are in the order of their bytes.
struct Header {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Parses and checks the JSON of a header that `dataBytes` bytes of elements
/// follow. Messages do not name the file.
llvm::Expected<Header> parseHeader(llvm::StringRef json, uint64_t dataBytes);

} // namespace mlir::moe::safetensors

#endif // MOE_LIB_RUNTIME_SAFETENSORSHEADER_H
