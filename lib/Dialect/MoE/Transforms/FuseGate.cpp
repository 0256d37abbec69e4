//===- FuseGate.cpp - Router product and selection in one -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::moe {
#define GEN_PASS_DEF_MOEFUSEGATEPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace mlir::moe

using namespace mlir;
using namespace mlir::moe;

namespace {
/// How logits come about: a product, then element-wise steps.
struct LogitChain {
  MatmulMatch product;
  Operation *productOp = nullptr;
  /// From the product on. Per step, which of its inputs is the running value.
  struct Step {
    ElementwiseMatch match;
    unsigned chainInput;
  };
  SmallVector<Step> steps;
  Value bias;
};
} // namespace

/// True for a vector with one entry per expert, read at the expert.
static bool isBias(Value value, AffineMap map) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 1 && isa<FloatType>(type.getElementType()) &&
         map == AffineMap::get(2, 0, getAffineDimExpr(1, map.getContext()));
}

/// Matches one step back from its result: the running value, at most one bias
/// in the whole chain, constants. Returns why not, or null.
static const char *matchStep(Operation *op, LogitChain &chain, Value &value) {
  std::optional<ElementwiseMatch> match = matchElementwise(op);
  if (!match)
    return "an op between product and selection is not element-wise";
  std::optional<unsigned> chainInput;
  for (auto [i, input] : llvm::enumerate(match->inputs)) {
    if (getSplatScalar(input->get()))
      continue;
    if (isBias(input->get(), match->maps[i])) {
      if (chain.bias || !isParameterOnly(input->get()))
        return "there is more than one logit bias, or it is no parameter";
      chain.bias = input->get();
      continue;
    }
    if (!match->maps[i].isIdentity() ||
        (chainInput && match->inputs[*chainInput]->get() != input->get()))
      return "the logits mix two tensors";
    chainInput = i;
  }
  if (!chainInput)
    return "the logits do not come from a product";
  value = match->inputs[*chainInput]->get();
  chain.steps.insert(chain.steps.begin(), {*match, *chainInput});
  return nullptr;
}

/// Fills the chain behind the logits; returns why there is none, or null.
static const char *matchChain(RouteOp route, LogitChain &chain) {
  Value value = route.getLogits();
  while (true) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return "the logits are not computed here";
    if (op->getBlock() != route->getBlock())
      return "the logits are computed in another block";
    if (llvm::any_of(value.getUses(), [&](OpOperand &use) {
          return use.getOwner() != *value.user_begin();
        }))
      return "the logits, or a step towards them, have another use";
    if (std::optional<MatmulMatch> product = matchMatmul(op)) {
      auto linalgOp = cast<linalg::LinalgOp>(op);
      auto type = cast<RankedTensorType>(product->weight.getType());
      if (getElementTypeOrSelf(op->getResult(0)).getIntOrFloatBitWidth() > 32)
        return "the product's result is wider than 32 bits";
      if (!isZeroFilled(linalgOp.getDpsInits()[0]))
        return "the product adds to something";
      if (!type.hasStaticShape() || !isParameterOnly(product->weight))
        return "the router weight is no parameter";
      chain.product = *product;
      chain.productOp = op;
      return nullptr;
    }
    if (const char *reason = matchStep(op, chain, value))
      return reason;
  }
}

/// The region of the gate: what the steps make of the sum.
static void buildRegion(OpBuilder &builder, GateOp gate,
                        const LogitChain &chain) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = gate.getLoc();
  Type accType = gate.getWeight() ? builder.getF32Type()
                                  : getElementTypeOrSelf(gate.getX());
  SmallVector<Type> types = {accType};
  if (chain.bias)
    types.push_back(getElementTypeOrSelf(chain.bias));
  Block *block = builder.createBlock(&gate.getLogit(), {}, types,
                                     SmallVector<Location>(types.size(), loc));
  Value value = block->getArgument(0);
  if (chain.productOp) {
    Type type = getElementTypeOrSelf(chain.productOp->getResult(0));
    if (type.getIntOrFloatBitWidth() < 32)
      value = arith::TruncFOp::create(builder, loc, type, value);
  }
  for (const LogitChain::Step &step : chain.steps) {
    Value running = step.match.inputs[step.chainInput]->get();
    SmallVector<Value> scalars;
    for (OpOperand *input : step.match.inputs) {
      if (input->get() == running)
        scalars.push_back(value);
      else if (input->get() == chain.bias)
        scalars.push_back(block->getArgument(1));
      else
        scalars.push_back(arith::ConstantOp::create(
            builder, loc, getSplatScalar(input->get())));
    }
    value = step.match.emitScalar(builder, scalars);
  }
  YieldOp::create(builder, loc, value);
}

/// The router weight as E x H.
static Value buildWeight(OpBuilder &builder, Location loc,
                         const MatmulMatch &product) {
  if (product.weightIsTransposed)
    return product.weight;
  auto type = cast<RankedTensorType>(product.weight.getType());
  SmallVector<int64_t> shape = {type.getDimSize(1), type.getDimSize(0)};
  Value empty =
      tensor::EmptyOp::create(builder, loc, shape, type.getElementType());
  return linalg::TransposeOp::create(builder, loc, product.weight, empty,
                                     ArrayRef<int64_t>{1, 0})
      ->getResult(0);
}

static void fuseGate(RewriterBase &rewriter, RouteOp route) {
  Location loc = route.getLoc();
  remark::RemarkOpts opts = fusionRemark("moe-fuse-gate");
  LogitChain chain;
  const char *reason = matchChain(route, chain);
  if (reason) {
    chain = LogitChain();
    remark::missed(loc, opts)
        << std::string("kept the logits in memory: ") + reason;
  } else {
    remark::passed(loc, opts) << "router product and selection are one op";
  }

  rewriter.setInsertionPoint(route);
  Value x = reason ? route.getLogits() : chain.product.rows;
  Value weight = reason ? Value() : buildWeight(rewriter, loc, chain.product);
  SmallVector<Value> inits;
  for (Type type : route.getResultTypes()) {
    auto tensorType = cast<RankedTensorType>(type);
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(rewriter, loc, x, 0),
        rewriter.getIndexAttr(tensorType.getDimSize(1))};
    Value init = tensor::EmptyOp::create(rewriter, loc, sizes,
                                         tensorType.getElementType());
    if (init.getType() != type)
      init = tensor::CastOp::create(rewriter, loc, type, init);
    inits.push_back(init);
  }
  auto gate =
      GateOp::create(rewriter, loc, route.getResultTypes(), x, weight,
                     chain.bias, route.getKeyBias(), route.getMask(),
                     route.getExpertScale(), route.getGivenIds(), inits[0],
                     inits[1], route.getRouter(), LoweringConfigAttr());
  buildRegion(rewriter, gate, chain);
  rewriter.replaceOp(route, gate.getResults());
  // The absorbed ops have no other use.
  for (const LogitChain::Step &step : llvm::reverse(chain.steps))
    rewriter.eraseOp(step.match.op);
  if (chain.productOp)
    rewriter.eraseOp(chain.productOp);
}

namespace {
struct FuseGatePass : moe::impl::MoEFuseGatePassBase<FuseGatePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](RouteOp route) { fuseGate(rewriter, route); });
  }
};
} // namespace
