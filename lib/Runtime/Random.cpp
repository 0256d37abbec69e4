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
#include <vector>

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
  float p = 0.0f;
  for (float coefficient : isCentral ? central : tail)
    p = p * t + coefficient;
  return p * x;
}

/// The quantiles of the standard normal distribution at (i + 1/2) / 2^16.
static const float *getNormalQuantiles() {
  static const std::vector<float> quantiles = [] {
    std::vector<float> values;
    for (int i = 0; i < 1 << 16; ++i)
      values.push_back(std::sqrt(2.0f) *
                       inverseErf((i + 0.5f) * 0x1p-15f - 1.0f));
    return values;
  }();
  return quantiles.data();
}

namespace {
/// Random numbers of one seed and distribution. Several share 64 random bits.
struct Uniform {
  uint64_t seed;

  float operator()(uint64_t position) const {
    uint64_t bits = randomBits(seed, position / 2) >> (position % 2 * 32);
    // 24 bits, signed: a float holds each value exactly.
    return static_cast<float>(static_cast<int32_t>(bits) >> 8) * 0x1p-23f;
  }
};

struct Normal {
  uint64_t seed;
  const float *quantiles = getNormalQuantiles();

  float operator()(uint64_t position) const {
    uint64_t bits = randomBits(seed, position / 4) >> (position % 4 * 16);
    return quantiles[bits & 0xFFFF];
  }
};
} // namespace

float mlir::moe::randomValue(uint64_t seed, uint64_t position,
                             Distribution distribution) {
  if (distribution == Distribution::uniform)
    return Uniform{seed}(position);
  return Normal{seed}(position);
}

/// Calls `store(position, value)` for each position on all threads.
template <typename Generator, typename Store>
static void generate(int64_t count, Generator generator, Store store) {
  constexpr int64_t chunk = 1 << 16;
  llvm::parallelFor(0, llvm::divideCeil(count, chunk), [&](size_t index) {
    int64_t begin = static_cast<int64_t>(index) * chunk;
    int64_t end = std::min(begin + chunk, count);
    int64_t position = begin;
    // In groups, so that the compiler sees which positions share their bits.
    for (; position + 4 <= end; position += 4)
      for (int64_t i = position; i < position + 4; ++i)
        store(i, generator(i));
    for (; position < end; ++position)
      store(position, generator(position));
  });
}

template <typename Generator>
static void fill(Tensor &tensor, Generator generator, float scale) {
  int64_t count = tensor.getNumElements();
  if (tensor.getType() == ElementType::bf16) {
    uint16_t *data = tensor.getMutableValues<uint16_t>().data();
    generate(count, generator, [=](int64_t position, float value) {
      data[position] = floatToBFloat16(scale * value);
    });
    return;
  }
  generate(count, generator, [&](int64_t position, float value) {
    tensor.set(position, scale * value);
  });
}

void mlir::moe::fillRandom(Tensor &tensor, uint64_t seed,
                           Distribution distribution, float scale) {
  assert(isFloat(tensor.getType()) && "expected a floating-point tensor");
  if (distribution == Distribution::uniform)
    fill(tensor, Uniform{seed}, scale);
  else
    fill(tensor, Normal{seed}, scale);
}
