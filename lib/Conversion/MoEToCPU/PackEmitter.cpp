//===- PackEmitter.cpp - Code that packs parameters -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackEmitter.h"
#include "Runtime.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <array>
#include <numeric>

using namespace mlir;
using namespace mlir::moe;

namespace {

/// Emits one thread's part of the packing.
class PackEmitter {
public:
  PackEmitter(LoopBuilder &b, ModuleOp module, func::FuncOp layer,
              func::FuncOp thread)
      : b(b), module(module), layer(layer), pointers(thread.getArgument(0)),
        packed(thread.getArgument(1)), thread(thread.getArgument(2)),
        numThreads(thread.getArgument(3)) {}

  void emit(const PackItem &item);

private:
  /// A parameter's memory from `first` (a row-major element number) on: its
  /// flat memref and where in it the element lies.
  struct Source {
    Value memory, position;
  };
  Source getSource(BlockArgument parameter, Value first);

  void emitCopy(const PackItem &item);
  void emitPanels(const PackItem &item);

  /// 16 units of the reduction in one panel: one stretch of the packed buffer.
  struct Tile {
    const PackItem &item;
    Value panel, block;          // Which panel, and which 16 units of it.
    Value line;                  // Where the first unit lies, in units.
    SmallVector<Source> sources; // Per weight, its first column and term.

    const PackedLayout &layout() const { return *item.panels; }
  };
  Tile getTile(const PackItem &item, Value expert, Value panel, Value block);
  void emitTile(const Tile &tile);
  void emitTransposed(const Tile &tile);
  void emitInterleaved(const Tile &tile);
  void emitElements(const Tile &tile);
  SmallVector<Value> transpose(SmallVector<Value> rows);
  func::FuncOp getSquareFunction();
  Value loadColumns(const ParameterView &view, const Source &source, Value row,
                    int64_t column, int64_t count);

  LoopBuilder &b;
  ModuleOp module;
  func::FuncOp layer;
  Value pointers, packed, thread, numThreads;
  Value units;    // the item's destination in units of 4 bytes
  Value elements; // the same in elements
};

} // namespace

/// Entries are moved as integers: selecting between floats of 16 bits would be
/// a conversion.
static Type asBits(Type element) {
  return IntegerType::get(element.getContext(),
                          element.getIntOrFloatBitWidth());
}

/// The position of the parameter's first pointer in the array.
static int64_t getPointerIndex(func::FuncOp layer, BlockArgument parameter) {
  int64_t position = 0;
  for (BlockArgument argument : layer.getArguments()) {
    if (argument == parameter)
      break;
    if (isParameter(argument))
      position += isPerExpert(argument)
                      ? cast<ShapedType>(argument.getType()).getDimSize(0)
                      : 1;
  }
  return position;
}

PackEmitter::Source PackEmitter::getSource(BlockArgument parameter,
                                           Value first) {
  auto type = cast<RankedTensorType>(parameter.getType());
  int64_t size = type.getNumElements();
  Value pointer = b.index(getPointerIndex(layer, parameter)), position = first;
  if (isPerExpert(parameter)) {
    size /= type.getDimSize(0);
    pointer = b.add(pointer, b.div(first, size));
    position = b.rem(first, size);
  }
  auto flat = MemRefType::get({size}, asBits(type.getElementType()));
  return {memrefFromPointer(b, loadPointer(b, pointers, pointer), flat),
          position};
}

void PackEmitter::emit(const PackItem &item) {
  if (item.panels)
    emitPanels(item);
  else
    emitCopy(item);
}

void PackEmitter::emitCopy(const PackItem &item) {
  const ParameterView &view = item.sources.front();
  Type element = asBits(getElementTypeOrSelf(view.parameter.getType()));
  int64_t count = 1;
  for (int64_t size : view.sizes)
    count *= size;
  Value destination =
      b.view(packed, b.index(item.byteOffset), {count}, element);
  auto [from, to] = b.share(b.index(count), thread, numThreads);
  b.forEach(from, to, [&](Value i) {
    Value first = b.index(view.offset), left = i;
    for (int64_t d = static_cast<int64_t>(view.sizes.size()) - 1; d >= 0; --d) {
      Value coordinate = d == 0 ? left : b.rem(left, view.sizes[d]);
      first = b.add(first, b.mul(coordinate, view.strides[d]));
      left = b.div(left, view.sizes[d]);
    }
    Source source = getSource(view.parameter, first);
    b.store(b.load(source.memory, source.position), destination, i);
  });
}

/// A tile is as many units as a cache line has: on the side of a parameter
/// whose terms lie side by side it is one line of every column, and in the
/// packed buffer whole lines in a row.
static constexpr int64_t tileUnits = 16;

