//===- TimedThreads.cpp - Threads that start together ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/TimedThreads.h"

#include "llvm/ADT/STLExtras.h"
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

double mlir::moe::timeOnThreads(unsigned numThreads,
                                llvm::function_ref<void(unsigned)> work) {
  std::atomic<unsigned> waiting = numThreads;
  std::vector<Clock::time_point> starts(numThreads), ends(numThreads);
  auto run = [&](unsigned thread) {
    --waiting;
    while (waiting != 0)
      std::this_thread::yield();
    starts[thread] = Clock::now();
    work(thread);
    ends[thread] = Clock::now();
  };
  std::vector<std::thread> threads;
  for (unsigned thread = 1; thread < numThreads; ++thread)
    threads.emplace_back(run, thread);
  run(0);
  for (std::thread &thread : threads)
    thread.join();
  return std::chrono::duration<double>(*llvm::max_element(ends) -
                                       *llvm::min_element(starts))
      .count();
}
