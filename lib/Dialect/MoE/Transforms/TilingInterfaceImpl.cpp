//===- TilingInterfaceImpl.cpp - Tiling of moe ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All ops are tiled in one way: loops run over dimensions of the destination,
// and each dimension of an operand is taken whole or follows one of these.
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/TilingInterfaceImpl.h"
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::moe;

namespace {
/// A part of one dimension; the whole of it where `offset` is null.
struct DimTile {
  OpFoldResult offset, size;
  bool isWhole() const { return !offset; }
};

/// What a dimension of an operand follows: a dimension of the destination,
/// with `scale` entries per entry of that one, or nothing.
struct Follows {
  std::optional<unsigned> dim = std::nullopt;
  int64_t scale = 1;
};
constexpr unsigned kRows = 0, kColumns = 1;
const Follows whole;
} // namespace

//===----------------------------------------------------------------------===//
// What operands follow, op by op
//===----------------------------------------------------------------------===//

/// The dimensions of the destination that loops run over.
static SmallVector<unsigned> loopDims(DispatchOp op) {
  if (cast<ShapedType>(op.getInit().getType()).getRank() == 1)
    return {kRows};
  return {kRows, kColumns};
}
static SmallVector<unsigned> loopDims(GroupedMatmulOp op) {
  if (op.getPlace() == Placement::Plan)
    return {kRows, kColumns};
  return {kColumns};
}
static SmallVector<unsigned> loopDims(CombineOp) { return {kRows, kColumns}; }
static SmallVector<unsigned> loopDims(GateOp) { return {kRows}; }

/// What the dimensions of an operand follow; the trailing ones of those that
/// are not listed are taken whole.
static SmallVector<Follows> follows(DispatchOp op, OpOperand &operand) {
  if (&operand == &op.getXMutable())
    return {whole, {kColumns}};
  if (&operand == &op.getRowsMutable())
    return {{kRows}};
  if (op.isDpsInit(&operand))
    return {{kRows}, {kColumns}};
  return {};
}

static SmallVector<Follows> followsMap(AffineMap map) {
  constexpr unsigned rowDim = 1, columnDim = 4; // (e, r, t, s, n)
  SmallVector<Follows> result;
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (dim && dim.getPosition() == rowDim)
      result.push_back({kRows});
    else if (dim && dim.getPosition() == columnDim)
      result.push_back({kColumns});
    else
      result.push_back(whole);
  }
  return result;
}

static SmallVector<Follows> follows(GroupedMatmulOp op, OpOperand &operand) {
  unsigned number = operand.getOperandNumber();
  auto positionIn = [&](OperandRange range) {
    return number - range.getBeginOperandIndex();
  };
  if (&operand == &op.getXMutable())
    return {op.getSource() == RowSource::Plan ? Follows{kRows} : whole};
  if (positionIn(op.getWeights()) < op.getWeights().size())
    return {whole, {kColumns}};
  if (op.getRows() && number == op.getOffsetsMutable().getOperandNumber() + 1)
    return {{kRows}};
  unsigned input = positionIn(op.getEpilogueInputs());
  if (input < op.getEpilogueInputs().size())
    return followsMap(op.getEpilogueMap(input));
  if (op.isDpsInit(&operand))
    return {{kRows}, {kColumns}};
  return {};
}

static SmallVector<Follows> follows(CombineOp op, OpOperand &operand) {
  if (op.isDpsInit(&operand))
    return {{kRows}, {kColumns}};
  if (&operand != &op.getYMutable())
    return {{kRows}};
  if (op.getSource() == Placement::Plan)
    return {whole, {kColumns}};
  int64_t topK = cast<ShapedType>(op.getInverse().getType()).getDimSize(1);
  return {{kRows, topK}, {kColumns}};
}

static SmallVector<Follows> follows(GateOp op, OpOperand &operand) {
  Value value = operand.get();
  bool isPerToken = &operand == &op.getXMutable() || value == op.getMask() ||
                    value == op.getGivenIds() || op.isDpsInit(&operand);
  return {isPerToken ? Follows{kRows} : whole};
}

/// The operand that says which rows belong to which expert, where rows are
/// tiled.
static OpOperand *rowOffsets(DispatchOp op) { return &op.getOffsetsMutable(); }
static OpOperand *rowOffsets(GroupedMatmulOp op) {
  return op.getPlace() == Placement::Plan ? &op.getOffsetsMutable() : nullptr;
}
static OpOperand *rowOffsets(CombineOp) { return nullptr; }
static OpOperand *rowOffsets(GateOp) { return nullptr; }

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

