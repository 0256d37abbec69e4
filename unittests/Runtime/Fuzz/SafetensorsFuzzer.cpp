//===- SafetensorsFuzzer.cpp - Fuzzing the safetensors reader -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A libFuzzer target: whatever the bytes are, the reader says what is wrong
// with them, or every tensor of the file can be read and written to a file
// again. Build with -DMOE_FUZZ=ON
// -DMOE_SANITIZE=address,undefined,fuzzer-no-link and run with
// -dict=Safetensors.dict.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Safetensors.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include <cstring>
#include <unistd.h>

using namespace mlir::moe;

/// The file that an input stands for. The first byte is the number of bytes
/// after the header, and the rest is the header, so that mutations of it need
/// not find its length; or, where the byte is 255, the rest is the file.
static std::string makeFile(llvm::StringRef input) {
  if (input.empty())
    return "";
  auto first = static_cast<uint8_t>(input.front());
  llvm::StringRef rest = input.drop_front();
  if (first == 255)
    return rest.str();
  std::string file(8, '\0');
  llvm::support::endian::write64le(file.data(), rest.size());
  return file + rest.str() + std::string(first, '\1');
}

/// Ends the program if what was read does not survive a round trip.
static void checkRoundTrip(const SafetensorsFile &file) {
  std::vector<NamedTensor> tensors;
  for (const SafetensorsEntry &entry : file.getEntries()) {
    if (file.find(entry.name) != &entry)
      abort();
    llvm::Expected<Tensor> tensor = file.getTensor(entry);
    if (!tensor) {
      llvm::consumeError(tensor.takeError());
      continue;
    }
    for (int64_t i = 0; i < tensor->getNumElements(); ++i)
      (void)tensor->get(i);
    tensors.push_back({entry.name, *tensor});
  }
  static const std::string path =
      "/tmp/moe-safetensors-fuzzer-" + std::to_string(getpid());
  auto remove = llvm::scope_exit([&] { llvm::sys::fs::remove(path); });
  llvm::cantFail(writeSafetensors(path, tensors, file.getMetadata()));
  auto again = llvm::cantFail(SafetensorsFile::open(path));
  if (again->getEntries().size() != tensors.size() ||
      again->getMetadata() != file.getMetadata())
    abort();
  for (const NamedTensor &named : tensors) {
    Tensor tensor = llvm::cantFail(again->getTensor(*again->find(named.name)));
    if (tensor.getType() != named.tensor.getType() ||
        tensor.getShape() != named.tensor.getShape() ||
        memcmp(tensor.getData(), named.tensor.getData(),
               tensor.getSizeInBytes()) != 0)
      abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string bytes = makeFile({reinterpret_cast<const char *>(data), size});
  auto file = SafetensorsFile::parse(
      llvm::MemoryBuffer::getMemBufferCopy(bytes, "input"));
  if (file)
    checkRoundTrip(**file);
  else if (llvm::toString(file.takeError()).empty())
    abort();
  return 0;
}
