//===- Checks.cpp - Whether results are right -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Checks.h"

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Reference/Value.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SmallSet.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Tolerances
//===----------------------------------------------------------------------===//

/// Whether results of `op` are rounded to their type: not moved, widened, or
/// one of the operands as it is.
static bool isRounding(Operation *op) {
  if (isa<arith::ConstantOp, arith::ExtFOp, arith::BitcastOp, arith::SelectOp,
          arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
          arith::MinNumFOp, math::AbsFOp, math::CopySignOp, DispatchOp,
          ExpertBroadcastOp>(op))
    return false;
  return isa_and_present<arith::ArithDialect, math::MathDialect, MoEDialect>(
      op->getDialect());
}

/// The least precise float type that output `index`, or anything that it is
/// computed from, is rounded to: engines that round at other places, or not at
/// all, differ by as much, whatever type the result then has. Inputs and
/// parameters are the same for all engines and count only as far as what is
/// computed from them is rounded to their type.
static ElementType getComputedType(const Layer &layer, size_t index) {
  func::FuncOp function = layer.function;
  ElementType least = ElementType::f64;
  auto add = [&](Type type) {
    std::optional<ElementType> element =
        isa<FloatType>(getElementTypeOrSelf(type))
            ? getElementTypeFor(getElementTypeOrSelf(type))
            : std::nullopt;
    if (element && getUnitRoundoff(*element) > getUnitRoundoff(least))
      least = *element;
  };
  add(function.getResultTypes()[index]);
  Block &body = function.getBody().front();
  SmallPtrSet<Operation *, 16> needed;
  SmallVector<Operation *> worklist;
  auto need = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (op && (op = body.findAncestorOpInBlock(*op)) &&
        needed.insert(op).second)
      worklist.push_back(op);
  };
  need(body.getTerminator()->getOperand(index));
  while (!worklist.empty())
    worklist.pop_back_val()->walk([&](Operation *op) {
      llvm::for_each(op->getOperands(), need);
      if (isRounding(op))
        llvm::for_each(op->getResultTypes(), add);
    });
  return least;
}

Tolerance ToleranceOptions::get(const Tensor &expected, ElementType type,
                                bool isRoutingWeight) const {
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < expected.getNumElements(); ++i)
    if (std::isfinite(expected.get(i))) {
      sum += expected.get(i) * expected.get(i);
      ++count;
    }
  Tolerance tolerance = getDefaultTolerance(
      type, count ? std::sqrt(sum / static_cast<double>(count)) : 0);
  // A logit that is rounded to 16 bits may fall to the other neighbour: a
  // change of 2 u |z|, and of as much of a weight, relatively, for |z| up to 8.
  if (isRoutingWeight)
    tolerance.relative =
        std::max(tolerance.relative, 16 * getUnitRoundoff(type));
  if (absolute || relative)
    tolerance = {absolute.value_or(0), relative.value_or(0)};
  return tolerance;
}

/// Compares output `index` and prints what came of it.
static llvm::Expected<bool> compare(llvm::raw_ostream &os, const Layer &layer,
                                    size_t index, const Tensor &actual,
                                    const Tensor &expected,
                                    const ToleranceOptions &tolerance) {
  StringRef name = layer.outputs[index].name;
  bool isRoutingWeight =
      layer.exposesRouting && index + 1 == layer.outputs.size();
  ElementType type = isFloat(actual.getType()) ? getComputedType(layer, index)
                                               : actual.getType();
  auto comparison = compareTensors(
      actual, expected, tolerance.get(expected, type, isRoutingWeight));
  if (!comparison)
    return llvm::createStringError(
        "output '" + name + "': " + llvm::toString(comparison.takeError()));
  os << name << ": ";
  printComparison(os, *comparison, actual, expected);
  return comparison->passed();
}

llvm::Expected<bool> moe::compareWithFile(llvm::raw_ostream &os,
                                          const Layer &layer,
                                          const Outputs &outputs,
                                          Checkpoint &file,
                                          const ToleranceOptions &tolerance) {
  bool anyCompared = false, allPassed = true;
  for (auto [index, actual] : llvm::enumerate(outputs)) {
    const EntryTensor &signature = layer.outputs[index];
    if (!file.contains(signature.name))
      continue;
    auto expected = file.get(signature.name);
    if (!expected)
      return expected.takeError();
    // Files have the shape of x, with all its token dimensions.
    if (expected->getNumElements() != actual.getNumElements())
      return llvm::createStringError(
          "output '" + signature.name + "': expected shape " +
          stringifyShape(actual.getShape()) + " in " + file.getPath() +
          ", got " + stringifyShape(expected->getShape()));
    auto passed = compare(os, layer, index, actual,
                          expected->reshape(actual.getShape()), tolerance);
    if (!passed)
      return passed;
    allPassed &= *passed;
    anyCompared = true;
  }
  if (!anyCompared)
    return llvm::createStringError("expected '" + layer.outputs.front().name +
                                   "' or another output in " + file.getPath() +
                                   ", got none of them");
  return allPassed;
}

//===----------------------------------------------------------------------===//
// Interpreter
//===----------------------------------------------------------------------===//

/// Up to `count` of `tokens` tokens, evenly spread, the first and the last
/// among them.
static SmallVector<int64_t> sampleTokens(int64_t tokens, int64_t count) {
  SmallVector<int64_t> sample;
  count = std::min(tokens, count);
  for (int64_t i = 0; i < count; ++i)
    sample.push_back(count == 1 ? 0 : i * (tokens - 1) / (count - 1));
  return sample;
}

