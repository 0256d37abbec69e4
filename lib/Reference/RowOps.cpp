//===- RowOps.cpp - Ops on routed rows ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What moe.dispatch, moe.expert_broadcast, moe.combine and moe.experts mean.
//
//===----------------------------------------------------------------------===//

#include "Rows.h"

#include "moe/Dialect/MoE/IR/MoE.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <limits>

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<int64_t>>
mlir::moe::getExpertOfRows(Operation *op, const TensorView &offsets,
                           int64_t maxRows) {
  SmallVector<int64_t> expertOf;
  int64_t numExperts = offsets.getDim(0) - 1;
  int64_t begin = offsets.at({0}).getInteger();
  if (begin != 0)
    return op->emitOpError() << "expected offsets from 0 on, got " << begin;
  for (int64_t expert = 0; expert < numExperts; ++expert) {
    int64_t end = offsets.at({expert + 1}).getInteger();
    if (end < begin || end > maxRows)
      return op->emitOpError() << "expected offset " << expert + 1 << " to be "
                               << begin << " to " << maxRows << ", got " << end;
    expertOf.append(end - begin, expert);
    begin = end;
  }
  return expertOf;
}

FailureOr<int64_t> mlir::moe::readPlanEntry(Operation *op, StringRef name,
                                            const TensorView &entries,
                                            ArrayRef<int64_t> index,
                                            int64_t least, int64_t limit) {
  int64_t entry = entries.at(index).getInteger();
  if (entry >= least && entry < limit)
    return entry;
  return op->emitOpError() << "expected " << name << " of " << least << " to "
                           << limit - 1 << ", got " << entry;
}

static LogicalResult checkOnTensors(Operation *op) {
  if (op->getNumResults() != 0)
    return success();
  return op->emitOpError("is supported by the interpreter on tensors only");
}

/// Copies `source`, of the shape of one row, to row `row` of `target`.
static void copyRow(Tensor &target, int64_t row, const TensorView &source) {
  int64_t position = row * source.getNumElements();
  forEachIndex(source.getShape(), [&](ArrayRef<int64_t> index) {
    storeScalar(target, position++, source.at(index));
  });
}

/// A tensor of `numRows` unspecified rows of the shape of one of `op`'s.
static FailureOr<Tensor> createRows(Operation *op, Frame &frame,
                                    int64_t numRows, ArrayRef<int64_t> row) {
  SmallVector<int64_t> shape = {numRows};
  llvm::append_range(shape, row);
  return frame.createResult(op, getElementTypeOrSelf(op->getResult(0)), shape);
}

//===----------------------------------------------------------------------===//
// moe.dispatch, moe.expert_broadcast
//===----------------------------------------------------------------------===//

static LogicalResult evaluate(DispatchOp op, Frame &frame) {
  if (failed(checkOnTensors(op)))
    return failure();
  TensorView x = frame.getTensor(op.getX());
  TensorView rows = frame.getTensor(op.getRows());
  int64_t numRows = rows.getDim(0), topK = static_cast<int64_t>(op.getTopK());
  SmallVector<int64_t> shape(x.getShape());
  shape[0] = numRows;
  if (failed(checkShape(op, "the destination",
                        frame.getTensor(op.getInit()).getShape(), shape)))
    return failure();
  FailureOr<SmallVector<int64_t>> expertOf =
      getExpertOfRows(op, frame.getTensor(op.getOffsets()), numRows);
  FailureOr<Tensor> result =
      createRows(op, frame, numRows, x.getShape().drop_front());
  if (failed(expertOf) || failed(result))
    return failure();
  for (int64_t row = 0, e = expertOf->size(); row < e; ++row) {
    FailureOr<int64_t> slot =
        readPlanEntry(op, "rows", rows, {row}, 0, x.getDim(0) * topK);
    if (failed(slot))
      return failure();
    copyRow(*result, row, x.slice(*slot / topK));
  }
  frame.set(op.getResult(), *result);
  return success();
}

static LogicalResult evaluate(ExpertBroadcastOp op, Frame &frame) {
  if (failed(checkOnTensors(op)))
    return failure();
  TensorView param = frame.getTensor(op.getParam());
  int64_t numRows = frame.getTensor(op.getInit()).getDim(0);
  FailureOr<SmallVector<int64_t>> expertOf =
      getExpertOfRows(op, frame.getTensor(op.getOffsets()), numRows);
  FailureOr<Tensor> result =
      createRows(op, frame, numRows, param.getShape().drop_front());
  if (failed(expertOf) || failed(result))
    return failure();
  for (auto [row, expert] : llvm::enumerate(*expertOf))
    copyRow(*result, static_cast<int64_t>(row), param.slice(expert));
  frame.set(op.getResult(), *result);
  return success();
}

