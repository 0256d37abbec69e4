//===- TensorOps.cpp - Ops that move elements -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the tensor dialect means, and linalg's transpose and broadcast. What
// can be a view is one: a parameter is neither copied nor widened.
//
//===----------------------------------------------------------------------===//

#include "Frame.h"
#include "ScalarRegion.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <numeric>

using namespace mlir;
using namespace mlir::moe;

using Indices = ArrayRef<int64_t>;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

/// An unspecified tensor for elements that `op` takes unchanged from `views`:
/// stored as theirs where they agree, so that parameters stay small.
static FailureOr<Tensor> createLike(Operation *op, ArrayRef<TensorView> views,
                                    Indices shape, Frame &frame) {
  ElementType type = views.front().getElementType();
  bool agree = llvm::all_of(views, [&](const TensorView &view) {
    return view.getElementType() == type;
  });
  if (!agree)
    type = frame.getStorageType(op, getElementTypeOrSelf(op->getResult(0)));
  llvm::Expected<Tensor> result = createUnspecified(type, shape);
  if (!result)
    return op->emitOpError() << llvm::toString(result.takeError());
  return std::move(*result);
}

/// Copies `source` to the part of `target` that starts at `offsets` and takes
/// every `steps`-th element.
static void copyInto(Tensor &target, const TensorView &source, Indices offsets,
                     Indices steps) {
  SmallVector<int64_t> position(offsets.size());
  forEachIndex(source.getShape(), [&](Indices index) {
    for (auto [to, from, offset, step] :
         llvm::zip(position, index, offsets, steps))
      to = offset + from * step;
    storeScalar(target, target.getPosition(position), source.at(index));
  });
}
static void copyInto(Tensor &target, const TensorView &source) {
  SmallVector<int64_t> zeros(source.getRank(), 0), ones(source.getRank(), 1);
  copyInto(target, source, zeros, ones);
}

/// Emits an error and fails unless a slice lies within `shape`.
static LogicalResult checkSlice(Operation *op, Indices shape, Indices offsets,
                                Indices sizes, Indices steps) {
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int64_t first = offsets[dim], count = sizes[dim];
    int64_t last = first + (count - 1) * steps[dim];
    bool inBounds = first >= 0 && first <= size && count >= 0 &&
                    (count == 0 || (first < size && last >= 0 && last < size));
    if (!inBounds)
      return op->emitOpError()
             << "expected a slice within dimension " << dim << " of size "
             << size << ", got " << count << " elements from " << first
             << " with stride " << steps[dim];
  }
  return success();
}

static LogicalResult checkIndices(Operation *op, const TensorView &view,
                                  Indices indices) {
  if (view.contains(indices))
    return success();
  InFlightDiagnostic diag =
      op->emitOpError("expected an element of a tensor of shape ")
      << stringifyShape(view.getShape()) << ", got index (";
  llvm::interleaveComma(indices, diag);
  return diag << ")";
}

static SmallVector<int64_t> getIndices(ValueRange values, Frame &frame) {
  return llvm::map_to_vector(
      values, [&](Value value) { return frame.getInteger(value); });
}

/// `sizes` without the dimensions that a slice drops.
static SmallVector<int64_t> dropDims(Indices sizes,
                                     const llvm::SmallBitVector &dropped) {
  SmallVector<int64_t> kept;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!dropped.test(dim))
      kept.push_back(size);
  return kept;
}

//===----------------------------------------------------------------------===//
// Shapes and elements
//===----------------------------------------------------------------------===//

static LogicalResult evaluate(tensor::EmptyOp op, Frame &frame) {
  FailureOr<Tensor> result = frame.createResult(
      op, op.getType().getElementType(), frame.getIntegers(op.getMixedSizes()));
  if (failed(result))
    return failure();
  frame.set(op, *result);
  return success();
}

static LogicalResult evaluate(tensor::DimOp op, Frame &frame) {
  const TensorView &view = frame.getTensor(op.getSource());
  int64_t dim = frame.getInteger(op.getIndex());
  if (dim < 0 || dim >= view.getRank())
    return op.emitOpError() << "expected a dimension of a tensor of rank "
                            << view.getRank() << ", got " << dim;
  frame.set(op, Scalar::ofInteger(view.getDim(dim)));
  return success();
}