/// The rows of `tensor` that belong to the sampled tokens; all of it if its
/// first dimension is not the tokens'.
static Tensor takeRows(const EntryTensor &signature, const Tensor &tensor,
                       ArrayRef<int64_t> sample) {
  if (signature.type.getRank() == 0 || !signature.type.isDynamicDim(0))
    return tensor;
  SmallVector<int64_t> shape(tensor.getShape());
  shape[0] = static_cast<int64_t>(sample.size());
  Tensor rows = Tensor::zeros(tensor.getType(), shape);
  auto *to = static_cast<char *>(rows.getMutableData());
  for (int64_t token : sample) {
    Tensor row = tensor.slice(token);
    memcpy(to, row.getData(), row.getSizeInBytes());
    to += row.getSizeInBytes();
  }
  return rows;
}

/// How close two keys may be, relative to the token's largest, for engines to
/// rank them differently: products of a few thousand terms in f32 are off by
/// much less than 2^-12; logits that are rounded to 16 bits by 2^-7.
static double getKeyMargin(const Layer &layer) {
  ElementType type = getComputedType(layer, layer.outputs.size() - 2);
  return getUnitRoundoff(type) > getUnitRoundoff(ElementType::f32) ? 0x1p-6
                                                                   : 0x1p-12;
}

/// Whether the ids of `token` are the K largest keys, in order, as far as
/// `margin` tells keys apart.
static bool isChoiceOfLargest(const RoutingRecord &record, const Tensor &ids,
                              int64_t token, double margin) {
  llvm::SmallSet<int64_t, 16> chosen;
  double least = INFINITY, largest = 0;
  int64_t numExperts = record.keys.getDim(1);
  for (int64_t e = 0; e < numExperts; ++e)
    if (std::isfinite(record.keys.at({token, e})))
      largest = std::max(largest, std::fabs(record.keys.at({token, e})));
  double slack = margin * largest;
  if (record.groupGaps.get(token) <= 2 * slack)
    return true; // Which groups are kept is open.
  for (int64_t s = 0; s < ids.getDim(1); ++s) {
    auto id = static_cast<int64_t>(ids.at({token, s}));
    if (id < 0 || id >= numExperts || !chosen.insert(id).second)
      return false;
    double key = record.keys.at({token, id});
    if (key > least + slack)
      return false;
    least = std::min(least, key);
  }
  for (int64_t e = 0; e < numExperts; ++e)
    if (!chosen.contains(e) && record.keys.at({token, e}) > least + slack)
      return false;
  return true;
}

/// Prints how the choices compare.
static bool checkChoices(llvm::raw_ostream &os, const Layer &layer,
                         const Tensor &ids, const Tensor &expectedIds,
                         const RoutingRecord &record) {
  int64_t numOther = 0, numWrong = 0, firstWrong = 0;
  for (int64_t token = 0; token < ids.getDim(0); ++token) {
    bool isOther = false;
    for (int64_t s = 0; s < ids.getDim(1); ++s)
      isOther |= ids.at({token, s}) != expectedIds.at({token, s});
    numOther += isOther;
    if (!isOther || isChoiceOfLargest(record, ids, token, getKeyMargin(layer)))
      continue;
    if (numWrong++ == 0)
      firstWrong = token;
  }
  os << "ids: " << ids.getDim(0) - numOther << " of " << ids.getDim(0)
     << " tokens have the interpreter's experts in its order";
  if (numOther > numWrong)
    os << ", " << numOther - numWrong << " differ where keys are as close as "
       << "rounding";
  if (numWrong)
    os << ", " << numWrong << " are wrong, the first is sampled token "
       << firstWrong;
  os << "\n";
  return numWrong == 0;
}

FailureOr<bool> moe::compareWithInterpreter(llvm::raw_ostream &os,
                                            const Layer &layer,
                                            const LayerData &data,
                                            const Outputs &outputs,
                                            int64_t maxTokens,
                                            const ToleranceOptions &tolerance) {
  SmallVector<int64_t> sample = sampleTokens(data.tokens, maxTokens);
  std::vector<Tensor> inputs;
  Outputs actual;
  for (auto [signature, tensor] : llvm::zip_equal(layer.inputs, data.inputs))
    inputs.push_back(takeRows(signature, tensor, sample));
  for (auto [signature, tensor] : llvm::zip_equal(layer.outputs, outputs))
    actual.push_back(takeRows(signature, tensor, sample));
  os << "compared with the interpreter: " << sample.size() << " of "
     << data.tokens << " tokens\n";

  bool allPassed = true;
  const Tensor *replayIds = nullptr;
  if (layer.exposesRouting) {
    RoutingRecord record;
    auto own = interpretLayer(layer, data, inputs, nullptr, &record);
    if (failed(own))
      return failure();
    replayIds = &actual[actual.size() - 2];
    allPassed =
        checkChoices(os, layer, *replayIds, (*own)[actual.size() - 2], record);
    if (!allPassed) // Ids that are no expert's cannot be replayed.
      return false;
  }
  auto expected = interpretLayer(layer, data, inputs, replayIds);
  if (failed(expected))
    return failure();
  for (size_t i = 0; i < actual.size(); ++i) {
    if (layer.exposesRouting && i == actual.size() - 2)
      continue; // The ids are those that were replayed.
    auto passed = compare(os, layer, i, actual[i], (*expected)[i], tolerance);
    if (!passed) {
      func::FuncOp function = layer.function;
      return function.emitError() << llvm::toString(passed.takeError());
    }
    allPassed &= *passed;
  }
  return allPassed;
}
