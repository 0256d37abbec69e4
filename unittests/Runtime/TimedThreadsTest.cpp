//===- TimedThreadsTest.cpp - Threads that start together -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/TimedThreads.h"

#include "gtest/gtest.h"
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using namespace mlir::moe;

TEST(TimedThreads, EachNumberOnceAllAtTheSameTime) {
  for (unsigned numThreads : {1u, 2u, 5u}) {
    std::vector<std::atomic<unsigned>> runs(numThreads);
    std::atomic<unsigned> running = 0;
    // Ends only if all are there at once.
    double seconds = timeOnThreads(numThreads, [&](unsigned thread) {
      ++runs[thread];
      ++running;
      while (running != numThreads)
        std::this_thread::yield();
    });
    EXPECT_GE(seconds, 0);
    for (const std::atomic<unsigned> &count : runs)
      EXPECT_EQ(count, 1u);
  }
}

TEST(TimedThreads, TimeIsThatOfTheSlowest) {
  constexpr std::chrono::milliseconds slow(30);
  double seconds = timeOnThreads(3, [&](unsigned thread) {
    if (thread == 2)
      std::this_thread::sleep_for(slow);
  });
  EXPECT_GE(seconds, 0.03);
}
