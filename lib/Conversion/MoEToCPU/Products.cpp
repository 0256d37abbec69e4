//===- Products.cpp - Tiled matrix products over packed weights -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Products.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Scratch
//===----------------------------------------------------------------------===//

Value Scratch::allocate(LoopBuilder &b, int64_t count, Type element) {
  int64_t size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  return b.view(bytes, b.index(allocateBytes(count * size)), {count}, element);
}

int64_t Scratch::allocateBytes(int64_t numBytes) {
  int64_t first = used;
  used += llvm::alignTo(numBytes, 64);
  peak = std::max(peak, used);
  return first;
}

//===----------------------------------------------------------------------===//
// Epilogue regions on vectors
//===----------------------------------------------------------------------===//

LogicalResult mlir::moe::verifyElementwise(Operation *op, Region &region) {
  for (Operation &inner : region.front().without_terminator())
    if (!inner.hasTrait<OpTrait::ConstantLike>() &&
        (!OpTrait::hasElementwiseMappableTraits(&inner) ||
         inner.getNumResults() != 1)) {
      InFlightDiagnostic error =
          op->emitOpError("expected elementwise ops in the region");
      error.attachNote(inner.getLoc()) << "got '" << inner.getName() << "'";
      return error;
    }
  return success();
}

Value mlir::moe::cloneElementwise(LoopBuilder &b, Region &region,
                                  ValueRange arguments, unsigned lanes) {
  Block &body = region.front();
  IRMapping values;
  values.map(body.getArguments(), arguments);
  auto widen = [&](Value value) -> Value {
    bool isWide = isa<VectorType>(value.getType());
    return isWide ? value : b.broadcast(lanes, value);
  };
  for (Operation &op : body.without_terminator()) {
    if (op.hasTrait<OpTrait::ConstantLike>()) {
      values.map(op.getResult(0), b.clone(op)->getResult(0));
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(widen(values.lookupOrDefault(operand)));
    Type type = op.getResult(0).getType();
    if (lanes != 0)
      type = VectorType::get({static_cast<int64_t>(lanes)}, type);
    OperationState state(op.getLoc(), op.getName(), operands, type,
                         op.getAttrs());
    values.map(op.getResult(0), b.create(state)->getResult(0));
  }
  return widen(values.lookupOrDefault(body.getTerminator()->getOperand(0)));
}

//===----------------------------------------------------------------------===//
// ProductEmitter
//===----------------------------------------------------------------------===//

ProductEmitter::ProductEmitter(LoopBuilder &builder, Kernels &kernels,
                               Scratch &scratch, PackedLayout layout,
                               LoweringConfigAttr config, Value packed,
                               Value packedStart, Type operandType)
    : b(builder), kernels(kernels), scratch(scratch), layout(layout),
      config(config), packed(packed), packedStart(packedStart),
      kind(getDotKind(operandType, layout.element, kernels.getOptions().bf16Dot,
                      kernels.getOptions().tiles)),
      lanes(kernels.getOptions().lanes()) {
  Type element = getWeightUnit(b.getContext(), kind);
  int64_t lead = kind == DotKind::DecodeBF16 ? kLeadBytes : 0;
  int64_t bytes = lead + layout.numBytes();
  weights = b.view(packed, b.add(packedStart, -lead),
                   {bytes * 8 / element.getIntOrFloatBitWidth()}, element);
  // One cache line more than whole lines: rows do not fall on the same sets.
  rowStride =
      kind == DotKind::TileBF16
          ? layout.numUnits() * kTileRows
          : llvm::alignTo(layout.numUnits() * operandPerUnit(), 16) + 16;
}

int64_t ProductEmitter::operandUnitBytes() const {
  return kind == DotKind::DecodeBF16 ? 8 : 4;
}

int64_t ProductEmitter::operandPerUnit() const {
  switch (kind) {
  case DotKind::F32:
  case DotKind::PairBF16:
    return 1;
  case DotKind::DecodeBF16:
    return 2;
  case DotKind::TileBF16:
    return kTileRows;
  }
  llvm_unreachable("covered switch");
}

/// With tiles, whole ones: what the last one has past the last row is
/// multiplied, too, and nobody reads its sums.
int64_t ProductEmitter::numOperandRows() const {
  int64_t rows = config.getRowBlock();
  return kind == DotKind::TileBF16 ? llvm::alignTo(rows, kTileRows) : rows;
}

int64_t ProductEmitter::operandUnits() const {
  int64_t perStride = kind == DotKind::TileBF16 ? kTileRows : 1;
  return numOperandRows() / perStride * rowStride;
}

void ProductEmitter::allocate() {
  setOperand(scratch.getBytes(),
             b.index(scratch.allocateBytes(getOperandBytes())));
  allocateSums();
}

void ProductEmitter::allocateSums() {
  int64_t panels =
      std::max(needsPasses() ? config.getPassPanels() : 1, getWidePanels());
  sums = scratch.allocate(
      b, std::max(numOperandRows() * panels, kMinSums) * config.getColumns(),
      b.getF32Type());
}

void ProductEmitter::setOperand(Value bytes, Value firstByte) {
  int64_t size = operandUnits();
  operand =
      b.view(bytes, firstByte, {size}, getOperandUnit(b.getContext(), kind));
  // The same memory, as the elements that are stored.
  operandElements = readsPairs(kind)
                        ? b.view(bytes, firstByte, {size * 2}, b.getBF16Type())
                        : operand;
}

/// `value` as the float type `element`, exactly (the type is no narrower).
static Value extendTo(LoopBuilder &b, Value value, Type element) {
  if (getElementTypeOrSelf(value.getType()) == element)
    return value;
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = VectorType::get(vector.getShape(), element);
  return arith::ExtFOp::create(b, type, value);
}

/// Row-major; for tiles in blocks of 16 rows, within them in steps of the
/// reduction (32 terms), within these row by row: a tile is one stretch of
/// memory, and a kernel reads them one after the other.
Value ProductEmitter::getOperandPosition(Value local, Value column) {
  if (kind != DotKind::TileBF16)
    return b.add(b.mul(local, readsPairs(kind) ? 2 * rowStride : rowStride),
                 column);
  constexpr int64_t terms = 2 * kTileRows;
  Value block = b.mul(b.div(local, kTileRows), 2 * rowStride);
  Value step = b.mul(b.div(column, terms), kTileRows * terms);
  Value row = b.mul(b.rem(local, kTileRows), terms);
  return b.add(b.add(block, step), b.add(row, b.rem(column, terms)));
}

void ProductEmitter::storeOperand(Value value, Value local, Value column,
                                  unsigned lanes) {
  Value position = getOperandPosition(local, column);
  value =
      extendTo(b, value,
               readsPairs(kind) ? Type(b.getBF16Type()) : Type(b.getF32Type()));
  b.storeLanes(value, operandElements, position);
}

void ProductEmitter::padOperand(Value numRows) {
  int64_t end = layout.numUnits() * layout.perUnit;
  if (layout.reduction == end)
    return;
  Type element = cast<MemRefType>(operandElements.getType()).getElementType();
  b.forEach(b.index(0), numRows, [&](Value local) {
    b.forEach(b.index(layout.reduction), b.index(end), [&](Value column) {
      storeOperand(b.zero(element), local, column, 0);
    });
  });
}

void ProductEmitter::gather(Value x, Value numRows,
                            function_ref<Value(Value local)> sourceRow) {
  int64_t columns = layout.reduction;
  int64_t vectorColumns = hasUnitStride(cast<MemRefType>(x.getType()))
                              ? columns / lanes * lanes
                              : 0;
  b.forEach(b.index(0), numRows, [&](Value local) {
    Value row = sourceRow(local);
    b.forEach(b.index(0), b.index(vectorColumns), b.index(lanes),
              [&](Value column) {
                storeOperand(b.loadLanes(lanes, x, {row, column}), local,
                             column, lanes);
              });
    b.forEach(b.index(vectorColumns), b.index(columns), [&](Value column) {
      storeOperand(b.load(x, {row, column}), local, column, 0);
    });
  });
  padOperand(numRows);
}

Value ProductEmitter::getByte(Value weightUnit) {
  return b.add(packedStart, b.mul(weightUnit, 4));
}

Value ProductEmitter::getPanelUnit(Value expert, Value panel) {
  return b.add(b.mul(expert, layout.expertUnits()),
               b.mul(panel, layout.panelUnits()));
}

Value ProductEmitter::getPanelStart(Value expert, Value panel) {
  return getByte(getPanelUnit(expert, panel));
}

/// How many panels few rows are multiplied by at a time. A sum waits for its
/// last product, so that it takes eight sums to keep the units busy; and memory
/// is read faster in several streams.
int64_t ProductEmitter::getGroup(int64_t rows) const {
  if (kind == DotKind::TileBF16)
    return 1; // A tile has as many sums as it takes.
  int64_t vectors = layout.panelColumns / lanes;
  return std::max<int64_t>(1, kMinSums / (rows * vectors));
}

int64_t ProductEmitter::getStretch() const {
  int64_t units = layout.numUnits();
  if (config.getKBlock() == 0)
    return units;
  int64_t stretch = std::max<int64_t>(config.getKBlock() / layout.perUnit, 1);
  if (kind == DotKind::TileBF16)
    stretch = llvm::alignTo(stretch, kTileRows);
  return std::min(stretch, units);
}

bool ProductEmitter::needsPasses() const {
  int64_t rows = config.getRowBlock() + layout.panelColumns;
  return config.getPassBytes() != 0 &&
         rows * layout.numUnits() * operandUnitBytes() > config.getPassBytes();
}

/// How many units a pass takes: all, or whole stretches, about the same number
/// in each.
Value ProductEmitter::getPassUnits(Value numRows) {
  int64_t units = layout.numUnits(), stretch = getStretch();
  // A row is read again after a panel, which is as wide as its columns.
  Value bytes =
      b.mul(b.add(numRows, layout.panelColumns), units * operandUnitBytes());
  int64_t most = config.getPassBytes();
  // More passes cost less than a pass that does not stay in the cache.
  Value passes = b.ceilDiv(bytes, b.index(std::max<int64_t>(most / 2, 1)));
  Value stretches =
      b.ceilDiv(b.index(llvm::divideCeil(units, stretch)), passes);
  return b.select(b.less(b.index(most), bytes), b.mul(stretches, stretch),
                  b.index(units));
}

void ProductEmitter::emitPanels(Value expert, Value numRows, Value firstPanel,
                                Value lastPanel, const Epilogue &epilogue,
                                Value nextRead) {
  Value units = b.index(layout.numUnits());
  Value passUnits = needsPasses() ? getPassUnits(numRows) : units;
  Value group = b.index(1);
  for (int64_t rows = 1; getGroup(rows) > 1; ++rows)
    group = b.select(b.equal(numRows, b.index(rows)), b.index(getGroup(rows)),
                     group);
  Value isWide = arith::ConstantOp::create(b, b.getBoolAttr(false));
  if (getWidePanels() > 1) {
    isWide = b.less(b.index(config.getRows()), numRows);
    group = b.select(isWide, b.index(getWidePanels()), group);
  }
  Value isTogether = b.less(b.index(1), group);
  if (needsPasses()) {
    Value hasPasses = b.less(passUnits, units);
    group = b.select(hasPasses, b.index(config.getPassPanels()), group);
    isTogether = b.logicalAnd(
        isTogether, b.cmp(arith::CmpIPredicate::uge, passUnits, units));
  }
  b.forEach(firstPanel, lastPanel, group, [&](Value panel) {
    Value count = b.min(group, b.sub(lastPanel, panel));
    Value end = b.add(panel, count);
    auto getStart = [&](Value panel) { return getPanelUnit(expert, panel); };
    auto getUnit = [&](Value panel, Value unit) {
      return getByte(b.add(getStart(panel), b.mul(unit, layout.panelColumns)));
    };
    Value nextGroup = getByte(getStart(end));
    if (nextRead)
      nextGroup = b.select(b.equal(end, lastPanel), nextRead, nextGroup);
    // A tile has sums past the last row, too.
    Value sumRows =
        kind == DotKind::TileBF16
            ? b.mul(b.ceilDiv(numRows, b.index(kTileRows)), kTileRows)
            : numRows;
    Value sumsPerPanel = b.select(isWide, b.index(getWideSumsStride()),
                                  b.mul(sumRows, layout.panelColumns));
    auto emitRow = [&](Value row, Value i) {
      emitEpilogue(row, b.add(panel, i), b.mul(i, sumsPerPanel), epilogue);
    };
    auto emitPass = [&](Value unit) {
      Value passEnd = b.min(b.add(unit, passUnits), units);
      Value isLastPass = b.equal(passEnd, units);
      Value nextPass = b.select(isLastPass, nextGroup, getUnit(panel, passEnd));
      b.forEach(b.index(0), count, [&](Value i) {
        Value own = b.add(panel, i), next = b.add(own, 1);
        emitTiles(numRows, getStart(own), unit, passEnd,
                  b.select(b.equal(next, end), nextPass, getUnit(next, unit)),
                  b.mul(i, sumsPerPanel), [&](Value row) { emitRow(row, i); });
      });
    };
    auto emitOneByOne = [&] {
      if (needsPasses())
        b.forEach(b.index(0), units, passUnits, emitPass);
      else
        emitPass(b.index(0));
    };
    auto emitTogether = [&] {
      auto emitFewRows = [&] {
        emitGroup(numRows, getStart(panel), nextGroup);
      };
      auto emitManyRows = [&] {
        emitWideTiles(numRows, getStart(panel), nextGroup);
      };
      if (getWidePanels() == 1)
        emitFewRows();
      else if (getGroup(1) == 1)
        emitManyRows();
      else
        b.ifElse(isWide, emitManyRows, emitFewRows);
    };
    if (getGroup(1) == 1 && getWidePanels() == 1)
      emitOneByOne();
    else
      b.ifElse(b.logicalAnd(isTogether, b.equal(count, group)), emitTogether,
               emitOneByOne);
    if (kind == DotKind::TileBF16)
      return; // The kernels ran it.
    b.forEach(b.index(0), count, [&](Value i) {
      b.forEach(b.index(0), numRows, [&](Value row) { emitRow(row, i); });
    });
  });
}

/// The sums of a group of panels for few rows. Each panel is a stream of its
/// own: what is prefetched at its end is the beginning of the next group's.
void ProductEmitter::emitGroup(Value numRows, Value panelStart,
                               Value nextGroup) {
  int64_t units = layout.numUnits(), unitBytes = 4 * layout.panelColumns;
  int64_t tail = std::min<int64_t>(units, config.getPrefetch() / unitBytes);
  int64_t maxRows = 1;
  while (getGroup(maxRows + 1) > 1)
    ++maxRows;
  auto emit = [&](int64_t from, int64_t to, Value streamStart) {
    if (from == to)
      return;
    Value isFirst = arith::ConstantOp::create(b, b.getBoolAttr(from == 0));
    callKernel(numRows, /*minHeight=*/1, maxRows,
               [&](int64_t rows) { return getGroupKey(rows); },
               {operand, b.index(from * operandPerUnit()), weights,
                b.add(panelStart, from * layout.panelColumns), sums, b.index(0),
                b.index(to - from), isFirst, packed, streamStart,
                b.index(4 * layout.panelUnits()), b.index(unitBytes)});
  };
  emit(0, units - tail, b.add(getByte(panelStart), tail * unitBytes));
  emit(units - tail, units, nextGroup);
}

/// What the units from `firstUnit` to `lastUnit` add to the sums of one panel,
/// for all rows of the block, stretch by stretch. Of tiles the last stretch
/// of the reduction includes the epilogue.
void ProductEmitter::emitTiles(Value numRows, Value panelStart, Value firstUnit,
                               Value lastUnit, Value nextRead, Value sumsStart,
                               RowEmitter emitRow) {
  Value numTiles = b.ceilDiv(numRows, b.index(config.getRows()));
  Value numUnits = b.sub(lastUnit, firstUnit);
  if (getStretch() == layout.numUnits())
    return emitStretch(numRows, numTiles, panelStart, firstUnit, numUnits,
                       nextRead, sumsStart, emitRow);
  // A single tile reads each stretch once: nothing would be read again.
  Value step =
      b.select(b.equal(numTiles, b.index(1)), numUnits, b.index(getStretch()));
  b.forEach(firstUnit, lastUnit, step, [&](Value unit) {
    Value end = b.min(b.add(unit, step), lastUnit);
    Value nextStretch =
        getByte(b.add(panelStart, b.mul(end, layout.panelColumns)));
    emitStretch(numRows, numTiles, panelStart, unit, b.sub(end, unit),
                b.select(b.equal(end, lastUnit), nextRead, nextStretch),
                sumsStart, emitRow);
  });
}

/// One stretch of a panel: row tiles of equal height. Its weights come from
/// memory for the first tile and from a cache for the others: each tile
/// prefetches its share of the stretch that is read next, which is cut into
/// equal parts, a stream each. A single tile prefetches a fixed distance ahead,
/// in order.
void ProductEmitter::emitStretch(Value numRows, Value numTiles,
                                 Value panelStart, Value unit, Value numUnits,
                                 Value nextRead, Value sumsStart,
                                 RowEmitter emitRow) {
  int64_t columns = layout.panelColumns, unitBytes = 4 * columns;
  Value weightStart = b.add(panelStart, b.mul(unit, columns));
  Value operandStart = b.mul(unit, operandPerUnit());
  Value isFirst = b.equal(unit, b.index(0));
  Value isSingle = b.equal(numTiles, b.index(1));
  Value start = b.select(
      isSingle, b.add(getByte(weightStart), config.getPrefetch()), nextRead);
  auto makeKey = [&](int64_t rows) { return getKey(rows); };
  if (kind == DotKind::TileBF16) {
    Value lines =
        b.ceilDiv(b.index(kTileRows * unitBytes / kLineBytes), numTiles);
    SmallVector<Value> arguments =
        flatten({operand, operandStart, weights, weightStart, sums, sumsStart,
                 numUnits, isFirst, packed, start,
                 b.mul(numUnits, unitBytes / kTileStreams), lines, numRows});
    KernelKey key = getKey(config.getRows());
    // One pass has no products to run the epilogue beside: its steps do not
    // ask for rows.
    Value isLast = b.equal(b.add(unit, numUnits), b.index(layout.numUnits()));
    auto callWithEpilogue = [&] {
      kernels.callWithEpilogue(b, key, arguments, emitRow);
    };
    auto callWithout = [&] {
      func::CallOp::create(b, kernels.get(key, b.getLoc()), arguments);
      b.ifThen(isLast, [&] { b.forEach(b.index(0), numRows, emitRow); });
    };
    b.ifElse(b.logicalAnd(isLast, b.logicalNot(isSingle)), callWithEpilogue,
             callWithout);
    return;
  }
  int64_t lineBytes =
      llvm::divideCeil(unitBytes, llvm::divideCeil(unitBytes, kLineBytes));
  Value stride =
      b.select(isSingle, b.index(lineBytes), b.mul(numUnits, lineBytes));
  Value step = b.select(isSingle, b.index(unitBytes),
                        b.ceilDiv(b.index(lineBytes), numTiles));
  emitRowTiles(numRows, numTiles, /*minRows=*/1, config.getRows(), makeKey,
               {weightStart, unit, numUnits, start, stride, step, sumsStart});
}

/// All terms of `getWidePanels()` panels for more rows than a tile of one
/// panel has, stretch by stretch. A step of a tile loads fewer operands per
/// product than with one panel. Each panel is a stream.
void ProductEmitter::emitWideTiles(Value numRows, Value panelStart,
                                   Value nextGroup) {
  int64_t panels = getWidePanels(), maxRows = config.getRows() / panels;
  // The more rows, the nearer are the heights of equal tiles to the most.
  int64_t minRows = maxRows;
  for (int64_t rows = config.getRows() + 1; rows <= config.getRows() + maxRows;
       ++rows)
    minRows = std::min(minRows, rows / llvm::divideCeilSigned(rows, maxRows));
  int64_t columns = layout.panelColumns, unitBytes = 4 * columns;
  // As many bytes as a stretch of one panel.
  int64_t stretch = llvm::divideCeil(getStretch(), panels);
  Value units = b.index(layout.numUnits());
  Value numTiles = b.ceilDiv(numRows, b.index(maxRows));
  b.forEach(b.index(0), units, b.index(stretch), [&](Value unit) {
    Value end = b.min(b.add(unit, stretch), units);
    Value nextStretch = getByte(b.add(panelStart, b.mul(end, columns)));
    Value start = b.select(b.equal(end, units), nextGroup, nextStretch);
    emitRowTiles(numRows, numTiles, minRows, maxRows,
                 [&](int64_t rows) { return getWideKey(rows); },
                 {b.add(panelStart, b.mul(unit, columns)), unit,
                  b.sub(end, unit), start, b.index(4 * layout.panelUnits()),
                  b.ceilDiv(b.index(unitBytes), numTiles), b.index(0)});
  });
}

void ProductEmitter::emitRowTiles(Value numRows, Value numTiles,
                                  int64_t minRows, int64_t maxRows,
                                  function_ref<KernelKey(int64_t rows)> makeKey,
                                  const Stretch &stretch) {
  Value operandStart = b.mul(stretch.unit, operandPerUnit());
  Value isFirst = b.equal(stretch.unit, b.index(0));
  Value share = b.mul(stretch.numUnits, stretch.step);
  b.forCarrying(
      b.index(0), numTiles, {b.index(0), stretch.start},
      [&](Value tile, ValueRange carried) -> SmallVector<Value> {
        Value row = carried[0];
        Value height = b.ceilDiv(b.sub(numRows, row), b.sub(numTiles, tile));
        callKernel(height, minRows, maxRows, makeKey,
                   {operand, b.add(operandStart, b.mul(row, rowStride)),
                    weights, stretch.weightStart, sums,
                    b.add(stretch.sumsStart, b.mul(row, layout.panelColumns)),
                    stretch.numUnits, isFirst, packed, carried[1],
                    stretch.stride, stretch.step});
        return {b.add(row, height), b.add(carried[1], share)};
      });
}

KernelKey ProductEmitter::getGroupKey(int64_t rows) const {
  KernelKey key = getKey(rows);
  key.panels = getGroup(rows);
  key.panelStride = layout.panelUnits();
  key.sumsStride = rows * layout.panelColumns;
  return key;
}

KernelKey ProductEmitter::getWideKey(int64_t rows) const {
  KernelKey key = getKey(rows);
  key.panels = getWidePanels();
  key.panelStride = layout.panelUnits();
  key.sumsStride = getWideSumsStride();
  // There are enough tiles for each to prefetch less than it multiplies.
  key.lines = std::min<int64_t>(key.lines, 1);
  return key;
}

/// The arguments of kernels, whose memory has no static size.
SmallVector<Value> ProductEmitter::flatten(ArrayRef<Value> arguments) {
  return llvm::map_to_vector(arguments, [&](Value argument) -> Value {
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type)
      return argument;
    return memref::CastOp::create(
        b, MemRefType::get({ShapedType::kDynamic}, type.getElementType()),
        argument);
  });
}