//===----------------------------------------------------------------------===//
// moe.combine
//===----------------------------------------------------------------------===//

/// The row of `y` behind each present slot of `token`, -1 for an absent one.
static FailureOr<SmallVector<int64_t>> getSlotRows(CombineOp op,
                                                   const TensorView &inverse,
                                                   int64_t numRows,
                                                   int64_t token) {
  int64_t topK = inverse.getDim(1);
  SmallVector<int64_t> rows;
  for (int64_t slot = 0; slot < topK; ++slot) {
    FailureOr<int64_t> row =
        readPlanEntry(op, "inverse", inverse, {token, slot}, -1, numRows);
    if (failed(row))
      return failure();
    bool bySlot = op.getSource() == Placement::Slot;
    rows.push_back(*row >= 0 && bySlot ? token * topK + slot : *row);
  }
  return rows;
}

static LogicalResult evaluate(CombineOp op, Frame &frame) {
  if (failed(checkOnTensors(op)))
    return failure();
  TensorView y = frame.getTensor(op.getY());
  TensorView inverse = frame.getTensor(op.getInverse());
  TensorView init = frame.getTensor(op.getInit());
  std::optional<TensorView> weights;
  if (op.getWeights())
    weights = frame.getTensor(op.getWeights());
  int64_t numTokens = inverse.getDim(0), topK = inverse.getDim(1);
  // By plan there may be fewer rows, or more: each entry is checked.
  bool isBySlot = op.getSource() == Placement::Slot;
  int64_t numRows = isBySlot ? numTokens * topK : ShapedType::kDynamic;
  if (failed(checkShape(op, "y", y.getShape(), {numRows, init.getDim(1)})) ||
      failed(checkShape(op, "the destination", init.getShape(),
                        {numTokens, init.getDim(1)})) ||
      (weights && failed(checkShape(op, "the weights", weights->getShape(),
                                    inverse.getShape()))))
    return failure();
  FailureOr<Tensor> result =
      createRows(op, frame, numTokens, init.getShape().drop_front());
  if (failed(result))
    return failure();

  for (int64_t token = 0; token < numTokens; ++token) {
    FailureOr<SmallVector<int64_t>> rows =
        getSlotRows(op, inverse, y.getDim(0), token);
    if (failed(rows))
      return failure();
    for (int64_t column = 0; column < init.getDim(1); ++column) {
      SlotSum sum(frame.getPrecision(op));
      for (auto [slot, row] : llvm::enumerate(*rows)) {
        if (row < 0)
          continue;
        double value = y.numberAt({row, column});
        if (weights)
          sum.addWeighted(
              weights->numberAt({token, static_cast<int64_t>(slot)}), value);
        else
          sum.add(value);
      }
      sum.add(init.numberAt({token, column}));
      result->set(token * init.getDim(1) + column, sum.getTotal());
    }
  }
  frame.set(op.getResult(), *result);
  return success();
}

//===----------------------------------------------------------------------===//
// moe.experts
//===----------------------------------------------------------------------===//

namespace {
/// The graph level's op: each expert's body on its rows, then the sum.
class Experts {
public:
  Experts(ExpertsOp op, Frame &frame)
      : op(op), frame(frame), x(frame.getTensor(op.getX())),
        ids(frame.getTensor(op.getIds())),
        weights(frame.getTensor(op.getWeights())), numTokens(x.getDim(0)),
        topK(ids.getDim(1)) {}
  LogicalResult run();

private:
  using Slot = std::pair<int64_t, int64_t>; // token, slot
  LogicalResult checkShapes();
  SmallVector<Slot> getSlotsOf(int64_t expert);
  LogicalResult runExpert(int64_t expert, ArrayRef<Slot> slots);
  FailureOr<InterpreterValue> gatherRows(ArrayRef<Slot> slots);
  FailureOr<InterpreterValue> gatherWeights(ArrayRef<Slot> slots);
  LogicalResult sumSlots();

  ExpertsOp op;
  Frame &frame;
  TensorView x, ids, weights;
  int64_t numTokens, topK;
  /// The row that an expert computed for each present slot.
  std::map<Slot, TensorView> outputs;
};
} // namespace

LogicalResult Experts::checkShapes() {
  std::optional<int64_t> numSlots = llvm::checkedMul(ids.getDim(0), topK);
  if (!numSlots || *numSlots > std::numeric_limits<int32_t>::max())
    return op.emitOpError() << "expected fewer than 2^31 slots, got "
                            << ids.getDim(0) << " tokens of " << topK;
  if (failed(checkShape(op, "the ids", ids.getShape(), {numTokens, topK})))
    return failure();
  return checkShape(op, "the weights", weights.getShape(), {numTokens, topK});
}

