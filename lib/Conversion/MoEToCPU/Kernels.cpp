//===- Kernels.cpp - Register tiles of a product --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Products.h"
#include "Runtime.h"

#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::moe;

DotKind mlir::moe::getDotKind(Type operand, Type weight, bool hasBF16Dot,
                              bool hasTiles) {
  return chooseDotKind(operand.isBF16(), !weight.isF32(), hasBF16Dot, hasTiles);
}

Type mlir::moe::getOperandUnit(MLIRContext *context, DotKind kind) {
  if (readsPairs(kind))
    return IntegerType::get(context, 32);
  return Float32Type::get(context);
}

Type mlir::moe::getWeightUnit(MLIRContext *context, DotKind kind) {
  switch (kind) {
  case DotKind::F32:
    return Float32Type::get(context);
  case DotKind::DecodeBF16:
    return IntegerType::get(context, 16);
  case DotKind::PairBF16:
  case DotKind::TileBF16:
    return IntegerType::get(context, 32);
  }
  llvm_unreachable("covered switch");
}

Value Streams::getByte(LoopBuilder &b, Value stream, Value line) const {
  Value first = b.add(start, b.mul(stream, stride));
  return b.add(first, b.mul(line, step));
}

void Streams::prefetch(LoopBuilder &b, Value byte) const {
  memref::PrefetchOp::create(b, memory, ValueRange{byte}, /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}

namespace {

/// Emits the body of one kernel.
class KernelBody {
public:
  KernelBody(LoopBuilder &b, const KernelKey &key, const KernelOptions &options,
             func::FuncOp function)
      : b(b), key(key), options(options),
        lanes(static_cast<int64_t>(options.lanes())),
        numVectors(key.columns / lanes),
        sumType(VectorType::get({lanes}, b.getF32Type())),
        unitType(VectorType::get({lanes}, b.getI32Type())) {
    Block &entry = function.getBody().front();
    operand = entry.getArgument(0);
    operandStart = entry.getArgument(1);
    weights = entry.getArgument(2);
    weightStart = entry.getArgument(3);
    sums = entry.getArgument(4);
    sumsStart = entry.getArgument(5);
    units = entry.getArgument(6);
    isFirst = entry.getArgument(7);
    streams = {entry.getArgument(8), entry.getArgument(9),
               entry.getArgument(10), entry.getArgument(11)};
  }

  void emit();

private:
  Value getSumsPosition(int64_t accumulator);
  SmallVector<Value> loadSums();
  void storeSums(ArrayRef<Value> values);
  SmallVector<Value> emitStep(Value unit, ValueRange accumulators);
  void emitPanel(MutableArrayRef<Value> accumulators, Value unit,
                 int64_t panel);
  Value loadTerms(Value unit, int64_t term);
  void emitPrefetch(Value unit, int64_t panel);
  /// Multiplies one element of every row's operand by the weights.
  void multiply(MutableArrayRef<Value> accumulators, Value position,
                ArrayRef<Value> weightVectors);
  Value dot(Value accumulator, Value pair, Value weightPairs);
  Value asFloats(Value units) {
    return vector::BitCastOp::create(b, sumType, units);
  }
  Value evenTerms(Value pairs);
  Value oddTerms(Value pairs);

  LoopBuilder &b;
  const KernelKey &key;
  const KernelOptions &options;
  int64_t lanes, numVectors;
  VectorType sumType, unitType;
  Value operand, operandStart, weights, weightStart, sums, sumsStart, units,
      isFirst;
  Streams streams;
};

} // namespace

/// The accumulators are in the order of panels, rows and vectors.
Value KernelBody::getSumsPosition(int64_t accumulator) {
  int64_t perPanel = key.rows * numVectors;
  int64_t position =
      accumulator / perPanel * key.sumsStride + accumulator % perPanel * lanes;
  return b.add(sumsStart, position);
}

SmallVector<Value> KernelBody::loadSums() {
  SmallVector<Type> types(key.panels * key.rows * numVectors, sumType);
  return b.choose(
      types, isFirst,
      [&] { return SmallVector<Value>(types.size(), b.zero(sumType)); },
      [&] {
        SmallVector<Value> values;
        for (size_t i = 0; i < types.size(); ++i)
          values.push_back(b.loadLanes(lanes, sums, getSumsPosition(i)));
        return values;
      });
}

void KernelBody::storeSums(ArrayRef<Value> values) {
  for (auto [i, value] : llvm::enumerate(values))
    b.storeLanes(value, sums, getSumsPosition(i));
}

/// The first term of every pair, exactly, as f32.
Value KernelBody::evenTerms(Value pairs) {
  Value shift = arith::ConstantOp::create(
      b, DenseElementsAttr::get(unitType, b.getI32IntegerAttr(16)));
  return asFloats(arith::ShLIOp::create(b, pairs, shift));
}

/// The upper half of every 4 bytes, exactly, as f32: the second term of a pair.
Value KernelBody::oddTerms(Value pairs) {
  Value mask = arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             unitType, b.getI32IntegerAttr(static_cast<int32_t>(0xffff0000u))));
  return asFloats(arith::AndIOp::create(b, pairs, mask));
}

