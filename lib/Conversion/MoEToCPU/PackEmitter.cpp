//===- PackEmitter.cpp - Code that packs parameters -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackEmitter.h"
#include "Runtime.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::moe;

namespace {

/// Emits one thread's part of the packing.
class PackEmitter {
public:
  PackEmitter(LoopBuilder &b, func::FuncOp layer, func::FuncOp thread)
      : b(b), layer(layer), pointers(thread.getArgument(0)),
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
  void emitStretch(const PackItem &item, int64_t weight, Value expert,
                   Value panel, Value destination);
  void emitTransposed(const PackedLayout &layout, const ParameterView &view,
                      const Source &source, Value destination, int64_t units);
  void emitElements(const PackedLayout &layout, const ParameterView &view,
                    const Source &source, Value firstColumn, Value destination,
                    int64_t firstUnit);
  SmallVector<Value> transpose(SmallVector<Value> rows);

  LoopBuilder &b;
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

void PackEmitter::emitPanels(const PackItem &item) {
  const PackedLayout &layout = *item.panels;
  int64_t numUnits = layout.numBytes() / 4;
  Value offset = b.index(item.byteOffset);
  units = b.view(packed, offset, {numUnits}, b.getI32Type());
  elements = b.view(packed, offset, {numUnits * layout.perUnit},
                    asBits(layout.element));
  int64_t panels = layout.numPanels();
  auto [from, to] =
      b.share(b.index(layout.experts * panels), thread, numThreads);
  b.forEach(from, to, [&](Value task) {
    Value expert = b.div(task, panels), panel = b.rem(task, panels);
    Value destination = b.mul(task, layout.panelUnits());
    for (int64_t weight = 0; weight < layout.numWeights; ++weight)
      emitStretch(item, weight, expert, panel,
                  b.add(destination, weight * layout.columnsPerWeight()));
  });
}

/// One weight's columns of one panel.
void PackEmitter::emitStretch(const PackItem &item, int64_t weight,
                              Value expert, Value panel, Value destination) {
  const PackedLayout &layout = *item.panels;
  const ParameterView &view = item.sources[weight];
  int64_t width = layout.columnsPerWeight();
  Value firstColumn = b.mul(panel, width);
  Value first =
      b.add(b.add(b.index(view.offset), b.mul(expert, view.strides[0])),
            b.mul(firstColumn, view.strides[1]));
  Source source = getSource(view.parameter, first);
  // Whole panels of rows that lie along the reduction are transposed in
  // registers, eight units of eight columns at a time.
  int64_t fastUnits = layout.reduction / (8 * layout.perUnit) * 8;
  int64_t fullPanels = layout.numColumns / width;
  if (view.strides[2] != 1 || width % 8 != 0 || fastUnits == 0 ||
      fullPanels == 0)
    return emitElements(layout, view, source, firstColumn, destination, 0);
  b.ifElse(
      b.less(panel, b.index(fullPanels)),
      [&] {
        emitTransposed(layout, view, source, destination, fastUnits);
        emitElements(layout, view, source, firstColumn, destination, fastUnits);
      },
      [&] { emitElements(layout, view, source, firstColumn, destination, 0); });
}

void PackEmitter::emitTransposed(const PackedLayout &layout,
                                 const ParameterView &view,
                                 const Source &source, Value destination,
                                 int64_t numUnits) {
  auto unitVector = VectorType::get({8}, b.getI32Type());
  b.forEach(b.index(0), b.index(numUnits), b.index(8), [&](Value unit) {
    Value term = b.mul(unit, layout.perUnit);
    Value line = b.add(destination, b.mul(unit, layout.panelColumns));
    for (int64_t c = 0; c < layout.columnsPerWeight(); c += 8) {
      SmallVector<Value> rows;
      for (int64_t i = 0; i < 8; ++i) {
        Value position =
            b.add(b.add(source.position, term), (c + i) * view.strides[1]);
        Value row = b.loadVector(8 * layout.perUnit, source.memory, position);
        rows.push_back(vector::BitCastOp::create(b, unitVector, row));
      }
      for (auto [i, column] : llvm::enumerate(transpose(rows)))
        b.storeVector(
            column, units,
            b.add(line, static_cast<int64_t>(i) * layout.panelColumns + c));
    }
  });
}

/// The transpose of a square of as many rows as a row has lanes (a power of
/// two): each round interleaves the first half of the rows with the second.
SmallVector<Value> PackEmitter::transpose(SmallVector<Value> rows) {
  size_t size = rows.size();
  SmallVector<int64_t> low, high;
  for (size_t i = 0; i < size / 2; ++i) {
    low.append({static_cast<int64_t>(i), static_cast<int64_t>(i + size)});
    high.append({static_cast<int64_t>(i + size / 2),
                 static_cast<int64_t>(i + size / 2 + size)});
  }
  for (size_t round = 1; round < size; round *= 2) {
    SmallVector<Value> next;
    for (size_t i = 0; i < size / 2; ++i)
      for (ArrayRef<int64_t> mask : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, rows[i], rows[i + size / 2], mask));
    rows = next;
  }
  return rows;
}

/// Element by element, zeros past the last column and the last term.
void PackEmitter::emitElements(const PackedLayout &layout,
                               const ParameterView &view, const Source &source,
                               Value firstColumn, Value destination,
                               int64_t firstUnit) {
  if (firstUnit == layout.numUnits())
    return;
  Value firstTerm = b.index(firstUnit * layout.perUnit);
  Value lastTerm = b.index(layout.numUnits() * layout.perUnit);
  b.forEach(firstTerm, lastTerm, [&](Value term) {
    Value line = b.add(destination,
                       b.mul(b.div(term, layout.perUnit), layout.panelColumns));
    Value part = b.rem(term, layout.perUnit);
    Value isTerm = b.less(term, b.index(layout.reduction));
    b.forEach(layout.columnsPerWeight(), [&](Value c) {
      Value isColumn =
          b.less(b.add(firstColumn, c), b.index(layout.numColumns));
      Value value = b.choose(
          asBits(layout.element), b.logicalAnd(isTerm, isColumn),
          [&]() -> SmallVector<Value> {
            Value position =
                b.add(b.add(source.position, b.mul(c, view.strides[1])),
                      b.mul(term, view.strides[2]));
            return {b.load(source.memory, position)};
          },
          [&]() -> SmallVector<Value> {
            return {b.zero(asBits(layout.element))};
          })[0];
      Value unit = b.add(line, c);
      b.store(value, elements, b.add(b.mul(unit, layout.perUnit), part));
    });
  });
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
  PackEmitter emitter(b, function, thread);
  for (const PackItem &item : items) {
    b.setLoc(item.loc);
    emitter.emit(item);
  }
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
