//===- Router.cpp - From the logits of one token to ids and weights -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each score, key and weight is computed in f64 and rounded where a named step
// hands it on; the steps are those of #moe.router's description.
//
//===----------------------------------------------------------------------===//

#include "Router.h"
#include "ScalarOps.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::moe;

static constexpr double infinity = std::numeric_limits<double>::infinity();

Rounding mlir::moe::getRouterRounding(Precision precision) {
  if (precision == Precision::Typed)
    return roundToF32;
  return [](double value) { return value; };
}

//===----------------------------------------------------------------------===//
// Steps 1 and 2: scores and keys
//===----------------------------------------------------------------------===//

static double sigmoid(double z) { return 1.0 / (1.0 + std::exp(-z)); }

/// log(1 + exp(z)), without overflow.
static double softplus(double z) {
  return std::fmax(z, 0.0) + std::log1p(std::exp(-std::fabs(z)));
}

/// exp(z_i - m) over their sum, m being the largest that is not NaN. A NaN
/// makes all results NaN, and so does an infinity.
static SmallVector<double> softmax(ArrayRef<double> logits) {
  double largest = -infinity;
  for (double z : logits)
    largest = std::fmax(largest, z);
  double sum = 0.0;
  for (double z : logits)
    sum += std::exp(z - largest);
  return llvm::map_to_vector(
      logits, [&](double z) { return std::exp(z - largest) / sum; });
}

SmallVector<double> Router::computeScores(ArrayRef<double> logits,
                                          Rounding round) const {
  SmallVector<double> scores(logits);
  switch (attribute.getScore()) {
  case Score::None:
    break;
  case Score::Softmax:
    scores = softmax(logits);
    break;
  case Score::Sigmoid:
    llvm::transform(logits, scores.begin(), sigmoid);
    break;
  case Score::SqrtSoftplus:
    llvm::transform(logits, scores.begin(),
                    [](double z) { return std::sqrt(softplus(z)); });
    break;
  }
  llvm::transform(scores, scores.begin(), round);
  return scores;
}

SmallVector<double> Router::computeKeys(ArrayRef<double> logits,
                                        ArrayRef<double> bias,
                                        ArrayRef<bool> mask,
                                        Rounding round) const {
  SmallVector<double> keys(logits);
  if (attribute.getKey() == SelectionKey::Score)
    keys = computeScores(logits, round);
  for (auto [expert, key] : llvm::enumerate(keys)) {
    key = round(key);
    if (!bias.empty())
      key = round(key + bias[expert]);
    if (std::isnan(key) || (!mask.empty() && !mask[expert]))
      key = -infinity;
  }
  return keys;
}

//===----------------------------------------------------------------------===//
// Steps 3 and 4: groups and selection
//===----------------------------------------------------------------------===//

/// The indices of the `count` largest values, from the largest on; of equal
/// ones the lower index first. No value is NaN.
static SmallVector<int64_t> selectLargest(ArrayRef<double> values,
                                          int64_t count) {
  SmallVector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return values[a] > values[b] || (values[a] == values[b] && a < b);
  });
  order.truncate(count);
  return order;
}

/// The sum of the `count` largest keys, added from the largest on. Where that
/// is NaN, +inf and -inf having met, the group counts as the worst.
static double scoreGroup(ArrayRef<double> keys, int64_t count, Rounding round) {
  double score = 0.0;
  for (int64_t expert : selectLargest(keys, count))
    score = round(score + keys[expert]);
  return std::isnan(score) ? -infinity : score;
}

double Router::restrictToGroups(SmallVectorImpl<double> &keys,
                                ArrayRef<bool> mask, Rounding round) const {
  GroupsAttr groups = attribute.getGroups();
  if (!groups || groups.getKeep() == groups.getCount())
    return infinity;
  int64_t size = static_cast<int64_t>(keys.size()) / groups.getCount();
  SmallVector<double> scores;
  for (int64_t group = 0; group < groups.getCount(); ++group)
    scores.push_back(scoreGroup(ArrayRef(keys).slice(group * size, size),
                                groups.getSumTop(), round));
  SmallVector<int64_t> order = selectLargest(scores, groups.getCount());
  ArrayRef<int64_t> kept = ArrayRef(order).take_front(groups.getKeep());
  double fill = groups.getFill() == GroupFill::Zero ? 0.0 : -infinity;
  for (auto [expert, key] : llvm::enumerate(keys)) {
    bool isMasked = !mask.empty() && !mask[expert];
    if (!isMasked && !llvm::is_contained(kept, expert / size))
      key = fill;
  }
  double worst = scores[kept.back()], next = scores[order[kept.size()]];
  return worst == next ? 0.0 : worst - next;
}

