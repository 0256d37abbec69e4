//===- ConvertMoEToCPU.cpp - Layers on memrefs to parallel loops ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerEmitter.h"
#include "Runtime.h"

#include "moe/Conversion/MoEToCPU/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

namespace mlir::moe {
#define GEN_PASS_DEF_CONVERTMOETOCPU
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

static constexpr StringLiteral entryPointAttr = "moe.entry_point";
static constexpr StringLiteral entryPointsAttr = "moe.entry_points";

namespace {

/// The parts of the workspace: counters and buffers that all threads share, in
/// bytes `fixed + perToken * T`, then the team's memory, `team` bytes times the
/// number of threads, then `perThread` bytes of each thread's own.
struct Workspace {
  int64_t fixed = 0, perToken = 0, team = 0, perThread = 0;
};

/// Rewrites one layer.
class LayerConverter {
public:
  LayerConverter(ModuleOp module, func::FuncOp function, Kernels &kernels)
      : module(module), function(function), kernels(kernels),
        b(function.getLoc(), module.getContext()) {}

  LogicalResult run();
  Attribute getEntryPoint() const { return entryPoint; }

private:
  void lowerStridedCopies();
  void makeThreadFunction();
  void placeBuffers(const Phases &phases, Scratch &scratch, int64_t start);
  void makeRunFunction(const TaskCounters &counters);
  DictionaryAttr describe();

  ModuleOp module;
  func::FuncOp function;
  Kernels &kernels;
  LoopBuilder b;
  unsigned numInputs = 0;
  LinearSize numTokens{1, 0};
  int64_t topK = 0;
  Workspace workspace;
  Value shared, tokens, teamBytes, scratchBytes;
  ThreadInfo thread;
  Attribute entryPoint;
};

struct ConvertMoEToCPUPass
    : public moe::impl::ConvertMoEToCPUBase<ConvertMoEToCPUPass> {
  using ConvertMoEToCPUBase::ConvertMoEToCPUBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    ConvertMoEToCPUBase::getDependentDialects(registry);
    linalg::registerTilingInterfaceExternalModels(registry);
  }

  void runOnOperation() override {
    if (vectorBits != 256 && vectorBits != 512) {
      getOperation().emitError("expected vector-bits 256 or 512, got ")
          << std::to_string(vectorBits);
      return signalPassFailure();
    }
    if (bf16Dot && !emulateDot && vectorBits != 512) {
      getOperation().emitError(
          "expected vector-bits 512 with bf16-dot, got 256");
      return signalPassFailure();
    }
    if (tiles && vectorBits != 512) {
      getOperation().emitError("expected vector-bits 512 with tiles, got 256");
      return signalPassFailure();
    }
    Kernels kernels(getOperation(), {vectorBits, bf16Dot, emulateDot, tiles});
    SmallVector<Attribute> entryPoints;
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!function->hasAttr(entryPointAttr))
        continue;
      LayerConverter converter(getOperation(), function, kernels);
      if (failed(converter.run()))
        return signalPassFailure();
      entryPoints.push_back(converter.getEntryPoint());
    }
    getOperation()->setAttr(entryPointsAttr,
                            ArrayAttr::get(&getContext(), entryPoints));
  }
};

} // namespace

/// Copies to or from some columns of rows become row-wise loops: `memref.copy`
/// would call a function of MLIR's runner library, which compiled layers do not
/// have.
void LayerConverter::lowerStridedCopies() {
  auto isContiguous = [](Value memref) {
    return cast<MemRefType>(memref.getType()).getLayout().isIdentity();
  };
  function.walk([&](memref::CopyOp copy) {
    if (isContiguous(copy.getSource()) && isContiguous(copy.getTarget()))
      return;
    b.setInsertionPoint(copy);
    linalg::makeMemRefCopyOp(b, copy.getLoc(), copy.getSource(),
                             copy.getTarget());
    copy.erase();
  });
}

