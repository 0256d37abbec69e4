//===- AtomicFile.cpp - Files written whole or not at all -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Output through a temporary file and a rename.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/AtomicFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::moe;
using llvm::StringRef;

using WriteFn = llvm::function_ref<llvm::Error(llvm::raw_ostream &)>;

static llvm::Error makeError(StringRef path, StringRef reason) {
  return llvm::createStringError("cannot write '" + path + "': " + reason);
}

/// Runs `write` and reports what the stream met while it was written.
static llvm::Error writeTo(llvm::raw_fd_ostream &stream, StringRef path,
                           WriteFn write) {
  llvm::Error error = write(stream);
  stream.flush();
  std::error_code code = stream.error();
  // A stream that is destroyed with an error ends the program.
  stream.clear_error();
  if (error)
    return error;
  return code ? makeError(path, code.message()) : llvm::Error::success();
}

static llvm::Error writeDirectly(StringRef path, WriteFn write) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (code)
    return makeError(path, code.message());
  return writeTo(stream, path, write);
}

llvm::Error mlir::moe::writeFileAtomically(StringRef path, WriteFn write) {
  namespace fs = llvm::sys::fs;
  fs::file_status status;
  bool exists = !fs::status(path, status) && fs::exists(status);
  if (path == "-" || (exists && !fs::is_regular_file(status)))
    return writeDirectly(path, write);

  llvm::Expected<fs::TempFile> file =
      fs::TempFile::create(path + ".tmp-%%%%%%%%");
  if (!file)
    return makeError(path, llvm::toString(file.takeError()));
  {
    llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
    if (llvm::Error error = writeTo(stream, path, write))
      return llvm::joinErrors(std::move(error), file->discard());
  }
  if (llvm::Error error = file->keep(path))
    return makeError(path, llvm::toString(std::move(error)));
  return llvm::Error::success();
}
