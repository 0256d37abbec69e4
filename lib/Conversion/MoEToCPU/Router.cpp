//===- Router.cpp - Selection of experts by #moe.router -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Router.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::moe;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// Less than the rank of any value.
static constexpr int64_t takenRank = std::numeric_limits<int32_t>::min();

RouterEmitter::RouterEmitter(LoopBuilder &builder, Scratch &scratch,
                             GateOp gate, Value logits, Value ids,
                             Value weights, unsigned lanes)
    : b(builder), gate(gate), router(gate.getRouter()),
      experts(gate.getNumExperts()), topK(router.getTopK()), lanes(lanes),
      logits(logits), ids(ids), weights(weights) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  scores = scratch.allocate(b, experts, f32);
  keys = scratch.allocate(b, experts, f32);
  ranks = scratch.allocate(b, experts, i32);
  sources = scratch.allocate(b, topK, f32);
  if (router.getWeight() == WeightSource::SparseMixer)
    taken = scratch.allocate(b, experts, i32);
  if (GroupsAttr groups = router.getGroups()) {
    groupScores = scratch.allocate(b, groups.getCount(), f32);
    groupRanks = scratch.allocate(b, groups.getCount(), i32);
  }
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

Value RouterEmitter::exp(Value x) { return math::ExpOp::create(b, x); }

Value RouterEmitter::sigmoid(Value x) {
  Value one = b.floatConstant(x.getType(), 1.0);
  Value e = exp(arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, e));
}

void RouterEmitter::forEachVector(Value first, int64_t count, VectorBody body,
                                  bool byVectors) {
  int64_t whole = byVectors ? count / lanes * lanes : 0;
  Value rest = b.add(first, whole);
  if (whole > 0)
    b.forEach(first, rest, b.index(lanes),
              [&](Value position) { body(position, lanes); });
  if (whole < count)
    b.forEach(rest, b.add(first, count),
              [&](Value position) { body(position, 0); });
}

Value RouterEmitter::reduce(vector::CombiningKind kind, Value start,
                            Value first, int64_t count, VectorTerm term,
                            bool byVectors) {
  auto combine = [&](Value a, Value term) {
    return vector::makeArithReduction(b, b.getLoc(), kind, a, term);
  };
  Value result = start;
  int64_t vectors = byVectors ? count / lanes : 0, whole = vectors * lanes;
  if (vectors > 0) {
    // One vector at least, so that nothing has to be neutral.
    Value partial = term(first, lanes);
    partial =
        b.forCarrying(b.index(1), b.index(vectors), partial,
                      [&](Value i, ValueRange carried) -> SmallVector<Value> {
                        Value position =
                            b.add(first, b.mul(i, static_cast<int64_t>(lanes)));
                        return {combine(carried[0], term(position, lanes))};
                      })[0];
    // In a tree: the order of a sum is the code's, the same in every run.
    auto fastMath = arith::FastMathFlags::reassoc;
    result = combine(result,
                     vector::ReductionOp::create(b, kind, partial, fastMath));
  }
  if (whole == count)
    return result;
  return b.forCarrying(b.add(first, whole), b.add(first, count), result,
                       [&](Value i, ValueRange carried) -> SmallVector<Value> {
                         return {combine(carried[0], term(i, 0))};
                       })[0];
}

Value RouterEmitter::sumOver(int64_t count, function_ref<Value(Value)> term) {
  return reduce(
      vector::CombiningKind::ADD, b.f32(0.0), b.index(0), count,
      [&](Value i, unsigned) { return term(i); }, /*byVectors=*/false);
}

Value RouterEmitter::maxOver(int64_t count, function_ref<Value(Value)> term) {
  return reduce(
      vector::CombiningKind::MAXNUMF, b.f32(-infinity), b.index(0), count,
      [&](Value i, unsigned) { return term(i); }, /*byVectors=*/false);
}

