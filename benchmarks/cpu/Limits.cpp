//===- Limits.cpp - The machine's limits, for the benchmark's process -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/LayerCost.h"
#include "moe/Runtime/MachineLimits.h"
#include "moe/Runtime/TimedThreads.h"

#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <emmintrin.h>
#include <limits>

using namespace mlir::moe;

/// Copies to a multiple of 16 bytes past the caches.
static void copyStreaming(char *to, const char *from, size_t size) {
  size_t whole = size / 16 * 16;
  for (size_t i = 0; i < whole; i += 16)
    _mm_stream_si128(
        reinterpret_cast<__m128i *>(to + i),
        _mm_loadu_si128(reinterpret_cast<const __m128i *>(from + i)));
  std::memcpy(to + whole, from + whole, size - whole);
  _mm_sfence();
}

template <typename Copy>
static double timeCopy(Copy copy, char *to, const char *from, size_t size,
                       unsigned numThreads) {
  return timeOnThreads(numThreads, [&](unsigned thread) {
    size_t first = size / 64 * thread / numThreads * 64;
    size_t last = thread + 1 == numThreads
                      ? size
                      : size / 64 * (thread + 1) / numThreads * 64;
    copy(to + first, from + first, last - first);
  });
}

/// The seconds that the faster of memcpy and streaming stores takes to copy
/// `size` bytes to memory aligned to 64 bytes, on `numThreads` threads.
extern "C" double moe_bench_copy(char *to, const char *from, size_t size,
                                 unsigned numThreads) {
  return std::min(timeCopy(std::memcpy, to, from, size, numThreads),
                  timeCopy(copyStreaming, to, from, size, numThreads));
}

/// Measures f32 FLOP/s, bf16 FLOP/s and bytes/s of reading `buffer`, on
/// `numThreads` threads, into `rates`, and names what was measured in
/// `methods`, strings that live for ever. FLOP/s are those of instructions that
/// code for `cpu`, as moe-compile takes it, may use. False for an unknown CPU.
extern "C" bool moe_bench_limits(const char *cpu, const char *buffer,
                                 size_t size, unsigned numThreads,
                                 double rates[3], const char *methods[3]) {
  llvm::Expected<CPUModel> model = CPUModel::get(cpu);
  if (!model) {
    llvm::consumeError(model.takeError());
    return false;
  }
  MachineLimits limits = measureMachineLimits(
      {buffer, size}, numThreads,
      [&](llvm::StringRef feature) { return model->hasFeature(feature); });
  const RateReading *readings[] = {&limits.f32Flops, &limits.bf16Flops,
                                   &limits.readBytes};
  for (auto [i, reading] : llvm::enumerate(readings)) {
    rates[i] = reading->best;
    methods[i] = reading->method.data();
  }
  return true;
}

/// Seconds of `flops` FLOPs, and of reading the buffer, with the methods of
/// readings; NaN for another method.
extern "C" double moe_bench_flops(const char *method, double flops,
                                  unsigned numThreads) {
  return timeFlops(method, flops, numThreads);
}

extern "C" double moe_bench_read(const char *method, const char *buffer,
                                 size_t size, unsigned numThreads) {
  return timeReading(method, {buffer, size}, numThreads);
}

/// Seconds that our code for `cpu` is expected to take for operands and weights
/// of one type, bf16 or f32, where all FLOPs take `arithmetic` seconds at the
/// peak and reading the weights takes `reading` seconds. NaN for an unknown
/// CPU.
extern "C" double moe_bench_predict(const char *cpu, bool isBF16,
                                    double arithmetic, double reading) {
  llvm::Expected<CPUModel> model = CPUModel::get(cpu);
  if (!model) {
    llvm::consumeError(model.takeError());
    return std::numeric_limits<double>::quiet_NaN();
  }
  return CallCost{arithmetic, reading}.getPredicted(
      KernelModel::get(model->getDotKind(isBF16)));
}

/// The same by a model of these constants, for fitting them.
extern "C" double moe_bench_predict_with(double efficiency, double overlap,
                                         double arithmetic, double reading) {
  return CallCost{arithmetic, reading}.getPredicted({efficiency, overlap});
}
