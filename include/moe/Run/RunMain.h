//===- RunMain.h - The moe-run tool -----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// moe-run as a function.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUN_RUNMAIN_H
#define MOE_RUN_RUNMAIN_H

namespace mlir::moe {

/// Runs moe-run on its command line. Returns 0 on success, 1 on a diagnosed
/// error or a comparison that failed, 2 on wrong usage.
int moeRunMain(int argc, char **argv);

} // namespace mlir::moe

#endif // MOE_RUN_RUNMAIN_H
