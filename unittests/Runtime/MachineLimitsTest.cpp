//===- MachineLimitsTest.cpp - Tests of the machine's limits --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The machine code of the probes, and readings that make sense. Nothing here
// depends on how fast the machine is.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/MachineLimits.h"
#include "MachineProbes.h"
#include "TestSupport.h"
#include "moe/Runtime/Random.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir::moe;
using namespace mlir::moe::test;
using testing::HasSubstr;

namespace {

/// The instructions of `symbol` in this very binary, "mnemonic operands".
std::vector<std::string> disassemble(llvm::StringRef symbol,
                                     std::vector<uint64_t> &addresses) {
  TemporaryFolder folder;
  std::string output = folder.file("disassembly");
  auto objdump =
      llvm::sys::findProgramByName("llvm-objdump", {LLVM_TOOLS_BINARY_DIR});
  if (!objdump)
    return {};
  std::string symbolOption = ("--disassemble-symbols=" + symbol).str();
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, output,
                                                std::nullopt};
  EXPECT_EQ(
      llvm::sys::ExecuteAndWait(*objdump,
                                {*objdump, symbolOption, "--no-show-raw-insn",
                                 "/proc/" + std::to_string(getpid()) + "/exe"},
                                std::nullopt, redirects),
      0);
  auto text = llvm::MemoryBuffer::getFile(output);
  std::vector<std::string> instructions;
  if (!text)
    return instructions;
  llvm::SmallVector<llvm::StringRef> lines;
  (*text)->getBuffer().split(lines, '\n');
  for (llvm::StringRef line : lines) {
    auto [address, instruction] = line.split(':');
    uint64_t value;
    if (address.trim().getAsInteger(16, value) || instruction.trim().empty())
      continue;
    addresses.push_back(value);
    instructions.push_back(instruction.split('#').first.trim().str());
  }
  return instructions;
}

/// The instructions from the target of the (one) backward jump to the jump.
std::vector<std::string> getLoop(llvm::StringRef symbol) {
  std::vector<uint64_t> addresses;
  std::vector<std::string> instructions = disassemble(symbol, addresses);
  for (size_t i = 0; i < instructions.size(); ++i) {
    llvm::StringRef instruction = instructions[i];
    uint64_t target;
    if (!instruction.starts_with("j") ||
        instruction.ltrim("jneb \t").split(' ').first.getAsInteger(0, target) ||
        target > addresses[i])
      continue;
    auto begin = llvm::find(addresses, target);
    if (begin != addresses.end())
      return {instructions.begin() + (begin - addresses.begin()),
              instructions.begin() + i + 1};
  }
  ADD_FAILURE() << "no loop in " << symbol.str();
  return {};
}

/// Each multiply-add accumulates in a register of its own, and nothing in the
/// loop touches memory: the accumulators stay where they are.
TEST(MachineProbes, FlopLoopsKeepToRegisters) {
  for (const FlopProbe &probe : getFlopProbes()) {
    SCOPED_TRACE(probe.symbol.str());
    std::vector<std::string> loop = getLoop(probe.symbol);
    llvm::StringSet<> accumulators;
    unsigned arithmetic = 0;
    bool isTiles = probe.method.starts_with("tdpbf16ps");
    for (llvm::StringRef instruction : loop) {
      EXPECT_FALSE(instruction.contains('(')) << instruction.str();
      bool isArithmetic = instruction.starts_with("vfmadd231ps") ||
                          instruction.starts_with("vdpbf16ps") ||
                          instruction.starts_with("tdpbf16ps") ||
                          instruction.starts_with("mulps") ||
                          instruction.starts_with("addps");
      if (!isArithmetic)
        continue;
      ++arithmetic;
      accumulators.insert(instruction.rsplit(' ').second);
    }
    EXPECT_EQ(accumulators.size(), arithmetic);
    // A tile of sums takes 16 cycles, and 52 until it is there.
    EXPECT_GE(arithmetic, isTiles ? 4u : 12u);
    // The arithmetic, the decrement and the jump.
    EXPECT_EQ(loop.size(), arithmetic + 2);
    if (isTiles) {
      EXPECT_EQ(probe.flopsPerIteration, arithmetic * 16 * 16 * 32 * 2);
      continue;
    }
    unsigned lanes = probe.method.ends_with("512 bits")   ? 16
                     : probe.method.ends_with("256 bits") ? 8
                                                          : 4;
    unsigned flops = probe.isBFloat16                          ? 4
                     : probe.method.starts_with("vfmadd231ps") ? 2
                                                               : 1;
    EXPECT_EQ(probe.flopsPerIteration, arithmetic * lanes * flops);
  }
}