/// The value that a loop starts its iteration argument from; any other value as
/// it is. A loop does not change the size of what it carries.
static Value skipLoops(Value value) {
  while (auto arg = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<LoopLikeOpInterface>(arg.getOwner()->getParentOp());
    OpOperand *init = loop ? loop.getTiedLoopInit(arg) : nullptr;
    if (!init)
      break;
    value = init->get();
  }
  return value;
}

/// True if `tile` is known to be all of dimension `dim` of `value`.
static bool coversDim(const DimTile &tile, Value value, unsigned dim) {
  if (!isZeroInteger(tile.offset))
    return false;
  int64_t staticSize = cast<ShapedType>(value.getType()).getDimSize(dim);
  if (std::optional<int64_t> size = getConstantIntValue(tile.size))
    return *size == staticSize;
  auto sizeOp = cast<Value>(tile.size).getDefiningOp<tensor::DimOp>();
  return sizeOp && skipLoops(sizeOp.getSource()) == skipLoops(value) &&
         sizeOp.getConstantIndex() == static_cast<int64_t>(dim);
}

static OpFoldResult scaled(OpBuilder &builder, Location loc, OpFoldResult value,
                           int64_t scale) {
  return affine::makeComposedFoldedAffineApply(
      builder, loc, builder.getAffineDimExpr(0) * scale, {value});
}

/// The part of `value` that belongs to the tiles of the destination.
static Value takeSlice(OpBuilder &builder, Location loc, Value value,
                       ArrayRef<Follows> followed, ArrayRef<DimTile> tiles,
                       SmallVectorImpl<Operation *> &slices) {
  auto isTiled = [&](const Follows &f) {
    return f.dim && *f.dim < tiles.size() && !tiles[*f.dim].isWhole();
  };
  if (llvm::none_of(followed, isTiled))
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  for (auto [dim, f] : llvm::enumerate(followed)) {
    if (!isTiled(f))
      continue;
    offsets[dim] = scaled(builder, loc, tiles[*f.dim].offset, f.scale);
    sizes[dim] = scaled(builder, loc, tiles[*f.dim].size, f.scale);
  }
  auto slice = tensor::ExtractSliceOp::create(builder, loc, value, offsets,
                                              sizes, strides);
  slices.push_back(slice);
  return slice;
}

/// Offsets as the rows of a tile see them: clamped to the tile, and counted
/// from where it starts.
static Value clampOffsets(OpBuilder &builder, Location loc, Value offsets,
                          const DimTile &tile) {
  auto type = cast<RankedTensorType>(offsets.getType());
  auto spread = [&](OpFoldResult value) {
    Value index = getValueOrCreateConstantIndexOp(builder, loc, value);
    Value scalar =
        arith::IndexCastOp::create(builder, loc, type.getElementType(), index);
    return tensor::SplatOp::create(builder, loc, scalar, type).getResult();
  };
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  Value shifted =
      arith::SubIOp::create(builder, loc, offsets, spread(tile.offset));
  Value positive = arith::MaxSIOp::create(builder, loc, shifted, zero);
  return arith::MinSIOp::create(builder, loc, positive, spread(tile.size));
}

