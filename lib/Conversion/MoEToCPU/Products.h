//===- Products.h - Tiled matrix products over packed weights ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts that every product of a layer is made of, the router's as well as
// the experts': gathering rows into the form that the kernels read, a kernel
// per row count, and the loop over panels with an epilogue.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_PRODUCTS_H
#define MOE_LIB_CONVERSION_MOETOCPU_PRODUCTS_H

#include "LoopBuilder.h"
#include "PackedLayout.h"

#include "moe/Analysis/CPUModel.h"
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <map>

namespace mlir::moe {

/// What the kernels of a lowering may use.
struct KernelOptions {
  unsigned vectorBits = 256;
  bool bf16Dot = false;
  bool emulateDot = false;
  bool tiles = false;
  unsigned lanes() const { return vectorBits / 32; }
};

/// How a kernel multiplies operands of one type by weights of another.
DotKind getDotKind(Type operand, Type weight, bool hasBF16Dot, bool hasTiles);

/// Whether kernels read the operand as pairs of bf16.
inline bool readsPairs(DotKind kind) {
  return kind == DotKind::PairBF16 || kind == DotKind::TileBF16;
}

//===----------------------------------------------------------------------===//
// Scratch
//===----------------------------------------------------------------------===//

/// This thread's part of the workspace, handed out from the start.
class Scratch {
public:
  explicit Scratch(Value bytes) : bytes(bytes) {}

  /// `count` elements, aligned to a cache line.
  Value allocate(LoopBuilder &builder, int64_t count, Type element);
  /// The first of as many bytes, aligned to a cache line.
  int64_t allocateBytes(int64_t numBytes);
  Value getBytes() const { return bytes; }

  /// What is allocated from here to `release` lives as long as one op's code.
  int64_t mark() const { return used; }
  void release(int64_t mark) { used = mark; }
  int64_t getPeak() const { return peak; }

private:
  Value bytes;
  int64_t used = 0, peak = 0;
};

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Bytes of a cache line.
constexpr int64_t kLineBytes = 64;

/// What a kernel prefetches, into the second cache: the line of byte
/// `start + s * stride + n * step` of `memory` is what stream s prefetches the
/// nth time. The cache's own prefetcher follows several streams at a time. So
/// most lines are there when they are asked for, and few of the first cache's
/// fill buffers, through which the operand's rows come as well, wait for
/// memory.
struct Streams {
  Value memory, start, stride, step;

  Value getByte(LoopBuilder &builder, Value stream, Value line) const;
  /// Past the end of the buffer this does nothing.
  void prefetch(LoopBuilder &builder, Value byte) const;
};

/// How many streams a kernel of tiles prefetches.
constexpr int64_t kTileStreams = 8;

/// Emits what is done with the sums of a row.
using RowEmitter = function_ref<void(Value row)>;

/// A register tile over operand rows `rowStride` elements apart, and over
/// panels `panelStride` units apart. A kernel of tiles takes any number of
/// rows: `rows` are those of one pass over the weights, and `rowStride` is the
/// distance between the operand's blocks of 16 rows. The sums of two panels are
/// `sumsStride` apart.
struct KernelKey {
  DotKind kind;
  int64_t rows, columns, rowStride;
  int64_t lines; // prefetched beside a unit of a panel
  int64_t panels = 1, panelStride = 0, sumsStride = 0;
  bool operator<(const KernelKey &other) const {
    auto tie = [](const KernelKey &key) {
      return std::tie(key.kind, key.rows, key.columns, key.rowStride, key.lines,
                      key.panels, key.panelStride, key.sumsStride);
    };
    return tie(*this) < tie(other);
  }
};

/// Emits kernels, each once:
///
///   sums[p, i, c] (+)= sum_u operand[i, u] * weights[p, u, c]
///
/// for a fixed number of panels p of columns c, of rows i, and `units` units u,
/// in ascending order of u: a sum has the same bits whatever is computed beside
/// it and however the reduction is cut into stretches.
///
/// Beside each unit of a panel a kernel of vectors prefetches `lines` lines.
/// With one panel they are of a stream each, which is one stream where a unit
/// is a line; of several panels each is a stream, and its lines lie side by
/// side. In a kernel of tiles `kTileStreams` take turns, line by line, but the
/// lines of a single pass follow one another from `start` on. It takes how many
/// lines a step of 16 units prefetches instead of a stream's step, and as its
/// last argument the number of rows.
class Kernels {
public:
  Kernels(ModuleOp module, KernelOptions options)
      : module(module), options(options) {}

