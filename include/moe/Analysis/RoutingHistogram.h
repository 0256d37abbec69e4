//===- RoutingHistogram.h - How tokens spread over experts ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tokens per expert of one routing, the usual measures of its balance, and a
// picture of it for a terminal.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_ANALYSIS_ROUTINGHISTOGRAM_H
#define MOE_ANALYSIS_ROUTINGHISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::moe {

/// The tokens that each expert gets from one routing.
class RoutingHistogram {
public:
  /// Counts `ids`, T x K in row-major order: -1 is an absent slot, and any
  /// other id has to be from 0 to `numExperts` - 1; an error names the first
  /// that is not.
  static llvm::Expected<RoutingHistogram>
  create(llvm::ArrayRef<int32_t> ids, int64_t topK, int64_t numExperts);

  /// Tokens per expert, E of them.
  llvm::ArrayRef<int64_t> getCounts() const { return counts; }
  int64_t getNumExperts() const { return static_cast<int64_t>(counts.size()); }
  int64_t getNumTokens() const { return numTokens; }

  /// Pairs of a token and its expert: the rows that experts compute.
  int64_t getNumRows() const { return numRows; }

  /// Absent slots, and tokens all of whose slots are absent. Where the router
  /// has a capacity these are the dropped ones.
  int64_t getNumAbsentSlots() const { return numAbsentSlots; }
  int64_t getNumUnroutedTokens() const { return numUnroutedTokens; }

  /// Experts with at least one token.
  int64_t getNumActive() const;

  /// The largest count, and its ratio to the mean over all E experts (1 for an
  /// even routing, E where one expert takes all; 0 without rows).
  int64_t getLargest() const;
  double getLargestOverMean() const;

  /// Shannon entropy of the rows' distribution over the experts, in bits: log2
  /// E for an even routing, 0 where one expert takes all, or without rows.
  double getEntropy() const;

private:
  std::vector<int64_t> counts;
  int64_t numTokens = 0, numRows = 0, numAbsentSlots = 0, numUnroutedTokens = 0;
};

/// Prints the measures in one or two lines and the counts as bars: up to 16
/// experts one a line with its count; more fold into rows of up to 64, one
/// column each, whose height in eighths is the count against the largest (a
/// blank is no token at all). Each row starts with its first expert and ends
/// with the sum of its counts.
void printRoutingHistogram(llvm::raw_ostream &stream,
                           const RoutingHistogram &histogram);

} // namespace mlir::moe

#endif // MOE_ANALYSIS_ROUTINGHISTOGRAM_H
