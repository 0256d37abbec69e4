//===- MachineLimits.h - What the machine can do at most --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Peak arithmetic and read bandwidth of the machine, measured where and when a
// kernel is measured, so that its time can be stated as a fraction of a limit.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_MACHINELIMITS_H
#define MOE_RUNTIME_MACHINELIMITS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::moe {

/// A rate, measured several times in a row.
struct RateReading {
  double best = 0;   ///< The fastest round: the limit.
  double median = 0; ///< Far below the best where others use the machine.
  /// The instructions that were measured; null-terminated.
  llvm::StringRef method;
};

/// Rates of all threads together.
struct MachineLimits {
  unsigned numThreads = 0;
  /// f32 FLOP/s of fused multiply-adds on registers (2 FLOPs a lane).
  RateReading f32Flops;
  /// FLOP/s of products of bf16 summed in f32 (getBFloat16Limit).
  RateReading bf16Flops;
  /// Bytes/s of reading the buffer once, front to back, each thread a part of
  /// its own; 0 without a buffer.
  RateReading readBytes;
};

/// The limit of bf16 of a CPU with this reading of its own products (AMX, or
/// `vdpbf16ps` with 4 FLOPs a lane; 0 if it has none). It can always widen bf16
/// to f32 instead, which is not counted, as it can run beside the FMAs: where
/// its products are slower (a Sapphire Rapids does half as many FLOPs with
/// `vdpbf16ps` as with FMAs), the limit is that of f32.
RateReading getBFloat16Limit(const RateReading &products,
                             const RateReading &f32);

/// Whether code may use a feature of the CPU, as LLVM spells it. Null: all that
/// the machine has.
using FeaturePredicate = llvm::function_ref<bool(llvm::StringRef)>;

/// Measures the limits on `numThreads` threads in about a second at most, of
/// the arithmetic that the machine has and `mayUse` allows: code for a CPU
/// without AMX is not held against AMX. Reading takes any instructions. The
/// bandwidth is that of `buffer`, of which at most the first GiB is read: it
/// has to have been written before (untouched pages are all the same page of
/// zeros), and to be a good deal larger than the last level cache, or the cache
/// is what is measured. Several ways to read are tried, as none is best
/// everywhere.
MachineLimits measureMachineLimits(llvm::ArrayRef<char> buffer,
                                   unsigned numThreads,
                                   FeaturePredicate mayUse = nullptr);

/// The same with a buffer of its own, 256 MiB.
MachineLimits measureMachineLimits(unsigned numThreads,
                                   FeaturePredicate mayUse = nullptr);

/// Seconds that `flops` FLOPs, rounded to whole probes, take on `numThreads`
/// threads with the instructions that `method` of a reading of FLOP/s names:
/// what a layer's arithmetic takes alone, in a window as long as the layer's
/// run. NaN for any other method.
double timeFlops(llvm::StringRef method, double flops, unsigned numThreads);

/// Seconds of reading the whole buffer, up to 1 KiB per thread at its end, in
/// the way that `method` of a reading of bytes/s names. NaN for any other.
double timeReading(llvm::StringRef method, llvm::ArrayRef<char> buffer,
                   unsigned numThreads);

/// The largest relative change between two measurements of the limits, 0.1 for
/// 10 %. A series timed between two that differ by more should be repeated:
/// others used the machine.
double getLargestChange(const MachineLimits &before,
                        const MachineLimits &after);

/// Prints the limits, one a line, under a line that names the CPU for whose
/// code they are, unless that is the machine itself.
void printMachineLimits(llvm::raw_ostream &stream, const MachineLimits &limits,
                        llvm::StringRef cpu = "native");

} // namespace mlir::moe

#endif // MOE_RUNTIME_MACHINELIMITS_H
