//===- EngineTest.cpp - Devices, streams and launches ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The public interface: memory and its checks, launches that cannot be, order
// of streams, counters, orders of execution.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace moe::emulator;

namespace {

const char *const kKernels = R"(
.version 8.0
.target sm_80
.address_size 64
.global .align 4 .u32 table[4] = {1, 2, 3, 4};
.global .align 8 .u64 pointers[2] = {table, generic(table)+8};
.const .align 4 .u32 fixed[2] = {7, 8};

// out[tid] = in[tid] + 1
.visible .entry increment(.param .u64 .ptr .global .align 4 in, .param .u64 out)
{
  .reg .b32 %i, %v;
  .reg .b64 %a, %b, %o;
  mov.u32 %i, %tid.x;
  mul.wide.u32 %o, %i, 4;
  ld.param.u64 %a, [in];
  ld.param.u64 %b, [out];
  add.s64 %a, %a, %o;
  add.s64 %b, %b, %o;
  ld.global.u32 %v, [%a];
  add.u32 %v, %v, 1;
  st.global.u32 [%b], %v;
  ret;
}

// out[0] = *pointers[1], out[1] = fixed[1]
.visible .entry globals(.param .u64 out)
{
  .reg .b32 %v;
  .reg .b64 %a, %b;
  ld.param.u64 %b, [out];
  ld.global.u64 %a, [pointers+8];
  ld.u32 %v, [%a];
  st.global.u32 [%b], %v;
  ld.const.u32 %v, [fixed+4];
  st.global.u32 [%b+4], %v;
  ret;
}

// Each block appends its number.
.visible .entry append(.param .u64 counter, .param .u64 out)
{
  .reg .b32 %v, %n;
  .reg .b64 %a, %b, %o;
  ld.param.u64 %a, [counter];
  ld.param.u64 %b, [out];
  atom.global.add.u32 %n, [%a], 1;
  mul.wide.u32 %o, %n, 4;
  add.s64 %b, %b, %o;
  mov.u32 %v, %ctaid.x;
  st.global.u32 [%b], %v;
  ret;
}

// Block 0 waits for block 3.
.visible .entry handshake(.param .u64 flag)
{
  .reg .pred %p;
  .reg .b32 %v, %c;
  .reg .b64 %a;
  ld.param.u64 %a, [flag];
  mov.u32 %c, %ctaid.x;
  setp.eq.u32 %p, %c, 3;
  @%p st.release.gpu.global.u32 [%a], 1;
  setp.ne.u32 %p, %c, 0;
  @%p ret;
again:
  ld.acquire.gpu.global.u32 %v, [%a];
  setp.eq.u32 %p, %v, 0;
  @%p bra again;
  ret;
}

.visible .entry big() .reqntid 64
{
  .shared .align 4 .b8 s[65536];
  .reg .b32 %v;
  mov.u32 %v, s;
  ret;
}
)";

class Engine : public ::testing::Test {
protected:
  Engine() {
    auto loaded = Module::load(kKernels, "kernels.ptx");
    if (loaded)
      module = *loaded;
    else
      ADD_FAILURE() << loaded.error().message;
  }
  uint64_t buffer(std::vector<uint32_t> values) {
    auto address = device.allocate(values.size() * 4, "buffer");
    EXPECT_TRUE(
        bool(device.copyToDevice(*address, values.data(), values.size() * 4)));
    return *address;
  }
  std::vector<uint32_t> read(uint64_t address, size_t count) {
    std::vector<uint32_t> values(count);
    EXPECT_TRUE(bool(device.copyToHost(values.data(), address, count * 4)));
    return values;
  }
  std::vector<Argument> pointers(const std::vector<uint64_t> &addresses) {
    std::vector<Argument> arguments;
    for (const uint64_t &address : addresses)
      arguments.push_back({&address, 8});
    return arguments;
  }
  std::string refused(std::string_view kernel, LaunchConfig config,
                      const std::vector<Argument> &arguments) {
    auto result = device.launch(module, kernel, config, arguments);
    return result ? "" : result.error().message;
  }

  std::shared_ptr<const Module> module;
  Device device;
};

TEST_F(Engine, RunsAndCounts) {
  std::vector<uint64_t> addresses = {buffer(std::vector<uint32_t>(64, 5)),
                                     buffer(std::vector<uint32_t>(64, 0))};
  auto result =
      device.launch(module, "increment", {{}, {64}, {}}, pointers(addresses));
  ASSERT_TRUE(bool(result));
  EXPECT_TRUE(result->reports.empty());
  EXPECT_FALSE(result->sequential);
  EXPECT_EQ(read(addresses[1], 64), std::vector<uint32_t>(64, 6));
  EXPECT_EQ(result->counters.warpInstructions, 2 * 10u);
  EXPECT_EQ(result->counters.threadInstructions, 64 * 10u);
  EXPECT_EQ(result->counters.globalLoadBytes, 256u);
  EXPECT_EQ(result->counters.globalLoadSectors, 8u);
  EXPECT_EQ(result->counters.globalStoreSectors, 8u);
}

