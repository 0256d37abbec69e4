//===- Layer.cpp - The function that moe-run runs -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Layer.h"

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"
#include "moe/Reference/Value.h"
#include "moe/Runtime/Random.h"

#include "mlir/Pass/PassManager.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::moe;

int Layer::findInput(StringRef name) const {
  for (auto [index, input] : llvm::enumerate(inputs))
    if (input.name == name)
      return static_cast<int>(index);
  return -1;
}

std::optional<int64_t> Layer::getFixedTokens() const {
  auto getTypes = [](ArrayRef<EntryTensor> tensors) {
    return llvm::map_to_vector(
        tensors, [](const EntryTensor &tensor) -> Type { return tensor.type; });
  };
  return moe::getFixedTokens(function, getTypes(inputs), getTypes(outputs));
}

//===----------------------------------------------------------------------===//
// What a function takes and gives
//===----------------------------------------------------------------------===//

/// `type` if the runtime has tensors of it.
static FailureOr<RankedTensorType> checkType(func::FuncOp function, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && getElementTypeFor(tensor.getElementType()))
    return tensor;
  return function.emitError("expected a layer that takes and gives tensors of "
                            "numbers, got ")
         << type;
}

/// Appends argument `index` of the layer's function to its inputs or
/// parameters.
static LogicalResult addArgument(Layer &layer, unsigned index) {
  func::FuncOp function = layer.function;
  auto type = checkType(function, function.getArgumentTypes()[index]);
  if (failed(type))
    return failure();
  if (auto name = function.getArgAttrOfType<StringAttr>(index, kParamAttr)) {
    if (!type->hasStaticShape())
      return function.emitError("expected a parameter of static shape, got ")
             << *type << " for '" << name.getValue() << "'";
    bool perExpert = name.getValue().contains('*') && type->getRank() > 0;
    layer.params.push_back({name.str(), *type, perExpert});
    return success();
  }
  layer.inputs.push_back({getInputName(function, index), *type});
  return success();
}

static LogicalResult addResult(Layer &layer, unsigned index) {
  func::FuncOp function = layer.function;
  auto type = checkType(function, function.getResultTypes()[index]);
  if (failed(type))
    return failure();
  layer.outputs.push_back({getOutputName(function, index), *type});
  return success();
}

static FailureOr<Layer> describe(func::FuncOp function) {
  Layer layer;
  layer.function = function;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (failed(addArgument(layer, i)))
      return failure();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (failed(addResult(layer, i)))
      return failure();
  return layer;
}

FailureOr<Layer> moe::findLayer(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      functions.push_back(function);
  if (functions.empty())
    return module.emitError("expected a function at the graph, routed or fused "
                            "level to run, got none");
  if (functions.size() > 1)
    return functions[1].emitError("expected one public function to run, got "
                                  "more");
  return describe(functions.front());
}

bool moe::hasRouter(const Layer &layer) {
  int routers = 0;
  layer.function->walk(
      [&](Operation *op) { routers += isa<RouteOp, GateOp>(op); });
  return routers == 1;
}

/// Runs `pass` on the layer, which changes what it takes or gives.
static LogicalResult apply(Layer &layer, std::unique_ptr<Pass> pass) {
  PassManager passes(layer.function.getContext(),
                     func::FuncOp::getOperationName());
  passes.addPass(std::move(pass));
  if (failed(passes.run(layer.function)))
    return failure();
  FailureOr<Layer> changed = describe(layer.function);
  if (failed(changed))
    return failure();
  layer = std::move(*changed);
  return success();
}

LogicalResult moe::replayRouting(Layer &layer) {
  return apply(layer, createMoEReplayRoutingPass());
}

