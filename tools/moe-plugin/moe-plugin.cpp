//===- moe-plugin.cpp - moe for the stock mlir-opt ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   mlir-opt --load-dialect-plugin=MoEPlugin.so \
//            --pass-pipeline='builtin.module(moe-fuse)' layer.mlir
//
// A pass of a plugin has no flag of its own in mlir-opt: it is named in a
// pipeline.
//
//===----------------------------------------------------------------------===//

#include "moe/InitAll.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "moe", LLVM_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            mlir::moe::registerDialectsAndExtensions(*registry);
            mlir::moe::registerPassesAndPipelines();
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "moe", LLVM_VERSION_STRING,
          [] { mlir::moe::registerPassesAndPipelines(); }};
}
