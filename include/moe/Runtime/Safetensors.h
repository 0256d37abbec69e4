//===- Safetensors.h - Reading and writing safetensors files ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weight files in the safetensors format: 8 bytes of header length (little
// endian), a JSON header {name: {dtype, shape, data_offsets}}, and the elements
// of all tensors back to back.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_SAFETENSORS_H
#define MOE_RUNTIME_SAFETENSORS_H

#include "moe/Runtime/Tensor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>

namespace mlir::moe {

/// What the header says about one tensor, checked.
struct SafetensorsEntry {
  std::string name;
  /// The element type as the file spells it ("BF16").
  std::string dtype;
  /// The element type where tensors in memory have it; the format knows more.
  std::optional<ElementType> type;
  llvm::SmallVector<int64_t, 4> shape;
  /// Where the elements are, in bytes from the end of the header.
  uint64_t begin = 0, end = 0;
};

/// A safetensors file whose header was checked in full: its length against the
/// file and the format's limit of 100 MB, its JSON, and each tensor's name,
/// type, shape and bytes, which must cover the rest of the file without gap or
/// overlap. The file is memory-mapped and the elements are not touched before
/// they are used; it must not be shortened while it is open.
class SafetensorsFile {
public:
  static llvm::Expected<std::shared_ptr<const SafetensorsFile>>
  open(llvm::StringRef path);

  /// The same for a file in memory; its identifier stands for the path in
  /// messages.
  static llvm::Expected<std::shared_ptr<const SafetensorsFile>>
  parse(std::unique_ptr<llvm::MemoryBuffer> buffer);

  /// All tensors, in the order of their bytes.
  llvm::ArrayRef<SafetensorsEntry> getEntries() const { return entries; }

  /// The entry called `name`, or null.
  const SafetensorsEntry *find(llvm::StringRef name) const;

  /// The elements of an entry of this file: a read-only view that keeps the
  /// file mapped (a copy where the file does not align them to their size). An
  /// error for an element type that tensors in memory do not have.
  llvm::Expected<Tensor> getTensor(const SafetensorsEntry &entry) const;

  /// The header's `__metadata__`.
  const std::map<std::string, std::string> &getMetadata() const {
    return metadata;
  }

  llvm::StringRef getPath() const { return buffer->getBufferIdentifier(); }

private:
  SafetensorsFile() = default;
  llvm::Error readHeader();

  std::shared_ptr<llvm::MemoryBuffer> buffer;
  uint64_t dataStart = 0;
  std::vector<SafetensorsEntry> entries;
  llvm::StringMap<size_t> indexByName;
  std::map<std::string, std::string> metadata;
};

/// A tensor under the name that it has in a file.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Writes a safetensors file whole or not at all. Tensors are ordered by
/// decreasing element size, then name, and the first starts at a multiple of 64
/// bytes, so that readers can map each at its own alignment. An error for two
/// tensors of one name, a name that the format cannot hold, or a failed write.
llvm::Error
writeSafetensors(llvm::StringRef path, llvm::ArrayRef<NamedTensor> tensors,
                 const std::map<std::string, std::string> &metadata = {});

/// `name` in quotes for a message: unprintable characters escaped, what is
/// beyond 200 characters left out.
std::string quoteName(llvm::StringRef name);

} // namespace mlir::moe

#endif // MOE_RUNTIME_SAFETENSORS_H
