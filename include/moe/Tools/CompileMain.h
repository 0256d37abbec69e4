//===- CompileMain.h - The moe-compile tool ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// moe-compile as a function.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TOOLS_COMPILEMAIN_H
#define MOE_TOOLS_COMPILEMAIN_H

namespace mlir::moe {

/// Runs moe-compile on its command line. Returns 0 on success, 1 on a diagnosed
/// error, 2 on wrong usage.
int moeCompileMain(int argc, char **argv);

} // namespace mlir::moe

#endif // MOE_TOOLS_COMPILEMAIN_H
