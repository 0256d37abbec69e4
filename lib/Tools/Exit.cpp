//===- Exit.cpp - How tools end -------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Tools/Exit.h"

#include "llvm/Support/WithColor.h"

using namespace mlir::moe;

ExitStatus mlir::moe::fail(ExitStatus status, llvm::StringRef tool,
                           const llvm::Twine &message) {
  llvm::outs().flush(); // What was printed before comes first.
  llvm::WithColor::error(llvm::errs(), tool) << message << "\n";
  return status;
}

void mlir::moe::printVersion(llvm::raw_ostream &os) {
  os << "moe-mlir " MOE_VERSION ", LLVM " LLVM_VERSION_STRING "\n";
}
