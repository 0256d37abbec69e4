//===- Linker.cpp - Shared libraries without a system compiler --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/Linker.h"

#include "moe/Target/CPU/OpenMP.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/InterfaceStub/ELFObjHandler.h"
#include "llvm/InterfaceStub/IFSStub.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir::moe;
using llvm::StringRef;

/// Writes a shared library without content called `soname`. Linking against it
/// makes the loader look for the real one, without any real one at hand, and
/// with no version of its symbols: the result runs with older ones, too.
static llvm::Error writeStub(StringRef path, StringRef soname) {
  llvm::ifs::IFSStub stub;
  stub.SoName = soname.str();
  stub.Target.Arch = llvm::ELF::EM_X86_64;
  stub.Target.BitWidth = llvm::ifs::IFSBitWidthType::IFS64;
  stub.Target.Endianness = llvm::ifs::IFSEndiannessType::Little;
  return llvm::ifs::writeBinaryStub(path, stub);
}

static llvm::Error writeFile(StringRef path, StringRef bytes) {
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  if (!code) {
    os << bytes;
    os.close();
    code = os.error();
  }
  return code ? llvm::createFileError(path, code) : llvm::Error::success();
}

/// Runs lld, which keeps its state in global variables.
static llvm::Error runLinker(llvm::ArrayRef<const char *> arguments) {
  static std::mutex mutex;
  static bool isUsable = true;
  std::lock_guard<std::mutex> lock(mutex);
  if (!isUsable)
    return llvm::createStringError("the linker crashed before");
  std::string text;
  llvm::raw_string_ostream output(text);
  lld::Result result =
      lld::lldMain(arguments, output, output, {{lld::Gnu, &lld::elf::link}});
  isUsable = result.canRunAgain;
  if (result.retCode != 0)
    return llvm::createStringError("linking failed: " +
                                   StringRef(text).rtrim());
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mlir::moe::linkSharedLibrary(llvm::MemoryBufferRef object, StringRef soname) {
  llvm::SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("moe-link", folder))
    return llvm::createStringError(code, "cannot make a temporary folder: " +
                                             code.message());
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(folder); });
  auto getPath = [&](StringRef name) { return (folder + "/" + name).str(); };

  std::string objectPath = getPath("layer.o"), resultPath = getPath("layer.so");
  if (llvm::Error error = writeFile(objectPath, object.getBuffer()))
    return std::move(error);
  std::string sonameOption = ("-soname=" + soname).str();
  llvm::SmallVector<std::string> stubs;
  for (StringRef library : {StringRef("libc.so.6"), StringRef("libm.so.6"),
                            getOpenMPLibraryName()}) {
    stubs.push_back(getPath(library));
    if (llvm::Error error = writeStub(stubs.back(), library))
      return std::move(error);
  }

  llvm::SmallVector<const char *> arguments = {"ld.lld",
                                               "-shared",
                                               sonameOption.c_str(),
                                               "--eh-frame-hdr",
                                               "-z",
                                               "noexecstack",
                                               "-z",
                                               "relro",
                                               "-z",
                                               "now",
                                               "-o",
                                               resultPath.c_str(),
                                               objectPath.c_str()};
  for (const std::string &stub : stubs)
    arguments.push_back(stub.c_str());
  if (llvm::Error error = runLinker(arguments))
    return std::move(error);
  return llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(
      resultPath, /*IsText=*/false, /*RequiresNullTerminator=*/false,
      /*IsVolatile=*/true)); // Read and not mapped: the file goes away.
}
