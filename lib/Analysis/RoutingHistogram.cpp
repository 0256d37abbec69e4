//===- RoutingHistogram.cpp - How tokens spread over experts --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Counting a routing and drawing it with block characters.
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/RoutingHistogram.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <numeric>

using namespace mlir::moe;
using llvm::ArrayRef;
using llvm::Twine;

llvm::Expected<RoutingHistogram> RoutingHistogram::create(ArrayRef<int32_t> ids,
                                                          int64_t topK,
                                                          int64_t numExperts) {
  if (topK < 1 || numExperts < 0 || ids.size() % topK != 0)
    return llvm::createStringError(
        "expected ids for whole tokens of 1 slot or more and a number of "
        "experts, got " +
        Twine(ids.size()) + " ids, " + Twine(topK) + " slots and " +
        Twine(numExperts) + " experts");
  RoutingHistogram histogram;
  histogram.counts.resize(numExperts);
  histogram.numTokens = static_cast<int64_t>(ids.size()) / topK;
  for (int64_t token = 0; token < histogram.numTokens; ++token) {
    int64_t absent = 0;
    for (auto [slot, id] : llvm::enumerate(ids.slice(token * topK, topK))) {
      if (id == -1) {
        ++absent;
        continue;
      }
      if (id < 0 || id >= numExperts)
        return llvm::createStringError("expected expert ids from -1 to " +
                                       Twine(numExperts - 1) + ", got " +
                                       Twine(id) + " for token " +
                                       Twine(token) + " slot " + Twine(slot));
      ++histogram.counts[id];
      ++histogram.numRows;
    }
    histogram.numAbsentSlots += absent;
    histogram.numUnroutedTokens += absent == topK;
  }
  return histogram;
}

int64_t RoutingHistogram::getNumActive() const {
  return llvm::count_if(counts, [](int64_t count) { return count > 0; });
}

int64_t RoutingHistogram::getLargest() const {
  return counts.empty() ? 0 : *llvm::max_element(counts);
}

double RoutingHistogram::getLargestOverMean() const {
  if (numRows == 0)
    return 0;
  return static_cast<double>(getLargest()) * getNumExperts() / numRows;
}

double RoutingHistogram::getEntropy() const {
  double entropy = 0;
  for (int64_t count : counts) {
    if (count == 0)
      continue;
    double share = static_cast<double>(count) / numRows;
    entropy -= share * std::log2(share);
  }
  return entropy;
}

/// `eighths` of a full block, from the left or from the bottom; a blank for 0.
static llvm::StringRef getLeftBlock(int64_t eighths) {
  static constexpr llvm::StringLiteral blocks[] = {" ", "▏", "▎", "▍", "▌",
                                                   "▋", "▊", "▉", "█"};
  return blocks[eighths];
}
static llvm::StringRef getLowerBlock(int64_t eighths) {
  static constexpr llvm::StringLiteral blocks[] = {" ", "▁", "▂", "▃", "▄",
                                                   "▅", "▆", "▇", "█"};
  return blocks[eighths];
}

/// `count` of `largest` in steps of 1/`steps`, rounded, but no count vanishes.
static int64_t scaleCount(int64_t count, int64_t largest, int64_t steps) {
  if (count == 0)
    return 0;
  double share = static_cast<double>(count) / largest;
  return std::max<int64_t>(1, std::llround(share * steps));
}

static unsigned countDigits(int64_t value) {
  return std::to_string(value).size();
}

/// One line an expert: number, bar, count.
static void printLines(llvm::raw_ostream &stream,
                       const RoutingHistogram &histogram) {
  constexpr int64_t width = 50;
  unsigned digits = countDigits(histogram.getNumExperts() - 1);
  for (auto [expert, count] : llvm::enumerate(histogram.getCounts())) {
    int64_t eighths = scaleCount(count, histogram.getLargest(), width * 8);
    stream << llvm::format_decimal(expert, digits) << " ";
    for (int64_t i = 0; i < eighths / 8; ++i)
      stream << getLeftBlock(8);
    if (eighths % 8)
      stream << getLeftBlock(eighths % 8);
    stream << (count ? " " : "") << count << "\n";
  }
}

/// Rows of columns: first expert, one bar an expert, tokens of the row.
static void printRows(llvm::raw_ostream &stream,
                      const RoutingHistogram &histogram) {
  constexpr size_t maxColumns = 64;
  ArrayRef<int64_t> counts = histogram.getCounts();
  unsigned digits = countDigits(histogram.getNumExperts() - 1);
  for (size_t begin = 0; begin < counts.size(); begin += maxColumns) {
    ArrayRef<int64_t> row = counts.drop_front(begin).take_front(maxColumns);
    stream << llvm::format_decimal(begin, digits) << " |";
    for (int64_t count : row)
      stream << getLowerBlock(scaleCount(count, histogram.getLargest(), 8));
    stream << "| " << std::accumulate(row.begin(), row.end(), int64_t(0))
           << "\n";
  }
}

void mlir::moe::printRoutingHistogram(llvm::raw_ostream &stream,
                                      const RoutingHistogram &histogram) {
  int64_t experts = histogram.getNumExperts();
  double evenEntropy = experts > 0 ? std::log2(experts) : 0;
  stream << llvm::formatv(
      "{0} tokens, {1} rows on {2} of {3} experts, largest {4} ({5:f2} x "
      "mean), "
      "entropy {6:f2} of {7:f2} bits\n",
      histogram.getNumTokens(), histogram.getNumRows(),
      histogram.getNumActive(), experts, histogram.getLargest(),
      histogram.getLargestOverMean(), histogram.getEntropy(), evenEntropy);
  if (histogram.getNumAbsentSlots())
    stream << llvm::formatv("{0} slots absent, {1} tokens without an expert\n",
                            histogram.getNumAbsentSlots(),
                            histogram.getNumUnroutedTokens());
  constexpr int64_t maxLines = 16;
  if (experts <= maxLines)
    printLines(stream, histogram);
  else
    printRows(stream, histogram);
}
