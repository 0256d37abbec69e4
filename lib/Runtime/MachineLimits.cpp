//===- MachineLimits.cpp - What the machine can do at most ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Running the probes on several threads and taking their rates.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/MachineLimits.h"
#include "MachineProbes.h"
#include "moe/Runtime/TimedThreads.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>
#include <limits>
#include <vector>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace mlir::moe;

/// The rates of `rounds` rounds of `amount` each; `time` takes the seconds of
/// one.
static RateReading measure(unsigned rounds, double amount,
                           llvm::StringRef method,
                           llvm::function_ref<double()> time) {
  std::vector<double> rates;
  for (unsigned round = 0; round < rounds; ++round)
    rates.push_back(amount / time());
  llvm::sort(rates);
  return {rates.back(), rates[rates.size() / 2], method};
}

static void keepBest(RateReading &best, const RateReading &reading) {
  if (reading.best > best.best)
    best = reading;
}

/// Linux grants a process AMX's tiles when it asks (ARCH_REQ_XCOMP_PERM).
static bool mayUseTiles() {
#ifdef __linux__
  constexpr int requestPermission = 0x1023, tileData = 18;
  static const bool granted =
      syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
  return granted;
#else
  return false;
#endif
}

static bool hasFeatures(llvm::StringRef features, FeaturePredicate mayUse) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(llvm::split(features, ','), [&](llvm::StringRef feature) {
    return host.lookup(feature) && (!mayUse || mayUse(feature)) &&
           (!feature.starts_with("amx") || mayUseTiles());
  });
}

static double timeFlopProbe(const FlopProbe &probe, int64_t iterations,
                            unsigned numThreads) {
  return timeOnThreads(numThreads, [&](unsigned) { probe.run(iterations); });
}

/// The best reading of the probes for the type that this CPU can run and
/// `mayUse` allows.
static RateReading measureFlops(unsigned numThreads, bool isBFloat16,
                                FeaturePredicate mayUse) {
  constexpr unsigned rounds = 15;
  constexpr int64_t iterations = 1 << 19; // A few milliseconds.
  RateReading best;
  for (const FlopProbe &probe : getFlopProbes()) {
    if (probe.isBFloat16 != isBFloat16 || !hasFeatures(probe.features, mayUse))
      continue;
    double flops = static_cast<double>(iterations) * probe.flopsPerIteration;
    keepBest(best, measure(rounds, flops * numThreads, probe.method, [&] {
               return timeFlopProbe(probe, iterations, numThreads);
             }));
  }
  return best;
}

/// Bytes of the buffer that are a thread's part.
static int64_t getReadPart(size_t size, unsigned numThreads) {
  return size / numThreads / readGranularity * readGranularity;
}

static double timeRead(const ReadProbe &probe, llvm::ArrayRef<char> buffer,
                       unsigned numThreads) {
  int64_t part = getReadPart(buffer.size(), numThreads);
  return timeOnThreads(numThreads, [&](unsigned thread) {
    probe.run(buffer.data() + thread * part, part);
  });
}

static RateReading measureRead(llvm::ArrayRef<char> buffer,
                               unsigned numThreads) {
  constexpr unsigned rounds = 5;
  constexpr size_t maxBytes = size_t(1) << 30;
  buffer = buffer.take_front(maxBytes);
  int64_t part = getReadPart(buffer.size(), numThreads);
  RateReading best;
  if (part == 0)
    return best;
  for (const ReadProbe &probe : getReadProbes())
    keepBest(best, measure(rounds, static_cast<double>(part) * numThreads,
                           probe.method, [&] {
                             return timeRead(probe, buffer, numThreads);
                           }));
  return best;
}

double mlir::moe::timeFlops(llvm::StringRef method, double flops,
                            unsigned numThreads) {
  for (const FlopProbe &probe : getFlopProbes()) {
    if (probe.method != method)
      continue;
    double iterations = flops / numThreads / probe.flopsPerIteration;
    return timeFlopProbe(probe, std::llround(iterations), numThreads);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double mlir::moe::timeReading(llvm::StringRef method,
                              llvm::ArrayRef<char> buffer,
                              unsigned numThreads) {
  for (const ReadProbe &probe : getReadProbes())
    if (probe.method == method)
      return timeRead(probe, buffer, numThreads);
  return std::numeric_limits<double>::quiet_NaN();
}

RateReading mlir::moe::getBFloat16Limit(const RateReading &products,
                                        const RateReading &f32) {
  if (products.best >= f32.best)
    return products;
  return {f32.best, f32.median,
          products.best == 0 ? "no bf16 dot product, f32 limit"
                             : "slower bf16 dot product, f32 limit"};
}

MachineLimits mlir::moe::measureMachineLimits(llvm::ArrayRef<char> buffer,
                                              unsigned numThreads,
                                              FeaturePredicate mayUse) {
  assert(numThreads > 0 && "expected at least one thread");
  MachineLimits limits;
  limits.numThreads = numThreads;
  limits.f32Flops = measureFlops(numThreads, /*isBFloat16=*/false, mayUse);
  limits.bf16Flops = getBFloat16Limit(
      measureFlops(numThreads, /*isBFloat16=*/true, mayUse), limits.f32Flops);
  limits.readBytes = measureRead(buffer, numThreads);
  return limits;
}

MachineLimits mlir::moe::measureMachineLimits(unsigned numThreads,
                                              FeaturePredicate mayUse) {
  return measureMachineLimits(std::vector<char>(size_t(256) << 20, 1),
                              numThreads, mayUse);
}

double mlir::moe::getLargestChange(const MachineLimits &before,
                                   const MachineLimits &after) {
  auto change = [](const RateReading &a, const RateReading &b) {
    double larger = std::max(a.best, b.best);
    return larger == 0 ? 0 : 1 - std::min(a.best, b.best) / larger;
  };
  return std::max({change(before.f32Flops, after.f32Flops),
                   change(before.bf16Flops, after.bf16Flops),
                   change(before.readBytes, after.readBytes)});
}

void mlir::moe::printMachineLimits(llvm::raw_ostream &stream,
                                   const MachineLimits &limits,
                                   llvm::StringRef cpu) {
  auto print = [&](llvm::StringRef name, const RateReading &reading,
                   llvm::StringRef unit) {
    stream << llvm::formatv("{0} {1:f1} {2} (median {3:f1}; {4})\n", name,
                            reading.best * 1e-9, unit, reading.median * 1e-9,
                            reading.method);
  };
  stream << "limits of this machine ";
  if (cpu != "native")
    stream << "for " << cpu << " ";
  stream << "on " << limits.numThreads
         << (limits.numThreads == 1 ? " thread\n" : " threads\n");
  print("  f32 ", limits.f32Flops, "GFLOP/s");
  print("  bf16", limits.bf16Flops, "GFLOP/s");
  if (limits.readBytes.best > 0)
    print("  read", limits.readBytes, "GB/s");
}