Value KernelBody::dot(Value accumulator, Value pair, Value weightPairs) {
  Value pairs = b.broadcast(lanes, pair);
  if (options.emulateDot) {
    Value even = vector::FMAOp::create(b, evenTerms(pairs),
                                       evenTerms(weightPairs), accumulator);
    return vector::FMAOp::create(b, oddTerms(pairs), oddTerms(weightPairs),
                                 even);
  }
  auto pairType = VectorType::get({2 * lanes}, b.getBF16Type());
  return x86vector::DotBF16Op::create(
      b, accumulator, vector::BitCastOp::create(b, pairType, pairs),
      vector::BitCastOp::create(b, pairType, weightPairs));
}

void KernelBody::multiply(MutableArrayRef<Value> accumulators, Value position,
                          ArrayRef<Value> weightVectors) {
  for (int64_t i = 0; i < key.rows; ++i) {
    Value element = b.load(operand, b.add(position, i * key.rowStride));
    Value factor =
        key.kind == DotKind::PairBF16 ? Value() : b.broadcast(lanes, element);
    for (int64_t v = 0; v < numVectors; ++v) {
      Value &sum = accumulators[i * numVectors + v];
      sum = factor
                ? Value(vector::FMAOp::create(b, factor, weightVectors[v], sum))
                : dot(sum, element, weightVectors[v]);
    }
  }
}

/// One term, 0 or 1, of the pairs of bf16 that start at `unit`, exactly, as
/// f32. A term is the upper half of the 4 bytes that end with it, which for the
/// first of a pair begin 2 bytes before the pair. Loading those takes no
/// instruction that the multipliers' ports have to execute, as shifting does.
Value KernelBody::loadTerms(Value unit, int64_t term) {
  Value last = b.add(b.mul(unit, 2), kLeadBytes / 2 + term);
  Value halves = b.loadLanes(2 * lanes, weights, b.add(last, -1));
  return oddTerms(vector::BitCastOp::create(b, unitType, halves));
}

/// The unit's part of what is read later.
void KernelBody::emitPrefetch(Value unit, int64_t panel) {
  bool isStreamPerLine = key.panels == 1;
  for (int64_t i = 0; i < key.lines; ++i) {
    Value stream = b.index(isStreamPerLine ? i : panel);
    Value byte = streams.getByte(b, stream, unit);
    streams.prefetch(b, isStreamPerLine ? byte : b.add(byte, i * kLineBytes));
  }
}

/// The products of one unit of a panel.
void KernelBody::emitPanel(MutableArrayRef<Value> accumulators, Value unit,
                           int64_t panel) {
  Value line = b.add(b.add(weightStart, b.mul(unit, key.columns)),
                     panel * key.panelStride);
  auto load = [&](auto loadVector) {
    SmallVector<Value> vectors;
    for (int64_t v = 0; v < numVectors; ++v)
      vectors.push_back(loadVector(b.add(line, v * lanes)));
    return vectors;
  };
  if (key.kind != DotKind::DecodeBF16) {
    SmallVector<Value> packed =
        load([&](Value at) { return b.loadLanes(lanes, weights, at); });
    emitPrefetch(unit, panel);
    return multiply(accumulators, b.add(operandStart, unit), packed);
  }
  Value position = b.add(operandStart, b.mul(unit, 2));
  emitPrefetch(unit, panel);
  for (int64_t term : {0, 1})
    multiply(accumulators, b.add(position, term),
             load([&](Value at) { return loadTerms(at, term); }));
}

