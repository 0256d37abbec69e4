//===- Names.cpp - What a layer's inputs and outputs are called -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Transforms.h"

using namespace mlir;
using namespace mlir::moe;

std::string mlir::moe::getInputName(func::FuncOp layer, unsigned argument) {
  if (auto name = layer.getArgAttrOfType<StringAttr>(argument, kNameAttr))
    return name.str();
  bool isFirst = llvm::all_of(llvm::seq(argument), [&](unsigned before) {
    return layer.getArgAttr(before, kParamAttr) != nullptr;
  });
  return isFirst ? "x" : "arg" + std::to_string(argument);
}

std::string mlir::moe::getOutputName(func::FuncOp layer, unsigned result) {
  if (auto name = layer.getResultAttrOfType<StringAttr>(result, kNameAttr))
    return name.str();
  return result == 0 ? "y" : "y" + std::to_string(result);
}
