//===- LayerChecks.cpp - One layer, every way to run it -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Interprets a layer at each level and compares.
//
//===----------------------------------------------------------------------===//

#include "moe/Testing/LayerChecks.h"

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Runtime/Compare.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/Passes.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::moe;

FailureOr<LayerResult> mlir::moe::interpretLayer(ModuleOp module,
                                                 const RandomLayer &layer,
                                                 Precision precision,
                                                 const Tensor *replay,
                                                 RoutingRecord *record) {
  auto function = module.lookupSymbol<func::FuncOp>("forward");
  SmallVector<InterpreterValue> arguments(layer.arguments.begin(),
                                          layer.arguments.end());
  InterpreterOptions options;
  options.precision = precision;
  if (replay)
    options.replayIds = {*replay};
  if (record)
    options.onRouting = [record](const RoutingRecord &seen) { *record = seen; };
  auto results = interpret(function, arguments, options);
  if (failed(results))
    return failure();
  return LayerResult{(*results)[0].getTensor(), (*results)[1].getTensor(),
                     (*results)[2].getTensor()};
}

//===----------------------------------------------------------------------===//
// Tolerances
//===----------------------------------------------------------------------===//

/// The largest finite magnitude among the elements.
static double getLargest(const Tensor &tensor) {
  double largest = 0.0;
  for (int64_t i = 0, e = tensor.getNumElements(); i < e; ++i)
    if (std::isfinite(tensor.get(i)))
      largest = std::max(largest, std::fabs(tensor.get(i)));
  return largest;
}

/// f64 sums in another order: a sum of n terms is off by n 2^-53 of the sum of
/// magnitudes. That is below 2^10 terms of 2^-53, and magnitudes of at most
/// 2^7 times the largest output where terms cancel.
static Tolerance getOrderTolerance(const Tensor &expected) {
  return {0x1p-36 * getLargest(expected), 0x1p-36};
}

/// The fused level drops pairs of casts and sums that the routed level rounds.
/// Both are a few roundings of the layer's type from the exact result, the
/// largest of which are of the size of the largest output.
static Tolerance getRoundingTolerance(ElementType type,
                                      const Tensor &expected) {
  double unit = getUnitRoundoff(type);
  return {16 * unit * getLargest(expected), 4 * unit};
}

static Tolerance getEqualTolerance() { return {0.0, 0.0}; }

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

static LogicalResult compare(StringRef what, const Tensor &actual,
                             const Tensor &expected, Tolerance tolerance,
                             raw_ostream &log) {
  llvm::Expected<Comparison> comparison =
      compareTensors(actual, expected, tolerance);
  if (!comparison) {
    log << what << ": " << llvm::toString(comparison.takeError()) << "\n";
    return failure();
  }
  if (comparison->passed())
    return success();
  log << what << ":\n";
  printComparison(log, *comparison, actual, expected);
  return failure();
}

static LogicalResult
compareResults(const Twine &level, const LayerResult &actual,
               const LayerResult &expected,
               Tolerance (*tolerance)(ElementType, const Tensor &),
               ElementType type, raw_ostream &log) {
  LogicalResult ids = compare((level + " ids").str(), actual.ids, expected.ids,
                              getEqualTolerance(), log);
  LogicalResult weights =
      compare((level + " weights").str(), actual.weights, expected.weights,
              tolerance(type, expected.weights), log);
  LogicalResult y = compare((level + " output").str(), actual.y, expected.y,
                            tolerance(type, expected.y), log);
  return success(succeeded(ids) && succeeded(weights) && succeeded(y));
}

//===----------------------------------------------------------------------===//
// Levels
//===----------------------------------------------------------------------===//

namespace {
/// The layer at one level, interpreted in both precisions.
struct LevelResults {
  LayerResult exact, typed;
};
} // namespace

static FailureOr<LevelResults>
runPasses(ModuleOp module, const RandomLayer &layer,
          function_ref<void(OpPassManager &)> addPasses) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager manager(module.getContext());
  addPasses(manager);
  if (failed(manager.run(*copy)))
    return failure();
  FailureOr<LayerResult> exact = interpretLayer(*copy, layer, Precision::Exact);
  FailureOr<LayerResult> typed = interpretLayer(*copy, layer, Precision::Typed);
  if (failed(exact) || failed(typed))
    return failure();
  return LevelResults{*exact, *typed};
}

static LogicalResult checkModule(ModuleOp module, const RandomLayer &layer,
                                 raw_ostream &log) {
  auto exposed = [](OpPassManager &manager) {
    manager.addNestedPass<func::FuncOp>(createMoEExposeRoutingPass());
  };
  FailureOr<LevelResults> graph = runPasses(module, layer, exposed);
  FailureOr<LevelResults> routed =
      runPasses(module, layer, [&](OpPassManager &manager) {
        exposed(manager);
        manager.addNestedPass<func::FuncOp>(createMoEDecomposePass());
        manager.addPass(createCanonicalizerPass());
        manager.addPass(createCSEPass());
      });
  FailureOr<LevelResults> fused =
      runPasses(module, layer, [&](OpPassManager &manager) {
        exposed(manager);
        buildFusionPipeline(manager);
      });
  if (failed(graph) || failed(routed) || failed(fused))
    return failure();

  auto order = [](ElementType, const Tensor &expected) {
    return getOrderTolerance(expected);
  };
  auto equal = [](ElementType, const Tensor &) { return getEqualTolerance(); };
  bool allGood = true;
  auto expect = [&](LogicalResult result) { allGood &= succeeded(result); };
  expect(compareResults("routed, exact:", routed->exact, graph->exact, order,
                        layer.type, log));
  expect(compareResults("fused, exact:", fused->exact, graph->exact, order,
                        layer.type, log));
  expect(compareResults("routed, typed:", routed->typed, graph->typed, equal,
                        layer.type, log));
  expect(compareResults("fused, typed:", fused->typed, graph->typed,
                        getRoundingTolerance, layer.type, log));
  return success(allGood);
}

LogicalResult mlir::moe::checkLevels(const RandomLayer &layer,
                                     MLIRContext &context, raw_ostream &log) {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    log << diagnostic.getLocation() << ": " << diagnostic << "\n";
    for (Diagnostic &note : diagnostic.getNotes())
      log << note.getLocation() << ": " << note << "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(layer.text, ParserConfig(&context));
  if (!module)
    return failure();
  return checkModule(*module, layer, log);
}