  func::FuncOp get(const KernelKey &key, Location loc);
  /// A kernel of tiles that ends with the epilogue of `emitRow`, as a call at
  /// the builder's place: its own function, which gets what `emitRow` uses.
  void callWithEpilogue(LoopBuilder &builder, const KernelKey &key,
                        ValueRange arguments, RowEmitter emitRow);
  const KernelOptions &getOptions() const { return options; }
  ModuleOp getModule() const { return module; }
  /// Whether any kernel so far multiplies tiles.
  bool usesTiles() const { return hasTiles; }

private:
  ModuleOp module;
  KernelOptions options;
  std::map<KernelKey, func::FuncOp> functions;
  unsigned numWithEpilogue = 0;
  bool hasTiles = false;
};

/// The body of a kernel of tiles with these arguments. With `emitRow` the
/// kernel completes the sums and runs the epilogue on all rows, beside the
/// products of the rows that follow where there are any.
void emitTileKernel(LoopBuilder &builder, const KernelKey &key,
                    ValueRange arguments, RowEmitter emitRow = nullptr);

/// The element types that kernels see operands and weights in. A kernel that
/// decodes bf16 loads weights as single elements, from `kLeadBytes` before
/// their first unit on.
Type getOperandUnit(MLIRContext *context, DotKind kind);
Type getWeightUnit(MLIRContext *context, DotKind kind);

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The row of a product's result that an epilogue works on.
struct EpilogueRow {
  Value local;       // within the row block
  Value expert, row; // e, and r in the plan's order
  Value token, slot; // t and s, null where rows are not numbered so
};

/// What is done with the sums. `lanes` is 0 for a scalar.
struct Epilogue {
  Region *region;
  std::function<EpilogueRow(Value local)> makeRow;
  std::function<Value(unsigned input, const EpilogueRow &row, Value column,
                      unsigned lanes)>
      loadInput;
  std::function<void(Value value, const EpilogueRow &row, Value column,
                     unsigned lanes)>
      storeResult;
};

/// Emits the code of one product.
class ProductEmitter {
public:
  ProductEmitter(LoopBuilder &builder, Kernels &kernels, Scratch &scratch,
                 PackedLayout layout, LoweringConfigAttr config, Value packed,
                 Value packedStart, Type operandType);

  /// Memory for the operand's rows of one row block, and for the sums.
  void allocate();
  /// Memory for the sums alone; `setOperand` says where the rows are.
  void allocateSums();
  /// The operand's rows are in `bytes` from `firstByte` on, for code that is
  /// emitted after this.
  void setOperand(Value bytes, Value firstByte);
  int64_t getOperandBytes() const { return 4 * operandUnits(); }

  /// Copies `numRows` rows of `x` into the operand's form; `sourceRow` tells
  /// which row of `x` is row i.
  void gather(Value x, Value numRows,
              function_ref<Value(Value local)> sourceRow);

  /// Writes one value, or `lanes` of them, of the operand's row.
  void storeOperand(Value value, Value local, Value column, unsigned lanes);

  /// Sets what the operand's form has past the last column to zero.
  void padOperand(Value numRows);

  /// All row tiles of the panels from `firstPanel` to `lastPanel`, and the
  /// epilogue on their sums. `nextRead` is the byte of the packed buffer that
  /// is read after them, if known.
  void emitPanels(Value expert, Value numRows, Value firstPanel,
                  Value lastPanel, const Epilogue &epilogue,
                  Value nextRead = {});

  /// The byte of the packed buffer at which a panel of an expert starts.
  Value getPanelStart(Value expert, Value panel);

  const PackedLayout &getLayout() const { return layout; }
  int64_t getRowBlock() const { return config.getRowBlock(); }

private:
  /// The vectors of sums that a kernel computes at least, where it can.
  static constexpr int64_t kMinSums = 8;

