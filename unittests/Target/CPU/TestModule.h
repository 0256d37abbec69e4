//===- TestModule.h - Modules for the CPU target's tests --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads modules, and collects what diagnostics say about them.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_UNITTESTS_TARGET_CPU_TESTMODULE_H
#define MOE_UNITTESTS_TARGET_CPU_TESTMODULE_H

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

namespace mlir::moe::test {

/// A test with a context whose diagnostics end up in `messages`.
class ModuleTest : public ::testing::Test {
protected:
  ModuleTest() : context(makeRegistry(), MLIRContext::Threading::DISABLED) {
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
  }

  /// The module in test/Target/CPU/Inputs/affine.mlir: y = x * scale + bias_0 +
  /// bias_1 on rows of 4, each change a text and what it becomes.
  OwningOpRef<ModuleOp>
  parseAffine(ArrayRef<std::pair<StringRef, StringRef>> changes = {}) {
    auto file = llvm::MemoryBuffer::getFile(MOE_TEST_DIR
                                            "/Target/CPU/Inputs/affine.mlir");
    if (!file) {
      ADD_FAILURE() << "cannot read affine.mlir";
      return {};
    }
    std::string text = (*file)->getBuffer().str();
    for (auto [from, to] : changes) {
      size_t at = text.find(from.str());
      EXPECT_NE(at, std::string::npos) << from.str();
      text.replace(at, from.size(), to.str());
    }
    return parse(text);
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>(text, ParserConfig(&context));
    EXPECT_TRUE(module) << messages;
    return module;
  }

  MLIRContext context;
  std::string messages;

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    registry.insert<MoEDialect>();
    return registry;
  }
};

} // namespace mlir::moe::test

#endif // MOE_UNITTESTS_TARGET_CPU_TESTMODULE_H