TEST_F(Engine, GlobalsAndRelocations) {
  std::vector<uint64_t> out = {buffer({0, 0})};
  auto result = device.launch(module, "globals", {}, pointers(out));
  ASSERT_TRUE(bool(result));
  EXPECT_TRUE(result->reports.empty());
  EXPECT_EQ(read(out[0], 2), (std::vector<uint32_t>{3, 8}));
  auto table = device.global(module, "table");
  ASSERT_TRUE(bool(table));
  EXPECT_EQ(table->second, 16u);
  EXPECT_EQ(read(table->first, 4), (std::vector<uint32_t>{1, 2, 3, 4}));
  EXPECT_FALSE(bool(device.global(module, "nothing")));
}

TEST_F(Engine, FreedMemoryIsReported) {
  std::vector<uint64_t> addresses = {buffer({1}), buffer({0})};
  ASSERT_TRUE(bool(device.free(addresses[0])));
  auto result = device.launch(module, "increment", {}, pointers(addresses));
  ASSERT_TRUE(bool(result));
  ASSERT_EQ(result->reports.size(), 1u);
  EXPECT_EQ(result->reports[0].kind, CheckKind::UseAfterFree);
  EXPECT_NE(result->reports[0].message.find("'buffer' of 4 bytes"),
            std::string::npos);
  // Nothing moves into its place, and it cannot be freed again.
  EXPECT_NE(buffer({2}), addresses[0]);
  EXPECT_FALSE(bool(device.free(addresses[0])));
  uint32_t word;
  EXPECT_FALSE(bool(device.copyToHost(&word, addresses[0], 4)));

  addresses[0] = buffer({1});
  result = device.launch(module, "increment", {}, pointers(addresses));
  ASSERT_TRUE(bool(result));
  EXPECT_TRUE(result->reports.empty());
}

TEST_F(Engine, KeepsAsManyReportsAsAsked) {
  std::vector<uint64_t> nowhere = {64, 64};
  for (unsigned most : {20, 1}) {
    device.options().maxReports = most;
    auto result =
        device.launch(module, "increment", {{1}, {64}, {}}, pointers(nowhere));
    ASSERT_TRUE(bool(result));
    EXPECT_EQ(result->reports.size(), std::min(most, 2u));
    EXPECT_EQ(result->reports[0].kind, CheckKind::OutOfBounds);
  }
}

TEST_F(Engine, HostMemoryAtItsOwnAddress) {
  uint32_t words[2] = {41, 0};
  ASSERT_TRUE(bool(device.registerHost(words, sizeof words)));
  EXPECT_FALSE(bool(device.registerHost(words, sizeof words)));
  std::vector<uint64_t> addresses = {uint64_t(uintptr_t(&words[0])),
                                     uint64_t(uintptr_t(&words[1]))};
  auto result = device.launch(module, "increment", {}, pointers(addresses));
  ASSERT_TRUE(bool(result));
  EXPECT_TRUE(result->reports.empty());
  EXPECT_EQ(words[1], 42u);
  EXPECT_TRUE(bool(device.unregisterHost(words)));
  EXPECT_FALSE(bool(device.unregisterHost(words)));
}

TEST_F(Engine, LaunchesThatCannotBe) {
  uint64_t address = buffer({0});
  std::vector<Argument> one = {{&address, 8}};
  EXPECT_EQ(refused("nothing", {}, one),
            "no kernel 'nothing' in kernels.ptx, there is increment, globals, "
            "append, handshake, big");
  EXPECT_EQ(refused("globals", {}, {}),
            "kernel 'globals' expects 1 arguments, got 0");
  EXPECT_EQ(refused("globals", {}, {{&address, 4}}),
            "argument 0 of kernel 'globals' has 8 bytes, got 4");
  EXPECT_EQ(refused("globals", {{}, {1025}, {}}, one),
            "expected a block of 1 to 1024 threads (at most 1024x1024x64), got "
            "1025x1x1");
  EXPECT_EQ(refused("globals", {{1, 65536}, {}, {}}, one),
            "expected a grid of 1 to 2147483647x65535x65535 blocks, got "
            "1x65536x1");
  EXPECT_EQ(refused("globals", {{0}, {}, {}}, one),
            "expected a grid of 1 to 2147483647x65535x65535 blocks, got 0x1x1");
  EXPECT_EQ(refused("globals", {{}, {}, {2}}, one),
            "clusters of more than one block are not supported");
  EXPECT_EQ(refused("big", {}, {}),
            "kernel 'big' requires a block of 64x1x1, got 1x1x1");
  EXPECT_EQ(refused("big", {{}, {64}, {}, 120000}, {}),
            "kernel 'big' needs 185536 bytes of shared memory, sm_80 has "
            "166912 for a block");
  EXPECT_TRUE(device.results().empty());
}

