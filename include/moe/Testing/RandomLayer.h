//===- RandomLayer.h - Random MoE layers with inputs ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One layer of the graph level as text, with values for its arguments. What a
// layer can be is drawn from everything that published models do: scores, keys,
// groups, weight sources and renormalisations of the router; activations,
// clamps, biases, weight layouts, adapters and depth of the experts; shared
// experts and residuals; and inputs that are hard on routers (ties, NaN, one
// expert for all, no token).
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TESTING_RANDOMLAYER_H
#define MOE_TESTING_RANDOMLAYER_H

#include "moe/Runtime/Random.h"
#include "moe/Runtime/Tensor.h"
#include <string>

namespace mlir::moe {

/// Random choices, the same for the same seed.
class Dice {
public:
  explicit Dice(uint64_t seed) : seed(seed) {}
  uint64_t roll() { return randomBits(seed, next++); }
  /// 0 to `count` - 1.
  int64_t below(int64_t count) {
    return static_cast<int64_t>(roll() % static_cast<uint64_t>(count));
  }
  /// True once in `times`.
  bool once(int64_t times) { return below(times) == 0; }
  template <typename T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[below(static_cast<int64_t>(choices.size()))];
  }

private:
  uint64_t seed, next = 0;
};

struct RandomLayer {
  /// A module with the function @forward: the tokens `x` (`? x H`), then the
  /// parameters, each with `moe.param`.
  std::string text;
  /// One tensor per argument; the first parameter is the router's weight.
  llvm::SmallVector<Tensor> arguments;
  /// The type of activations and weights: f32 or bf16.
  ElementType type = ElementType::f32;
  /// Whether logits, and routing weights, are rounded to bf16.
  bool hasNarrowLogits = false, roundsWeights = false;
  /// What was drawn, in one line.
  std::string summary;
};

/// The layer that `seed` stands for.
RandomLayer makeRandomLayer(uint64_t seed);

} // namespace mlir::moe

#endif // MOE_TESTING_RANDOMLAYER_H
