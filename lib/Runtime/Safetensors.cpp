//===- Safetensors.cpp - Reading and writing safetensors files ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The mapped file with its tensors, and the writer.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Safetensors.h"
#include "SafetensorsHeader.h"
#include "moe/Runtime/AtomicFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace mlir::moe;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::MemoryBuffer;
using llvm::StringRef;
using llvm::Twine;

std::string mlir::moe::quoteName(StringRef name) {
  constexpr size_t limit = 200;
  std::string quoted = "'";
  llvm::raw_string_ostream stream(quoted);
  llvm::printEscapedString(name.take_front(limit), stream);
  stream << (name.size() > limit ? "...'" : "'");
  return quoted;
}

Expected<std::shared_ptr<const SafetensorsFile>>
SafetensorsFile::open(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot open '" + path +
                             "': " + buffer.getError().message());
  return parse(std::move(*buffer));
}

Expected<std::shared_ptr<const SafetensorsFile>>
SafetensorsFile::parse(std::unique_ptr<MemoryBuffer> buffer) {
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->buffer = std::move(buffer);
  if (Error error = file->readHeader())
    return createStringError(file->getPath() + ": " +
                             llvm::toString(std::move(error)));
  return file;
}

Error SafetensorsFile::readHeader() {
  using namespace safetensors;
  StringRef bytes = buffer->getBuffer();
  if (bytes.size() < lengthBytes)
    return createStringError("expected a safetensors file of at least " +
                             Twine(lengthBytes) + " bytes, got " +
                             Twine(bytes.size()));
  uint64_t length = llvm::support::endian::read64le(bytes.data());
  if (length > maxHeaderBytes)
    return createStringError("expected a safetensors header of at most " +
                             Twine(maxHeaderBytes) + " bytes, got " +
                             Twine(length));
  if (length > bytes.size() - lengthBytes)
    return createStringError("expected a header of " + Twine(length) +
                             " bytes, got a file that ends after " +
                             Twine(bytes.size() - lengthBytes));
  dataStart = lengthBytes + length;
  Expected<Header> header =
      parseHeader(bytes.substr(lengthBytes, length), bytes.size() - dataStart);
  if (!header)
    return header.takeError();
  entries = std::move(header->entries);
  metadata = std::move(header->metadata);
  for (auto [index, entry] : llvm::enumerate(entries))
    indexByName[entry.name] = index;
  return Error::success();
}

const SafetensorsEntry *SafetensorsFile::find(StringRef name) const {
  auto found = indexByName.find(name);
  return found == indexByName.end() ? nullptr : &entries[found->second];
}

Expected<Tensor>
SafetensorsFile::getTensor(const SafetensorsEntry &entry) const {
  if (!entry.type)
    return createStringError(getPath() + ": tensor " + quoteName(entry.name) +
                             ": elements of " + entry.dtype +
                             " are not supported");
  const char *data = buffer->getBufferStart() + dataStart + entry.begin;
  uintptr_t alignment = getStorageBits(*entry.type) / 8;
  if (reinterpret_cast<uintptr_t>(data) % alignment == 0)
    return Tensor::view(*entry.type, entry.shape, data, buffer);
  Expected<Tensor> copy = Tensor::create(*entry.type, entry.shape);
  if (copy)
    std::memcpy(copy->getMutableData(), data, entry.end - entry.begin);
  return copy;
}

/// The tensors in the order of the file; an error for names it cannot hold.
static Expected<std::vector<const NamedTensor *>>
sortForFile(llvm::ArrayRef<NamedTensor> tensors) {
  std::vector<const NamedTensor *> sorted;
  llvm::StringSet<> names;
  for (const NamedTensor &named : tensors) {
    StringRef name = named.name;
    if (name == safetensors::metadataKey || name.contains('\0') ||
        !llvm::json::isUTF8(name))
      return createStringError(
          "a safetensors file cannot hold a tensor called " + quoteName(name));
    if (!names.insert(name).second)
      return createStringError("expected each name once, got " +
                               quoteName(name) + " again");
    sorted.push_back(&named);
  }
  llvm::sort(sorted, [](const NamedTensor *a, const NamedTensor *b) {
    unsigned aBits = getStorageBits(a->tensor.getType());
    unsigned bBits = getStorageBits(b->tensor.getType());
    return std::tie(bBits, a->name) < std::tie(aBits, b->name);
  });
  return sorted;
}

/// The JSON of the header, padded with spaces as the format allows.
static std::string
printHeader(llvm::ArrayRef<const NamedTensor *> tensors,
            const std::map<std::string, std::string> &metadata) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    if (!metadata.empty())
      json.attributeObject(safetensors::metadataKey, [&] {
        for (const auto &[key, value] : metadata)
          json.attribute(llvm::json::fixUTF8(key), llvm::json::fixUTF8(value));
      });
    int64_t end = 0;
    for (const NamedTensor *named : tensors) {
      const Tensor &tensor = named->tensor;
      int64_t begin = end;
      end += tensor.getSizeInBytes();
      json.attributeObject(named->name, [&] {
        json.attribute("dtype", safetensors::getDtype(tensor.getType()));
        json.attributeArray("shape", [&] {
          for (int64_t dim : tensor.getShape())
            json.value(dim);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(begin);
          json.value(end);
        });
      });
    }
  });
  json.flush();
  uint64_t total = llvm::alignTo(safetensors::lengthBytes + text.size(), 64);
  text.resize(total - safetensors::lengthBytes, ' ');
  return text;
}

Error mlir::moe::writeSafetensors(
    StringRef path, llvm::ArrayRef<NamedTensor> tensors,
    const std::map<std::string, std::string> &metadata) {
  Expected<std::vector<const NamedTensor *>> sorted = sortForFile(tensors);
  if (!sorted)
    return createStringError("cannot write '" + path +
                             "': " + llvm::toString(sorted.takeError()));
  std::string header = printHeader(*sorted, metadata);
  if (header.size() > safetensors::maxHeaderBytes)
    return createStringError("cannot write '" + path +
                             "': expected a safetensors header of at most " +
                             Twine(safetensors::maxHeaderBytes) +
                             " bytes, got " + Twine(header.size()));
  return writeFileAtomically(path, [&](llvm::raw_ostream &stream) {
    char length[safetensors::lengthBytes];
    llvm::support::endian::write64le(length, header.size());
    stream.write(length, sizeof(length)) << header;
    for (const NamedTensor *named : *sorted)
      stream.write(static_cast<const char *>(named->tensor.getData()),
                   named->tensor.getSizeInBytes());
    return Error::success();
  });
}