/// Whether the op can be made of these tiles; emits an error if not.
template <typename OpTy>
static LogicalResult checkTiles(OpTy, ArrayRef<DimTile>) {
  return success();
}
/// The shape of weights is static, so that of their tiles must be.
template <>
LogicalResult checkTiles(GroupedMatmulOp op, ArrayRef<DimTile> tiles) {
  const DimTile &columns = tiles[kColumns];
  if (columns.isWhole() || getConstantIntValue(columns.size))
    return success();
  return op.emitOpError() << "expected tiles that divide the "
                          << op.getNumColumns() << " columns";
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

namespace {
template <typename OpTy>
struct TilingModel
    : public TilingInterface::ExternalModel<TilingModel<OpTy>, OpTy> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *op) const {
    return SmallVector<utils::IteratorType>(loopDims(cast<OpTy>(op)).size(),
                                            utils::IteratorType::parallel);
  }

  SmallVector<Range> getIterationDomain(Operation *op,
                                        OpBuilder &builder) const {
    Value init = firstInit(op);
    SmallVector<Range> domain;
    for (unsigned dim : loopDims(cast<OpTy>(op)))
      domain.push_back({builder.getIndexAttr(0), sizeOf(op, builder, init, dim),
                        builder.getIndexAttr(1)});
    return domain;
  }

  FailureOr<TilingResult>
  getTiledImplementation(Operation *op, OpBuilder &builder,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) const {
    if (op->getNumResults() == 0)
      return failure(); // On memrefs there is nothing to put a tile into.
    auto concrete = cast<OpTy>(op);
    SmallVector<DimTile> tiles = destinationTiles(concrete, offsets, sizes);
    if (failed(checkTiles(concrete, tiles)))
      return failure();
    SmallVector<Operation *> slices;
    SmallVector<Value> operands;
    SmallVector<Type> types;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (&operand == rowOffsets(concrete) && !tiles[kRows].isWhole())
        value = clampOffsets(builder, op->getLoc(), value, tiles[kRows]);
      else
        value = takeSlice(builder, op->getLoc(), value,
                          follows(concrete, operand), tiles, slices);
      operands.push_back(value);
      if (concrete.isDpsInit(&operand))
        types.push_back(value.getType());
    }
    Operation *tiled = mlir::clone(builder, op, types, operands);
    return TilingResult{
        {tiled}, SmallVector<Value>(tiled->getResults()), slices};
  }

  LogicalResult
  getResultTilePosition(Operation *op, OpBuilder &builder, unsigned number,
                        ArrayRef<OpFoldResult> offsets,
                        ArrayRef<OpFoldResult> sizes,
                        SmallVector<OpFoldResult> &resultOffsets,
                        SmallVector<OpFoldResult> &resultSizes) const {
    Value init = cast<OpTy>(op).getDpsInits()[number];
    resultSizes = tensor::getMixedSizes(builder, op->getLoc(), init);
    resultOffsets.assign(resultSizes.size(), builder.getIndexAttr(0));
    for (auto [i, dim] : llvm::enumerate(loopDims(cast<OpTy>(op)))) {
      resultOffsets[dim] = offsets[i];
      resultSizes[dim] = sizes[i];
    }
    return success();
  }

  LogicalResult getIterationDomainTileFromResultTile(
      Operation *op, OpBuilder &builder, unsigned number,
      ArrayRef<OpFoldResult> resultOffsets, ArrayRef<OpFoldResult> resultSizes,
      SmallVectorImpl<OpFoldResult> &offsets,
      SmallVectorImpl<OpFoldResult> &sizes) const {
    SmallVector<unsigned> loops = loopDims(cast<OpTy>(op));
    Value init = cast<OpTy>(op).getDpsInits()[number];
    for (unsigned dim = 0, e = resultOffsets.size(); dim < e; ++dim) {
      DimTile tile = {resultOffsets[dim], resultSizes[dim]};
      if (llvm::is_contained(loops, dim)) {
        offsets.push_back(tile.offset);
        sizes.push_back(tile.size);
      } else if (!coversDim(tile, init, dim)) {
        return failure();
      }
    }
    return success();
  }

  FailureOr<TilingResult>
  generateResultTileValue(Operation *op, OpBuilder &builder, unsigned number,
                          ArrayRef<OpFoldResult> resultOffsets,
                          ArrayRef<OpFoldResult> resultSizes) const {
    SmallVector<OpFoldResult> offsets, sizes;
    if (failed(getIterationDomainTileFromResultTile(
            op, builder, number, resultOffsets, resultSizes, offsets, sizes)))
      return failure();
    FailureOr<TilingResult> tiled =
        getTiledImplementation(op, builder, offsets, sizes);
    if (failed(tiled))
      return failure();
    tiled->tiledValues = {tiled->tiledValues[number]};
    return tiled;
  }

private:
  static Value firstInit(Operation *op) {
    return cast<OpTy>(op).getDpsInits().front();
  }

  static OpFoldResult sizeOf(Operation *op, OpBuilder &builder, Value init,
                             unsigned dim) {
    auto type = cast<ShapedType>(init.getType());
    if (!type.isDynamicDim(dim))
      return builder.getIndexAttr(type.getDimSize(dim));
    // On memrefs tiling fails, but only after it has asked for the domain.
    if (isa<MemRefType>(type))
      return builder.getIndexAttr(1);
    return tensor::getMixedSize(builder, op->getLoc(), init, dim);
  }

  /// Per dimension of the destination, the tile of the loop over it.
  static SmallVector<DimTile> destinationTiles(OpTy op,
                                               ArrayRef<OpFoldResult> offsets,
                                               ArrayRef<OpFoldResult> sizes) {
    Value init = firstInit(op);
    SmallVector<DimTile> tiles(cast<ShapedType>(init.getType()).getRank());
    for (auto [i, dim] : llvm::enumerate(loopDims(op))) {
      DimTile tile = {offsets[i], sizes[i]};
      if (!coversDim(tile, init, dim))
        tiles[dim] = tile;
    }
    return tiles;
  }
};
} // namespace

void mlir::moe::registerTilingInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MoEDialect *) {
    DispatchOp::attachInterface<TilingModel<DispatchOp>>(*context);
    GroupedMatmulOp::attachInterface<TilingModel<GroupedMatmulOp>>(*context);
    CombineOp::attachInterface<TilingModel<CombineOp>>(*context);
    GateOp::attachInterface<TilingModel<GateOp>>(*context);
  });
}
