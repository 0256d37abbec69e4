//===- LayerBuilder.cpp - From a layer's description to IR ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The graph-level IR of a LayerSpec.
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Layer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace mlir::moe;
using llvm::StringRef;

SmallVector<const ParameterSpec *> LayerSpec::getParameters() const {
  SmallVector<const ParameterSpec *> result = {&router.weight};
  if (router.keyBias)
    result.push_back(&*router.keyBias);
  auto append = [&](const GatedMLPSpec &mlp) {
    result.append({&mlp.gate, &mlp.up, &mlp.down});
  };
  append(experts);
  if (shared)
    append(*shared);
  return result;
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// `activation(g)` for an f32.
static Value emitActivation(ImplicitLocOpBuilder &b, Activation activation,
                            Value g) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
  };
  auto mul = [&](Value lhs, Value rhs) -> Value {
    return arith::MulFOp::create(b, lhs, rhs);
  };
  auto onePlus = [&](Value value) -> Value {
    return arith::AddFOp::create(b, constant(1), value);
  };
  switch (activation) {
  case Activation::SiLU: {
    Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, g));
    return arith::DivFOp::create(b, g, onePlus(exp));
  }
  case Activation::GELU: {
    Value erf =
        math::ErfOp::create(b, mul(g, constant(llvm::numbers::inv_sqrt2)));
    return mul(mul(constant(0.5), g), onePlus(erf));
  }
  case Activation::GELUTanh: {
    // sqrt(2 / pi) = sqrt(2) / sqrt(pi)
    double scale = llvm::numbers::sqrt2 * llvm::numbers::inv_sqrtpi;
    Value cube = mul(mul(g, g), g);
    Value inner = arith::AddFOp::create(b, g, mul(constant(0.044715), cube));
    Value tanh = math::TanhOp::create(b, mul(constant(scale), inner));
    return mul(mul(constant(0.5), g), onePlus(tanh));
  }
  case Activation::ReLU:
    return arith::MaximumFOp::create(b, g, constant(0));
  }
  llvm_unreachable("unknown activation");
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

namespace {
/// Emits ops on tensors whose leading dimension is a run-time number of rows.
/// All of one block have the same number: see `enterBlock`.
class LayerBuilder {
public:
  LayerBuilder(MLIRContext *context, FloatType elementType)
      : b(UnknownLoc::get(context), context), elementType(elementType) {}

  OwningOpRef<ModuleOp> build(const LayerSpec &layer, StringRef name);

private:
  Location named(StringRef name) { return NameLoc::get(b.getStringAttr(name)); }
  RankedTensorType rowsOf(int64_t columns, Type type) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, type);
  }
  RankedTensorType getParameterType(const ParameterSpec &parameter) {
    return RankedTensorType::get(
        parameter.shape, parameter.isF32 ? b.getF32Type() : elementType);
  }

  func::FuncOp buildFunction(const LayerSpec &layer, StringRef name);
  RouterAttr getRouterAttr(const RouterSpec &router);
  RenormalizeAttr
  getRenormalizeAttr(const RouterSpec::Renormalize &renormalize);
  RouteOp buildRoute(const RouterSpec &router, Value x);
  Value buildExperts(const GatedMLPSpec &experts, Value x, RouteOp route);
  Value buildGatedMLP(Activation activation, Value x, Value gate, Value up,
                      Value down);
  Value buildActivation(Activation activation, Value gate, Value up);
  Value buildMatmul(StringRef name, Value x, Value weight);
  Value buildEmpty(int64_t columns, Type type);
  void enterBlock(Value rows);
  Value round(Location loc, Value value);

  Value argumentOf(const ParameterSpec &parameter) {
    return arguments.lookup(&parameter);
  }

  ImplicitLocOpBuilder b;
  /// The model's type.
  FloatType elementType;
  llvm::DenseMap<const ParameterSpec *, Value> arguments;
  /// The number of rows of the tensors of the block, and 0.0.
  Value numRows, zero;
};
} // namespace

/// Starts the block that the insertion point is in, where `rows` has the rows.
void LayerBuilder::enterBlock(Value rows) {
  Value first = arith::ConstantOp::create(b, b.getIndexAttr(0));
  numRows = tensor::DimOp::create(b, named("num_rows"), rows, first);
  zero = arith::ConstantOp::create(b, named("zero"), b.getF32FloatAttr(0));
}

