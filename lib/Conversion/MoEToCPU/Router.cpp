//===- Router.cpp - Selection of experts by #moe.router -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Router.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mlir::moe;

static constexpr double infinity = std::numeric_limits<double>::infinity();

RouterEmitter::RouterEmitter(LoopBuilder &builder, Scratch &scratch,
                             GateOp gate, Value logits)
    : b(builder), gate(gate), router(gate.getRouter()),
      experts(gate.getNumExperts()), topK(router.getTopK()), logits(logits) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  scores = scratch.allocate(b, experts, f32);
  keys = scratch.allocate(b, experts, f32);
  taken = scratch.allocate(b, experts, i32);
  weights = scratch.allocate(b, topK, f32);
  if (GroupsAttr groups = router.getGroups()) {
    groupScores = scratch.allocate(b, groups.getCount(), f32);
    groupTaken = scratch.allocate(b, groups.getCount(), i32);
  }
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

Value RouterEmitter::exp(Value x) { return math::ExpOp::create(b, x); }

Value RouterEmitter::sigmoid(Value x) {
  Value one = b.f32(1.0);
  Value e = exp(arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, e));
}

Value RouterEmitter::f32Of(Value value) {
  unsigned width = value.getType().getIntOrFloatBitWidth();
  if (width < 32)
    return arith::ExtFOp::create(b, b.getF32Type(), value);
  return width == 32 ? value
                     : Value(arith::TruncFOp::create(b, b.getF32Type(), value));
}

Value RouterEmitter::sumOver(int64_t count, function_ref<Value(Value)> term) {
  return b.forCarrying(b.index(0), b.index(count), b.f32(0.0),
                       [&](Value i, ValueRange sum) -> SmallVector<Value> {
                         return {arith::AddFOp::create(b, sum[0], term(i))};
                       })[0];
}

Value RouterEmitter::maxOver(int64_t count, function_ref<Value(Value)> term) {
  return b.forCarrying(b.index(0), b.index(count), b.f32(-infinity),
                       [&](Value i, ValueRange largest) -> SmallVector<Value> {
                         return {
                             arith::MaxNumFOp::create(b, largest[0], term(i))};
                       })[0];
}

std::pair<Value, Value> RouterEmitter::findLargest(Value memory, Value first,
                                                   int64_t count, Value taken) {
  Value none = b.index(-1);
  SmallVector<Value> best = b.forCarrying(
      first, b.add(first, count), {none, b.f32(-infinity)},
      [&](Value i, ValueRange best) -> SmallVector<Value> {
        Value value = b.load(memory, i);
        Value isFree = b.equal(b.load(taken, i), b.i32(0));
        Value isFirst = b.equal(best[0], none);
        Value isLarger = b.cmp(arith::CmpFPredicate::OGT, value, best[1]);
        Value isBetter =
            b.logicalAnd(isFree, arith::OrIOp::create(b, isFirst, isLarger));
        return {b.select(isBetter, i, best[0]),
                b.select(isBetter, value, best[1])};
      });
  return {best[0], best[1]};
}

Value RouterEmitter::isMasked(Value expert) {
  Value mask = b.load(gate.getMask(), {token, expert});
  return arith::XOrIOp::create(
      b, mask, arith::ConstantOp::create(b, b.getBoolAttr(true)));
}

/// Ids outside 0 .. E-1 are absent slots.
Value RouterEmitter::isPresent(Value slot) {
  return b.less(b.load(gate.getIdsInit(), {token, slot}), b.i32(experts));
}

Value RouterEmitter::slotExpert(Value slot) {
  return b.toIndex(b.load(gate.getIdsInit(), {token, slot}));
}

//===----------------------------------------------------------------------===//
// Steps 1 and 2: scores and keys
//===----------------------------------------------------------------------===//

void RouterEmitter::emitSoftmax() {
  Value largest = maxOver(experts, [&](Value e) { return logit(e); });
  Value sum = sumOver(experts, [&](Value e) {
    Value power = exp(arith::SubFOp::create(b, logit(e), largest));
    b.store(power, scores, e);
    return power;
  });
  b.forEach(experts, [&](Value e) {
    b.store(arith::DivFOp::create(b, b.load(scores, e), sum), scores, e);
  });
}

void RouterEmitter::emitScores() {
  if (router.getScore() == Score::Softmax)
    return emitSoftmax();
  b.forEach(experts, [&](Value e) {
    Value z = logit(e), score = z;
    if (router.getScore() == Score::Sigmoid) {
      score = sigmoid(z);
    } else if (router.getScore() == Score::SqrtSoftplus) {
      // log(1 + exp(z)) without overflow.
      Value distance = arith::NegFOp::create(b, math::AbsFOp::create(b, z));
      Value positive = arith::MaximumFOp::create(b, z, b.f32(0.0));
      Value softplus = arith::AddFOp::create(
          b, positive, math::Log1pOp::create(b, exp(distance)));
      score = math::SqrtOp::create(b, softplus);
    }
    b.store(score, scores, e);
  });
}