/// So many columns of a square are of one weight: a panel of 16 has eight of
/// gate and up each.
static constexpr int64_t halfSquare = 8;

namespace {
/// How the entries of a tile get from their lines to those of the panel.
enum class Move {
  Transpose,  // A line holds terms of one column.
  Interleave, // A line holds columns of one term.
  Elements    // Neither, or no whole lines in the panel.
};
} // namespace

/// Columns that are up to so many entries apart are loaded with what lies
/// between them: interleaved gate and up columns.
static constexpr int64_t maxColumnStep = 2;

/// Where in each group of `step` entries a row's columns lie, if that is the
/// same for all rows: so a load of whole groups stays inside the parameter.
static std::optional<int64_t> getColumnPhase(const ParameterView &view) {
  int64_t step = view.strides[1];
  if (step < 1 || step > maxColumnStep)
    return std::nullopt;
  auto type = cast<RankedTensorType>(view.parameter.getType());
  int64_t size = type.getNumElements();
  if (isPerExpert(view.parameter))
    size /= type.getDimSize(0);
  if (size % step != 0 || view.strides[0] % step != 0 ||
      view.strides[2] % step != 0)
    return std::nullopt;
  return view.offset % step;
}

static Move chooseMove(const PackItem &item) {
  if (item.panels->panelColumns % tileUnits != 0)
    return Move::Elements;
  if (llvm::all_of(item.sources, [](const ParameterView &view) {
        return view.strides[2] == 1;
      }))
    return item.panels->columnsPerWeight() % halfSquare == 0 ? Move::Transpose
                                                             : Move::Elements;
  if (llvm::all_of(item.sources, [](const ParameterView &view) {
        return getColumnPhase(view).has_value();
      }))
    return Move::Interleave;
  return Move::Elements;
}

/// The tiles are shared out one by one, in the order in which the parameter
/// lies in memory: along the reduction, or along the columns.
void PackEmitter::emitPanels(const PackItem &item) {
  const PackedLayout &layout = *item.panels;
  int64_t numUnits = layout.numBytes() / 4;
  Value offset = b.index(item.byteOffset);
  units = b.view(packed, offset, {numUnits}, b.getI32Type());
  elements = b.view(packed, offset, {numUnits * layout.perUnit},
                    asBits(layout.element));
  int64_t panels = layout.numPanels();
  int64_t blocks = llvm::divideCeil(layout.numUnits(), tileUnits);
  bool alongColumns = chooseMove(item) == Move::Interleave;
  int64_t inner = alongColumns ? panels : blocks;
  auto [from, to] =
      b.share(b.index(layout.experts * panels * blocks), thread, numThreads);
  b.forEach(from, to, [&](Value task) {
    Value expert = b.div(task, panels * blocks);
    Value rest = b.rem(task, panels * blocks);
    Value panel = b.div(rest, inner), block = b.rem(rest, inner);
    if (alongColumns)
      std::swap(panel, block);
    emitTile(getTile(item, expert, panel, block));
  });
}

PackEmitter::Tile PackEmitter::getTile(const PackItem &item, Value expert,
                                       Value panel, Value block) {
  const PackedLayout &layout = *item.panels;
  Value firstUnit = b.add(
      b.mul(b.add(b.mul(expert, layout.numPanels()), panel), layout.numUnits()),
      b.mul(block, tileUnits));
  Tile tile{item, panel, block, b.mul(firstUnit, layout.panelColumns), {}};
  Value column = b.mul(panel, layout.columnsPerWeight());
  Value term = b.mul(block, tileUnits * layout.perUnit);
  std::array<Value, 3> origin = {expert, column, term};
  for (const ParameterView &view : item.sources) {
    Value first = b.index(view.offset);
    for (auto [coordinate, stride] : llvm::zip_equal(origin, view.strides))
      first = b.add(first, b.mul(coordinate, stride));
    tile.sources.push_back(getSource(view.parameter, first));
  }
  return tile;
}

/// Whole lines where the tile is full, element by element at the edges.
void PackEmitter::emitTile(const Tile &tile) {
  const PackedLayout &layout = tile.layout();
  int64_t fullPanels = layout.numColumns / layout.columnsPerWeight();
  int64_t fullBlocks = layout.reduction / (tileUnits * layout.perUnit);
  Move move = chooseMove(tile.item);
  if (move == Move::Elements || fullPanels == 0 || fullBlocks == 0)
    return emitElements(tile);
  Value isFull = b.logicalAnd(b.less(tile.panel, b.index(fullPanels)),
                              b.less(tile.block, b.index(fullBlocks)));
  b.ifElse(
      isFull,
      [&] {
        if (move == Move::Transpose)
          emitTransposed(tile);
        else
          emitInterleaved(tile);
      },
      [&] { emitElements(tile); });
}

