//===- Linalg.cpp - Structured ops ----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A structured op is a loop nest: at each point of the iteration space, in
// row-major order, the region maps the operands' elements that the indexing
// maps name to new elements of the results.
//
// Sums of products take a shorter way, which is also what their rounding means:
// f64 sums, rounded once.
//
//===----------------------------------------------------------------------===//

#include "Linalg.h"
#include "Contraction.h"
#include "ScalarRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::moe;

namespace {
/// How one operand is read or written: its elements' positions as a function
/// of the loop indices.
class Access {
public:
  Access(TensorView view, AffineMap map);

  /// Whether each position is a constant plus a multiple of each index.
  bool isLinear() const { return linear; }
  int64_t getStride(unsigned loop) const { return strides[loop]; }
  const TensorView &getView() const { return view; }

  /// Fails, with a message for `op`, unless the map stays in bounds.
  LogicalResult check(Operation *op, unsigned operand,
                      ArrayRef<int64_t> ranges) const;
  int64_t getPosition(ArrayRef<int64_t> indices) const;

private:
  TensorView view;
  AffineMap map;
  bool linear = true;
  int64_t start;
  SmallVector<int64_t> strides;
};

/// The loop nest of one op.
class StructuredOp {
public:
  StructuredOp(linalg::LinalgOp op, Frame &frame) : op(op), frame(frame) {}
  LogicalResult run();

private:
  LogicalResult computeRanges();
  LogicalResult addAccesses();
  LogicalResult createResults();
  LogicalResult runRegion();

  /// Whether the region is `out + a * b`, a and b perhaps extended.
  bool isSumOfProducts();
  void runSumOfProducts();
  double sumProducts(double initial, SmallVectorImpl<int64_t> &indices,
                     ArrayRef<unsigned> reductions);

  linalg::LinalgOp op;
  Frame &frame;
  SmallVector<int64_t> ranges;
  /// One per operand; a scalar operand is a tensor of rank 0.
  std::vector<Access> accesses;
  SmallVector<Tensor> results;
  SmallVector<RunReader> readers;
};
} // namespace

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

/// The coefficients of a sum of multiples of dimensions: one per dimension,
/// then the constant. Nothing for another expression.
static std::optional<SmallVector<int64_t>> getCoefficients(AffineExpr expr,
                                                           unsigned numDims) {
  SmallVector<int64_t> coefficients(numDims + 1, 0);
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    coefficients[numDims] = constant.getValue();
    return coefficients;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    coefficients[dim.getPosition()] = 1;
    return coefficients;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  auto lhs = getCoefficients(binary.getLHS(), numDims);
  auto rhs = getCoefficients(binary.getRHS(), numDims);
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!lhs || !rhs)
    return std::nullopt;
  for (auto [left, right] : llvm::zip(*lhs, *rhs)) {
    if (expr.getKind() == AffineExprKind::Add)
      left += right;
    else if (expr.getKind() == AffineExprKind::Mul && factor)
      left *= factor.getValue();
    else
      return std::nullopt;
  }
  return lhs;
}

Access::Access(TensorView operand, AffineMap map)
    : view(std::move(operand)), map(map), start(view.getOffset()),
      strides(map.getNumDims(), 0) {
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    auto coefficients = getCoefficients(expr, map.getNumDims());
    linear = linear && coefficients;
    if (!linear)
      return;
    int64_t stride = view.getStrides()[dim];
    for (auto [total, coefficient] : llvm::zip(strides, *coefficients))
      total += stride * coefficient;
    start += stride * coefficients->back();
  }
}

int64_t Access::getPosition(ArrayRef<int64_t> indices) const {
  if (!linear)
    return view.getPosition(map.compose(indices));
  int64_t position = start;
  for (auto [index, stride] : llvm::zip(indices, strides))
    position += index * stride;
  return position;
}

/// The least and largest value of a linear expression over the loops.
static std::pair<int64_t, int64_t> getBounds(ArrayRef<int64_t> coefficients,
                                             ArrayRef<int64_t> ranges) {
  int64_t least = coefficients.back(), largest = least;
  for (auto [coefficient, range] : llvm::zip(coefficients, ranges))
    (coefficient < 0 ? least : largest) += coefficient * (range - 1);
  return {least, largest};
}

