//===- GroupedMatmul.cpp - moe.grouped_matmul -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One product per expert over its rows, an epilogue per element, and a
// destination per row.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Rows.h"
#include "ScalarRegion.h"

#include "moe/Dialect/MoE/IR/MoE.h"

using namespace mlir;
using namespace mlir::moe;

namespace {
/// A routed row: its expert, and its token and slot (-1 without `rows`).
struct Row {
  int64_t index, expert, token, slot;
};

class GroupedMatmul {
public:
  GroupedMatmul(GroupedMatmulOp op, Frame &frame)
      : op(op), frame(frame), x(frame.getTensor(op.getX())),
        init(frame.getTensor(op.getInit())),
        topK(static_cast<int64_t>(op.getTopK().value_or(1))), rowReader(x) {
    for (Value weight : op.getWeights())
      weights.push_back(frame.getTensor(weight));
    for (Value input : op.getEpilogueInputs())
      inputs.push_back(frame.getTensor(input));
    for (const TensorView &weight : weights)
      weightReaders.emplace_back(weight);
  }
  LogicalResult run();

private:
  LogicalResult readPlan();
  LogicalResult checkRow(const Row &row);
  SmallVector<int64_t> getInputIndex(unsigned input, const Row &row,
                                     int64_t column);
  Scalar computeSum(unsigned weight, const Row &row, int64_t column);
  FailureOr<double> computeElement(ScalarRegion &epilogue, const Row &row,
                                   int64_t column);
  LogicalResult computeRows();

  LogicalResult placeByPlan();
  LogicalResult placeBySlot();
  LogicalResult placeByToken();
  FailureOr<Tensor> copyInit();
  void copyRow(Tensor &result, int64_t row, const Row &source);

  GroupedMatmulOp op;
  Frame &frame;
  TensorView x, init;
  int64_t topK;
  SmallVector<TensorView> weights, inputs;
  RunReader rowReader;
  SmallVector<RunReader> weightReaders;
  SmallVector<Row> rows;
  /// The value of each row and column.
  std::vector<double> values;
};
} // namespace

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

LogicalResult GroupedMatmul::readPlan() {
  std::optional<TensorView> order;
  if (op.getRows())
    order = frame.getTensor(op.getRows());
  // Without an order there may be as many rows as the operand has.
  int64_t maxRows = order ? order->getDim(0) : x.getDim(0);
  FailureOr<SmallVector<int64_t>> expertOf =
      getExpertOfRows(op, frame.getTensor(op.getOffsets()), maxRows);
  if (failed(expertOf))
    return failure();
  for (auto [index, expert] : llvm::enumerate(*expertOf)) {
    Row row{static_cast<int64_t>(index), expert, -1, -1};
    if (order) {
      FailureOr<int64_t> slot =
          readPlanEntry(op, "rows", *order, {row.index}, 0, order->getDim(0));
      if (failed(slot))
        return failure();
      row.token = *slot / topK;
      row.slot = *slot % topK;
    }
    if (failed(checkRow(row)))
      return failure();
    rows.push_back(row);
  }
  return success();
}

SmallVector<int64_t>
GroupedMatmul::getInputIndex(unsigned input, const Row &row, int64_t column) {
  return op.getEpilogueMap(input).compose(
      {row.expert, row.index, row.token, row.slot, column});
}