/// The transpose of 16 rows of 16 units. Each round swaps one bit of a unit's
/// place in its row with the same bit of the row's number, first within groups
/// of 128 bits, then whole groups: such shuffles are one instruction each on
/// every CPU, and LLVM leaves them as they are.
SmallVector<Value> PackEmitter::transpose(SmallVector<Value> rows) {
  SmallVector<int64_t> low, high, even, odd;
  for (int64_t i = 0; i < tileUnits; ++i) {
    low.push_back(i / 4 * 4 + i % 4 / 2 + i % 2 * tileUnits);
    high.push_back(low.back() + 2);
    even.push_back(i / 4 * 8 + i % 4);
    odd.push_back(even.back() + 4);
  }
  auto swap = [&](int64_t bit, ArrayRef<int64_t> clear, ArrayRef<int64_t> set) {
    for (int64_t i = 0; i < tileUnits; ++i) {
      if (i & bit)
        continue;
      Value a = rows[i], c = rows[i | bit];
      rows[i] = vector::ShuffleOp::create(b, a, c, clear);
      rows[i | bit] = vector::ShuffleOp::create(b, a, c, set);
    }
  };
  swap(2, low, high);
  swap(1, low, high);
  swap(4, even, odd);
  swap(8, even, odd);
  return rows;
}

/// The function that moves a square of 16 columns and 16 units: from eight
/// columns at one address and eight at another, each so many bytes apart, to
/// lines so many bytes apart. One for all weights: its code is most of what
/// packing adds to the time that compiling takes.
func::FuncOp PackEmitter::getSquareFunction() {
  constexpr StringLiteral name = "moe_pack_square";
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  OpBuilder::InsertionGuard guard(b);
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  func::FuncOp function = createInternalFunction(
      module, b.getLoc(), name, {pointer, i64, pointer, i64, pointer, i64},
      /*isInlined=*/false);
  b.setInsertionPointToStart(&function.getBody().front());
  auto row = VectorType::get({tileUnits}, b.getI32Type());
  auto at = [&](unsigned base, int64_t number) -> Value {
    Value offset = b.mul(function.getArgument(base + 1),
                         b.like(function.getArgument(base + 1), number));
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(),
                               function.getArgument(base),
                               ArrayRef<LLVM::GEPArg>{offset});
  };
  SmallVector<Value> columns;
  for (int64_t i = 0; i < tileUnits; ++i)
    columns.push_back(LLVM::LoadOp::create(
        b, row, at(i < halfSquare ? 0 : 2, i % halfSquare), /*alignment=*/1));
  for (auto [i, line] : llvm::enumerate(transpose(columns)))
    LLVM::StoreOp::create(b, line, at(4, static_cast<int64_t>(i)),
                          /*alignment=*/64, /*isVolatile=*/false,
                          /*isNonTemporal=*/true);
  func::ReturnOp::create(b);
  return function;
}

/// A line of every column, 16 columns at a time.
void PackEmitter::emitTransposed(const Tile &tile) {
  const PackedLayout &layout = tile.layout();
  auto i64 = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  };
  for (int64_t first = 0; first < layout.panelColumns; first += tileUnits) {
    SmallVector<Value> arguments;
    for (int64_t i = first; i < first + tileUnits; i += halfSquare) {
      int64_t weight = i / layout.columnsPerWeight();
      int64_t column = i % layout.columnsPerWeight();
      int64_t stride = tile.item.sources[weight].strides[1];
      const Source &source = tile.sources[weight];
      arguments.push_back(getAddress(b, source.memory,
                                     b.add(source.position, column * stride)));
      arguments.push_back(i64(stride * 4 / layout.perUnit));
    }
    arguments.push_back(getAddress(b, units, b.add(tile.line, first)));
    arguments.push_back(i64(layout.panelColumns * 4));
    func::CallOp::create(b, getSquareFunction(), arguments);
  }
}

/// `count` columns from `column` on of one term's row, which starts at `row`.
Value PackEmitter::loadColumns(const ParameterView &view, const Source &source,
                               Value row, int64_t column, int64_t count) {
  int64_t step = view.strides[1], phase = *getColumnPhase(view);
  Value position = b.add(row, column * step - phase);
  Value entries = b.loadLanes(count * step, source.memory, position);
  if (step == 1)
    return entries;
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < count; ++i)
    mask.push_back(i * step + phase);
  return vector::ShuffleOp::create(b, entries, entries, mask);
}

