//===- PackParameters.cpp - Moves parameters into one packed buffer -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearSize.h"
#include "PackEmitter.h"
#include "Runtime.h"

#include "moe/Conversion/MoEToCPU/Passes.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/BufferizableOpInterfaceImpl.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEPACKPARAMETERS
#include "moe/Conversion/MoEToCPU/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

static constexpr int64_t alignment = 64;

namespace {

/// Rewrites one function.
class ParameterPacker {
public:
  ParameterPacker(ModuleOp module, func::FuncOp function)
      : module(module), function(function),
        packedType(MemRefType::get({ShapedType::kDynamic},
                                   IntegerType::get(module.getContext(), 8))) {}

  LogicalResult run();

private:
  LogicalResult checkSignature();
  LogicalResult packWeights(Operation *op, MutableOperandRange weights,
                            LoweringConfigAttr config);
  LogicalResult packAllWeights();
  LogicalResult copyOtherUses();
  FailureOr<ParameterView> traceWeight(Operation *op, Value weight);
  Value allocate(Location loc, int64_t bytes, MemRefType type);
  Value tensorOf(Value buffer, Type type);
  void describe();
  void eraseMoves();
  void changeSignature();

  ModuleOp module;
  func::FuncOp function;
  MemRefType packedType;
  Value packed;
  SmallVector<PackItem> items;
  int64_t packedBytes = 0;
};

struct PackParametersPass
    : public moe::impl::MoEPackParametersBase<PackParametersPass> {
  /// It asks ops for their results' sizes, and its output is there to be
  /// bufferised: by whoever runs this pass, whether they registered the
  /// interfaces or not.
  void getDependentDialects(DialectRegistry &registry) const override {
    MoEPackParametersBase::getDependentDialects(registry);
    moe::registerBufferizableOpInterfaceExternalModels(registry);
    arith::registerBufferizableOpInterfaceExternalModels(registry);
    linalg::registerBufferizableOpInterfaceExternalModels(registry);
    linalg::registerSubsetOpInterfaceExternalModels(registry);
    tensor::registerBufferizableOpInterfaceExternalModels(registry);
    tensor::registerInferTypeOpInterfaceExternalModels(registry);
    tensor::registerSubsetOpInterfaceExternalModels(registry);
  }

  void runOnOperation() override {
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!function.isExternal() && hasTensorArguments(function) &&
          failed(ParameterPacker(getOperation(), function).run()))
        return signalPassFailure();
  }

  static bool hasTensorArguments(func::FuncOp function) {
    return llvm::any_of(function.getArgumentTypes(), llvm::IsaPred<TensorType>);
  }
};

} // namespace

/// Reserves bytes of the packed buffer; the value is their memref of `type`.
Value ParameterPacker::allocate(Location loc, int64_t bytes, MemRefType type) {
  LoopBuilder b(loc, module.getContext());
  b.setInsertionPointToStart(&function.getBody().front());
  Value offset = b.index(packedBytes);
  packedBytes += llvm::alignTo(bytes, alignment);
  if (type.getLayout().isIdentity())
    return b.view(packed, offset, type.getShape(), type.getElementType());
  int64_t count = bytes * 8 / type.getElementTypeBitWidth();
  Value flat = b.view(packed, offset, {count}, type.getElementType());
  return UnrealizedConversionCastOp::create(b, type, flat).getResult(0);
}

Value ParameterPacker::tensorOf(Value buffer, Type type) {
  OpBuilder b(module.getContext());
  b.setInsertionPointAfterValue(buffer);
  return bufferization::ToTensorOp::create(b, buffer.getLoc(), type, buffer,
                                           /*restrict=*/true);
}

/// Whether the entries of each expert lie in that expert's own tensor.
static bool staysInExpert(const ParameterView &view) {
  if (!isPerExpert(view.parameter))
    return true;
  auto type = cast<RankedTensorType>(view.parameter.getType());
  int64_t slice = type.getNumElements() / type.getDimSize(0);
  int64_t last = view.offset % slice;
  for (size_t d = 1; d < view.sizes.size(); ++d)
    last += (view.sizes[d] - 1) * view.strides[d];
  return last < slice &&
         (view.sizes.front() == 1 || view.strides.front() % slice == 0);
}

FailureOr<ParameterView> ParameterPacker::traceWeight(Operation *op,
                                                      Value weight) {
  Operation *blame = nullptr;
  FailureOr<ParameterView> view = ParameterView::trace(weight, &blame);
  if (failed(view)) {
    InFlightDiagnostic error =
        op->emitOpError("expected a weight that is a parameter, or slices, "
                        "transposes and changes of shape of one");
    if (blame)
      error.attachNote(blame->getLoc())
          << "got one that depends on '" << blame->getName() << "'";
    return error;
  }
  if (view->sizes.size() == 2) {
    view->sizes.insert(view->sizes.begin(), 1);
    view->strides.insert(view->strides.begin(), 0);
  }
  if (!staysInExpert(*view))
    return op->emitOpError("expected the slices of each expert to come from "
                           "its own tensor of parameter '")
           << getParameterName(view->parameter) << "'";
  return *view;
}

