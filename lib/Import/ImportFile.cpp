//===- ImportFile.cpp - Import of a configuration by path -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds and reads the file, and prints diagnostics.
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;

/// Configurations have some kilobytes; more is another file, a checkpoint's
/// perhaps.
static constexpr size_t maxFileSize = size_t(16) << 20;

/// Prints `FILE:LINE:COLUMN: error: MESSAGE`, as compilers do, and the notes.
/// The line itself is left out: what is no configuration may have one of
/// megabytes.
static void print(Diagnostic &diagnostic) {
  llvm::raw_ostream &os = llvm::errs();
  if (auto loc = dyn_cast<FileLineColLoc>(diagnostic.getLocation())) {
    os << loc.getFilename().getValue() << ":";
    if (loc.getLine() != 0)
      os << loc.getLine() << ":" << loc.getColumn() << ":";
    os << " ";
  }
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  os << (isError ? "error: " : "note: ") << diagnostic << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    print(note);
}

/// The content of the file; after an error, nothing.
static std::unique_ptr<llvm::MemoryBuffer> readFile(MLIRContext *context,
                                                    StringRef path) {
  auto loc = FileLineColLoc::get(context, path == "-" ? "<stdin>" : path, 0, 0);
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer) {
    emitError(loc) << "cannot read the file: " << buffer.getError().message();
    return nullptr;
  }
  size_t size = (*buffer)->getBufferSize();
  if (size > maxFileSize) {
    emitError(loc) << "expected a config.json of at most " << maxFileSize
                   << " bytes, got " << size;
    return nullptr;
  }
  return std::move(*buffer);
}

OwningOpRef<ModuleOp>
mlir::moe::importConfigFile(MLIRContext *context, StringRef path,
                            const ImportOptions &options) {
  ScopedDiagnosticHandler handler(context, print);
  llvm::SmallString<128> filePath(path);
  if (llvm::sys::fs::is_directory(path))
    llvm::sys::path::append(filePath, "config.json");
  std::unique_ptr<llvm::MemoryBuffer> buffer = readFile(context, filePath);
  if (!buffer)
    return nullptr;
  return importConfig(context, buffer->getBuffer(),
                      buffer->getBufferIdentifier(), options);
}
