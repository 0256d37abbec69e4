//===- Random.cpp - Reproducible random tensors ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Counter-based random numbers and the filling of tensors with them.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Random.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace mlir::moe;

/// SplitMix64's output function.
static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// SplitMix64's increment, 2^64 over the golden ratio.
static constexpr uint64_t increment = 0x9E3779B97F4A7C15ull;

uint64_t mlir::moe::randomBits(uint64_t seed, uint64_t position) {
  return mix(mix(seed + increment) + (position + 1) * increment);
}

uint64_t mlir::moe::deriveSeed(uint64_t seed, llvm::StringRef name) {
  return mix(seed + increment) ^ llvm::xxh3_64bits(name);
}

/// Inverse of the error function to about 1e-6 relative, for |x| < 1 (Giles,
/// "Approximating the erfinv function", GPU Computing Gems, 2011).
static float inverseErf(float x) {
  static constexpr float central[] = {
      2.81022636e-08f,  3.43273939e-07f, -3.5233877e-06f,
      -4.39150654e-06f, 0.00021858087f,  -0.00125372503f,
      -0.00417768164f,  0.246640727f,    1.50140941f};
  static constexpr float tail[] = {
      -0.000200214257f, 0.000100950558f, 0.00134934322f,
      -0.00367342844f,  0.00573950773f,  -0.0076224613f,
      0.00943887047f,   1.00167406f,     2.83297682f};
  float w = -std::log((1.0f - x) * (1.0f + x));
  bool isCentral = w < 5.0f;
  float t = isCentral ? w - 2.5f : std::sqrt(w) - 3.0f;
  const float *coefficients = isCentral ? central : tail;
  float p = 0.0f;
  for (int i = 0; i < 9; ++i)
    p = p * t + coefficients[i];
  return p * x;
}

float mlir::moe::randomValue(uint64_t seed, uint64_t position,
                             Distribution distribution) {
  uint64_t bits = randomBits(seed, position);
  // 24 bits, signed: a float holds each value exactly.
  float grid = static_cast<float>(static_cast<int64_t>(bits) >> 40);
  if (distribution == Distribution::uniform)
    return grid * 0x1p-23f;
  // The middles of the cells, so that -1 and 1 are never met.
  float symmetric = std::fmin((grid + 0.5f) * 0x1p-23f, 1.0f - 0x1p-24f);
  return 0x1.6a09e6p+0f * inverseErf(symmetric); // sqrt(2) erf^-1
}

void mlir::moe::fillRandom(Tensor &tensor, uint64_t seed,
                           Distribution distribution, float scale) {
  assert(isFloat(tensor.getType()) && "expected a floating-point tensor");
  constexpr int64_t chunk = 1 << 16;
  int64_t count = tensor.getNumElements();
  bool isBFloat16 = tensor.getType() == ElementType::bf16;
  llvm::parallelFor(0, llvm::divideCeil(count, chunk), [&](size_t index) {
    int64_t begin = static_cast<int64_t>(index) * chunk;
    int64_t end = std::min(begin + chunk, count);
    for (int64_t i = begin; i < end; ++i) {
      float value = scale * randomValue(seed, i, distribution);
      if (isBFloat16)
        static_cast<uint16_t *>(tensor.getMutableData())[i] =
            floatToBFloat16(value);
      else
        tensor.set(i, value);
    }
  });
}