void RouterEmitter::emitKeys() {
  Value lowest = b.f32(-infinity);
  b.forEach(experts, [&](Value e) {
    Value key =
        router.getKey() == SelectionKey::Score ? b.load(scores, e) : logit(e);
    if (gate.getKeyBias())
      key = arith::AddFOp::create(b, key, f32Of(b.load(gate.getKeyBias(), e)));
    Value isNaN = b.cmp(arith::CmpFPredicate::UNO, key, key);
    key = b.select(isNaN, lowest, key);
    if (gate.getMask())
      key = b.select(isMasked(e), lowest, key);
    b.store(key, keys, e);
    b.store(b.i32(0), taken, e);
  });
}

//===----------------------------------------------------------------------===//
// Step 3: groups
//===----------------------------------------------------------------------===//

/// The sum of the group's largest keys, from the largest on; a group in which
/// +inf and -inf meet counts as the worst. Leaves what it took as taken.
Value RouterEmitter::groupScore(Value group) {
  GroupsAttr groups = router.getGroups();
  int64_t size = experts / groups.getCount();
  Value first = b.mul(group, size);
  Value sum = b.f32(0.0);
  sum = sumOver(groups.getSumTop(), [&](Value) {
    auto [position, key] = findLargest(keys, first, size, taken);
    b.store(b.i32(1), taken, position);
    return key;
  });
  Value isNaN = b.cmp(arith::CmpFPredicate::UNO, sum, sum);
  return b.select(isNaN, b.f32(-infinity), sum);
}

void RouterEmitter::emitGroups() {
  GroupsAttr groups = router.getGroups();
  if (!groups)
    return;
  int64_t count = groups.getCount(), size = experts / count;
  b.forEach(count, [&](Value group) {
    b.store(groupScore(group), groupScores, group);
    b.store(b.i32(0), groupTaken, group);
  });
  b.forEach(groups.getKeep(), [&](Value) {
    auto [group, score] =
        findLargest(groupScores, b.index(0), count, groupTaken);
    b.store(b.i32(1), groupTaken, group);
  });
  Value fill = b.f32(groups.getFill() == GroupFill::Zero ? 0.0 : -infinity);
  b.forEach(experts, [&](Value e) {
    b.store(b.i32(0), taken, e);
    Value isKept = b.equal(b.load(groupTaken, b.div(e, size)), b.i32(1));
    if (gate.getMask())
      isKept = arith::OrIOp::create(b, isKept, isMasked(e));
    b.store(b.select(isKept, b.load(keys, e), fill), keys, e);
  });
}

//===----------------------------------------------------------------------===//
// Step 4: ids
//===----------------------------------------------------------------------===//

void RouterEmitter::emitIds() {
  b.forEach(topK, [&](Value slot) {
    if (gate.getGivenIds()) {
      Value id = b.load(gate.getGivenIds(), {token, slot});
      return b.store(id, gate.getIdsInit(), {token, slot});
    }
    auto [expert, key] = findLargest(keys, b.index(0), experts, taken);
    b.store(b.i32(1), taken, expert);
    b.store(b.toI32(expert), gate.getIdsInit(), {token, slot});
  });
}

//===----------------------------------------------------------------------===//
// Step 5: weight sources
//===----------------------------------------------------------------------===//

/// The softmax at `expert` over itself and the experts that lie close below it
/// and that no earlier slot chose: those not taken, as `emitWeights` keeps it.
Value RouterEmitter::sparseMixerWeight(Value slot, Value expert) {
  Value best = logit(expert), zero = b.f32(0.0);
  Value limit = b.f32(2.0 * router.getJitter().getValueAsDouble());
  auto isClose = [&](Value e) -> Value {
    Value z = logit(e);
    Value scale = arith::MaxNumFOp::create(b, math::AbsFOp::create(b, z), best);
    Value distance =
        arith::DivFOp::create(b, arith::SubFOp::create(b, best, z), scale);
    // 0/0, for logits that are all 0, is not far.
    Value isFar = b.cmp(arith::CmpFPredicate::OGT, distance, limit);
    Value isOther = b.logicalAnd(b.cmp(arith::CmpIPredicate::ne, e, expert),
                                 b.equal(b.load(taken, e), b.i32(0)));
    Value isNear = arith::XOrIOp::create(
        b, isFar, arith::ConstantOp::create(b, b.getBoolAttr(true)));
    return b.logicalAnd(isOther, isNear);
  };
  Value largest = arith::MaxNumFOp::create(
      b, best, maxOver(experts, [&](Value e) {
        return b.select(isClose(e), logit(e), b.f32(-infinity));
      }));
  Value power = exp(arith::SubFOp::create(b, best, largest));
  Value others = sumOver(experts, [&](Value e) {
    Value term = exp(arith::SubFOp::create(b, logit(e), largest));
    return b.select(isClose(e), term, zero);
  });
  return arith::DivFOp::create(b, power,
                               arith::AddFOp::create(b, power, others));
}

