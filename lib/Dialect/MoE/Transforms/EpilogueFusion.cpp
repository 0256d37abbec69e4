//===- EpilogueFusion.cpp - Element-wise consumers into products ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Producers
//===----------------------------------------------------------------------===//

SmallVector<GroupedMatmulOp>
mlir::moe::getProducers(const ElementwiseMatch &consumer) {
  SmallVector<GroupedMatmulOp> producers;
  for (auto [input, map] : llvm::zip(consumer.inputs, consumer.maps)) {
    auto producer = input->get().getDefiningOp<GroupedMatmulOp>();
    if (producer && producer.getPlace() == Placement::Plan &&
        map.isIdentity() && !llvm::is_contained(producers, producer))
      producers.push_back(producer);
  }
  return producers;
}

/// Two products can be one op if they read the same rows by the same plan.
static bool haveSameRows(GroupedMatmulOp a, GroupedMatmulOp b) {
  return a.getX() == b.getX() && a.getOffsets() == b.getOffsets() &&
         a.getSource() == b.getSource() &&
         (!a.getRows() || !b.getRows() || a.getRows() == b.getRows()) &&
         a.getWeightType() == b.getWeightType() &&
         a.getLoweringConfig() == b.getLoweringConfig();
}

//===----------------------------------------------------------------------===//
// Epilogue inputs
//===----------------------------------------------------------------------===//

namespace {
/// A tensor that the epilogue reads, and where: from (e, r, t, s, n).
struct EpilogueInput {
  Value value = nullptr;
  AffineMap map = {};
  /// The plan's rows and K, where the map speaks of tokens or slots.
  Value rows = nullptr;
  int64_t topK = 0;
};

/// Builds one fused op; holds what it is going to be made of.
class EpilogueFuser {
public:
  EpilogueFuser(RewriterBase &rewriter, const ElementwiseMatch &consumer,
                ArrayRef<GroupedMatmulOp> producers)
      : rewriter(rewriter), consumer(consumer), producers(producers) {}

  /// The reason why the ops cannot be fused, or nothing.
  std::optional<std::string> check();
  GroupedMatmulOp fuse();

private:
  std::optional<std::string> collectInputs();
  EpilogueInput resolve(Value value, AffineMap map) const;
  bool adoptRows(Value newRows, int64_t newTopK);
  void buildRegion(Block *block);

  RewriterBase &rewriter;
  const ElementwiseMatch &consumer;
  ArrayRef<GroupedMatmulOp> producers;

  Value rows;
  int64_t topK = 0;
  /// Per input of the consumer: its epilogue input; none where it is the
  /// result of a producer or a constant.
  SmallVector<std::optional<EpilogueInput>> inputs;
};
} // namespace

/// An input read at `map`, from (row, column), in the terms of an epilogue.
/// Looks through the ops that only spread a smaller tensor over the rows.
EpilogueInput EpilogueFuser::resolve(Value value, AffineMap map) const {
  MLIRContext *context = rewriter.getContext();
  AffineExpr e, r, t, s, n;
  bindDims(context, e, r, t, s, n);
  auto finish = [&](Value value, SmallVector<AffineExpr> leading,
                    AffineMap map) {
    // Dimension 0 of the consumer is the row, 1 the column.
    AffineMap rest = map.replaceDimsAndSymbols({r, n}, {}, 5, 0);
    llvm::append_range(leading, rest.getResults());
    EpilogueInput input;
    input.value = value;
    input.map = AffineMap::get(5, 0, leading, context);
    return input;
  };
  bool readsItsRow = map.getNumResults() > 0 &&
                     map.getResult(0) == getAffineDimExpr(0, context);
  if (!readsItsRow)
    return finish(value, {}, map);
  GroupedMatmulOp producer = producers.front();

  if (auto spread = value.getDefiningOp<ExpertBroadcastOp>())
    if (spread.getOffsets() == producer.getOffsets())
      return finish(spread.getParam(), {e}, map.dropResult(0));

  auto dispatch = value.getDefiningOp<DispatchOp>();
  auto plan = producer.getOffsets().getDefiningOp<PlanOp>();
  if (!dispatch || !plan || dispatch.getOffsets() != producer.getOffsets() ||
      dispatch.getRows() != plan.getRows())
    return finish(value, {}, map);
  EpilogueInput input;
  auto flat = dispatch.getX().getDefiningOp<tensor::CollapseShapeOp>();
  if (static_cast<int64_t>(dispatch.getTopK()) == plan.getTopK())
    input = finish(dispatch.getX(), {t}, map.dropResult(0));
  else if (dispatch.getTopK() == 1 && map.getNumResults() == 1 && flat &&
           flat.getSrcType().getRank() == 2 &&
           flat.getSrcType().getDimSize(1) == plan.getTopK())
    input = finish(flat.getSrc(), {t, s}, map.dropResult(0));
  else
    return finish(value, {}, map);
  input.rows = plan.getRows();
  input.topK = plan.getTopK();
  return input;
}

/// Takes the rows that a part of the fused op needs; all must agree.
bool EpilogueFuser::adoptRows(Value newRows, int64_t newTopK) {
  if (!newRows)
    return true;
  if (rows && (rows != newRows || topK != newTopK))
    return false;
  rows = newRows;
  topK = newTopK;
  return true;
}

