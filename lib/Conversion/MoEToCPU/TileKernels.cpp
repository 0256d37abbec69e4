//===- TileKernels.cpp - Register tiles of AMX ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A step multiplies 16 units, 32 terms of bf16, of 16 rows by as many of 16
// columns. The packed panel is what the instruction reads: a tile of weights is
// 16 lines of a panel, one vector of each. All rows of a block are one call, as
// loading the tiles' configuration takes as long as several products.
//
// Multiplying takes few instructions, so the core has room for others: the
// kernel of a panel's last stretch also runs the epilogue, on some rows while
// those that follow are multiplied.
//
// A stretch of weights stays in the first cache while all rows pass by it. What
// passes by, the rows and the sums, is loaded with TILELOADDT1, which does not
// put it there: with plain loads they displace each other, and a step takes 1.4
// times as long as its products.
//
// LLVM's intrinsics and its type of a tile are used, not the amx dialect: its
// tiles cannot be carried by a loop that becomes branches before they become
// LLVM's (convert-scf-to-cf and convert-cf-to-llvm know nothing of them).
// LLVM keeps these in registers and configures them once per call.
//
//===----------------------------------------------------------------------===//

#include "Products.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::moe;

namespace {

class TileKernelBody {
public:
  TileKernelBody(LoopBuilder &b, const KernelKey &key, ValueRange arguments,
                 RowEmitter emitRow)
      : b(b), key(key), emitRow(emitRow),
        tileType(LLVM::LLVMX86AMXType::get(b.getContext())) {
    operand = getPointer(arguments[0], arguments[1]);
    weights = getPointer(arguments[2], arguments[3]);
    sums = getPointer(arguments[4], arguments[5]);
    numSteps = b.div(arguments[6], kTileRows);
    isFirst = arguments[7];
    streams = {arguments[8], arguments[9], arguments[10], b.index(kLineBytes)};
    linesPerStep = arguments[11];
    numRows = arguments[12];
    numBlocks = b.ceilDiv(numRows, b.index(kTileRows));
    isSingle = b.cmp(arith::CmpIPredicate::ule, numBlocks,
                     b.index(key.rows / kTileRows));
    tileRows = asI16(kTileRows);
    tileBytes = asI16(kTileRowBytes);
    if (emitRow)
      rowsPerStep = b.ceilDiv(b.index(key.rows), numSteps);
  }

  void emit();

private:
  /// Bytes of a tile's row, and of a vector of a panel's unit.
  static constexpr int64_t kTileRowBytes = 64;

  Value asI16(int64_t number) {
    return LLVM::ConstantOp::create(b, b.getI16Type(),
                                    b.getI16IntegerAttr(number));
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
  /// A tile that is to stay in the first cache, or one that passes by it.
  Value load(Value pointer, int64_t stride, bool stays) {
    return call(stays ? "llvm.x86.tileloadd64.internal"
                      : "llvm.x86.tileloaddt164.internal",
                {tileRows, tileBytes, pointer, asI64(b.index(stride))});
  }
  int64_t panelStride() const { return 4 * key.columns; }

  /// A pass over the weights for `numBlocks` blocks of rows from `block` on,
  /// the `number`th of the stretch.
  struct Pass {
    Value block, number;
    int64_t numBlocks;
  };
  void emitPass(const Pass &pass);
  void emitVectors(const Pass &pass, int64_t first, int64_t last);
  SmallVector<Value> emitStep(const Pass &pass, Value step, int64_t first,
                              int64_t last, ValueRange carried);
  void emitPrefetch(Value pass, Value step);
  void emitRowsBefore(Value pass, Value step);

  LoopBuilder &b;
  const KernelKey &key;
  RowEmitter emitRow;
  Type tileType;
  Streams streams;
  Value operand, weights, sums, numSteps, rowsPerStep, isFirst, numRows,
      numBlocks, isSingle, linesPerStep, tileRows, tileBytes;
};

} // namespace

/// The step's part of what is read later. All of a single pass's lines follow
/// one another, and are so many that the streams' arithmetic would be seen.
void TileKernelBody::emitPrefetch(Value pass, Value step) {
  Value steps = b.add(b.mul(pass, numSteps), step);
  Value from = b.mul(steps, linesPerStep), to = b.add(from, linesPerStep);
  auto prefetchInOrder = [&] {
    b.forEach(from, to, [&](Value line) {
      streams.prefetch(b, b.add(streams.start, b.mul(line, kLineBytes)));
    });
  };
  auto prefetchInTurns = [&] {
    b.forEach(from, to, [&](Value line) {
      streams.prefetch(b, streams.getByte(b, b.rem(line, kTileStreams),
                                          b.div(line, kTileStreams)));
    });
  };
  b.ifElse(isSingle, prefetchInOrder, prefetchInTurns);
}

/// The step's part of the rows of the pass before, which are whole.
void TileKernelBody::emitRowsBefore(Value pass, Value step) {
  Value begin = b.mul(b.sub(pass, b.index(1)), key.rows);
  Value isFirstPass = b.equal(pass, b.index(0));
  Value count = b.select(isFirstPass, b.index(0), b.index(key.rows));
  Value from = b.min(b.mul(step, rowsPerStep), count);
  Value to = b.min(b.add(from, rowsPerStep), count);
  b.forEach(from, to, [&](Value row) { emitRow(b.add(begin, row)); });
}

SmallVector<Value> TileKernelBody::emitStep(const Pass &pass, Value step,
                                            int64_t first, int64_t last,
                                            ValueRange carried) {
  SmallVector<Value> accumulators = llvm::to_vector(carried);
  Value rowsStart = advance(operand, b.mul(step, kTileRows * kTileRowBytes));
  Value panel = advance(weights, b.mul(step, kTileRows * panelStride()));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < pass.numBlocks; ++i)
    rows.push_back(
        load(advance(rowsStart, b.mul(b.add(pass.block, i), 4 * key.rowStride)),
             kTileRowBytes, /*stays=*/false));
  auto *sum = accumulators.begin();
  for (int64_t v = first; v < last; ++v) {
    Value columns =
        load(advance(panel, b.index(v * kTileRowBytes)), panelStride(),
             /*stays=*/true);
    for (Value block : rows) {
      *sum = call("llvm.x86.tdpbf16ps.internal",
                  {tileRows, tileBytes, tileBytes, *sum, block, columns});
      ++sum;
    }
  }
  return accumulators;
}