void ProductEmitter::callKernel(Value height, int64_t minHeight,
                                int64_t maxHeight,
                                function_ref<KernelKey(int64_t rows)> makeKey,
                                ArrayRef<Value> arguments) {
  SmallVector<Value> flat = flatten(arguments);
  SmallVector<int64_t> heights;
  for (int64_t rows = minHeight; rows < maxHeight; ++rows)
    heights.push_back(rows);
  auto dispatch = scf::IndexSwitchOp::create(b, TypeRange(), height, heights,
                                             heights.size());
  auto fill = [&](Region &region, int64_t rows) {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&region);
    func::FuncOp kernel = kernels.get(makeKey(rows), b.getLoc());
    func::CallOp::create(b, kernel, flat);
    scf::YieldOp::create(b);
  };
  for (auto [region, rows] : llvm::zip(dispatch.getCaseRegions(), heights))
    fill(region, rows);
  fill(dispatch.getDefaultRegion(), maxHeight);
}

Value ProductEmitter::computeElements(const Epilogue &epilogue,
                                      const EpilogueRow &row, Value sumsStart,
                                      Value column, unsigned lanes) {
  SmallVector<Value> arguments;
  for (int64_t weight = 0; weight < layout.numWeights; ++weight) {
    Value position = b.add(sumsStart, weight * layout.columnsPerWeight());
    arguments.push_back(b.loadLanes(lanes, sums, position));
  }
  unsigned numInputs = epilogue.region->getNumArguments() - arguments.size();
  for (unsigned input = 0; input < numInputs; ++input)
    arguments.push_back(epilogue.loadInput(input, row, column, lanes));
  return cloneElementwise(b, *epilogue.region, arguments, lanes);
}