/// Which block comes first depends on the order; that each comes once does not.
TEST_F(Engine, OrderDependentKernelsRunInSeededOrder) {
  std::vector<std::vector<uint32_t>> orders;
  for (uint64_t seed : {1, 1, 2}) {
    device.options().order.seed = seed;
    std::vector<uint64_t> addresses = {buffer({0}),
                                       buffer(std::vector<uint32_t>(100))};
    auto result =
        device.launch(module, "append", {{100}, {}, {}}, pointers(addresses));
    ASSERT_TRUE(bool(result));
    EXPECT_TRUE(result->sequential);
    EXPECT_TRUE(result->reports.empty());
    orders.push_back(read(addresses[1], 100));
  }
  EXPECT_EQ(orders[0], orders[1]);
  EXPECT_NE(orders[0], orders[2]);
  std::sort(orders[0].begin(), orders[0].end());
  for (uint32_t i = 0; i < 100; ++i)
    EXPECT_EQ(orders[0][i], i);
}

TEST_F(Engine, ResidentBlocksMayWaitForEachOther) {
  std::vector<uint64_t> flag = {buffer({0})};
  auto result =
      device.launch(module, "handshake", {{4}, {}, {}}, pointers(flag));
  ASSERT_TRUE(bool(result));
  EXPECT_TRUE(result->reports.empty());

  device.options().residentBlocks = 1;
  device.options().order = {AsyncTiming::Lazy, WarpPolicy::RoundRobin, 0};
  flag[0] = buffer({0});
  result = device.launch(module, "handshake", {{4}, {}, {}}, pointers(flag));
  ASSERT_TRUE(bool(result));
  ASSERT_EQ(result->reports.size(), 1u);
  EXPECT_EQ(result->reports[0].kind, CheckKind::Livelock);
}

/// Under lazy timing nothing happens before something waits for it.
TEST_F(Engine, StreamsKeepTheirOrder) {
  for (AsyncTiming timing : {AsyncTiming::Lazy, AsyncTiming::Eager}) {
    device.options().order.timing = timing;
    std::vector<uint64_t> a = {buffer({0}), buffer({0})};
    std::vector<uint64_t> b = {a[1], buffer({0})};
    StreamId first = device.createStream(), second = device.createStream();
    EventId event = device.createEvent();
    size_t before = device.results().size();
    ASSERT_TRUE(bool(
        device.enqueueLaunch(first, module, "increment", {}, pointers(a))));
    ASSERT_TRUE(bool(device.record(event, first)));
    ASSERT_TRUE(bool(device.wait(second, event)));
    ASSERT_TRUE(bool(
        device.enqueueLaunch(second, module, "increment", {}, pointers(b))));
    EXPECT_EQ(device.results().size() - before,
              timing == AsyncTiming::Lazy ? 0u : 2u);
    ASSERT_TRUE(bool(device.synchronize(second)));
    EXPECT_EQ(read(b[1], 1)[0], 2u);
    EXPECT_TRUE(bool(device.synchronize()));
    EXPECT_TRUE(bool(device.synchronizeEvent(event)));
    EXPECT_FALSE(bool(device.synchronize(77)));
    EXPECT_FALSE(bool(device.record(77, first)));
    EXPECT_TRUE(bool(device.destroyStream(first)));
  }
}

TEST_F(Engine, OrdersAsText) {
  auto order = Order::parse("lazy,greedy,seed=3");
  ASSERT_TRUE(bool(order));
  EXPECT_EQ(order->str(), "lazy,greedy,seed=3");
  EXPECT_EQ(Order::parse("eager,rr")->str(), "eager,rr,seed=0");
  EXPECT_FALSE(bool(Order::parse("lazy,fair")));
  EXPECT_FALSE(bool(Order::parse("seed=x")));
}

TEST_F(Engine, FillAndCopy) {
  uint64_t a = buffer({1, 2, 3, 4}), b = buffer({0, 0, 0, 0});
  EXPECT_TRUE(bool(device.fill(a, 0x01020304, 4, 2)));
  EXPECT_TRUE(bool(device.fill(a + 8, 0x0506, 2, 1)));
  EXPECT_TRUE(bool(device.copyOnDevice(b, a, 16)));
  EXPECT_EQ(read(b, 4),
            (std::vector<uint32_t>{0x01020304, 0x01020304, 0x0506, 4}));
  EXPECT_FALSE(bool(device.fill(a, 0, 3, 1)));
  EXPECT_FALSE(bool(device.copyOnDevice(b + 4, a, 16)));
  EXPECT_FALSE(bool(device.copyToDevice(a + 16, &a, 1)));
}

} // namespace
