//===- moe-opt.cpp - mlir-opt with moe's dialect, passes and pipelines ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/InitAll.h"
#include "moe/Testing/Passes.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::moe::registerAllDialects(registry);
  mlir::moe::registerAllExtensions(registry);
  mlir::moe::registerAllPasses();
  mlir::moe::registerTestInterpretPass();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Mixture-of-Experts compiler driver\n", registry));
}