/// A row of whole panels by vectors, the last columns one by one.
void ProductEmitter::emitEpilogue(Value local, Value panel, Value sumsStart,
                                  const Epilogue &epilogue) {
  int64_t width = layout.columnsPerWeight();
  int64_t fullPanels = layout.numColumns / width;
  int64_t rest = layout.numColumns % width;
  Value firstColumn = b.mul(panel, width);
  EpilogueRow row = epilogue.makeRow(local);
  Value start = b.add(sumsStart, b.mul(local, layout.panelColumns));
  auto emitWhole = [&] {
    for (int64_t c = 0; c < width; c += lanes) {
      Value column = b.add(firstColumn, c);
      Value value =
          computeElements(epilogue, row, b.add(start, c), column, lanes);
      epilogue.storeResult(value, row, column, lanes);
    }
  };
  auto emitRest = [&] {
    b.forEach(rest, [&](Value c) {
      Value column = b.add(firstColumn, c);
      Value value = computeElements(epilogue, row, b.add(start, c), column, 0);
      epilogue.storeResult(value, row, column, 0);
    });
  };
  if (rest == 0)
    emitWhole();
  else if (fullPanels == 0)
    emitRest();
  else
    b.ifElse(b.less(panel, b.index(fullPanels)), emitWhole, emitRest);
}
