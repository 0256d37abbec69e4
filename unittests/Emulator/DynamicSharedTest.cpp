//===- DynamicSharedTest.cpp - Where dynamic shared memory lies -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"

#include "gtest/gtest.h"

using namespace moe::emulator;

namespace {

/// The address that a kernel with these declarations sees for `dynamic`.
uint32_t dynamicAddress(const std::string &declarations,
                        const std::string &use) {
  auto module = Module::load(".version 8.0\n.target sm_80\n.address_size 64\n"
                             ".extern .shared .align 16 .b8 dynamic[];\n" +
                                 declarations +
                                 R"(
.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<3>;
  .reg .b64 %o;
  ld.param.u64 %o, [out];
  mov.u32 %r0, dynamic;
)" + use + R"(
  st.global.u32 [%o], %r0;
  ret;
}
)",
                             "dynamic.ptx");
  EXPECT_TRUE(bool(module)) << module.error().message;
  Device device;
  uint64_t out = *device.allocate(4);
  LaunchConfig config;
  config.dynamicShared = 64;
  auto result = device.launch(*module, "k", config, {{&out, 8}});
  EXPECT_TRUE(bool(result)) << result.error().message;
  uint32_t address = 0;
  EXPECT_TRUE(bool(device.copyToHost(&address, out, 4)));
  return address;
}

// Alone it starts where shared memory does, whatever its declared alignment;
// behind a variable it is aligned as declared and no better.
TEST(DynamicShared, Placement) {
  EXPECT_EQ(dynamicAddress("", "") % 1024, 0u);
  uint32_t behind = dynamicAddress(".shared .align 4 .b8 variable[4];",
                                   "  mov.u32 %r1, variable;");
  EXPECT_EQ(behind % 16, 0u);
  EXPECT_NE(behind % 32, 0u);
}

} // namespace