LogicalResult moe::exposeRouting(Layer &layer) {
  if (failed(apply(layer, createMoEExposeRoutingPass())))
    return failure();
  layer.exposesRouting = true;
  return success();
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

std::string moe::stringifyType(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static ElementType getElementType(const EntryTensor &tensor) {
  return *getElementTypeFor(tensor.type.getElementType());
}

/// The shape of an input or output for as many tokens.
static SmallVector<int64_t> getShape(const EntryTensor &tensor,
                                     int64_t tokens) {
  SmallVector<int64_t> shape(tensor.type.getShape());
  for (int64_t &size : shape)
    if (ShapedType::isDynamic(size))
      size = tokens;
  return shape;
}

llvm::Expected<Tensor> moe::makeOutput(const EntryTensor &output,
                                       int64_t tokens) {
  return Tensor::create(getElementType(output), getShape(output, tokens));
}

Tensor Parameter::getWhole() const {
  if (experts.empty())
    return whole;
  SmallVector<int64_t> shape = {static_cast<int64_t>(experts.size())};
  llvm::append_range(shape, experts.front().getShape());
  Tensor result = Tensor::zeros(experts.front().getType(), shape);
  auto *to = static_cast<char *>(result.getMutableData());
  for (const Tensor &expert : experts) {
    memcpy(to, expert.getData(), expert.getSizeInBytes());
    to += expert.getSizeInBytes();
  }
  return result;
}

/// Whether the rows of a tensor are the tokens'.
static bool hasTokens(const EntryTensor &tensor) {
  return tensor.type.getRank() > 0 && tensor.type.isDynamicDim(0);
}

/// `tensor`, from a file, as the input of that signature: the dimensions before
/// the last ones that the signature fixes become tokens.
static llvm::Expected<Tensor> flattenInput(const EntryTensor &input,
                                           const Tensor &tensor,
                                           SmallVector<int64_t> &leading) {
  ArrayRef<int64_t> wanted = input.type.getShape(), got = tensor.getShape();
  ArrayRef<int64_t> fixed = wanted.drop_front(hasTokens(input) ? 1 : 0);
  if (got.size() < wanted.size() || got.take_back(fixed.size()) != fixed ||
      (!hasTokens(input) && got.size() != wanted.size()))
    return llvm::createStringError(
        "input '" + input.name + "': expected " + stringifyType(input.type) +
        ", of which the first dimension may be several, got shape " +
        stringifyShape(got));
  if (!hasTokens(input))
    return tensor;
  ArrayRef<int64_t> tokens = got.drop_back(fixed.size());
  leading.assign(tokens.begin(), tokens.end());
  int64_t count = 1;
  for (int64_t size : tokens)
    count *= size;
  return tensor.reshape(getShape(input, count));
}

llvm::Error moe::readInputs(const Layer &layer, Checkpoint &file,
                            LayerData &data) {
  data.tokens = layer.getFixedTokens().value_or(0);
  const EntryTensor *counted = nullptr; // The input that says how many tokens.
  for (const EntryTensor &input : layer.inputs) {
    TensorSpec spec;
    spec.type = getElementType(input);
    auto tensor = file.get(input.name, spec);
    if (!tensor)
      return tensor.takeError();
    SmallVector<int64_t> leading;
    auto flat = flattenInput(input, *tensor, leading);
    if (!flat)
      return flat.takeError();
    if (!counted && hasTokens(input)) {
      counted = &input;
      data.leadingShape = leading;
      data.tokens = flat->getDim(0);
    }
    if (flat->getShape() != ArrayRef(getShape(input, data.tokens)))
      return llvm::createStringError(
          "input '" + input.name + "': expected " +
          std::to_string(data.tokens) + " tokens as '" + counted->name +
          "' has, got shape " + stringifyShape(tensor->getShape()));
    data.inputs.push_back(*flat);
  }
  return llvm::Error::success();
}

/// A tensor of that signature with random elements.
static llvm::Expected<Tensor> makeRandom(const EntryTensor &signature,
                                         ArrayRef<int64_t> shape, uint64_t seed,
                                         float scale) {
  ElementType type = getElementType(signature);
  if (!isFloat(type))
    return llvm::createStringError(
        "'" + signature.name + "' is a " + stringifyType(signature.type) +
        ": only tensors of floats can be random; expected a file that has it");
  auto tensor = Tensor::create(type, shape);
  if (!tensor)
    return tensor.takeError();
  fillRandom(*tensor, deriveSeed(seed, signature.name), Distribution::normal,
             scale);
  return tensor;
}

llvm::Error moe::makeInputs(const Layer &layer, int64_t tokens, uint64_t seed,
                            LayerData &data) {
  data.tokens = tokens;
  data.leadingShape = {tokens};
  for (const EntryTensor &input : layer.inputs) {
    auto tensor = makeRandom(input, getShape(input, tokens), seed, 1.0f);
    if (!tensor)
      return tensor.takeError();
    data.inputs.push_back(*tensor);
  }
  return llvm::Error::success();
}

/// A checkpoint may hold a parameter in a narrower float type than the layer
/// computes with (DeepSeek-V3's router is bf16 in most, and multiplied in f32):
/// widening is exact, so it is done here; anything else is left to be refused.
static bool isWidening(ElementType from, ElementType to) {
  return to == ElementType::f32 &&
         (from == ElementType::bf16 || from == ElementType::f16);
}

static Tensor widen(Tensor tensor, ElementType type) {
  return isWidening(tensor.getType(), type) ? tensor.convertTo(type) : tensor;
}

static llvm::Expected<llvm::SmallVector<Tensor>>
readParameter(const EntryTensor &param, Checkpoint &checkpoint) {
  TensorSpec spec;
  spec.shape = llvm::SmallVector<int64_t, 4>(param.getShape());
  llvm::SmallVector<Tensor> tensors;
  if (param.perExpert) {
    auto experts = checkpoint.getExperts(param.name, param.getCount(), spec);
    if (!experts)
      return experts.takeError();
    tensors.append(experts->begin(), experts->end());
  } else {
    auto tensor = checkpoint.get(param.name, spec);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(*tensor);
  }
  spec.type = getElementType(param);
  for (Tensor &tensor : tensors) {
    tensor = widen(tensor, *spec.type);
    if (llvm::Error error = checkTensor(param.name, tensor, spec))
      return llvm::createStringError(checkpoint.getPath() + ": " +
                                     llvm::toString(std::move(error)));
  }
  return tensors;
}

llvm::Error moe::readParameters(const Layer &layer, Checkpoint &checkpoint,
                                LayerData &data) {
  for (const EntryTensor &param : layer.params) {
    auto tensors = readParameter(param, checkpoint);
    if (!tensors)
      return tensors.takeError();
    if (param.perExpert)
      data.params.push_back(
          {Tensor(), std::vector<Tensor>(tensors->begin(), tensors->end())});
    else
      data.params.push_back({tensors->front(), {}});
  }
  return llvm::Error::success();
}

llvm::Error moe::makeParameters(const Layer &layer, uint64_t seed,
                                LayerData &data) {
  for (const EntryTensor &param : layer.params) {
    ArrayRef<int64_t> shape = param.getShape();
    float scale = shape.size() < 2
                      ? 0.1f
                      : 1.0f / std::sqrt(static_cast<float>(shape.back()));
    auto tensor = makeRandom(param, param.type.getShape(), seed, scale);
    if (!tensor)
      return tensor.takeError();
    data.params.push_back({*tensor, {}});
  }
  return llvm::Error::success();
}