SmallVector<int64_t> Router::select(ArrayRef<double> keys) const {
  return selectLargest(keys, attribute.getTopK());
}

//===----------------------------------------------------------------------===//
// Step 5: weight sources
//===----------------------------------------------------------------------===//

/// The sparsemixer of PhiMoE (Liu et al., "GRIN: GRadient-INformed MoE", 2024;
/// without its sampling): the softmax at `expert` over the experts of which
/// the earlier slots chose none and which lie close below it.
double Router::computeSparseMixer(ArrayRef<double> logits,
                                  ArrayRef<int64_t> earlier,
                                  int64_t expert) const {
  double best = logits[expert];
  double jitter = attribute.getJitter().getValueAsDouble();
  SmallVector<double> close = {best};
  for (auto [other, z] : llvm::enumerate(logits)) {
    int64_t id = static_cast<int64_t>(other);
    if (id == expert || llvm::is_contained(earlier, id))
      continue;
    // 0/0, for logits that are all 0, is not far.
    bool isFar = (best - z) / std::fmax(std::fabs(z), best) > 2 * jitter;
    if (!isFar)
      close.push_back(z);
  }
  return softmax(close).front();
}

SmallVector<double> Router::takeWeights(ArrayRef<double> logits,
                                        ArrayRef<int64_t> ids,
                                        Rounding round) const {
  SmallVector<double> scores = computeScores(logits, round);
  SmallVector<double> selected;
  for (int64_t id : ids)
    if (id >= 0)
      selected.push_back(logits[id]);
  SmallVector<double> shares = softmax(selected);

  SmallVector<double> weights;
  unsigned present = 0;
  for (auto [slot, id] : llvm::enumerate(ids)) {
    double weight = 0.0;
    if (id >= 0) {
      switch (attribute.getWeight()) {
      case WeightSource::Score:
        weight = scores[id];
        break;
      case WeightSource::SoftmaxSelected:
        weight = shares[present];
        break;
      case WeightSource::SigmoidSelected:
        weight = sigmoid(logits[id]);
        break;
      case WeightSource::One:
        weight = 1.0;
        break;
      case WeightSource::SparseMixer:
        weight = computeSparseMixer(logits, ids.take_front(slot), id);
        break;
      }
      ++present;
    }
    weights.push_back(round(weight));
  }
  return weights;
}

//===----------------------------------------------------------------------===//
// Steps 6 to 8: renormalisation, scale, type
//===----------------------------------------------------------------------===//

/// What the weights are divided by. Absent slots have weight 0 and add none.
double Router::computeNorm(ArrayRef<double> weights, Rounding round) const {
  RenormalizeAttr renormalize = attribute.getRenormalize();
  double p = static_cast<double>(renormalize.getP());
  double sum = 0.0;
  for (double weight : weights) {
    double power = p == 1 ? std::fabs(weight) : std::pow(std::fabs(weight), p);
    sum = round(sum + round(power));
  }
  double norm = p == 1 ? sum : round(std::pow(sum, 1.0 / p));
  if (renormalize.getMode() == RenormalizeMode::Exact)
    return norm;
  double epsilon = round(renormalize.getEpsilon().getValueAsDouble());
  if (renormalize.getMode() == RenormalizeMode::Add)
    return round(norm + epsilon);
  return norm < epsilon ? epsilon : norm; // A NaN stays.
}

SmallVector<double> Router::computeWeights(ArrayRef<double> logits,
                                           ArrayRef<int64_t> ids,
                                           ArrayRef<double> expertScale,
                                           Precision precision) const {
  Rounding round = getRouterRounding(precision);
  SmallVector<double> weights = takeWeights(logits, ids, round);
  double norm = attribute.getRenormalize() ? computeNorm(weights, round) : 1.0;
  double scale = round(attribute.getScaleValue());
  for (auto [weight, id] : llvm::zip(weights, ids)) {
    if (id < 0)
      continue; // Stays 0, whatever the norm.
    if (attribute.getRenormalize())
      weight = round(weight / norm);
    weight = round(weight * scale);
    if (!expertScale.empty())
      weight = round(weight * expertScale[id]);
    if (Type type = attribute.getRoundTo())
      weight = roundResult(Scalar::ofFloat(weight), type, precision).getFloat();
  }
  return weights;
}
