//===- LayerCostTest.cpp - Work, floor and predicted time -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/LayerCost.h"

#include <gtest/gtest.h>

using namespace mlir::moe;

TEST(LayerCost, ExpectedActiveExperts) {
  LayerWork work;
  EXPECT_EQ(work.getExpectedActive(7), 0); // no experts
  work.numExperts = 8;
  work.topK = 2;
  EXPECT_EQ(work.getExpectedActive(0), 0);
  EXPECT_EQ(work.getExpectedActive(1), 2);
  EXPECT_EQ(work.getExpectedActive(2), 3.5); // 8 (1 - (3/4)^2)
  EXPECT_NEAR(work.getExpectedActive(1000), 8, 1e-9);
  work.topK = 8;
  EXPECT_EQ(work.getExpectedActive(1), 8);
}

TEST(LayerCost, Work) {
  LayerWork work;
  work.flopsPerToken = 10;
  work.flopsPerRow = 100;
  work.denseBytes = 7;
  work.bytesPerExpert = 1000;
  EXPECT_EQ(work.getFlops(3, 6), 630);
  EXPECT_EQ(work.getWeightBytes(2.5), 2507);
}

TEST(LayerCost, FloorIsTheLongerOfTheTwo) {
  CallCost reading = CallCost::get(/*flops=*/10, /*weightBytes=*/100,
                                   {/*flops=*/10, /*bytes=*/10});
  EXPECT_EQ(reading.getFloor(), 10);
  EXPECT_FALSE(reading.isArithmeticBound());
  CallCost arithmetic = CallCost::get(100, 10, {10, 10});
  EXPECT_EQ(arithmetic.getFloor(), 10);
  EXPECT_TRUE(arithmetic.isArithmeticBound());
}

TEST(LayerCost, PredictedTimeIsBetweenFloorAndSum) {
  for (double flops : {0.0, 1.0, 50.0, 100.0, 1e4}) {
    CallCost cost = CallCost::get(flops, 100, {1, 1});
    EXPECT_GE(cost.getPredicted(), cost.getFloor());
    EXPECT_LE(cost.getPredicted(), cost.arithmetic / 0.95 + cost.reading);
  }
}
