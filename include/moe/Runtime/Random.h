//===- Random.h - Reproducible random tensors -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random numbers as a pure function of (seed, position): any thread can make
// any part of a tensor, and the values never depend on how many threads did.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_RANDOM_H
#define MOE_RUNTIME_RANDOM_H

#include "moe/Runtime/Tensor.h"

namespace mlir::moe {

enum class Distribution {
  uniform, ///< Uniform in [-1, 1), on a grid of 2^-23; variance 1/3.
  /// Mean 0, variance 1 (to 1e-4): one of the 2^16 quantiles that are the
  /// middles of as many parts of equal probability, none beyond 4.4.
  normal
};

/// 64 random bits: position `position` of the SplitMix64 sequence (Steele, Lea
/// and Flood, "Fast Splittable Pseudorandom Number Generators", 2014) that
/// starts at a hash of `seed`.
uint64_t randomBits(uint64_t seed, uint64_t position);

/// A random number.
float randomValue(uint64_t seed, uint64_t position, Distribution distribution);

/// The seed of the stream called `name`, so that each tensor of a model has
/// values of its own that do not depend on which others exist.
uint64_t deriveSeed(uint64_t seed, llvm::StringRef name);

/// Sets element i of `tensor`, of a floating-point type, to `scale` times
/// randomValue(seed, i, distribution), rounded to the type. Uses the machine's
/// threads.
void fillRandom(Tensor &tensor, uint64_t seed, Distribution distribution,
                float scale = 1.0f);

} // namespace mlir::moe

#endif // MOE_RUNTIME_RANDOM_H