/// The terms of a unit are neighbours in it: their rows are interleaved.
void PackEmitter::emitInterleaved(const Tile &tile) {
  const PackedLayout &layout = tile.layout();
  int64_t width = std::gcd(layout.columnsPerWeight(), tileUnits);
  auto part = VectorType::get({width}, b.getI32Type());
  auto whole = VectorType::get({tileUnits}, b.getI32Type());
  b.forEach(tileUnits, [&](Value unit) {
    Value line = b.add(tile.line, b.mul(unit, layout.panelColumns));
    for (int64_t first = 0; first < layout.panelColumns; first += tileUnits) {
      Value columns = b.zero(whole);
      for (int64_t i = first; i < first + tileUnits; i += width) {
        int64_t weight = i / layout.columnsPerWeight();
        int64_t column = i % layout.columnsPerWeight();
        const ParameterView &view = tile.item.sources[weight];
        const Source &source = tile.sources[weight];
        Value row = b.add(source.position,
                          b.mul(unit, layout.perUnit * view.strides[2]));
        Value terms = loadColumns(view, source, row, column, width);
        if (layout.perUnit == 2)
          terms = vector::InterleaveOp::create(
              b, terms,
              loadColumns(view, source, b.add(row, view.strides[2]), column,
                          width));
        columns = vector::InsertStridedSliceOp::create(
            b, vector::BitCastOp::create(b, part, terms), columns,
            ArrayRef<int64_t>{i - first}, ArrayRef<int64_t>{1});
      }
      b.streamVector(columns, units, b.add(line, first));
    }
  });
}

/// Element by element, zeros past the last column and the last term.
void PackEmitter::emitElements(const Tile &tile) {
  const PackedLayout &layout = tile.layout();
  int64_t width = layout.columnsPerWeight();
  Type bits = asBits(layout.element);
  Value firstColumn = b.mul(tile.panel, width);
  Value firstTerm = b.mul(tile.block, tileUnits * layout.perUnit);
  Value numTerms =
      b.min(b.index(tileUnits * layout.perUnit),
            b.sub(b.index(layout.numUnits() * layout.perUnit), firstTerm));
  for (int64_t weight = 0; weight < layout.numWeights; ++weight) {
    ArrayRef<int64_t> strides = tile.item.sources[weight].strides;
    const Source &source = tile.sources[weight];
    b.forEach(b.index(0), numTerms, [&](Value term) {
      Value line =
          b.add(b.add(tile.line, weight * width),
                b.mul(b.div(term, layout.perUnit), layout.panelColumns));
      Value part = b.rem(term, layout.perUnit);
      Value isTerm = b.less(b.add(firstTerm, term), b.index(layout.reduction));
      b.forEach(width, [&](Value column) {
        Value isColumn =
            b.less(b.add(firstColumn, column), b.index(layout.numColumns));
        Value value = b.choose(
            bits, b.logicalAnd(isTerm, isColumn),
            [&]() -> SmallVector<Value> {
              Value position =
                  b.add(b.add(source.position, b.mul(column, strides[1])),
                        b.mul(term, strides[2]));
              return {b.load(source.memory, position)};
            },
            [&]() -> SmallVector<Value> { return {b.zero(bits)}; })[0];
        b.store(value, elements,
                b.add(b.mul(b.add(line, column), layout.perUnit), part));
      });
    });
  }
}

void mlir::moe::emitPackFunction(ModuleOp module, func::FuncOp function,
                                 ArrayRef<PackItem> items) {
  MLIRContext *context = module.getContext();
  Location loc = function.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type index = IndexType::get(context);
  auto bytes =
      MemRefType::get({ShapedType::kDynamic}, IntegerType::get(context, 8));
  std::string name = (function.getName() + "__pack").str();

  func::FuncOp thread = createInternalFunction(module, loc, name + "_thread",
                                               {pointer, bytes, index, index},
                                               /*isInlined=*/false);
  LoopBuilder b(loc, context);
  b.setInsertionPointToStart(&thread.getBody().front());
  PackEmitter emitter(b, module, function, thread);
  for (const PackItem &item : items) {
    b.setLoc(item.loc);
    emitter.emit(item);
  }
  emitStoreFence(b);
  func::ReturnOp::create(b);

  b.setLoc(loc);
  b.setInsertionPointToEnd(module.getBody());
  auto entry =
      func::FuncOp::create(b, name, b.getFunctionType({pointer, pointer}, {}));
  b.setInsertionPointToStart(entry.addEntryBlock());
  int64_t size =
      cast<IntegerAttr>(function->getAttr("moe.packed_size")).getInt();
  Value packed = memrefFromPointer(b, entry.getArgument(1), bytes,
                                   ValueRange{b.index(size)});
  emitParallel(b, module, [&](Value tid, Value numThreads) {
    func::CallOp::create(
        b, thread, ValueRange{entry.getArgument(0), packed, tid, numThreads});
  });
  func::ReturnOp::create(b);
}