LogicalResult ParameterPacker::packWeights(Operation *op,
                                           MutableOperandRange weights,
                                           LoweringConfigAttr config) {
  auto type = cast<RankedTensorType>(weights[0].get().getType());
  if (!type.getElementType().isF32() && !type.getElementType().isBF16())
    return op->emitOpError("expected weights of f32 or bf16, got ")
           << type.getElementType();
  if (!config)
    return op->emitOpError("expected a lowering_config: run "
                           "moe-select-strategy first");
  packedBytes = std::max(packedBytes, kLeadBytes);
  int64_t numWeights = weights.size();
  if (config.getColumns() % numWeights != 0)
    return op->emitOpError("expected columns of the lowering_config to be a "
                           "multiple of the number of weights, ")
           << numWeights << ", got " << config.getColumns();
  PackItem item{op->getLoc(),
                packedBytes,
                PackedLayout::get(type, numWeights, config.getColumns()),
                {}};
  for (OpOperand &weight : weights) {
    FailureOr<ParameterView> view = traceWeight(op, weight.get());
    if (failed(view))
      return failure();
    item.sources.push_back(*view);
  }
  int64_t bytes = item.panels->numBytes();
  int64_t start = packedBytes;
  for (auto [i, weight] : llvm::enumerate(weights)) {
    AffineMap map = item.panels->getMap(module.getContext(), i);
    if (type.getRank() == 2)
      map = map.replaceDimsAndSymbols(
          {getAffineConstantExpr(0, module.getContext()),
           getAffineDimExpr(0, module.getContext()),
           getAffineDimExpr(1, module.getContext())},
          {}, 2, 0);
    packedBytes = start;
    Value buffer =
        allocate(op->getLoc(), bytes,
                 MemRefType::get(type.getShape(), type.getElementType(), map));
    weight.assign(tensorOf(buffer, type));
  }
  items.push_back(item);
  return success();
}

