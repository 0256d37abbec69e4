//===- TileKernels.cpp - Register tiles of AMX ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A step multiplies 16 units, 32 terms of bf16, of up to 16 rows by as many of
// 16 columns. The packed panel is what the instruction reads: a tile of weights
// is 16 lines of a panel, one vector of each.
//
// LLVM's intrinsics and its type of a tile are used, not the amx dialect: its
// tiles cannot be carried by a loop that becomes branches before they become
// LLVM's (convert-scf-to-cf and convert-cf-to-llvm know nothing of them), and
// their shape is constant, so that it would take a kernel per number of rows.
// LLVM keeps the tiles in registers and configures them once per call.
//
//===----------------------------------------------------------------------===//

#include "Products.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::moe;

namespace {

class TileKernelBody {
public:
  TileKernelBody(LoopBuilder &b, const KernelKey &key, func::FuncOp function)
      : b(b), key(key), tileType(LLVM::LLVMX86AMXType::get(b.getContext())),
        rowTiles(key.rows / kTileRows) {
    auto arguments = function.getArguments();
    operand = getPointer(arguments[0], arguments[1]);
    weights = getPointer(arguments[2], arguments[3]);
    sums = getPointer(arguments[4], arguments[5]);
    numLines = b.div(arguments[6], kTileRows);
    isFirst = arguments[7];
    stream = arguments[8];
    streamStart = arguments[9];
    streamStep = b.mul(arguments[10], kTileRows);
    // All tiles of rows but the last are full.
    for (int64_t i = 0; i + 1 < rowTiles; ++i)
      numRows.push_back(asI16(b.index(kTileRows)));
    numRows.push_back(
        asI16(b.sub(arguments[11], b.index((rowTiles - 1) * kTileRows))));
    lineRows = asI16(b.index(kTileRows));
    tileBytes = asI16(b.index(kVectorBytes));
  }

  void emit();

private:
  static constexpr int64_t kVectorBytes = 64;

  Value asI16(Value number) {
    return b.createOrFold<arith::IndexCastOp>(b.getI16Type(), number);
  }
  Value asI64(Value number) {
    return b.createOrFold<arith::IndexCastOp>(b.getI64Type(), number);
  }
  /// The address of an element of 4 bytes.
  Value getPointer(Value memory, Value position) {
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, memory);
    return LLVM::IntToPtrOp::create(b,
                                    LLVM::LLVMPointerType::get(b.getContext()),
                                    asI64(b.add(base, b.mul(position, 4))));
  }
  Value advance(Value pointer, Value bytes) {
    return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{asI64(bytes)});
  }
  Value call(StringRef intrinsic, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, tileType,
                                         b.getStringAttr(intrinsic), operands)
        .getResults();
  }
  Value load(Value rows, Value pointer, int64_t stride) {
    return call("llvm.x86.tileloadd64.internal",
                {rows, tileBytes, pointer, asI64(b.index(stride))});
  }
  /// The sums of tile `i` of the rows and vector `v` of the panel.
  Value getSums(int64_t i, int64_t v) {
    return advance(sums,
                   b.index(i * kTileRows * 4 * key.columns + v * kVectorBytes));
  }

  void emitVectors(int64_t first, int64_t last);
  SmallVector<Value> emitStep(Value line, int64_t first, int64_t last,
                              ValueRange carried);
  void emitPrefetch(Value line);

  LoopBuilder &b;
  const KernelKey &key;
  Type tileType;
  int64_t rowTiles;
  Value operand, weights, sums, numLines, isFirst, stream, streamStart,
      streamStep, lineRows, tileBytes;
  SmallVector<Value> numRows; // of each tile of rows
};

} // namespace

/// The step's part of what is read later, into the second cache.
void TileKernelBody::emitPrefetch(Value line) {
  Value from = b.add(streamStart, b.mul(line, streamStep));
  b.forEach(from, b.add(from, streamStep), b.index(64), [&](Value byte) {
    memref::PrefetchOp::create(b, stream, ValueRange{byte}, /*isWrite=*/false,
                               /*localityHint=*/2, /*isDataCache=*/true);
  });
}

SmallVector<Value> TileKernelBody::emitStep(Value line, int64_t first,
                                            int64_t last, ValueRange carried) {
  SmallVector<Value> accumulators = llvm::to_vector(carried);
  Value rowsStart = advance(operand, b.mul(line, kVectorBytes));
  Value panel = advance(weights, b.mul(line, kTileRows * 4 * key.columns));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < rowTiles; ++i)
    rows.push_back(
        load(numRows[i],
             advance(rowsStart, b.index(i * kTileRows * 4 * key.rowStride)),
             4 * key.rowStride));
  auto *sum = accumulators.begin();
  for (int64_t v = first; v < last; ++v) {
    Value columns = load(lineRows, advance(panel, b.index(v * kVectorBytes)),
                         4 * key.columns);
    for (int64_t i = 0; i < rowTiles; ++i, ++sum)
      *sum = call("llvm.x86.tdpbf16ps.internal",
                  {numRows[i], tileBytes, tileBytes, *sum, rows[i], columns});
  }
  return accumulators;
}

/// The sums of the panel's vectors from `first` to `last`.
void TileKernelBody::emitVectors(int64_t first, int64_t last) {
  SmallVector<std::pair<int64_t, int64_t>> tiles;
  for (int64_t v = first; v < last; ++v)
    for (int64_t i = 0; i < rowTiles; ++i)
      tiles.push_back({i, v});
  auto getAll = [&](function_ref<Value(int64_t, int64_t)> get) {
    return llvm::map_to_vector(
        tiles, [&](auto tile) { return get(tile.first, tile.second); });
  };
  SmallVector<Type> types(tiles.size(), tileType);
  SmallVector<Value> start = b.choose(
      types, isFirst,
      [&] {
        return getAll([&](int64_t i, int64_t) {
          return call("llvm.x86.tilezero.internal", {numRows[i], tileBytes});
        });
      },
      [&] {
        return getAll([&](int64_t i, int64_t v) {
          return load(numRows[i], getSums(i, v), 4 * key.columns);
        });
      });
  SmallVector<Value> end = b.forCarrying(
      b.index(0), numLines, start, [&](Value line, ValueRange carried) {
        SmallVector<Value> next = emitStep(line, first, last, carried);
        if (key.prefetch && first == 0)
          emitPrefetch(line);
        return next;
      });
  for (auto [tile, value] : llvm::zip(tiles, end))
    LLVM::CallIntrinsicOp::create(
        b, b.getStringAttr("llvm.x86.tilestored64.internal"),
        ValueRange{numRows[tile.first], tileBytes,
                   getSums(tile.first, tile.second),
                   asI64(b.index(4 * key.columns)), value});
}

void TileKernelBody::emit() {
  int64_t vectors = 4 * key.columns / kVectorBytes;
  int64_t step = getTileVectors(rowTiles);
  for (int64_t first = 0; first < vectors; first += step)
    emitVectors(first, std::min(first + step, vectors));
}

void mlir::moe::emitTileKernel(LoopBuilder &builder, const KernelKey &key,
                               func::FuncOp function) {
  TileKernelBody(builder, key, function).emit();
}