LogicalResult Access::check(Operation *op, unsigned operand,
                            ArrayRef<int64_t> ranges) const {
  auto emitMismatch = [&](unsigned dim, int64_t least, int64_t largest) {
    return op->emitOpError()
           << "expected dimension " << dim << " of operand " << operand
           << " to hold indices " << least << " to " << largest << ", got size "
           << view.getDim(dim);
  };
  bool isEmpty = llvm::is_contained(ranges, 0);
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim) {
    AffineExpr expr = map.getResult(dim);
    int64_t size = view.getDim(dim);
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      if (ranges[loop.getPosition()] != size)
        return op->emitOpError()
               << "expected dimension " << dim << " of operand " << operand
               << " to have size " << ranges[loop.getPosition()] << ", got "
               << size;
      continue;
    }
    if (isEmpty)
      continue;
    if (auto coefficients = getCoefficients(expr, map.getNumDims())) {
      auto [least, largest] = getBounds(*coefficients, ranges);
      if (least < 0 || largest >= size)
        return emitMismatch(dim, least, largest);
      continue;
    }
    // No bound is known: try all points.
    LogicalResult inBounds = success();
    AffineMap one = AffineMap::get(map.getNumDims(), 0, expr);
    forEachIndex(ranges, [&](ArrayRef<int64_t> indices) {
      int64_t index = one.compose(indices).front();
      if (succeeded(inBounds) && (index < 0 || index >= size))
        inBounds = emitMismatch(dim, index, index);
    });
    if (failed(inBounds))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The loop nest
//===----------------------------------------------------------------------===//

/// A scalar as a tensor of rank 0.
static TensorView makeRankZero(Scalar scalar, Type type) {
  ElementType elementType =
      scalar.isFloat() ? ElementType::f64 : *getElementTypeFor(type);
  Tensor tensor = Tensor::zeros(elementType, {});
  storeScalar(tensor, 0, scalar);
  return TensorView(tensor);
}

LogicalResult StructuredOp::computeRanges() {
  SmallVector<int64_t> sizes;
  for (Value operand : op->getOperands())
    if (isa<TensorType>(operand.getType()))
      llvm::append_range(sizes, frame.getTensor(operand).getShape());
  ranges = op.getShapesToLoopsMap().compose(sizes);
  return success();
}

LogicalResult StructuredOp::addAccesses() {
  for (OpOperand &operand : op->getOpOperands()) {
    const InterpreterValue &value = frame.get(operand.get());
    TensorView view = value.isTensor() ? value.getView()
                                       : makeRankZero(value.getScalar(),
                                                      operand.get().getType());
    accesses.emplace_back(view, op.getMatchingIndexingMap(&operand));
    if (failed(accesses.back().check(op, operand.getOperandNumber(), ranges)))
      return failure();
  }
  return success();
}

/// The results start as what the destinations hold.
LogicalResult StructuredOp::createResults() {
  for (OpOperand &init : op.getDpsInitsMutable()) {
    Access &access = accesses[init.getOperandNumber()];
    TensorView view = access.getView();
    FailureOr<Tensor> result = frame.createResult(
        op, getElementTypeOrSelf(init.get()), view.getShape());
    if (failed(result))
      return failure();
    int64_t position = 0;
    forEachIndex(view.getShape(), [&](ArrayRef<int64_t> index) {
      storeScalar(*result, position++, view.at(index));
    });
    access = Access(TensorView(*result), op.getMatchingIndexingMap(&init));
    results.push_back(*result);
  }
  return success();
}

LogicalResult StructuredOp::runRegion() {
  FailureOr<ScalarRegion> region = ScalarRegion::create(*op.getBlock(), frame);
  if (failed(region))
    return failure();
  ArrayRef<Access> outputs = ArrayRef(accesses).take_back(results.size());
  SmallVector<Scalar> arguments(accesses.size());
  LogicalResult done = success();
  forEachIndex(ranges, [&](ArrayRef<int64_t> indices) {
    if (failed(done))
      return;
    for (auto [argument, access] : llvm::zip(arguments, accesses))
      argument = access.getView().load(access.getPosition(indices));
    FailureOr<ArrayRef<Scalar>> yielded = region->run(arguments, indices);
    if (failed(yielded)) {
      done = failure();
      return;
    }
    for (auto [result, access, value] : llvm::zip(results, outputs, *yielded))
      storeScalar(result, access.getPosition(indices), value);
  });
  return done;
}