static LogicalResult evaluate(tensor::RankOp op, Frame &frame) {
  frame.set(op, Scalar::ofInteger(frame.getTensor(op.getTensor()).getRank()));
  return success();
}

static LogicalResult evaluate(tensor::CastOp op, Frame &frame) {
  TensorView view = frame.getTensor(op.getSource());
  auto type = cast<RankedTensorType>(op.getType());
  if (failed(checkShape(op, "the source", view.getShape(), type.getShape())))
    return failure();
  frame.set(op, view);
  return success();
}

static LogicalResult evaluate(tensor::ExtractOp op, Frame &frame) {
  const TensorView &view = frame.getTensor(op.getTensor());
  SmallVector<int64_t> indices = getIndices(op.getIndices(), frame);
  if (failed(checkIndices(op, view, indices)))
    return failure();
  frame.set(op, view.at(indices));
  return success();
}

static LogicalResult evaluate(tensor::InsertOp op, Frame &frame) {
  TensorView dest = frame.getTensor(op.getDest());
  SmallVector<int64_t> indices = getIndices(op.getIndices(), frame);
  if (failed(checkIndices(op, dest, indices)))
    return failure();
  FailureOr<Tensor> result =
      frame.createResult(op, op.getType().getElementType(), dest.getShape());
  if (failed(result))
    return failure();
  copyInto(*result, dest);
  storeScalar(*result, result->getPosition(indices),
              frame.getScalar(op.getScalar()));
  frame.set(op, *result);
  return success();
}

static LogicalResult evaluate(tensor::FromElementsOp op, Frame &frame) {
  auto type = cast<RankedTensorType>(op.getType());
  FailureOr<Tensor> result =
      frame.createResult(op, type.getElementType(), type.getShape());
  if (failed(result))
    return failure();
  for (auto [i, element] : llvm::enumerate(op.getElements()))
    storeScalar(*result, i, frame.getScalar(element));
  frame.set(op, *result);
  return success();
}

static LogicalResult evaluate(tensor::SplatOp op, Frame &frame) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> sizes = getIndices(op.getDynamicSizes(), frame), shape;
  Indices remaining = sizes;
  for (int64_t size : type.getShape()) {
    bool isDynamic = ShapedType::isDynamic(size);
    shape.push_back(isDynamic ? remaining.front() : size);
    remaining = remaining.drop_front(isDynamic);
  }
  FailureOr<Tensor> result =
      frame.createResult(op, type.getElementType(), shape);
  if (failed(result))
    return failure();
  Scalar value = frame.getScalar(op.getInput());
  for (int64_t i = 0, e = result->getNumElements(); i < e; ++i)
    storeScalar(*result, i, value);
  frame.set(op, *result);
  return success();
}

/// Fills the elements of `result` for which `choose` gives nothing with what
/// `block` computes from their indices.
static LogicalResult
fillFromRegion(Tensor &result, Block &block, Frame &frame,
               function_ref<std::optional<Scalar>(Indices)> choose) {
  FailureOr<ScalarRegion> region = ScalarRegion::create(block, frame);
  if (failed(region))
    return failure();
  LogicalResult done = success();
  int64_t position = 0;
  forEachIndex(result.getShape(), [&](Indices index) {
    std::optional<Scalar> value = choose(index);
    if (!value && succeeded(done)) {
      auto arguments = llvm::map_to_vector(
          index, [](int64_t i) { return Scalar::ofInteger(i); });
      FailureOr<ArrayRef<Scalar>> yielded = region->run(arguments);
      if (failed(yielded))
        done = failure();
      else
        value = yielded->front();
    }
    if (value)
      storeScalar(result, position, *value);
    ++position;
  });
  return done;
}