TEST(MachineProbes, ReadLoopsHaveNoStackAccess) {
  for (const ReadProbe &probe : getReadProbes()) {
    SCOPED_TRACE(probe.symbol.str());
    unsigned loads = 0;
    for (llvm::StringRef instruction : getLoop(probe.symbol)) {
      EXPECT_FALSE(instruction.contains("%rsp")) << instruction.str();
      EXPECT_FALSE(instruction.contains("%rbp")) << instruction.str();
      loads += instruction.starts_with("movups");
    }
    EXPECT_EQ(loads, 16u); // 256 bytes.
  }
}

/// No read outside the range, down to the last byte: an address sanitizer does
/// not see asm, but a page that may not be read ends the test.
TEST(MachineProbes, ReadsStayInRange) {
  size_t page = llvm::sys::Process::getPageSizeEstimate();
  void *memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  char *guard = static_cast<char *>(memory) + page;
  ASSERT_EQ(mprotect(guard, page, PROT_NONE), 0);
  for (const ReadProbe &probe : getReadProbes())
    for (int64_t size = readGranularity; size <= int64_t(page);
         size += readGranularity)
      probe.run(guard - size, size);
  munmap(memory, 2 * page);
}

TEST(MachineLimits, ReadingsMakeSense) {
  Tensor buffer = Tensor::zeros(ElementType::f32, {1 << 20});
  fillRandom(buffer, 1, Distribution::uniform);
  llvm::ArrayRef<char> bytes(static_cast<const char *>(buffer.getData()),
                             buffer.getSizeInBytes());
  for (unsigned numThreads : {1u, 2u, 3u}) {
    MachineLimits limits = measureMachineLimits(bytes, numThreads);
    EXPECT_EQ(limits.numThreads, numThreads);
    for (const RateReading &reading :
         {limits.f32Flops, limits.bf16Flops, limits.readBytes}) {
      EXPECT_GT(reading.median, 0);
      EXPECT_GE(reading.best, reading.median);
      EXPECT_TRUE(std::isfinite(reading.best));
      EXPECT_FALSE(reading.method.empty());
    }
    EXPECT_GE(limits.bf16Flops.best, limits.f32Flops.best);
  }
}

TEST(MachineLimits, BFloat16CanBeWidened) {
  RateReading f32 = {200, 150, "f32"};
  EXPECT_EQ(getBFloat16Limit({300, 100, "bf16"}, f32).method, "bf16");
  for (const RateReading &slower : {RateReading(), RateReading{100, 100, ""}}) {
    EXPECT_EQ(getBFloat16Limit(slower, f32).best, 200);
    EXPECT_EQ(getBFloat16Limit(slower, f32).median, 150);
  }
  EXPECT_EQ(getBFloat16Limit({}, f32).method, "no bf16 dot product, f32 limit");
  EXPECT_EQ(getBFloat16Limit({100, 100, "bf16"}, f32).method,
            "slower bf16 dot product, f32 limit");
}

/// Code for a CPU with AVX2 alone is not held against what else this one has.
TEST(MachineLimits, ArithmeticIsWhatCodeMayUse) {
  auto isAVX2 = [](llvm::StringRef feature) {
    return feature == "sse2" || feature == "avx2" || feature == "fma";
  };
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  if (!host.lookup("avx2") || !host.lookup("fma"))
    GTEST_SKIP() << "this machine lacks AVX2 or FMA";
  MachineLimits limits = measureMachineLimits({}, 1, isAVX2);
  EXPECT_EQ(limits.f32Flops.method, "vfmadd231ps, 256 bits");
  EXPECT_EQ(limits.bf16Flops.method, "no bf16 dot product, f32 limit");
  EXPECT_EQ(limits.bf16Flops.best, limits.f32Flops.best);
  EXPECT_EQ(limits.bf16Flops.median, limits.f32Flops.median);

  auto isSSE2 = [](llvm::StringRef feature) { return feature == "sse2"; };
  EXPECT_EQ(measureMachineLimits({}, 1, isSSE2).f32Flops.method,
            "mulps and addps, 128 bits");
}