  /// Elements of the operand, in the kernel's order, beside a unit of weights.
  int64_t operandPerUnit() const;
  /// Bytes of a row of the operand beside a unit of weights.
  int64_t operandUnitBytes() const;
  /// Units of a stretch, what stays in the first cache; all of them if these
  /// are fewer.
  int64_t getStretch() const;
  /// Whether a full block of rows takes several passes over the reduction.
  bool needsPasses() const;
  Value getPassUnits(Value numRows);
  /// Rows that operand and sums have memory for.
  int64_t numOperandRows() const;
  /// Elements, in the kernel's order, of the operand's rows.
  int64_t operandUnits() const;
  /// Where in `operandElements` a column of a row lies.
  Value getOperandPosition(Value local, Value column);
  int64_t getGroup(int64_t rows) const;
  void emitGroup(Value numRows, Value panelStart, Value nextGroup);
  void emitTiles(Value numRows, Value panelStart, Value firstUnit,
                 Value lastUnit, Value nextRead, Value sumsStart,
                 RowEmitter emitRow);
  void emitStretch(Value numRows, Value numTiles, Value panelStart, Value unit,
                   Value numUnits, Value nextRead, Value sumsStart,
                   RowEmitter emitRow);
  /// Panels of a tile among other tiles, 1 where there are no such tiles; those
  /// of AMX are as wide as they get.
  int64_t getWidePanels() const {
    bool isPossible = kind != DotKind::TileBF16 &&
                      config.getRowBlock() > config.getRows() &&
                      layout.numPanels() >= config.getPanels();
    return isPossible ? config.getPanels() : 1;
  }
  void emitWideTiles(Value numRows, Value panelStart, Value nextGroup);
  /// What a call of kernels for row tiles passes on, beside the rows.
  struct Stretch {
    Value weightStart, unit, numUnits; // of the first panel
    Value start, stride, step;         // of the streams, for the first tile
    Value sumsStart;
  };
  /// `numTiles` tiles of about equal height, each by a kernel that `makeKey`
  /// tells, of `minRows` to `maxRows` rows.
  void emitRowTiles(Value numRows, Value numTiles, int64_t minRows,
                    int64_t maxRows,
                    function_ref<KernelKey(int64_t rows)> makeKey,
                    const Stretch &stretch);
  SmallVector<Value> flatten(ArrayRef<Value> arguments);
  /// Switches on `height` to the kernel of as many rows, `minHeight` to
  /// `maxHeight`.
  void callKernel(Value height, int64_t minHeight, int64_t maxHeight,
                  function_ref<KernelKey(int64_t rows)> makeKey,
                  ArrayRef<Value> arguments);
  /// A tile of one panel.
  KernelKey getKey(int64_t rows) const {
    int64_t lines = llvm::divideCeil(4 * layout.panelColumns, kLineBytes);
    return {kind, rows, layout.panelColumns, rowStride,
            config.getPrefetch() ? lines : 0};
  }
  /// All of few rows, and the panels that they are multiplied by together.
  KernelKey getGroupKey(int64_t rows) const;
  /// A tile of several panels among other tiles.
  KernelKey getWideKey(int64_t rows) const;
  /// The distance between the sums of two panels of a block of many rows.
  int64_t getWideSumsStride() const {
    return numOperandRows() * layout.panelColumns;
  }
  Value getByte(Value weightUnit);
  Value getPanelUnit(Value expert, Value panel);
  void emitEpilogue(Value row, Value panel, Value sumsStart,
                    const Epilogue &epilogue);
  Value computeElements(const Epilogue &epilogue, const EpilogueRow &row,
                        Value sumsStart, Value column, unsigned lanes);

  LoopBuilder &b;
  Kernels &kernels;
  Scratch &scratch;
  PackedLayout layout;
  LoweringConfigAttr config;
  Value packed, packedStart; // bytes; the first of this product's weights
  Value weights;             // the same, as kernels see them
  DotKind kind;
  unsigned lanes;
  int64_t rowStride; // of the operand, in its elements; see KernelKey
  Value operand, operandElements, sums;
};

/// The scalar region of an epilogue on `arguments`, each a scalar or a vector
/// of `lanes`; the yielded value. Ops are elementwise (see isElementwise).
Value cloneElementwise(LoopBuilder &builder, Region &region,
                       ValueRange arguments, unsigned lanes);

/// Emits an error and fails unless the region computes elementwise.
LogicalResult verifyElementwise(Operation *op, Region &region);

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_PRODUCTS_H