/// The slots of an expert, by token, then slot. An id that is no expert's is
/// an absent slot.
SmallVector<Experts::Slot> Experts::getSlotsOf(int64_t expert) {
  SmallVector<Slot> slots;
  for (int64_t token = 0; token < numTokens; ++token)
    for (int64_t slot = 0; slot < topK; ++slot)
      if (ids.at({token, slot}).getInteger() == expert)
        slots.emplace_back(token, slot);
  return slots;
}

FailureOr<InterpreterValue> Experts::gatherRows(ArrayRef<Slot> slots) {
  llvm::Expected<Tensor> rows = createUnspecified(
      x.getElementType(), {static_cast<int64_t>(slots.size()), x.getDim(1)});
  if (!rows)
    return op.emitOpError() << llvm::toString(rows.takeError());
  for (auto [row, slot] : llvm::enumerate(slots))
    copyRow(*rows, static_cast<int64_t>(row), x.slice(slot.first));
  return InterpreterValue(*rows);
}

FailureOr<InterpreterValue> Experts::gatherWeights(ArrayRef<Slot> slots) {
  llvm::Expected<Tensor> rowWeights = createUnspecified(
      weights.getElementType(), {static_cast<int64_t>(slots.size())});
  if (!rowWeights)
    return op.emitOpError() << llvm::toString(rowWeights.takeError());
  for (auto [row, slot] : llvm::enumerate(slots))
    storeScalar(*rowWeights, static_cast<int64_t>(row),
                weights.at({slot.first, slot.second}));
  return InterpreterValue(*rowWeights);
}

LogicalResult Experts::runExpert(int64_t expert, ArrayRef<Slot> slots) {
  FailureOr<InterpreterValue> rows = gatherRows(slots);
  if (failed(rows))
    return failure();
  frame.set(op.getRows(), *rows);
  if (op.getWeighting() == Weighting::Body) {
    FailureOr<InterpreterValue> rowWeights = gatherWeights(slots);
    if (failed(rowWeights))
      return failure();
    frame.set(op.getRowWeights(), *rowWeights);
  }
  for (auto [index, param] : llvm::enumerate(op.getParams()))
    frame.set(op.getSlice(index), frame.getTensor(param).slice(expert));
  if (failed(frame.run(*op.getBody())))
    return failure();

  Operation *yield = op.getBody()->getTerminator();
  const TensorView &output = frame.getTensor(yield->getOperand(0));
  int64_t numRows = static_cast<int64_t>(slots.size());
  if (failed(checkShape(yield, "the rows of an expert", output.getShape(),
                        {numRows, output.getDim(1)})))
    return failure();
  for (auto [row, slot] : llvm::enumerate(slots))
    outputs[slot] = output.slice(static_cast<int64_t>(row));
  return success();
}

LogicalResult Experts::sumSlots() {
  // Where no expert ran, only the type knows the width.
  int64_t width = outputs.empty() ? op.getResult().getType().getDimSize(1)
                                  : outputs.begin()->second.getDim(0);
  if (ShapedType::isDynamic(width))
    return op.emitOpError("expected a static number of columns where no expert "
                          "has rows");
  FailureOr<Tensor> result = createRows(op, frame, numTokens, {width});
  if (failed(result))
    return failure();
  for (int64_t token = 0; token < numTokens; ++token)
    for (int64_t column = 0; column < width; ++column) {
      SlotSum sum(frame.getPrecision(op));
      for (int64_t slot = 0; slot < topK; ++slot) {
        auto output = outputs.find({token, slot});
        if (output == outputs.end())
          continue;
        double value = output->second.numberAt({column});
        if (op.getWeighting() == Weighting::Body)
          sum.add(value);
        else
          sum.addWeighted(weights.numberAt({token, slot}), value);
      }
      result->set(token * width + column, sum.getTotal());
    }
  frame.set(op.getResult(), *result);
  return success();
}

LogicalResult Experts::run() {
  if (failed(checkShapes()))
    return failure();
  for (int64_t expert = 0; expert < op.getNumExperts(); ++expert) {
    SmallVector<Slot> slots = getSlotsOf(expert);
    if (!slots.empty() && failed(runExpert(expert, slots)))
      return failure();
  }
  return sumSlots();
}

static LogicalResult evaluate(ExpertsOp op, Frame &frame) {
  return Experts(op, frame).run();
}

void mlir::moe::addRowOps(OpTable &table) {
  table.add<DispatchOp>(evaluate);
  table.add<ExpertBroadcastOp>(evaluate);
  table.add<CombineOp>(evaluate);
  table.add<ExpertsOp>(evaluate);
}