/// The layer's function gets the workspace and the thread as arguments behind
/// its own and is internal from here on.
void LayerConverter::makeThreadFunction() {
  Location loc = function.getLoc();
  Block &body = function.getBody().front();
  Type index = b.getIndexType();
  auto bytes = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  shared = body.addArgument(bytes, loc);
  teamBytes = body.addArgument(bytes, loc);
  scratchBytes = body.addArgument(bytes, loc);
  tokens = body.addArgument(index, loc);
  thread.thread = body.addArgument(index, loc);
  thread.numThreads = body.addArgument(index, loc);
  function.setFunctionType(b.getFunctionType(body.getArgumentTypes(), {}));
  function.setName((function.getName() + "__thread").str());
  function.setPrivate();
  function->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
}

/// Every allocation becomes a view of the shared workspace, one after the
/// other from `start` on, or of the thread's scratch where every thread has its
/// own.
void LayerConverter::placeBuffers(const Phases &phases, Scratch &scratch,
                                  int64_t start) {
  Value offset;
  workspace.fixed = start;
  // These live as long as the layer runs: behind what ops took and gave back.
  scratch.release(scratch.getPeak());
  for (auto allocation : llvm::make_early_inc_range(
           function.getBody().getOps<memref::AllocOp>())) {
    if (allocation->use_empty()) {
      allocation.erase();
      continue;
    }
    MemRefType type = allocation.getType();
    b.setInsertionPoint(allocation);
    b.setLoc(allocation.getLoc());
    LinearSize elements = *getNumElements(allocation);
    Value count = b.index(1);
    SmallVector<Value> sizes(allocation.getDynamicSizes());
    ValueRange dynamicSizes = sizes;
    for (int64_t size : type.getShape()) {
      Value extent;
      if (ShapedType::isDynamic(size)) {
        extent = dynamicSizes.front();
        dynamicSizes = dynamicSizes.drop_front();
      } else {
        extent = b.index(size);
      }
      count = b.mul(count, extent);
    }
    int64_t width = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    Value memory;
    if (phases.isThreadLocal(allocation)) {
      Value flat = scratch.allocate(b, elements.fixed, type.getElementType());
      memory = type.getRank() == 1 ? flat : Value();
    }
    if (!memory) {
      if (!offset)
        offset = b.index(start);
      memory =
          b.view(shared, offset, type.getShape(), type.getElementType(), sizes);
      Value end = b.add(offset, b.mul(count, width));
      offset = b.mul(b.ceilDiv(end, b.index(64)), 64);
      // What a buffer of T - 3 rows does not need is not known to be there.
      workspace.perToken += elements.perToken * width;
      workspace.fixed += std::max<int64_t>(elements.fixed, 0) * width + 63;
    }
    allocation.replaceAllUsesWith(memory);
    allocation.erase();
  }
  workspace.fixed = llvm::alignTo(workspace.fixed, 64);
}

