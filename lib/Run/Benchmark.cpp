//===- Benchmark.cpp - How fast a compiled layer is -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Benchmark.h"

#include "moe/Runtime/MachineLimits.h"

#include "llvm/Support/Format.h"
#include <chrono>

using namespace mlir;
using namespace mlir::moe;

namespace {
/// One series of calls and the limits around it.
struct Series {
  std::vector<double> seconds;
  MachineLimits before, after;

  double getChange() const { return getLargestChange(before, after); }
};
} // namespace

static FailureOr<Series> measure(CompiledLayer &layer, const CPUModel &cpu,
                                 ArrayRef<char> buffer, int64_t repeat,
                                 unsigned threads) {
  using Clock = std::chrono::steady_clock;
  auto mayUse = [&](StringRef feature) { return cpu.hasFeature(feature); };
  Series series;
  series.before = measureMachineLimits(buffer, threads, mayUse);
  if (failed(layer.run())) // Warms up caches, pages and threads.
    return failure();
  for (int64_t i = 0; i < repeat; ++i) {
    Clock::time_point start = Clock::now();
    if (failed(layer.run()))
      return failure();
    series.seconds.push_back(
        std::chrono::duration<double>(Clock::now() - start).count());
  }
  series.after = measureMachineLimits(buffer, threads, mayUse);
  llvm::sort(series.seconds);
  return series;
}

static void print(llvm::raw_ostream &os, const Series &series,
                  const CPUModel &cpu, const LayerWork &work,
                  const CallWork &call) {
  double flops = work.getFlops(call.tokens, call.rows);
  double bytes = work.getWeightBytes(static_cast<double>(call.activeExperts));
  auto best = [&](RateReading MachineLimits::*rate) {
    return std::max((series.before.*rate).best, (series.after.*rate).best);
  };
  double flopLimit =
      best(work.isBF16 ? &MachineLimits::bf16Flops : &MachineLimits::f32Flops);
  double byteLimit = best(&MachineLimits::readBytes);
  MachineRates rates{flopLimit, byteLimit,
                     KernelModel::get(cpu.getDotKind(work.isBF16))};
  CallCost cost = CallCost::get(flops, bytes, rates);
  double floor = cost.getFloor();

  os << "work: " << call.tokens << " tokens, " << call.rows << " rows, "
     << call.activeExperts << " of " << work.numExperts << " experts, "
     << llvm::format("%.3f GFLOP, %.1f MB of weights\n", flops / 1e9,
                     bytes / 1e6);
  printMachineLimits(os, series.after);
  os << llvm::format("floor: %.3f ms, by ", floor * 1e3)
     << (cost.isArithmeticBound() ? "arithmetic" : "reading weights")
     << llvm::format("; predicted: %.3f ms\n",
                     cost.getPredicted(rates.kernels) * 1e3);
  auto printTime = [&](StringRef name, double seconds) {
    os << name
       << llvm::format(": %.3f ms, %.1f GFLOP/s, %.2f GB/s of weights, %.1f %% "
                       "of the machine's limit\n",
                       seconds * 1e3, flops / seconds / 1e9,
                       bytes / seconds / 1e9, 100 * floor / seconds);
  };
  printTime("min", series.seconds.front());
  printTime("median", series.seconds[series.seconds.size() / 2]);
}

LogicalResult moe::benchmark(llvm::raw_ostream &os, CompiledLayer &layer,
                             const CPUModel &cpu, const LayerWork &work,
                             const CallWork &call, int64_t repeat,
                             unsigned threads) {
  // Bandwidth needs a buffer beyond the caches; the weights are one if they are
  // large enough.
  constexpr size_t kLeast = size_t(256) << 20;
  ArrayRef<char> buffer = layer.getPacked();
  AlignedMemory own;
  if (buffer.size() < kLeast) {
    own = llvm::cantFail(AlignedMemory::allocate(kLeast));
    std::fill_n(static_cast<char *>(own.getData()), kLeast, 1);
    buffer = {static_cast<char *>(own.getData()), kLeast};
  }
  std::optional<Series> calmest;
  for (int attempt = 0; attempt < 3; ++attempt) {
    FailureOr<Series> series = measure(layer, cpu, buffer, repeat, threads);
    if (failed(series))
      return failure();
    if (!calmest || series->getChange() < calmest->getChange())
      calmest = std::move(*series);
    if (calmest->getChange() <= 0.1)
      break;
  }
  print(os, *calmest, cpu, work, call);
  if (calmest->getChange() > 0.1)
    os << llvm::format("note: the machine's limits changed by %.0f %% during "
                       "the calmest of three series: others use it\n",
                       calmest->getChange() * 100);
  return success();
}