/// What code may use and the machine lacks is not tried, which would end the
/// process.
TEST(MachineLimits, ArithmeticIsWhatTheMachineHas) {
  EXPECT_EQ(measureMachineLimits({}, 1, [](llvm::StringRef) { return true; })
                .bf16Flops.method,
            measureMachineLimits({}, 1).bf16Flops.method);
}

/// Ten times the work takes longer, by the methods of readings alone.
TEST(MachineLimits, WorkOfAGivenSize) {
  std::vector<char> buffer(size_t(64) << 20, 1);
  MachineLimits limits = measureMachineLimits(buffer, 2);
  auto fastest = [](auto time) {
    double seconds = time();
    for (int i = 0; i < 4; ++i)
      seconds = std::min(seconds, time());
    return seconds;
  };
  llvm::StringRef flops = limits.f32Flops.method;
  EXPECT_GT(fastest([&] { return timeFlops(flops, 2e9, 2); }),
            fastest([&] { return timeFlops(flops, 2e8, 2); }));
  llvm::StringRef read = limits.readBytes.method;
  llvm::ArrayRef<char> all = buffer;
  EXPECT_GT(fastest([&] { return timeReading(read, all, 2); }), fastest([&] {
              return timeReading(read, all.take_front(all.size() / 10), 2);
            }));
  EXPECT_TRUE(std::isnan(timeFlops("no bf16 dot product, f32 limit", 1e9, 1)));
  EXPECT_TRUE(std::isnan(timeReading("memcpy", all, 1)));
}

TEST(MachineLimits, NoBufferNoBandwidth) {
  EXPECT_EQ(measureMachineLimits({}, 2).readBytes.best, 0);
}

TEST(MachineLimits, LargestChange) {
  MachineLimits before, after;
  EXPECT_EQ(getLargestChange(before, after), 0);
  before.f32Flops.best = before.bf16Flops.best = 100;
  after.f32Flops.best = 80;
  after.bf16Flops.best = 100;
  EXPECT_DOUBLE_EQ(getLargestChange(before, after), 0.2);
  EXPECT_DOUBLE_EQ(getLargestChange(after, before), 0.2);
  after.readBytes.best = 1;
  EXPECT_EQ(getLargestChange(before, after), 1);
}

TEST(MachineLimits, Report) {
  MachineLimits limits;
  limits.numThreads = 2;
  limits.f32Flops = {200e9, 150e9, "vfmadd231ps, 256 bits"};
  limits.bf16Flops = {200e9, 150e9, "no bf16 dot product, f32 limit"};
  std::string text;
  llvm::raw_string_ostream stream(text);
  printMachineLimits(stream, limits);
  EXPECT_EQ(text,
            "limits of this machine on 2 threads\n"
            "  f32  200.0 GFLOP/s (median 150.0; vfmadd231ps, 256 bits)\n"
            "  bf16 200.0 GFLOP/s (median 150.0; no bf16 dot product, f32 "
            "limit)\n");
  limits.numThreads = 1;
  limits.readBytes = {40e9, 35e9, "plain loads"};
  text.clear();
  printMachineLimits(stream, limits);
  EXPECT_THAT(text, HasSubstr("1 thread\n"));
  EXPECT_THAT(text,
              HasSubstr("\n  read 40.0 GB/s (median 35.0; plain loads)\n"));
  text.clear();
  printMachineLimits(stream, limits, "x86-64-v3");
  EXPECT_THAT(text,
              HasSubstr("limits of this machine for x86-64-v3 on 1 thread\n"));
}

} // namespace