/// The bits of floats are in their order but for those of negative ones, which
/// are in the opposite one.
void RouterEmitter::emitRanks(Value values, int64_t count, Value ranks) {
  forEachVector(b.index(0), count, [&](Value i, unsigned width) {
    Value value = b.loadLanes(width, values, i);
    // -0.0 + 0.0 is 0.0.
    value = arith::AddFOp::create(b, value, b.zero(value.getType()));
    Type type = b.getI32Type();
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      type = vector.clone(type);
    auto constant = [&](int64_t number) {
      return b.broadcast(width, b.i32(number));
    };
    Value bits = arith::BitcastOp::create(b, type, value);
    Value sign = arith::ShRSIOp::create(b, bits, constant(31));
    Value flipped = arith::AndIOp::create(
        b, sign, constant(std::numeric_limits<int32_t>::max()));
    b.storeLanes(arith::XOrIOp::create(b, bits, flipped), ranks, i);
  });
}

Value RouterEmitter::takeLargest(Value ranks, Value first, int64_t count) {
  Value largest = reduce(
      vector::CombiningKind::MAXSI, b.i32(takenRank), first, count,
      [&](Value i, unsigned width) { return b.loadLanes(width, ranks, i); });
  Value none = b.i32(std::numeric_limits<int32_t>::max());
  SmallVector<int32_t> steps(lanes);
  std::iota(steps.begin(), steps.end(), 0);
  Value step = arith::ConstantOp::create(b, b.getI32VectorAttr(steps));
  Value position =
      reduce(vector::CombiningKind::MINSI, none, first, count,
             [&](Value i, unsigned width) -> Value {
               Value isLargest =
                   b.cmp(arith::CmpIPredicate::eq, b.loadLanes(width, ranks, i),
                         b.broadcast(width, largest));
               Value positions = b.broadcast(width, b.toI32(i));
               if (width != 0)
                 positions = arith::AddIOp::create(b, positions, step);
               return arith::SelectOp::create(b, isLargest, positions,
                                              b.broadcast(width, none));
             });
  Value found = b.toIndex(position);
  b.store(b.i32(takenRank), ranks, found);
  return found;
}

Value RouterEmitter::isMasked(Value expert) {
  return b.logicalNot(b.load(gate.getMask(), {token, expert}));
}

/// Ids outside 0 .. E-1 are absent slots.
Value RouterEmitter::isPresent(Value slot) {
  return b.less(b.load(ids, {token, slot}), b.i32(experts));
}

Value RouterEmitter::slotExpert(Value slot) {
  return b.toIndex(b.load(ids, {token, slot}));
}

//===----------------------------------------------------------------------===//
// Steps 1 and 2: scores and keys
//===----------------------------------------------------------------------===//

void RouterEmitter::emitSoftmax() {
  Value first = b.index(0);
  Value largest =
      reduce(vector::CombiningKind::MAXNUMF, b.f32(-infinity), first, experts,
             [&](Value e, unsigned width) { return logit(e, width); });
  Value sum = reduce(vector::CombiningKind::ADD, b.f32(0.0), first, experts,
                     [&](Value e, unsigned width) {
                       Value power = exp(arith::SubFOp::create(
                           b, logit(e, width), b.broadcast(width, largest)));
                       b.storeLanes(power, scores, e);
                       return power;
                     });
  forEachVector(first, experts, [&](Value e, unsigned width) {
    Value power = b.loadLanes(width, scores, e);
    b.storeLanes(arith::DivFOp::create(b, power, b.broadcast(width, sum)),
                 scores, e);
  });
}

void RouterEmitter::emitScores() {
  if (router.getScore() == Score::Softmax)
    return emitSoftmax();
  forEachVector(b.index(0), experts, [&](Value e, unsigned width) {
    Value z = logit(e, width), score = z;
    if (router.getScore() == Score::Sigmoid) {
      score = sigmoid(z);
    } else if (router.getScore() == Score::SqrtSoftplus) {
      // log(1 + exp(z)) without overflow.
      Value distance = arith::NegFOp::create(b, math::AbsFOp::create(b, z));
      Value positive =
          arith::MaximumFOp::create(b, z, b.floatConstant(z.getType(), 0.0));
      Value softplus = arith::AddFOp::create(
          b, positive, math::Log1pOp::create(b, exp(distance)));
      score = math::SqrtOp::create(b, softplus);
    }
    b.storeLanes(score, scores, e);
  });
}

