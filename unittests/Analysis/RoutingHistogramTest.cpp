//===- RoutingHistogramTest.cpp - Tests of tokens per expert --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Counts and measures on even, skewed, partial and empty routings, and the
// picture.
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/RoutingHistogram.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir::moe;
using testing::ElementsAre;

namespace {

RoutingHistogram makeHistogram(llvm::ArrayRef<int32_t> ids, int64_t topK,
                               int64_t numExperts) {
  return llvm::cantFail(RoutingHistogram::create(ids, topK, numExperts));
}

std::string print(const RoutingHistogram &histogram) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  printRoutingHistogram(stream, histogram);
  return text;
}

TEST(RoutingHistogram, EvenRouting) {
  RoutingHistogram histogram = makeHistogram({0, 1, 2, 3, 0, 1, 2, 3}, 2, 4);
  EXPECT_THAT(histogram.getCounts(), ElementsAre(2, 2, 2, 2));
  EXPECT_EQ(histogram.getNumTokens(), 4);
  EXPECT_EQ(histogram.getNumRows(), 8);
  EXPECT_EQ(histogram.getNumActive(), 4);
  EXPECT_EQ(histogram.getLargestOverMean(), 1.0);
  EXPECT_EQ(histogram.getEntropy(), 2.0);
}

TEST(RoutingHistogram, OneExpertTakesAll) {
  RoutingHistogram histogram = makeHistogram({5, 5, 5}, 1, 8);
  EXPECT_EQ(histogram.getNumActive(), 1);
  EXPECT_EQ(histogram.getLargest(), 3);
  EXPECT_EQ(histogram.getLargestOverMean(), 8.0);
  EXPECT_EQ(histogram.getEntropy(), 0.0);
}

TEST(RoutingHistogram, AbsentSlots) {
  RoutingHistogram histogram = makeHistogram({-1, 1, -1, -1, 0, 1}, 2, 2);
  EXPECT_THAT(histogram.getCounts(), ElementsAre(1, 2));
  EXPECT_EQ(histogram.getNumRows(), 3);
  EXPECT_EQ(histogram.getNumAbsentSlots(), 3);
  EXPECT_EQ(histogram.getNumUnroutedTokens(), 1);
}

TEST(RoutingHistogram, NoTokensAndNoExperts) {
  RoutingHistogram histogram = makeHistogram({}, 8, 64);
  EXPECT_EQ(histogram.getNumTokens(), 0);
  EXPECT_EQ(histogram.getLargestOverMean(), 0);
  EXPECT_EQ(histogram.getEntropy(), 0);
  EXPECT_EQ(print(makeHistogram({}, 1, 0)),
            "0 tokens, 0 rows on 0 of 0 experts, largest 0 (0.00 x mean), "
            "entropy 0.00 of 0.00 bits\n");
}

TEST(RoutingHistogram, Errors) {
  auto messageFor = [](llvm::ArrayRef<int32_t> ids, int64_t topK,
                       int64_t numExperts) {
    return llvm::toString(
        RoutingHistogram::create(ids, topK, numExperts).takeError());
  };
  EXPECT_EQ(messageFor({0, 1, 2, 4}, 2, 4),
            "expected expert ids from -1 to 3, got 4 for token 1 slot 1");
  EXPECT_EQ(messageFor({-2}, 1, 4),
            "expected expert ids from -1 to 3, got -2 for token 0 slot 0");
  llvm::StringRef shape = "expected ids for whole tokens of 1 slot or more and "
                          "a number of experts, got ";
  EXPECT_EQ(messageFor({0, 0, 0}, 2, 4),
            shape.str() + "3 ids, 2 slots and 4 experts");
  EXPECT_EQ(messageFor({}, 0, 4), shape.str() + "0 ids, 0 slots and 4 experts");
  EXPECT_EQ(messageFor({}, 1, -1),
            shape.str() + "0 ids, 1 slots and -1 experts");
}

TEST(RoutingHistogram, FewExpertsAreOneALine) {
  std::vector<int32_t> ids(100, 0);
  ids.insert(ids.end(), 51, 2);
  ids.insert(ids.end(), {3, -1});
  std::string full;
  for (int i = 0; i < 50; ++i)
    full += "█";
  EXPECT_EQ(print(makeHistogram(ids, 1, 4)),
            "153 tokens, 152 rows on 3 of 4 experts, largest 100 (2.63 x "
            "mean), entropy 0.97 of 2.00 bits\n"
            "1 slots absent, 1 tokens without an expert\n"
            "0 " +
                full + " 100\n" +
                "1 0\n"
                "2 " +
                full.substr(0, 25 * 3) + "▌ 51\n" + "3 ▌ 1\n");
}

/// A column's height is its count against the largest; a count too small for an
/// eighth still shows.
TEST(RoutingHistogram, ManyExpertsFoldIntoRows) {
  std::vector<int32_t> ids;
  auto add = [&](int32_t expert, size_t count) {
    ids.insert(ids.end(), count, expert);
  };
  for (int eighths = 1; eighths <= 8; ++eighths)
    add(eighths, eighths * 100);
  add(63, 1);
  add(64, 400);
  add(69, 800);
  EXPECT_EQ(print(makeHistogram(ids, 1, 70)),
            "4801 tokens, 4801 rows on 11 of 70 experts, largest 800 (11.66 x "
            "mean), entropy 3.14 of 6.13 bits\n"
            " 0 | ▁▂▃▄▅▆▇█" +
                std::string(54, ' ') +
                "▁| 3601\n"
                "64 |▄    █| 1200\n");
}

} // namespace