std::optional<std::string> EpilogueFuser::collectInputs() {
  for (GroupedMatmulOp producer : producers)
    if (!adoptRows(producer.getRows(), producer.getTopK().value_or(0)))
      return "the products have different rows";
  for (auto [operand, map] : llvm::zip(consumer.inputs, consumer.maps)) {
    Value value = operand->get();
    if (map.isIdentity() &&
        llvm::is_contained(producers, value.getDefiningOp<GroupedMatmulOp>())) {
      inputs.push_back(std::nullopt);
      continue;
    }
    if (getSplatScalar(value)) {
      inputs.push_back(std::nullopt);
      continue;
    }
    if (!isa<RankedTensorType>(value.getType()))
      return "an operand is a scalar that is not constant";
    if (llvm::is_contained(producers, value.getDefiningOp<GroupedMatmulOp>()))
      return "a product is read at another place than the result's";
    bool isSelection = llvm::all_of(map.getResults(), [](AffineExpr expr) {
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      return isa<AffineDimExpr>(expr) || (constant && constant.getValue() == 0);
    });
    if (!isSelection)
      return "an operand is indexed by more than a dimension";
    EpilogueInput input = resolve(value, map);
    if (!adoptRows(input.rows, input.topK))
      return "an operand belongs to another plan";
    inputs.push_back(input);
  }
  return std::nullopt;
}

std::optional<std::string> EpilogueFuser::check() {
  auto type = dyn_cast<RankedTensorType>(consumer.op->getResult(0).getType());
  if (!type || type.getRank() != 2 || !isa<FloatType>(type.getElementType()))
    return "the consumer's result is not a matrix of floats";
  for (GroupedMatmulOp producer : producers) {
    if (!haveSameRows(producer, producers.front()))
      return "the products differ in rows, plan or shape";
    if (llvm::any_of(producer->getUsers(),
                     [&](Operation *user) { return user != consumer.op; }))
      return "a product's result has another use";
    // The product must not move into a loop or a branch.
    if (producer->getBlock() != consumer.op->getBlock())
      return "a product is in another block";
  }
  return collectInputs();
}

/// Clones the producers' epilogues one after the other, then the consumer.
void EpilogueFuser::buildRegion(Block *block) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToEnd(block);
  llvm::DenseMap<Value, Value> scalarOf;
  unsigned nextWeight = 0, nextInput = 0;
  for (GroupedMatmulOp producer : producers)
    nextInput += producer.getWeights().size();
  for (GroupedMatmulOp producer : producers) {
    IRMapping mapping;
    unsigned numWeights = producer.getWeights().size();
    for (BlockArgument arg : producer.getBody()->getArguments())
      mapping.map(arg, block->getArgument(arg.getArgNumber() < numWeights
                                              ? nextWeight++
                                              : nextInput++));
    for (Operation &op : producer.getBody()->without_terminator())
      rewriter.clone(op, mapping);
    scalarOf[producer.getResult()] = mapping.lookupOrDefault(
        producer.getBody()->getTerminator()->getOperand(0));
  }
  SmallVector<Value> scalars;
  for (auto [operand, input] : llvm::zip(consumer.inputs, inputs)) {
    if (input)
      scalars.push_back(block->getArgument(nextInput++));
    else if (Value scalar = scalarOf.lookup(operand->get()))
      scalars.push_back(scalar);
    else
      scalars.push_back(arith::ConstantOp::create(
          rewriter, consumer.op->getLoc(), getSplatScalar(operand->get())));
  }
  Value result = consumer.emitScalar(rewriter, scalars);
  YieldOp::create(rewriter, consumer.op->getLoc(), result);
}

GroupedMatmulOp EpilogueFuser::fuse() {
  Location loc = consumer.op->getLoc();
  GroupedMatmulOp first = producers.front();
  SmallVector<Value> weights, epilogueInputs;
  SmallVector<AffineMap> maps;
  for (GroupedMatmulOp producer : producers) {
    llvm::append_range(weights, producer.getWeights());
    llvm::append_range(epilogueInputs, producer.getEpilogueInputs());
    llvm::append_range(
        maps, producer.getEpilogueMaps().getAsValueRange<AffineMapAttr>());
  }
  for (const std::optional<EpilogueInput> &input : inputs) {
    if (!input)
      continue;
    epilogueInputs.push_back(input->value);
    maps.push_back(input->map);
  }

  rewriter.setInsertionPoint(consumer.op);
  auto type = cast<RankedTensorType>(consumer.op->getResult(0).getType());
  Value init = tensor::EmptyOp::create(
      rewriter, loc, tensor::getMixedSizes(rewriter, loc, first.getInit()),
      type.getElementType());
  if (init.getType() != type)
    init = tensor::CastOp::create(rewriter, loc, type, init);
  auto fused = GroupedMatmulOp::create(
      rewriter, loc, type, first.getX(), weights, first.getOffsets(), rows,
      /*inverse=*/Value(), epilogueInputs, init, first.getSource(),
      Placement::Plan, rows ? rewriter.getI64IntegerAttr(topK) : IntegerAttr(),
      rewriter.getAffineMapArrayAttr(maps), first.getLoweringConfigAttr());

  SmallVector<Type> argTypes(weights.size(), rewriter.getF32Type());
  for (Value input : epilogueInputs)
    argTypes.push_back(getElementTypeOrSelf(input));
  Block *block =
      rewriter.createBlock(&fused.getEpilogue(), {}, argTypes,
                           SmallVector<Location>(argTypes.size(), loc));
  buildRegion(block);

  rewriter.replaceOp(consumer.op, fused.getResult());
  for (GroupedMatmulOp producer : producers)
    rewriter.eraseOp(producer);
  return fused;
}

std::variant<GroupedMatmulOp, FusionFailure>
mlir::moe::fuseIntoEpilogue(RewriterBase &rewriter,
                            const ElementwiseMatch &consumer,
                            ArrayRef<GroupedMatmulOp> producers) {
  EpilogueFuser fuser(rewriter, consumer, producers);
  if (std::optional<std::string> reason = fuser.check())
    return FusionFailure{*reason};
  return fuser.fuse();
}
