//===- ImportMain.h - The moe-import tool -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// moe-import as a function.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_IMPORT_IMPORTMAIN_H
#define MOE_IMPORT_IMPORTMAIN_H

namespace mlir::moe {

/// Runs moe-import on its command line. Returns 0 on success, 1 on a diagnosed
/// error, 2 on wrong usage.
int moeImportMain(int argc, char **argv);

} // namespace mlir::moe

#endif // MOE_IMPORT_IMPORTMAIN_H