/// The sums of the panel's vectors from `first` to `last`.
void TileKernelBody::emitVectors(const Pass &pass, int64_t first,
                                 int64_t last) {
  SmallVector<Value> places;
  for (int64_t v = first; v < last; ++v)
    for (int64_t i = 0; i < pass.numBlocks; ++i)
      places.push_back(advance(
          sums, b.add(b.mul(b.add(pass.block, i), kTileRows * panelStride()),
                      v * kTileRowBytes)));
  SmallVector<Type> types(places.size(), tileType);
  SmallVector<Value> start = b.choose(
      types, isFirst,
      [&] {
        return llvm::map_to_vector(places, [&](Value) {
          return call("llvm.x86.tilezero.internal", {tileRows, tileBytes});
        });
      },
      [&] {
        return llvm::map_to_vector(places, [&](Value place) {
          return load(place, panelStride(), /*stays=*/false);
        });
      });
  SmallVector<Value> end = b.forCarrying(
      b.index(0), numSteps, start, [&](Value step, ValueRange carried) {
        SmallVector<Value> next = emitStep(pass, step, first, last, carried);
        if (key.lines != 0 && first == 0)
          emitPrefetch(pass.number, step);
        if (emitRow && first == 0)
          emitRowsBefore(pass.number, step);
        return next;
      });
  for (auto [place, value] : llvm::zip(places, end))
    LLVM::CallIntrinsicOp::create(
        b, b.getStringAttr("llvm.x86.tilestored64.internal"),
        ValueRange{tileRows, tileBytes, place, asI64(b.index(panelStride())),
                   value});
}

void TileKernelBody::emitPass(const Pass &pass) {
  int64_t vectors = panelStride() / kTileRowBytes;
  int64_t step = getTileVectors(pass.numBlocks);
  for (int64_t first = 0; first < vectors; first += step)
    emitVectors(pass, first, std::min(first + step, vectors));
}

void TileKernelBody::emit() {
  int64_t perPass = key.rows / kTileRows;
  Value numPasses = b.div(numBlocks, perPass);
  b.forEach(b.index(0), numPasses, [&](Value number) {
    emitPass({b.mul(number, perPass), number, perPass});
  });
  if (perPass == 2)
    b.ifThen(b.equal(b.rem(numBlocks, 2), b.index(1)),
             [&] { emitPass({b.mul(numPasses, perPass), numPasses, 1}); });
  if (!emitRow)
    return;
  Value passes = b.ceilDiv(numRows, b.index(key.rows));
  b.forEach(b.mul(b.sub(passes, b.index(1)), key.rows), numRows, emitRow);
}

void mlir::moe::emitTileKernel(LoopBuilder &builder, const KernelKey &key,
                               ValueRange arguments, RowEmitter emitRow) {
  TileKernelBody(builder, key, arguments, emitRow).emit();
}