/// An uninitialized tensor with the block's number of rows.
Value LayerBuilder::buildEmpty(int64_t columns, Type type) {
  return tensor::EmptyOp::create(
      b, ArrayRef<OpFoldResult>{numRows, b.getIndexAttr(columns)}, type);
}

/// `x * transpose(weight)`, accumulated in f32.
Value LayerBuilder::buildMatmul(StringRef name, Value x, Value weight) {
  int64_t columns = cast<ShapedType>(weight.getType()).getDimSize(0);
  Value empty = buildEmpty(columns, b.getF32Type());
  Value init = linalg::FillOp::create(b, zero, empty).getResult(0);
  AffineExpr m, n, k;
  bindDims(b.getContext(), m, n, k);
  auto map = [&](AffineExpr row, AffineExpr column) {
    return AffineMap::get(3, 0, {row, column}, b.getContext());
  };
  auto matmul = linalg::MatmulOp::create(b, named(name), init.getType(),
                                         ValueRange{x, weight}, init);
  matmul.setIndexingMapsAttr(
      b.getAffineMapArrayAttr({map(m, k), map(n, k), map(m, n)}));
  return matmul.getResult(0);
}

/// `value`, f32, in the model's type.
Value LayerBuilder::round(Location loc, Value value) {
  if (elementType.isF32())
    return value;
  auto type = cast<RankedTensorType>(value.getType()).clone(elementType);
  return arith::TruncFOp::create(b, loc, type, value);
}

/// `round(activation(gate) * up)` for each element, in f32 until the end.
Value LayerBuilder::buildActivation(Activation activation, Value gate,
                                    Value up) {
  int64_t columns = cast<ShapedType>(gate.getType()).getDimSize(1);
  Value empty = buildEmpty(columns, elementType);
  SmallVector<AffineMap> maps(3, b.getMultiDimIdentityMap(2));
  SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, named("h"), empty.getType(), ValueRange{gate, up}, empty, maps, loops,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder body(b.getLoc(), nested);
        Value activated = emitActivation(body, activation, args[0]);
        Value product = arith::MulFOp::create(body, activated, args[1]);
        if (!elementType.isF32())
          product = arith::TruncFOp::create(body, elementType, product);
        linalg::YieldOp::create(body, product);
      });
  return generic.getResult(0);
}

/// The network on the rows of `x`, its result in f32.
Value LayerBuilder::buildGatedMLP(Activation activation, Value x, Value gate,
                                  Value up, Value down) {
  Value a = buildMatmul("a", x, gate);
  Value c = buildMatmul("b", x, up);
  return buildMatmul("o", buildActivation(activation, a, c), down);
}

//===----------------------------------------------------------------------===//
// The layer
//===----------------------------------------------------------------------===//

RenormalizeAttr
LayerBuilder::getRenormalizeAttr(const RouterSpec::Renormalize &renormalize) {
  FloatAttr epsilon;
  if (renormalize.epsilon)
    epsilon = b.getF64FloatAttr(*renormalize.epsilon);
  return RenormalizeAttr::get(b.getContext(), renormalize.mode, epsilon,
                              /*p=*/1);
}

RouterAttr LayerBuilder::getRouterAttr(const RouterSpec &router) {
  GroupsAttr groups;
  if (router.groups)
    groups = GroupsAttr::get(b.getContext(), router.groups->count,
                             router.groups->keep, router.groups->sumTop,
                             router.groups->fill);
  RenormalizeAttr renormalize;
  if (router.renormalize)
    renormalize = getRenormalizeAttr(*router.renormalize);
  FloatAttr scale;
  if (router.scale != 1)
    scale = b.getF64FloatAttr(router.scale);
  // The weights are f32 in any case.
  Type roundTo;
  if (router.roundWeights && !elementType.isF32())
    roundTo = elementType;
  return RouterAttr::get(b.getContext(), router.score, router.topK,
                         SelectionKey::Score, groups, WeightSource::Score,
                         /*jitter=*/FloatAttr(), renormalize, scale, roundTo);
}

