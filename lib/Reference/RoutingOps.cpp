//===- RoutingOps.cpp - moe.route, moe.gate, moe.plan ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From logits to ids and weights, and from ids to the order of rows.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Frame.h"
#include "Router.h"
#include "ScalarRegion.h"

#include "llvm/Support/CheckedArithmetic.h"
#include <limits>

using namespace mlir;
using namespace mlir::moe;

namespace {
/// Computes the logits of one token.
using LogitsOf = function_ref<FailureOr<SmallVector<double>>(int64_t)>;

/// One execution of a route or a gate: the operands that both have.
class Routing {
public:
  template <typename OpTy>
  Routing(OpTy op, int64_t numTokens, Frame &frame)
      : op(op), frame(frame), router(op.getRouter()), numTokens(numTokens),
        numExperts(op.getNumExperts()),
        topK(static_cast<int64_t>(op.getRouter().getTopK())),
        keyBias(readVector(op.getKeyBias())),
        expertScale(readVector(op.getExpertScale())),
        mask(readTensor(op.getMask())), givenIds(readTensor(op.getGivenIds())) {
  }

  /// Sets the two results of the op.
  LogicalResult run(LogitsOf logitsOf);

private:
  std::optional<TensorView> readTensor(Value value) {
    if (!value)
      return std::nullopt;
    return frame.getTensor(value);
  }
  SmallVector<double> readVector(Value value);
  SmallVector<bool> readMask(int64_t token);
  LogicalResult prepare();
  FailureOr<SmallVector<int64_t>> readGivenIds(int64_t token);
  FailureOr<SmallVector<int64_t>> chooseIds(int64_t token,
                                            ArrayRef<double> logits);
  void recordKeys(int64_t token, ArrayRef<double> logits,
                  ArrayRef<bool> admitted);
  LogicalResult routeToken(int64_t token, ArrayRef<double> logits);

  Operation *op;
  Frame &frame;
  Router router;
  int64_t numTokens, numExperts, topK;
  SmallVector<double> keyBias, expertScale;
  std::optional<TensorView> mask, givenIds;
  Tensor ids, weights, keys, groupGaps;
};
} // namespace

SmallVector<double> Routing::readVector(Value value) {
  SmallVector<double> numbers;
  if (!value)
    return numbers;
  const TensorView &view = frame.getTensor(value);
  for (int64_t i = 0; i < view.getDim(0); ++i)
    numbers.push_back(view.numberAt({i}));
  return numbers;
}

SmallVector<bool> Routing::readMask(int64_t token) {
  SmallVector<bool> admitted;
  for (int64_t expert = 0; mask && expert < numExperts; ++expert)
    admitted.push_back(mask->at({token, expert}).getInteger());
  return admitted;
}

/// Run-time shapes, the ids to replay, and the results.
LogicalResult Routing::prepare() {
  Session &session = frame.getSession();
  size_t number = session.numRoutings++;
  if (number < session.options.replayIds.size() &&
      session.options.replayIds[number].getNumElements() != 0)
    givenIds = TensorView(session.options.replayIds[number]);
  if (mask && failed(checkShape(op, "the mask", mask->getShape(),
                                {numTokens, numExperts})))
    return failure();
  if (givenIds && failed(checkShape(op, "the given ids", givenIds->getShape(),
                                    {numTokens, topK})))
    return failure();
  MLIRContext *context = op->getContext();
  SmallVector<int64_t> shape = {numTokens, topK};
  FailureOr<Tensor> newIds =
      frame.createResult(op, IntegerType::get(context, 32), shape);
  FailureOr<Tensor> newWeights =
      frame.createResult(op, Float32Type::get(context), shape);
  FailureOr<Tensor> newKeys = frame.createResult(op, Float64Type::get(context),
                                                 {numTokens, numExperts});
  FailureOr<Tensor> newGaps =
      frame.createResult(op, Float64Type::get(context), {numTokens});
  if (failed(newIds) || failed(newWeights) || failed(newKeys) ||
      failed(newGaps))
    return failure();
  ids = *newIds;
  weights = *newWeights;
  keys = *newKeys;
  groupGaps = *newGaps;
  return success();
}