/// `@NAME__run(tokens, inputs, packed, outputs, workspace)`.
void LayerConverter::makeRunFunction(const TaskCounters &counters) {
  StringRef name = cast<DictionaryAttr>(entryPoint).getAs<StringAttr>("name");
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  b.setLoc(function.getLoc());
  b.setInsertionPointToEnd(module.getBody());
  auto run = func::FuncOp::create(
      b, (name + "__run").str(),
      b.getFunctionType({b.getI64Type(), pointer, pointer, pointer, pointer},
                        {}));
  b.setInsertionPointToStart(run.addEntryBlock());
  // A caller of a layer whose types fix the number may not know it.
  Value count = numTokens.perToken == 0
                    ? b.index(numTokens.fixed)
                    : b.createOrFold<arith::IndexCastOp>(b.getIndexType(),
                                                         run.getArgument(0));
  auto withTokens = [&](Value pointer, Type type) {
    auto memref = cast<MemRefType>(type);
    SmallVector<Value> sizes(memref.getNumDynamicDims(), count);
    return memrefFromPointer(b, pointer, memref, sizes);
  };
  auto bytes = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  auto bytesAt = [&](Value pointer, Value size) {
    return memrefFromPointer(b, pointer, bytes, ValueRange{size});
  };
  auto dictionary = cast<DictionaryAttr>(entryPoint);
  int64_t packedSize = dictionary.getAs<IntegerAttr>("packed_size").getInt();

  SmallVector<Value> arguments;
  unsigned numOwn = function.getNumArguments() - 6;
  for (unsigned i = 0; i < numOwn; ++i) {
    Type type = function.getArgumentTypes()[i];
    if (i == numInputs) {
      arguments.push_back(bytesAt(run.getArgument(2), b.index(packedSize)));
      continue;
    }
    bool isInput = i < numInputs;
    Value array = run.getArgument(isInput ? 1 : 3);
    Value position = b.index(isInput ? i : i - numInputs - 1);
    arguments.push_back(withTokens(loadPointer(b, array, position), type));
  }
  Value sharedSize =
      b.add(b.mul(count, workspace.perToken), b.index(workspace.fixed));
  sharedSize = b.mul(b.ceilDiv(sharedSize, b.index(64)), 64);
  Value memory = run.getArgument(4);
  arguments.push_back(bytesAt(memory, sharedSize));
  counters.clear(b, arguments.back());
  if (kernels.usesTiles())
    emitTilePermission(b, module);
  emitParallel(b, module, [&](Value id, Value numThreads) {
    Value teamSize = b.mul(numThreads, workspace.team);
    Value size = b.index(workspace.perThread);
    Value start = b.add(sharedSize, teamSize);
    Value all = bytesAt(memory, b.add(start, b.mul(numThreads, size)));
    auto add = [&](Value start, Value size) {
      arguments.push_back(b.view(all, start, {ShapedType::kDynamic},
                                 b.getI8Type(), ValueRange{size}));
    };
    add(sharedSize, teamSize);
    add(b.add(start, b.mul(id, size)), size);
    arguments.append({count, id, numThreads});
    func::CallOp::create(b, function, arguments);
  });
  func::ReturnOp::create(b);
}

DictionaryAttr LayerConverter::describe() {
  NamedAttrList layer(cast<DictionaryAttr>(function->getAttr(entryPointAttr)));
  auto set = [&](StringRef name, int64_t value) {
    layer.set(name, b.getI64IntegerAttr(value));
  };
  set("workspace_per_token", workspace.perToken);
  // The shared part is rounded up to whole cache lines at run time.
  set("workspace_fixed", workspace.fixed + 64);
  set("workspace_per_thread", workspace.team + workspace.perThread);
  // Rows are numbered in i32: the caller's T times this is checked.
  if (topK > 0)
    set("top_k", topK);
  return layer.getDictionary(b.getContext());
}

LogicalResult LayerConverter::run() {
  auto entry = cast<DictionaryAttr>(function->getAttr(entryPointAttr));
  numInputs = entry.getAs<ArrayAttr>("inputs").size();
  // Behind the inputs is the packed buffer.
  ArrayRef<Type> arguments = function.getArgumentTypes();
  if (std::optional<int64_t> fixed =
          getFixedTokens(function, arguments.take_front(numInputs),
                         arguments.drop_front(numInputs + 1)))
    numTokens = {0, *fixed};
  if (failed(verifyLayer(function, numTokens, kernels.getOptions())))
    return failure();
  function.walk([&](PlanOp plan) { topK = std::max(topK, plan.getTopK()); });
  lowerStridedCopies();
  makeThreadFunction();
  Scratch scratch(scratchBytes);
  TaskCounters counters(shared);
  TeamMemory teamMemory(teamBytes);
  Phases phases(function);
  LayerEmitter(b, kernels, scratch, counters, teamMemory, thread, tokens,
               function.getArgument(numInputs))
      .emit(phases);
  placeBuffers(phases, scratch, counters.getNumBytes());
  workspace.team = teamMemory.getNumBytesPerThread();
  workspace.perThread = scratch.getPeak();
  entryPoint = describe();
  function->removeAttr(entryPointAttr);
  makeRunFunction(counters);
  return success();
}
