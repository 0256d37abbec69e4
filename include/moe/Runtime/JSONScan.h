//===- JSONScan.h - Checks on JSON before it is parsed ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What has to be known of untrusted JSON text before llvm::json may parse it.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_JSONSCAN_H
#define MOE_RUNTIME_JSONSCAN_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::moe {

/// An error where `text` nests deeper than 16 levels (the parser recurses) or
/// an object has a key twice (the parser keeps the last without a word). Text
/// that is no JSON passes: the parser says what is wrong with it.
llvm::Error checkNestingAndKeys(llvm::StringRef text);

} // namespace mlir::moe

#endif // MOE_RUNTIME_JSONSCAN_H