FailureOr<SmallVector<int64_t>> Routing::readGivenIds(int64_t token) {
  SmallVector<int64_t> given;
  for (int64_t slot = 0; slot < topK; ++slot) {
    int64_t id = givenIds->at({token, slot}).getInteger();
    if (id < -1 || id >= numExperts)
      return op->emitOpError()
             << "expected given ids of -1 to " << numExperts - 1 << ", got "
             << id << " for token " << token << ", slot " << slot;
    given.push_back(id);
  }
  return given;
}

/// Keys in f64, for whoever watches.
void Routing::recordKeys(int64_t token, ArrayRef<double> logits,
                         ArrayRef<bool> admitted) {
  Rounding none = getRouterRounding(Precision::Exact);
  auto exact = router.computeKeys(logits, keyBias, admitted, none);
  groupGaps.set(token, router.restrictToGroups(exact, admitted, none));
  for (auto [expert, key] : llvm::enumerate(exact))
    keys.set(token * numExperts + static_cast<int64_t>(expert), key);
}

FailureOr<SmallVector<int64_t>> Routing::chooseIds(int64_t token,
                                                   ArrayRef<double> logits) {
  SmallVector<bool> admitted = readMask(token);
  recordKeys(token, logits, admitted);
  if (givenIds)
    return readGivenIds(token);
  // The choice is by typed keys, whatever the precision.
  Rounding typed = getRouterRounding(Precision::Typed);
  auto ranked = router.computeKeys(logits, keyBias, admitted, typed);
  router.restrictToGroups(ranked, admitted, typed);
  return router.select(ranked);
}

LogicalResult Routing::routeToken(int64_t token, ArrayRef<double> logits) {
  FailureOr<SmallVector<int64_t>> chosen = chooseIds(token, logits);
  if (failed(chosen))
    return failure();
  SmallVector<double> shares = router.computeWeights(
      logits, *chosen, expertScale, frame.getPrecision(op));
  for (int64_t slot = 0; slot < topK; ++slot) {
    storeScalar(ids, token * topK + slot, Scalar::ofInteger((*chosen)[slot]));
    weights.set(token * topK + slot, shares[slot]);
  }
  return success();
}

LogicalResult Routing::run(LogitsOf logitsOf) {
  if (failed(prepare()))
    return failure();
  for (int64_t token = 0; token < numTokens; ++token) {
    FailureOr<SmallVector<double>> logits = logitsOf(token);
    if (failed(logits))
      return failure();
    // Routers work in f32; narrower logits are f32 as they are.
    llvm::transform(*logits, logits->begin(), roundToF32);
    if (failed(routeToken(token, *logits)))
      return failure();
  }
  frame.set(op->getResult(0), ids);
  frame.set(op->getResult(1), weights);
  const auto &onRouting = frame.getSession().options.onRouting;
  if (onRouting)
    onRouting({op, keys, groupGaps, ids, weights});
  return success();
}

static LogicalResult evaluate(RouteOp op, Frame &frame) {
  TensorView logits = frame.getTensor(op.getLogits());
  Routing routing(op, logits.getDim(0), frame);
  return routing.run([&](int64_t token) -> FailureOr<SmallVector<double>> {
    SmallVector<double> row;
    for (int64_t expert = 0; expert < logits.getDim(1); ++expert)
      row.push_back(logits.numberAt({token, expert}));
    return row;
  });
}

//===----------------------------------------------------------------------===//
// moe.gate
//===----------------------------------------------------------------------===//

/// What the region of a gate gets for one token and expert: the product of
/// their rows, or the entry of `x` where there is no weight.
static Scalar computeGateInput(const TensorView &x,
                               const std::optional<TensorView> &weight,
                               RunReader &rows, RunReader &columns,
                               int64_t token, int64_t expert) {
  if (!weight)
    return x.at({token, expert});
  int64_t width = weight->getDim(1);
  if (width == 0)
    return Scalar::ofFloat(0.0);
  double sum = accumulateProducts(
      0.0, rows.read(x.getPosition({token, 0}), x.getStrides()[1], width),
      columns.read(weight->getPosition({expert, 0}), weight->getStrides()[1],
                   width));
  return Scalar::ofFloat(roundToF32(sum));
}