Value RouterEmitter::softmaxSelectedSum(Value largest) {
  return sumOver(topK, [&](Value slot) {
    return b.choose(
        b.getF32Type(), isPresent(slot),
        [&]() -> SmallVector<Value> {
          return {
              exp(arith::SubFOp::create(b, logit(slotExpert(slot)), largest))};
        },
        [&]() -> SmallVector<Value> { return {b.f32(0.0)}; })[0];
  });
}

void RouterEmitter::emitWeights() {
  Value largest, sum;
  if (router.getWeight() == WeightSource::SoftmaxSelected) {
    largest = maxOver(topK, [&](Value slot) {
      return b.choose(
          b.getF32Type(), isPresent(slot),
          [&]() -> SmallVector<Value> { return {logit(slotExpert(slot))}; },
          [&]() -> SmallVector<Value> { return {b.f32(-infinity)}; })[0];
    });
    sum = softmaxSelectedSum(largest);
  }
  if (router.getWeight() == WeightSource::SparseMixer)
    b.forEach(experts, [&](Value e) { b.store(b.i32(0), taken, e); });
  auto weightOf = [&](Value slot) -> Value {
    Value expert = slotExpert(slot);
    switch (router.getWeight()) {
    case WeightSource::Score:
      return b.load(scores, expert);
    case WeightSource::SoftmaxSelected:
      return arith::DivFOp::create(
          b, exp(arith::SubFOp::create(b, logit(expert), largest)), sum);
    case WeightSource::SigmoidSelected:
      return sigmoid(logit(expert));
    case WeightSource::One:
      return b.f32(1.0);
    case WeightSource::SparseMixer: {
      Value weight = sparseMixerWeight(slot, expert);
      b.store(b.i32(1), taken, expert);
      return weight;
    }
    }
    llvm_unreachable("covered switch");
  };
  b.forEach(topK, [&](Value slot) {
    Value weight = b.choose(
        b.getF32Type(), isPresent(slot),
        [&]() -> SmallVector<Value> { return {weightOf(slot)}; },
        [&]() -> SmallVector<Value> { return {b.f32(0.0)}; })[0];
    b.store(weight, weights, slot);
  });
}

//===----------------------------------------------------------------------===//
// Steps 6 to 8: renormalisation, scale, type
//===----------------------------------------------------------------------===//

/// Absent slots have weight 0 and add none to the norm; `emitScaled` keeps
/// their weight.
void RouterEmitter::emitRenormalize() {
  RenormalizeAttr renormalize = router.getRenormalize();
  if (!renormalize)
    return;
  int64_t p = renormalize.getP();
  Value norm = sumOver(topK, [&](Value slot) -> Value {
    Value size = math::AbsFOp::create(b, b.load(weights, slot));
    if (p == 1)
      return size;
    if (p == 2)
      return arith::MulFOp::create(b, size, size);
    return math::PowFOp::create(b, size, b.f32(static_cast<double>(p)));
  });
  if (p == 2)
    norm = math::SqrtOp::create(b, norm);
  else if (p > 2)
    norm = math::PowFOp::create(b, norm, b.f32(1.0 / static_cast<double>(p)));
  if (renormalize.getMode() != RenormalizeMode::Exact) {
    Value epsilon = b.f32(renormalize.getEpsilon().getValueAsDouble());
    norm = renormalize.getMode() == RenormalizeMode::Add
               ? Value(arith::AddFOp::create(b, norm, epsilon))
               : Value(arith::MaximumFOp::create(b, norm, epsilon));
  }
  b.forEach(topK, [&](Value slot) {
    b.store(arith::DivFOp::create(b, b.load(weights, slot), norm), weights,
            slot);
  });
}

void RouterEmitter::emitScaled() {
  auto scaled = [&](Value slot) -> Value {
    Value weight = b.load(weights, slot);
    if (router.getScale())
      weight = arith::MulFOp::create(b, weight, b.f32(router.getScaleValue()));
    if (gate.getExpertScale())
      weight = arith::MulFOp::create(
          b, weight, f32Of(b.load(gate.getExpertScale(), slotExpert(slot))));
    if (Type type = router.getRoundTo(); type && !type.isF32()) {
      weight = arith::TruncFOp::create(b, type, weight);
      weight = arith::ExtFOp::create(b, b.getF32Type(), weight);
    }
    return weight;
  };
  b.forEach(topK, [&](Value slot) {
    Value weight = b.choose(
        b.getF32Type(), isPresent(slot),
        [&]() -> SmallVector<Value> { return {scaled(slot)}; },
        [&]() -> SmallVector<Value> { return {b.f32(0.0)}; })[0];
    b.store(weight, gate.getWeightsInit(), {token, slot});
  });
}

void RouterEmitter::emit(Value token, Value logitsStart) {
  this->token = token;
  start = logitsStart;
  emitScores();
  if (!gate.getGivenIds()) {
    emitKeys();
    emitGroups();
  }
  emitIds();
  emitWeights();
  emitRenormalize();
  emitScaled();
}