SmallVector<Value> KernelBody::emitStep(Value unit, ValueRange carried) {
  SmallVector<Value> accumulators = llvm::to_vector(carried);
  int64_t perPanel = key.rows * numVectors;
  for (int64_t panel = 0; panel < key.panels; ++panel)
    emitPanel(MutableArrayRef(accumulators).slice(panel * perPanel, perPanel),
              unit, panel);
  return accumulators;
}

void KernelBody::emit() {
  SmallVector<Value> start = loadSums();
  storeSums(b.forCarrying(
      b.index(0), units, start,
      [&](Value unit, ValueRange carried) { return emitStep(unit, carried); }));
}

static StringRef spell(DotKind kind) {
  switch (kind) {
  case DotKind::F32:
    return "f32";
  case DotKind::DecodeBF16:
    return "bf16";
  case DotKind::PairBF16:
    return "bf16_pairs";
  case DotKind::TileBF16:
    return "bf16_tiles";
  }
  llvm_unreachable("covered switch");
}

static std::string getName(const KernelKey &key) {
  std::string name =
      llvm::formatv("moe_kernel_{0}_{1}x{2}_{3}{4}", spell(key.kind), key.rows,
                    key.columns, key.rowStride, key.lines ? "" : "_noprefetch");
  if (key.panels > 1)
    name += llvm::formatv("_{0}panels_{1}", key.panels, key.panelStride);
  if (key.panels > 1 && key.sumsStride != key.rows * key.columns)
    name += llvm::formatv("_{0}sums", key.sumsStride);
  return name;
}

/// A step of tiles takes longer than its instructions: unrolled loops would
/// save nothing, but make a layer's code a third larger and its compilation a
/// tenth longer.
static void optimizeForSize(func::FuncOp kernel) {
  constexpr StringLiteral name = "passthrough";
  SmallVector<Attribute> attributes(
      kernel->getAttrOfType<ArrayAttr>(name).getValue());
  attributes.push_back(StringAttr::get(kernel.getContext(), "optsize"));
  kernel->setAttr(name, ArrayAttr::get(kernel.getContext(), attributes));
}

void Kernels::callWithEpilogue(LoopBuilder &b, const KernelKey &key,
                               ValueRange arguments, RowEmitter emitRow) {
  hasTiles = true;
  auto body = scf::ExecuteRegionOp::create(b, TypeRange());
  {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&body.getRegion());
    emitTileKernel(b, key, arguments, emitRow);
    scf::YieldOp::create(b);
  }
  IRRewriter rewriter(b.getContext());
  std::string name =
      llvm::formatv("{0}_epilogue{1}", getName(key), numWithEpilogue++);
  func::CallOp call;
  FailureOr<func::FuncOp> function = outlineSingleBlockRegion(
      rewriter, b.getLoc(), body.getRegion(), name, &call);
  assert(succeeded(function) && "expected a region of one block");
  makeInternal(*function, /*isInlined=*/false);
  optimizeForSize(*function);
  call->moveBefore(body);
  body.erase();
}

func::FuncOp Kernels::get(const KernelKey &key, Location loc) {
  func::FuncOp &function = functions[key];
  if (function)
    return function;
  MLIRContext *context = module.getContext();
  Type index = IndexType::get(context), f32 = Float32Type::get(context);
  auto flat = [](Type element) {
    return MemRefType::get({ShapedType::kDynamic}, element);
  };
  SmallVector<Type> inputs = {flat(getOperandUnit(context, key.kind)),
                              index,
                              flat(getWeightUnit(context, key.kind)),
                              index,
                              flat(f32),
                              index,
                              index,
                              IntegerType::get(context, 1),
                              flat(IntegerType::get(context, 8)),
                              index,
                              index,
                              index};
  bool isOfTiles = key.kind == DotKind::TileBF16;
  hasTiles |= isOfTiles;
  if (isOfTiles)
    inputs.push_back(index);
  function = createInternalFunction(module, loc, getName(key), inputs,
                                    /*isInlined=*/false);
  LoopBuilder b(loc, context);
  b.setInsertionPointToStart(&function.getBody().front());
  if (isOfTiles) {
    optimizeForSize(function);
    emitTileKernel(b, key, function.getArguments());
  } else {
    KernelBody(b, key, options, function).emit();
  }
  func::ReturnOp::create(b);
  return function;
}