static LogicalResult evaluate(GateOp op, Frame &frame) {
  if (op->getNumResults() == 0)
    return op.emitOpError("is supported by the interpreter on tensors only");
  TensorView x = frame.getTensor(op.getX());
  std::optional<TensorView> weight, bias;
  if (op.getWeight())
    weight = frame.getTensor(op.getWeight());
  if (op.getLogitBias())
    bias = frame.getTensor(op.getLogitBias());
  if (weight && failed(checkShape(op, "x", x.getShape(),
                                  {x.getDim(0), weight->getDim(1)})))
    return failure();
  for (Value init : op.getDpsInits())
    if (failed(checkShape(op, "each destination",
                          frame.getTensor(init).getShape(),
                          {x.getDim(0), op.getRouter().getTopK()})))
      return failure();
  FailureOr<ScalarRegion> region = ScalarRegion::create(*op.getBody(), frame);
  if (failed(region))
    return failure();

  RunReader rows(x), columns(weight ? *weight : x);
  Routing routing(op, x.getDim(0), frame);
  return routing.run([&](int64_t token) -> FailureOr<SmallVector<double>> {
    SmallVector<double> logits;
    for (int64_t expert = 0; expert < op.getNumExperts(); ++expert) {
      SmallVector<Scalar> arguments = {
          computeGateInput(x, weight, rows, columns, token, expert)};
      if (bias)
        arguments.push_back(bias->at({expert}));
      FailureOr<ArrayRef<Scalar>> logit = region->run(arguments);
      if (failed(logit))
        return failure();
      logits.push_back(logit->front().getFloat());
    }
    return logits;
  });
}

//===----------------------------------------------------------------------===//
// moe.plan
//===----------------------------------------------------------------------===//

static LogicalResult evaluate(PlanOp op, Frame &frame) {
  if (op->getNumResults() == 0)
    return op.emitOpError("is supported by the interpreter on tensors only");
  TensorView ids = frame.getTensor(op.getIds());
  int64_t numTokens = ids.getDim(0), topK = ids.getDim(1);
  std::optional<int64_t> numSlots = llvm::checkedMul(numTokens, topK);
  if (!numSlots || *numSlots > std::numeric_limits<int32_t>::max())
    return op.emitOpError() << "expected fewer than 2^31 slots, got "
                            << numTokens << " tokens of " << topK;
  int64_t numExperts = static_cast<int64_t>(op.getExperts());
  Type i32 = IntegerType::get(op.getContext(), 32);
  FailureOr<Tensor> offsets = frame.createResult(op, i32, {numExperts + 1});
  FailureOr<Tensor> rows = frame.createResult(op, i32, {*numSlots});
  FailureOr<Tensor> inverse = frame.createResult(op, i32, {numTokens, topK});
  if (failed(offsets) || failed(rows) || failed(inverse))
    return failure();

  for (int64_t i = 0; i < *numSlots; ++i) {
    rows->set(i, -1);
    inverse->set(i, -1);
  }
  // Slots by expert; within one they stay in order of token, then slot.
  std::map<int64_t, SmallVector<int64_t>> slotsOf;
  for (int64_t i = 0; i < *numSlots; ++i) {
    int64_t id = ids.at({i / topK, i % topK}).getInteger();
    if (id >= 0 && id < numExperts)
      slotsOf[id].push_back(i);
  }
  int64_t row = 0;
  for (int64_t expert = 0; expert < numExperts; ++expert) {
    offsets->set(expert, static_cast<double>(row));
    auto slots = slotsOf.find(expert);
    if (slots == slotsOf.end())
      continue;
    for (int64_t slot : slots->second) {
      rows->set(row, static_cast<double>(slot));
      inverse->set(slot, static_cast<double>(row++));
    }
  }
  offsets->set(numExperts, static_cast<double>(row));
  frame.set(op.getOffsets(), *offsets);
  frame.set(op.getRows(), *rows);
  frame.set(op.getInverse(), *inverse);
  return success();
}

void mlir::moe::addRoutingOps(OpTable &table) {
  table.add<RouteOp>(evaluate);
  table.add<GateOp>(evaluate);
  table.add<PlanOp>(evaluate);
}