RouteOp LayerBuilder::buildRoute(const RouterSpec &router, Value x) {
  bool isRounded = router.roundLogits && !elementType.isF32();
  Value logits = buildMatmul(isRounded ? "exact_logits" : "logits", x,
                             argumentOf(router.weight));
  if (isRounded)
    logits = arith::ExtFOp::create(b, named("logits"), logits.getType(),
                                   round(named("rounded_logits"), logits));
  Value keyBias;
  if (router.keyBias)
    keyBias = argumentOf(*router.keyBias);
  return RouteOp::create(b, logits, keyBias, /*mask=*/Value(),
                         /*expert_scale=*/Value(), /*given_ids=*/Value(),
                         getRouterAttr(router));
}

Value LayerBuilder::buildExperts(const GatedMLPSpec &experts, Value x,
                                 RouteOp route) {
  SmallVector<Value> params = {argumentOf(experts.gate), argumentOf(experts.up),
                               argumentOf(experts.down)};
  auto op = ExpertsOp::create(b, named("routed"), x.getType(), x,
                              route.getIds(), route.getWeights(), params);
  OpBuilder::InsertionGuard guard(b);
  llvm::SaveAndRestore outerRows(numRows), outerZero(zero);
  SmallVector<Type> types = {x.getType()};
  SmallVector<Location> locs = {named("rows")};
  for (Value param : params) {
    auto type = cast<RankedTensorType>(param.getType());
    types.push_back(
        RankedTensorType::get(type.getShape().drop_front(), elementType));
  }
  for (StringRef name : {"g", "u", "d"})
    locs.push_back(named(name));
  Block *body = b.createBlock(&op.getExpert(), {}, types, locs);
  enterBlock(body->getArgument(0));
  Value o = buildGatedMLP(experts.activation, body->getArgument(0),
                          body->getArgument(1), body->getArgument(2),
                          body->getArgument(3));
  moe::YieldOp::create(b, o);
  return op.getResult();
}

/// The function with its arguments and an empty body.
func::FuncOp LayerBuilder::buildFunction(const LayerSpec &layer,
                                         StringRef name) {
  SmallVector<const ParameterSpec *> parameters = layer.getParameters();
  auto xType = rowsOf(layer.hiddenSize, elementType);
  SmallVector<Type> types = {xType};
  SmallVector<Location> locs = {named("x")};
  SmallVector<DictionaryAttr> attrs = {b.getDictionaryAttr({})};
  for (const ParameterSpec *parameter : parameters) {
    types.push_back(getParameterType(*parameter));
    locs.push_back(named(parameter->argument));
    attrs.push_back(b.getDictionaryAttr(
        b.getNamedAttr("moe.param", b.getStringAttr(parameter->name))));
  }
  auto func = func::FuncOp::create(b, name, b.getFunctionType(types, xType));
  func.setAllArgAttrs(attrs);
  Block *entry = b.createBlock(&func.getBody(), {}, types, locs);
  for (auto [parameter, argument] :
       llvm::zip(parameters, entry->getArguments().drop_front()))
    arguments[parameter] = argument;
  return func;
}

OwningOpRef<ModuleOp> LayerBuilder::build(const LayerSpec &layer,
                                          StringRef name) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(b);
  b.setInsertionPointToEnd(module->getBody());
  Value x = buildFunction(layer, name).getArgument(0);
  enterBlock(x);
  RouteOp route = buildRoute(layer.router, x);
  Value y = buildExperts(layer.experts, x, route);
  if (layer.shared) {
    const GatedMLPSpec &mlp = *layer.shared;
    Value sum = buildGatedMLP(mlp.activation, x, argumentOf(mlp.gate),
                              argumentOf(mlp.up), argumentOf(mlp.down));
    y = arith::AddFOp::create(b, named("y"), y, round(named("shared"), sum));
  }
  func::ReturnOp::create(b, y);
  return module;
}

OwningOpRef<ModuleOp> mlir::moe::buildLayer(MLIRContext *context,
                                            const LayerSpec &layer,
                                            FloatType elementType,
                                            StringRef name) {
  context->loadDialect<MoEDialect, arith::ArithDialect, func::FuncDialect,
                       linalg::LinalgDialect, math::MathDialect,
                       tensor::TensorDialect>();
  return LayerBuilder(context, elementType).build(layer, name);
}