static LogicalResult evaluate(tensor::GenerateOp op, Frame &frame) {
  SmallVector<int64_t> shape(op.getType().getShape());
  SmallVector<int64_t> extents = getIndices(op.getDynamicExtents(), frame);
  Indices remaining = extents;
  for (int64_t &size : shape)
    if (ShapedType::isDynamic(size)) {
      size = remaining.front();
      remaining = remaining.drop_front();
    }
  FailureOr<Tensor> result =
      frame.createResult(op, op.getType().getElementType(), shape);
  if (failed(result) ||
      failed(fillFromRegion(*result, op.getBody().front(), frame,
                            [](Indices) { return std::nullopt; })))
    return failure();
  frame.set(op, *result);
  return success();
}

static LogicalResult evaluate(tensor::PadOp op, Frame &frame) {
  TensorView source = frame.getTensor(op.getSource());
  SmallVector<int64_t> low = frame.getIntegers(op.getMixedLowPad());
  SmallVector<int64_t> high = frame.getIntegers(op.getMixedHighPad());
  SmallVector<int64_t> shape;
  for (auto [before, size, after] : llvm::zip(low, source.getShape(), high))
    shape.push_back(before + size + after);
  FailureOr<Tensor> result =
      frame.createResult(op, op.getType().getElementType(), shape);
  if (failed(result))
    return failure();
  auto copy = [&](Indices index) -> std::optional<Scalar> {
    SmallVector<int64_t> from;
    for (auto [i, before] : llvm::zip(index, low))
      from.push_back(i - before);
    if (!source.contains(from))
      return std::nullopt;
    return source.at(from);
  };
  if (failed(fillFromRegion(*result, op.getRegion().front(), frame, copy)))
    return failure();
  frame.set(op, *result);
  return success();
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

static LogicalResult evaluate(tensor::ExtractSliceOp op, Frame &frame) {
  const TensorView &source = frame.getTensor(op.getSource());
  SmallVector<int64_t> offsets = frame.getIntegers(op.getMixedOffsets());
  SmallVector<int64_t> sizes = frame.getIntegers(op.getMixedSizes());
  SmallVector<int64_t> steps = frame.getIntegers(op.getMixedStrides());
  if (failed(checkSlice(op, source.getShape(), offsets, sizes, steps)))
    return failure();
  TensorView slice = source.slice(offsets, sizes, steps);
  llvm::SmallBitVector dropped = op.getDroppedDims();
  frame.set(op, slice.withShape(dropDims(slice.getShape(), dropped),
                                dropDims(slice.getStrides(), dropped)));
  return success();
}

static LogicalResult evaluate(tensor::InsertSliceOp op, Frame &frame) {
  TensorView source = frame.getTensor(op.getSource());
  TensorView dest = frame.getTensor(op.getDest());
  SmallVector<int64_t> offsets = frame.getIntegers(op.getMixedOffsets());
  SmallVector<int64_t> sizes = frame.getIntegers(op.getMixedSizes());
  SmallVector<int64_t> steps = frame.getIntegers(op.getMixedStrides());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  if (failed(checkSlice(op, dest.getShape(), offsets, sizes, steps)) ||
      failed(checkShape(op, "the source", source.getShape(),
                        dropDims(sizes, dropped))))
    return failure();
  FailureOr<Tensor> result =
      createLike(op, {source, dest}, dest.getShape(), frame);
  if (failed(result))
    return failure();
  copyInto(*result, dest);
  // Dropped dimensions have size 1, so any stride will do for them.
  SmallVector<int64_t> strides(sizes.size(), 0);
  Indices remaining = source.getStrides();
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    if (!dropped.test(dim)) {
      strides[dim] = remaining.front();
      remaining = remaining.drop_front();
    }
  copyInto(*result, source.withShape(sizes, strides), offsets, steps);
  frame.set(op, *result);
  return success();
}

static LogicalResult evaluate(tensor::ConcatOp op, Frame &frame) {
  SmallVector<TensorView> views;
  for (Value input : op.getInputs())
    views.push_back(frame.getTensor(input));
  int64_t dim = static_cast<int64_t>(op.getDim());
  SmallVector<int64_t> shape(views.front().getShape());
  shape[dim] = 0;
  for (const TensorView &view : views) {
    SmallVector<int64_t> expected = shape;
    expected[dim] = ShapedType::kDynamic;
    if (failed(checkShape(op, "each input", view.getShape(), expected)))
      return failure();
    shape[dim] += view.getDim(dim);
  }
  FailureOr<Tensor> result = createLike(op, views, shape, frame);
  if (failed(result))
    return failure();
  SmallVector<int64_t> offsets(shape.size(), 0), ones(shape.size(), 1);
  for (const TensorView &view : views) {
    copyInto(*result, view, offsets, ones);
    offsets[dim] += view.getDim(dim);
  }
  frame.set(op, *result);
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static int64_t getProduct(Indices sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

static LogicalResult evaluate(tensor::ExpandShapeOp op, Frame &frame) {
  TensorView source = frame.getTensor(op.getSrc());
  SmallVector<int64_t> shape = frame.getIntegers(op.getMixedOutputShape());
  for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
    int64_t product = 1;
    for (int64_t i : group)
      product *= shape[i];
    if (product != source.getDim(dim))
      return op.emitOpError()
             << "expected dimensions " << group.front() << " to "
             << group.back() << " of the result to have product "
             << source.getDim(dim) << ", got " << product;
  }
  frame.set(op, source.toTensor().reshape(shape));
  return success();
}

static LogicalResult evaluate(tensor::CollapseShapeOp op, Frame &frame) {
  TensorView source = frame.getTensor(op.getSrc());
  SmallVector<int64_t> shape;
  for (ArrayRef<int64_t> group : op.getReassociationIndices()) {
    SmallVector<int64_t> sizes;
    for (int64_t i : group)
      sizes.push_back(source.getDim(i));
    shape.push_back(getProduct(sizes));
  }
  frame.set(op, source.toTensor().reshape(shape));
  return success();
}

static LogicalResult evaluate(linalg::TransposeOp op, Frame &frame) {
  TensorView result =
      frame.getTensor(op.getInput()).transpose(op.getPermutation());
  if (failed(checkShape(op, "the destination",
                        frame.getTensor(op.getInit()).getShape(),
                        result.getShape())))
    return failure();
  frame.set(op->getResult(0), result);
  return success();
}

static LogicalResult evaluate(linalg::BroadcastOp op, Frame &frame) {
  TensorView input = frame.getTensor(op.getInput());
  SmallVector<int64_t> shape(frame.getTensor(op.getInit()).getShape());
  SmallVector<int64_t> kept, strides(shape.size(), 0);
  Indices remaining = input.getStrides();
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (llvm::is_contained(op.getDimensions(), static_cast<int64_t>(dim)))
      continue;
    kept.push_back(size);
    if (!remaining.empty()) {
      strides[dim] = remaining.front();
      remaining = remaining.drop_front();
    }
  }
  if (failed(checkShape(op, "the input", input.getShape(), kept)))
    return failure();
  frame.set(op->getResult(0), input.withShape(shape, strides));
  return success();
}

void mlir::moe::addTensorOps(OpTable &table) {
  table.add<tensor::EmptyOp>(evaluate);
  table.add<tensor::DimOp>(evaluate);
  table.add<tensor::RankOp>(evaluate);
  table.add<tensor::CastOp>(evaluate);
  table.add<tensor::ExtractOp>(evaluate);
  table.add<tensor::InsertOp>(evaluate);
  table.add<tensor::FromElementsOp>(evaluate);
  table.add<tensor::SplatOp>(evaluate);
  table.add<tensor::GenerateOp>(evaluate);
  table.add<tensor::PadOp>(evaluate);
  table.add<tensor::ExtractSliceOp>(evaluate);
  table.add<tensor::InsertSliceOp>(evaluate);
  table.add<tensor::ConcatOp>(evaluate);
  table.add<tensor::ExpandShapeOp>(evaluate);
  table.add<tensor::CollapseShapeOp>(evaluate);
  table.add<linalg::TransposeOp>(evaluate);
  table.add<linalg::BroadcastOp>(evaluate);
}
