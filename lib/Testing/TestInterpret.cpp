//===- TestInterpret.cpp - Print what functions compute -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pass test-moe-interpret.
//
//===----------------------------------------------------------------------===//

#include "moe/Reference/Interpreter.h"
#include "moe/Testing/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace mlir::moe;

static void printScalar(Scalar scalar, llvm::raw_ostream &os) {
  // The sign of a NaN means nothing.
  if (scalar.isFloat() && std::isnan(scalar.getFloat()))
    os << "nan";
  else if (scalar.isFloat())
    os << llvm::format("%.6g", scalar.getFloat());
  else
    os << scalar.getInteger();
}

/// Nested lists, as dense attributes print them.
static void printElements(const TensorView &view, llvm::raw_ostream &os) {
  if (view.getRank() == 0)
    return printScalar(view.load(view.getOffset()), os);
  os << "[";
  for (int64_t i = 0; i < view.getDim(0); ++i) {
    os << (i == 0 ? "" : ", ");
    printElements(view.slice(i), os);
  }
  os << "]";
}

namespace {
struct TestInterpret : PassWrapper<TestInterpret, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestInterpret)
  TestInterpret() = default;
  TestInterpret(const TestInterpret &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "test-moe-interpret"; }
  StringRef getDescription() const final {
    return "run functions without arguments in the reference interpreter and "
           "print their results";
  }

  // One pass over the module, so that functions print in their order.
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(interpretAndPrint(function)))
        signalPassFailure();
  }

  LogicalResult interpretAndPrint(func::FuncOp function) {
    if (function.getNumArguments() != 0 || function.isExternal())
      return success();
    InterpreterOptions options;
    if (typed)
      options.precision = Precision::Typed;
    auto results = interpret(function, {}, options);
    if (failed(results))
      return failure();
    llvm::raw_ostream &os = llvm::outs();
    os << "@" << function.getSymName() << "\n";
    for (const InterpreterValue &result : *results) {
      if (result.isScalar())
        printScalar(result.getScalar(), os);
      else
        printElements(result.getView(), os);
      os << "\n";
    }
    return success();
  }

  Option<bool> typed{*this, "typed",
                     llvm::cl::desc("round each value to its type")};
};
} // namespace

void mlir::moe::registerTestInterpretPass() {
  PassRegistration<TestInterpret>();
}
