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

static MachineRates getRates(double flops, double bytes) {
  return {flops, bytes, KernelModel::get(DotKind::F32)};
}

TEST(LayerCost, FloorIsTheLongerOfTheTwo) {
  CallCost reading =
      CallCost::get(/*flops=*/10, /*weightBytes=*/100, getRates(10, 10));
  EXPECT_EQ(reading.getFloor(), 10);
  EXPECT_FALSE(reading.isArithmeticBound());
  CallCost arithmetic = CallCost::get(100, 10, getRates(10, 10));
  EXPECT_EQ(arithmetic.getFloor(), 10);
  EXPECT_TRUE(arithmetic.isArithmeticBound());
}

TEST(LayerCost, PredictedTimeIsBetweenFloorAndSum) {
  for (DotKind kind : {DotKind::F32, DotKind::DecodeBF16, DotKind::PairBF16,
                       DotKind::TileBF16}) {
    KernelModel kernels = KernelModel::get(kind);
    for (double flops : {0.0, 1.0, 50.0, 100.0, 1e4}) {
      CallCost cost = CallCost::get(flops, 100, getRates(1, 1));
      double predicted = cost.getPredicted(kernels);
      EXPECT_GE(predicted, cost.getFloor());
      EXPECT_LE(predicted, cost.arithmetic / kernels.efficiency + cost.reading);
    }
  }
}

TEST(LayerCost, PredictedTime) {
  KernelModel kernels{/*efficiency=*/0.5, /*overlap=*/0.75};
  CallCost cost{/*arithmetic=*/3, /*reading=*/4};
  EXPECT_EQ(cost.getPredicted(kernels), 7); // 6 of computing, 4 / 4 of reading
  cost.reading = 8;
  EXPECT_EQ(cost.getPredicted(kernels),
            9.5); // 8 of reading, 6 / 4 of computing
}

// Constants fitted to OLMoE, T = 1 to 1024, on a Zen 3, which is not at hand
// any more: 95 % of the peak, 70 % hidden. Newer ones have to be near them, or
// they are no model of that machine.
TEST(LayerCost, VectorKernelsAreNearTheFitOfZen3) {
  constexpr KernelModel zen3{/*efficiency=*/0.95, /*overlap=*/0.7};
  for (double ratio : {0.001, 0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0, 1000.0}) {
    CallCost cost{/*arithmetic=*/ratio, /*reading=*/1};
    for (DotKind kind : {DotKind::F32, DotKind::DecodeBF16})
      EXPECT_NEAR(cost.getPredicted(KernelModel::get(kind)) /
                      cost.getPredicted(zen3),
                  1, 0.2);
  }
}