LogicalResult ParameterPacker::packAllWeights() {
  WalkResult result = function.walk([&](Operation *op) {
    if (auto product = dyn_cast<GroupedMatmulOp>(op))
      return WalkResult(packWeights(op, product.getWeightsMutable(),
                                    product.getLoweringConfigAttr()));
    auto gate = dyn_cast<GateOp>(op);
    if (gate && gate.getWeight())
      return WalkResult(packWeights(op, gate.getWeightMutable(),
                                    gate.getLoweringConfigAttr()));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Copies what is used of a parameter elsewhere than in a move of it.
LogicalResult ParameterPacker::copyOtherUses() {
  llvm::MapVector<Value, SmallVector<OpOperand *>> uses;
  function.walk([&](Operation *op) {
    bool isMove = op->getNumResults() == 1 &&
                  succeeded(ParameterView::trace(op->getResult(0)));
    for (OpOperand &operand : op->getOpOperands())
      if (!isMove && isa<RankedTensorType>(operand.get().getType()) &&
          succeeded(ParameterView::trace(operand.get())))
        uses[operand.get()].push_back(&operand);
  });
  for (auto &[value, operands] : uses) {
    auto type = cast<RankedTensorType>(value.getType());
    int64_t bits = type.getElementTypeBitWidth();
    if (bits % 8 != 0)
      return operands.front()->getOwner()->emitOpError(
                 "expected parameters of whole bytes, got ")
             << type;
    items.push_back({value.getLoc(),
                     packedBytes,
                     std::nullopt,
                     {*ParameterView::trace(value)}});
    Value buffer =
        allocate(value.getLoc(), type.getNumElements() * bits / 8,
                 MemRefType::get(type.getShape(), type.getElementType()));
    Value copy = tensorOf(buffer, type);
    for (OpOperand *operand : operands)
      operand->set(copy);
  }
  return success();
}

/// Writes down what callers of the packed form need to know.
void ParameterPacker::describe() {
  Builder b(module.getContext());
  SmallVector<Attribute> inputs, parameters, outputs;
  auto entry = [&](StringRef name, Type type) {
    NamedAttrList description;
    description.set("name", b.getStringAttr(name));
    description.set("type", TypeAttr::get(type));
    return description;
  };
  for (BlockArgument argument : function.getArguments().drop_back()) {
    if (isParameter(argument)) {
      NamedAttrList description =
          entry(getParameterName(argument), argument.getType());
      if (isPerExpert(argument))
        description.set("per_expert", b.getUnitAttr());
      parameters.push_back(description.getDictionary(b.getContext()));
      continue;
    }
    std::string name = getInputName(function, argument.getArgNumber());
    inputs.push_back(
        entry(name, argument.getType()).getDictionary(b.getContext()));
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    outputs.push_back(
        entry(getOutputName(function, i), type).getDictionary(b.getContext()));
  NamedAttrList layer;
  layer.set("name", b.getStringAttr(function.getName()));
  layer.set("inputs", b.getArrayAttr(inputs));
  layer.set("params", b.getArrayAttr(parameters));
  layer.set("outputs", b.getArrayAttr(outputs));
  layer.set("packed_size", b.getI64IntegerAttr(packedBytes));
  function->setAttr("moe.entry_point", layer.getDictionary(b.getContext()));
}

/// Erases what only fed the replaced uses of parameters.
void ParameterPacker::eraseMoves() {
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(function.getBody().front().getOperations())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// Whether what `result` is computed into, in place, holds nothing else that is
/// used. Only then may a caller's memory take the place of that buffer: storing
/// the result there is a write that bufferisation does not see, and it would
/// overwrite what other results still are to be read from.
static bool ownsItsBuffer(Value result) {
  while (auto op = result.getDefiningOp<DestinationStyleOpInterface>()) {
    Value init = op.getTiedOpOperand(cast<OpResult>(result))->get();
    if (init.getDefiningOp<tensor::EmptyOp>())
      return true;
    if (llvm::any_of(init.getUsers(), [&](Operation *user) {
          return user != op && !isa<tensor::DimOp>(user);
        }))
      return false;
    result = init;
  }
  return false;
}

/// Inputs, the packed buffer and destinations as memrefs; no results.
void ParameterPacker::changeSignature() {
  Block &body = function.getBody().front();
  OpBuilder b(module.getContext());
  SmallVector<Type> types;
  SmallVector<Value> inputs;
  llvm::BitVector stale(body.getNumArguments());
  unsigned numOld = body.getNumArguments();
  auto bufferOf = [](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  };
  for (unsigned i = 0; i < numOld - 1; ++i) {
    BlockArgument old = body.getArgument(i);
    stale.set(i);
    if (isParameter(old))
      continue;
    Type type = isa<RankedTensorType>(old.getType())
                    ? Type(bufferOf(old.getType()))
                    : old.getType();
    Value fresh = body.addArgument(type, old.getLoc());
    types.push_back(type);
    if (type != old.getType()) {
      b.setInsertionPointToStart(&body);
      fresh = bufferization::ToTensorOp::create(b, old.getLoc(), old.getType(),
                                                fresh, /*restrict=*/true);
    }
    old.replaceAllUsesWith(fresh);
  }
  // The packed buffer, so far the last argument, moves behind the inputs.
  stale.set(numOld - 1);
  Value packedNow = body.addArgument(packedType, function.getLoc());
  packed.replaceAllUsesWith(packedNow);
  types.push_back(packedType);

  Operation *terminator = body.getTerminator();
  b.setInsertionPoint(terminator);
  for (Value result : terminator->getOperands()) {
    auto type = bufferOf(result.getType());
    Value destination = body.addArgument(type, terminator->getLoc());
    types.push_back(type);
    bufferization::MaterializeInDestinationOp::create(
        b, terminator->getLoc(), /*result=*/Type(), result, destination,
        /*restrict=*/ownsItsBuffer(result), /*writable=*/true);
  }
  terminator->setOperands({});
  stale.resize(body.getNumArguments());
  function->removeAttr(function.getArgAttrsAttrName());
  function->removeAttr(function.getResAttrsAttrName());
  body.eraseArguments(stale);
  function.setFunctionType(b.getFunctionType(types, {}));
}

/// A caller makes memory for the results before the layer runs, and knows of
/// their dynamic sizes that they are the number of tokens T.
LogicalResult ParameterPacker::checkSignature() {
  for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                            function.getResultTypes()))
    if (!isa<RankedTensorType>(type))
      return function.emitOpError("expected ranked tensors as arguments and "
                                  "results, got ")
             << type;
  Operation *terminator = function.getBody().front().getTerminator();
  for (OpOperand &result : terminator->getOpOperands()) {
    auto type = cast<RankedTensorType>(result.get().getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      if (!type.isDynamicDim(dim))
        continue;
      FailureOr<LinearSize> size = getDimSize(result.get(), dim);
      if (succeeded(size) && *size == LinearSize{1, 0})
        continue;
      InFlightDiagnostic error = terminator->emitOpError(
          "expected the dynamic sizes of results to be the number of tokens "
          "T, got ");
      if (succeeded(size))
        error << *size;
      else
        error << "an unknown one";
      return error << " in dimension " << dim << " of result "
                   << result.getOperandNumber();
    }
  }
  return success();
}

LogicalResult ParameterPacker::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expected straight-line code");
  if (failed(checkSignature()))
    return failure();
  // Not yet in the function's type, while parameters are looked up by it.
  packed =
      function.getBody().front().addArgument(packedType, function.getLoc());
  if (failed(packAllWeights()))
    return failure();
  eraseMoves();
  if (failed(copyOtherUses()))
    return failure();
  eraseMoves();
  function->setAttr(
      "moe.packed_size",
      Builder(module.getContext()).getI64IntegerAttr(packedBytes));
  emitPackFunction(module, function, items);
  function->removeAttr("moe.packed_size");
  describe();
  changeSignature();
  return success();
}
