//===- ImportFile.cpp - Import of a configuration by path -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds and reads the file, and shows diagnostics with its lines.
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;

/// Configurations have some kilobytes; more is another file, a checkpoint's
/// perhaps.
static constexpr size_t maxFileSize = size_t(16) << 20;

static LogicalResult emitFileError(MLIRContext *context, StringRef path,
                                   const llvm::Twine &message) {
  return mlir::emitError(FileLineColLoc::get(context, path, 0, 0)) << message;
}

static FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
readFile(MLIRContext *context, StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return emitFileError(
        context, path, "cannot read the file: " + buffer.getError().message());
  if ((*buffer)->getBufferSize() > maxFileSize)
    return emitFileError(context, path,
                         "expected a config.json of at most " +
                             llvm::Twine(maxFileSize) + " bytes, got " +
                             llvm::Twine((*buffer)->getBufferSize()));
  return std::move(*buffer);
}

OwningOpRef<ModuleOp>
mlir::moe::importConfigFile(MLIRContext *context, StringRef path,
                            const ImportOptions &options) {
  llvm::SmallString<128> filePath(path);
  if (llvm::sys::fs::is_directory(path))
    llvm::sys::path::append(filePath, "config.json");
  llvm::SourceMgr sourceMgr;
  SourceMgrDiagnosticHandler handler(sourceMgr, context, llvm::errs());
  auto buffer = readFile(context, filePath);
  if (failed(buffer))
    return nullptr;
  StringRef text = (*buffer)->getBuffer();
  StringRef name = (*buffer)->getBufferIdentifier();
  sourceMgr.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  return importConfig(context, text, name, options);
}