void RouterEmitter::emitKeys() {
  auto body = [&](Value e, unsigned width) {
    Value lowest = b.broadcast(width, b.f32(-infinity));
    Value key = router.getKey() == SelectionKey::Score
                    ? b.loadLanes(width, scores, e)
                    : logit(e, width);
    if (gate.getKeyBias())
      key = arith::AddFOp::create(
          b, key, b.toF32(b.loadLanes(width, gate.getKeyBias(), e)));
    Value isNaN = b.cmp(arith::CmpFPredicate::UNO, key, key);
    key = b.select(isNaN, lowest, key);
    if (gate.getMask())
      key = b.select(isMasked(e), lowest, key);
    b.storeLanes(key, keys, e);
  };
  forEachVector(b.index(0), experts, body, /*byVectors=*/!gate.getMask());
  emitRanks(keys, experts, ranks);
}

//===----------------------------------------------------------------------===//
// Step 3: groups
//===----------------------------------------------------------------------===//

/// The sum of the group's largest keys, from the largest on; a group in which
/// +inf and -inf meet counts as the worst. Leaves what it took as taken.
Value RouterEmitter::groupScore(Value group) {
  GroupsAttr groups = router.getGroups();
  int64_t size = experts / groups.getCount();
  Value sum = sumOver(groups.getSumTop(), [&](Value) {
    return b.load(keys, takeLargest(ranks, b.mul(group, size), size));
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
  });
  emitRanks(groupScores, count, groupRanks);
  b.forEach(groups.getKeep(),
            [&](Value) { takeLargest(groupRanks, b.index(0), count); });
  double fill = groups.getFill() == GroupFill::Zero ? 0.0 : -infinity;
  b.forEach(count, [&](Value group) {
    Value isKept = b.equal(b.load(groupRanks, group), b.i32(takenRank));
    auto body = [&](Value e, unsigned width) {
      Value isOwn = isKept;
      if (gate.getMask())
        isOwn = arith::OrIOp::create(b, isKept, isMasked(e));
      Value key = b.loadLanes(width, keys, e);
      b.storeLanes(b.select(isOwn, key, b.floatConstant(key.getType(), fill)),
                   keys, e);
    };
    forEachVector(b.mul(group, size), size, body,
                  /*byVectors=*/!gate.getMask());
  });
  emitRanks(keys, experts, ranks);
}

//===----------------------------------------------------------------------===//
// Step 4: ids
//===----------------------------------------------------------------------===//

void RouterEmitter::emitIds() {
  b.forEach(topK, [&](Value slot) {
    if (gate.getGivenIds()) {
      Value id = b.load(gate.getGivenIds(), {token, slot});
      return b.store(id, ids, {token, slot});
    }
    Value expert = takeLargest(ranks, b.index(0), experts);
    b.store(b.toI32(expert), ids, {token, slot});
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
    return b.logicalAnd(isOther, b.logicalNot(isFar));
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
    b.store(weight, sources, slot);
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
    Value size = math::AbsFOp::create(b, b.load(sources, slot));
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
    b.store(arith::DivFOp::create(b, b.load(sources, slot), norm), sources,
            slot);
  });
}

void RouterEmitter::emitScaled() {
  auto scaled = [&](Value slot) -> Value {
    Value weight = b.load(sources, slot);
    if (router.getScale())
      weight = arith::MulFOp::create(b, weight, b.f32(router.getScaleValue()));
    if (gate.getExpertScale())
      weight = arith::MulFOp::create(
          b, weight, b.toF32(b.load(gate.getExpertScale(), slotExpert(slot))));
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
    b.store(weight, weights, {token, slot});
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