LogicalResult StructuredOp::run() {
  if (!op.hasPureTensorSemantics())
    return op->emitOpError("is supported by the interpreter on tensors only");
  if (failed(computeRanges()) || failed(addAccesses()) ||
      failed(createResults()))
    return failure();
  if (isSumOfProducts())
    runSumOfProducts();
  else if (failed(runRegion()))
    return failure();
  for (auto [value, result] : llvm::zip_equal(op->getResults(), results))
    frame.set(value, result);
  return success();
}

//===----------------------------------------------------------------------===//
// Sums of products
//===----------------------------------------------------------------------===//

static Value skipExtensions(Value value) {
  while (auto extend = value.getDefiningOp<arith::ExtFOp>())
    value = extend.getIn();
  return value;
}

bool StructuredOp::isSumOfProducts() {
  Block &body = *op.getBlock();
  if (op.getNumDpsInputs() != 2 || results.size() != 1 ||
      op.getNumReductionLoops() == 0 ||
      !llvm::all_of(accesses, [](const Access &a) { return a.isLinear(); }))
    return false;
  // A result is complete after its reduction loops, which name no element.
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction &&
        accesses[2].getStride(loop) != 0)
      return false;
  auto add = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  Value product = add.getLhs() == body.getArgument(2)   ? add.getRhs()
                  : add.getRhs() == body.getArgument(2) ? add.getLhs()
                                                        : Value();
  auto multiply = product ? product.getDefiningOp<arith::MulFOp>() : nullptr;
  if (!multiply)
    return false;
  Value lhs = skipExtensions(multiply.getLhs());
  Value rhs = skipExtensions(multiply.getRhs());
  return (lhs == body.getArgument(0) && rhs == body.getArgument(1)) ||
         (lhs == body.getArgument(1) && rhs == body.getArgument(0));
}

/// The sum over all reduction loops; the last runs over whole runs at once.
double StructuredOp::sumProducts(double initial,
                                 SmallVectorImpl<int64_t> &indices,
                                 ArrayRef<unsigned> reductions) {
  SmallVector<int64_t> outerRanges;
  for (unsigned loop : reductions.drop_back())
    outerRanges.push_back(ranges[loop]);
  unsigned inner = reductions.back();
  double sum = initial;
  forEachIndex(outerRanges, [&](ArrayRef<int64_t> outer) {
    for (auto [loop, index] : llvm::zip(reductions.drop_back(), outer))
      indices[loop] = index;
    indices[inner] = 0;
    ArrayRef<double> runs[2];
    for (unsigned i : {0, 1})
      runs[i] = readers[i].read(accesses[i].getPosition(indices),
                                accesses[i].getStride(inner), ranges[inner]);
    sum = accumulateProducts(sum, runs[0], runs[1]);
  });
  return sum;
}

void StructuredOp::runSumOfProducts() {
  SmallVector<unsigned> parallels, reductions;
  SmallVector<int64_t> parallelRanges;
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction) {
      reductions.push_back(loop);
    } else {
      parallels.push_back(loop);
      parallelRanges.push_back(ranges[loop]);
    }
  readers = {RunReader(accesses[0].getView()),
             RunReader(accesses[1].getView())};
  SmallVector<int64_t> indices(ranges.size(), 0);
  Tensor &result = results.front();
  forEachIndex(parallelRanges, [&](ArrayRef<int64_t> parallel) {
    for (auto [loop, index] : llvm::zip(parallels, parallel))
      indices[loop] = index;
    for (unsigned loop : reductions)
      indices[loop] = 0;
    int64_t position = accesses[2].getPosition(indices);
    // Storing rounds once, to the type of the result.
    result.set(position,
               sumProducts(result.get(position), indices, reductions));
  });
}

LogicalResult mlir::moe::evaluateLinalgOp(linalg::LinalgOp op, Frame &frame) {
  return StructuredOp(op, frame).run();
}
