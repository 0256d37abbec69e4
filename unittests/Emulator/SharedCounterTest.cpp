//===- SharedCounterTest.cpp - Wavefronts of shared memory ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"

#include "gtest/gtest.h"

using namespace moe::emulator;

namespace {

/// Runs one warp in which lane l executes `access` at s + l * pitch, and
/// returns the counters.
Counters run(const std::string &access, uint32_t pitch) {
  auto module = Module::load(R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u32 pitch)
{
  .reg .b32 %p, %l, %a, %r<4>;
  .shared .align 16 .b8 s[8192];
  ld.param.u32 %p, [pitch];
  mov.u32 %l, %laneid;
  mov.u32 %a, s;
  mad.lo.u32 %a, %l, %p, %a;
  )" + access + "\n  ret;\n}\n",
                             "wavefronts.ptx");
  EXPECT_TRUE(bool(module)) << module.error().message;
  DeviceOptions options;
  options.disabledChecks = {CheckKind::Uninitialized};
  Device device(options);
  LaunchConfig config;
  config.block.x = 32;
  auto result = device.launch(*module, "k", config, {{&pitch, 4}});
  EXPECT_TRUE(bool(result)) << result.error().message;
  EXPECT_TRUE(result->reports.empty());
  return result->counters;
}

void expectWavefronts(const std::string &access, uint32_t pitch,
                      uint64_t wavefronts, uint64_t least) {
  SCOPED_TRACE(access + " at " + std::to_string(pitch));
  Counters counters = run(access, pitch);
  EXPECT_EQ(counters.sharedWavefronts, wavefronts);
  EXPECT_EQ(counters.sharedWavefrontsMin, least);
}

TEST(SharedCounters, Words) {
  std::string load = "ld.shared.b32 %r0, [%a];";
  expectWavefronts(load, 4, 1, 1);
  expectWavefronts(load, 0, 1, 1); // one word for all
  expectWavefronts(load, 8, 2, 1);
  expectWavefronts(load, 128, 32, 1);
}

// Sixteen bytes a lane: eight lanes in one pass.
TEST(SharedCounters, SixteenBytes) {
  std::string load = "ld.shared.v4.b32 {%r0, %r1, %r2, %r3}, [%a];";
  expectWavefronts(load, 16, 4, 4);
  expectWavefronts(load, 0, 4, 4);
  expectWavefronts(load, 32, 8, 4);
  expectWavefronts(load, 128, 32, 4);
  expectWavefronts(load, 144, 4, 4);
  std::string matrix =
      "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r0, %r1, %r2, %r3}, [%a];";
  expectWavefronts(matrix, 128, 32, 4);
  expectWavefronts(matrix, 144, 4, 4);
  // One tile: the first eight lanes alone.
  expectWavefronts("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r0}, [%a];", 64,
                   4, 1);
}

} // namespace