/// Whether the operands have what the row needs.
LogicalResult GroupedMatmul::checkRow(const Row &row) {
  bool byToken = op.getSource() == RowSource::Token;
  int64_t source = byToken ? row.token : row.index;
  if (source >= x.getDim(0))
    return op->emitOpError() << "expected x to have a row " << source
                             << ", got " << x.getDim(0) << " rows";
  for (unsigned input = 0; input < inputs.size(); ++input) {
    SmallVector<int64_t> index =
        getInputIndex(input, row, op.getNumColumns() - 1);
    if (op.getNumColumns() > 0 && !inputs[input].contains(index)) {
      InFlightDiagnostic diag = op->emitOpError("expected epilogue input ")
                                << input << " to have an element (";
      llvm::interleaveComma(index, diag);
      return diag << "), got shape "
                  << stringifyShape(inputs[input].getShape());
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// An accumulator: f64, handed to the epilogue as an f32.
Scalar GroupedMatmul::computeSum(unsigned weight, const Row &row,
                                 int64_t column) {
  int64_t width = op.getReductionSize();
  bool byToken = op.getSource() == RowSource::Token;
  int64_t source = byToken ? row.token : row.index;
  const TensorView &w = weights[weight];
  double sum = 0.0;
  if (width > 0)
    sum = accumulateProducts(
        sum,
        rowReader.read(x.getPosition({source, 0}), x.getStrides()[1], width),
        weightReaders[weight].read(w.getPosition({row.expert, column, 0}),
                                   w.getStrides()[2], width));
  return roundResult(Scalar::ofFloat(sum), Float32Type::get(op.getContext()),
                     frame.getPrecision(op));
}

FailureOr<double> GroupedMatmul::computeElement(ScalarRegion &epilogue,
                                                const Row &row,
                                                int64_t column) {
  SmallVector<Scalar> arguments;
  for (unsigned weight = 0; weight < weights.size(); ++weight)
    arguments.push_back(computeSum(weight, row, column));
  for (unsigned input = 0; input < inputs.size(); ++input)
    arguments.push_back(inputs[input].at(getInputIndex(input, row, column)));
  FailureOr<ArrayRef<Scalar>> value = epilogue.run(arguments);
  if (failed(value))
    return failure();
  return value->front().getFloat();
}

LogicalResult GroupedMatmul::computeRows() {
  FailureOr<ScalarRegion> epilogue = ScalarRegion::create(*op.getBody(), frame);
  if (failed(epilogue))
    return failure();
  for (const Row &row : rows)
    for (int64_t column = 0; column < op.getNumColumns(); ++column) {
      FailureOr<double> value = computeElement(*epilogue, row, column);
      if (failed(value))
        return failure();
      values.push_back(*value);
    }
  return success();
}

//===----------------------------------------------------------------------===//
// Placement
//===----------------------------------------------------------------------===//

void GroupedMatmul::copyRow(Tensor &result, int64_t row, const Row &source) {
  int64_t width = op.getNumColumns();
  for (int64_t column = 0; column < width; ++column)
    result.set(row * width + column, values[source.index * width + column]);
}

LogicalResult GroupedMatmul::placeByPlan() {
  int64_t numRows = init.getDim(0);
  if (static_cast<int64_t>(rows.size()) > numRows)
    return op.emitOpError() << "expected a destination of at least "
                            << rows.size() << " rows, got " << numRows;
  FailureOr<Tensor> result = frame.createResult(
      op, getElementTypeOrSelf(op.getInit()), init.getShape());
  if (failed(result))
    return failure();
  for (const Row &row : rows)
    copyRow(*result, row.index, row);
  frame.set(op.getResult(), *result);
  return success();
}

FailureOr<Tensor> GroupedMatmul::copyInit() {
  FailureOr<Tensor> result = frame.createResult(
      op, getElementTypeOrSelf(op.getInit()), init.getShape());
  if (failed(result))
    return failure();
  int64_t position = 0;
  forEachIndex(init.getShape(), [&](ArrayRef<int64_t> index) {
    storeScalar(*result, position++, init.at(index));
  });
  return result;
}

/// Rows that no routed row writes keep what the destination holds.
LogicalResult GroupedMatmul::placeBySlot() {
  FailureOr<Tensor> result = copyInit();
  if (failed(result))
    return failure();
  for (const Row &row : rows) {
    int64_t target = row.token * topK + row.slot;
    if (target >= init.getDim(0))
      return op.emitOpError() << "expected a destination with a row " << target
                              << ", got " << init.getDim(0) << " rows";
    copyRow(*result, target, row);
  }
  frame.set(op.getResult(), *result);
  return success();
}

/// What moe.combine means: slots in order, then the destination.
LogicalResult GroupedMatmul::placeByToken() {
  TensorView inverse = frame.getTensor(op.getInverse());
  int64_t numTokens = init.getDim(0), width = op.getNumColumns();
  if (failed(
          checkShape(op, "the inverse", inverse.getShape(), {numTokens, topK})))
    return failure();
  FailureOr<Tensor> result = copyInit();
  if (failed(result))
    return failure();
  int64_t numRows = static_cast<int64_t>(rows.size());
  for (int64_t token = 0; token < numTokens; ++token)
    for (int64_t column = 0; column < width; ++column) {
      SlotSum sum(frame.getPrecision(op));
      for (int64_t slot = 0; slot < topK; ++slot) {
        FailureOr<int64_t> row =
            readPlanEntry(op, "inverse", inverse, {token, slot}, -1, numRows);
        if (failed(row))
          return failure();
        if (*row >= 0)
          sum.add(values[*row * width + column]);
      }
      sum.add(init.numberAt({token, column}));
      result->set(token * width + column, sum.getTotal());
    }
  frame.set(op.getResult(), *result);
  return success();
}

LogicalResult GroupedMatmul::run() {
  if (op->getNumResults() == 0)
    return op.emitOpError("is supported by the interpreter on tensors only");
  if (failed(readPlan()) || failed(computeRows()))
    return failure();
  switch (op.getPlace()) {
  case Placement::Plan:
    return placeByPlan();
  case Placement::Slot:
    return placeBySlot();
  case Placement::Token:
    return placeByToken();
  }
  llvm_unreachable("unknown placement");
}

static LogicalResult evaluate(GroupedMatmulOp op, Frame &frame) {
  return GroupedMatmul(op, frame).run();
}

void mlir::moe::addGroupedMatmulOp(OpTable &table) {
  table.add<GroupedMatmulOp>(evaluate);
}
