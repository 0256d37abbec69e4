//===- WgmmaTest.cpp - Every shape, type and layout of wgmma --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One kernel is generated per variant: it copies an image of shared memory made
// by the test, multiplies once, and stores the accumulators. The images are
// made by the rules of the PTX manual as this file spells them out, not by
// SharedLayout.h.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/Numerics.h"

#include "gtest/gtest.h"

#include <cstring>
#include <random>

using namespace moe::emulator;

namespace {

struct Variant {
  unsigned n = 64;
  bool bf16 = false;
  bool aInRegisters = false;
  bool aTransposed = false, bTransposed = false;
  unsigned swizzle = 128; ///< 0, 32, 64, 128
  bool halfAccumulators = false;
  int scaleA = 1, scaleB = 1;
  bool scaleD = true;

  std::string str() const {
    return "n" + std::to_string(n) + (bf16 ? " bf16" : " f16") +
           (aInRegisters ? " A in registers" : "") +
           (aTransposed ? " A by columns" : "") +
           (bTransposed ? " B by rows" : "") + " swizzle " +
           std::to_string(swizzle) + (halfAccumulators ? " f16 sums" : "");
  }
};

constexpr unsigned kK = 16;

/// An operand in shared memory: `lines` x 16 if K-major, 16 x `lines` if not,
/// where `lines` counts rows of A or columns of B.
struct Image {
  std::vector<uint16_t> halves;
  uint64_t descriptor = 0; ///< with start address 0
};

/// `at(line, k)` gives the bits of an element.
template <typename At>
Image makeImage(unsigned lines, bool mnMajor, unsigned swizzle, At at) {
  const unsigned chunks = swizzle ? swizzle / 16 : 1; // of 8 halves in a row
  // Eight rows of `chunks` chunks make a group; rows run along K or, MN-major,
  // along M or N.
  const unsigned group = 64 * chunks;
  const unsigned outer = mnMajor ? kK : lines; // index across rows
  const unsigned inner = mnMajor ? lines : kK; // index along a row
  const unsigned innerGroups = (inner + 8 * chunks - 1) / (8 * chunks);
  Image image;
  image.halves.assign(outer / 8 * innerGroups * group, 0x7fff);
  for (unsigned o = 0; o < outer; ++o)
    for (unsigned i = 0; i < inner; ++i) {
      unsigned groupIndex = o / 8 * innerGroups + i / (8 * chunks);
      unsigned row = o % 8, chunk = i / 8 % chunks;
      // Which of the eight 128-byte lines of the pattern the row is in depends
      // on the width of the row.
      unsigned line = swizzle == 128  ? row
                      : swizzle == 64 ? row / 2
                      : swizzle == 32 ? row / 4
                                      : 0;
      unsigned place = chunk ^ (line % chunks);
      image.halves[groupIndex * group + row * 8 * chunks + place * 8 + i % 8] =
          mnMajor ? at(i, o) : at(o, i);
    }
  uint64_t groupBytes = group * 2;
  uint64_t acrossRows = innerGroups * groupBytes; // to the next 8 rows
  uint64_t alongRow = groupBytes;                 // to the next row of chunks
  uint64_t leading = alongRow, stride = acrossRows;
  if (mnMajor && swizzle == 0)
    std::swap(leading, stride);
  uint64_t code = swizzle == 128  ? 1
                  : swizzle == 64 ? 2
                  : swizzle == 32 ? 3
                                  : 0;
  image.descriptor = leading / 16 << 16 | stride / 16 << 32 | code << 62;
  return image;
}

std::string accumulators(const Variant &v) {
  std::string text;
  unsigned count = v.halfAccumulators ? v.n / 4 : v.n / 2;
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", %d" : "%d") + std::to_string(i);
  return text;
}

std::string kernelText(const Variant &v, unsigned aBytes, unsigned totalBytes) {
  unsigned registers = v.halfAccumulators ? v.n / 4 : v.n / 2;
  std::string type = v.bf16 ? "bf16" : "f16";
  std::string text = R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry product(.param .u64 image, .param .u64 left, .param .u64 sums,
                        .param .u64 descriptors)
.reqntid 128
{
  .reg .pred %p<3>;
  .reg .b32 %r<8>;
  .reg .b32 %a<4>;
  .reg .b64 %rd<12>;
  .reg .b32 %d<)" + std::to_string(registers) +
                     R"(>;
  .shared .align 1024 .b8 tile[)" +
                     std::to_string(totalBytes) + R"(];
  mov.u32 %r0, %tid.x;
  ld.param.u64 %rd0, [image];
  cvta.to.global.u64 %rd0, %rd0;
  mov.u32 %r1, tile;
  mul.lo.u32 %r2, %r0, 16;
COPY:
  setp.ge.u32 %p0, %r2, )" +
                     std::to_string(totalBytes) +
                     R"(;
  @%p0 bra COPIED;
  cvt.u64.u32 %rd1, %r2;
  add.u64 %rd1, %rd0, %rd1;
  add.u32 %r3, %r1, %r2;
  ld.global.v4.b32 {%a0, %a1, %a2, %a3}, [%rd1];
  st.shared.v4.b32 [%r3], {%a0, %a1, %a2, %a3};
  add.u32 %r2, %r2, 2048;
  bra COPY;
COPIED:
  fence.proxy.async;
  bar.sync 0;
  ld.param.u64 %rd2, [descriptors];
  cvta.to.global.u64 %rd2, %rd2;
  ld.global.v2.b64 {%rd3, %rd4}, [%rd2];
  shr.u32 %r4, %r1, 4;
  cvt.u64.u32 %rd5, %r4;
  add.u64 %rd3, %rd3, %rd5;
  add.u32 %r4, %r1, )" +
                     std::to_string(aBytes) +
                     R"(;
  shr.u32 %r4, %r4, 4;
  cvt.u64.u32 %rd5, %r4;
  add.u64 %rd4, %rd4, %rd5;
  ld.param.u64 %rd6, [left];
  cvta.to.global.u64 %rd6, %rd6;
  mul.wide.u32 %rd7, %r0, 4;
  add.u64 %rd6, %rd6, %rd7;
  ld.global.b32 %a0, [%rd6];
  ld.global.b32 %a1, [%rd6+512];
  ld.global.b32 %a2, [%rd6+1024];
  ld.global.b32 %a3, [%rd6+1536];
  ld.param.u64 %rd8, [sums];
  cvta.to.global.u64 %rd8, %rd8;
  add.u64 %rd8, %rd8, %rd7;
)";
  for (unsigned i = 0; i < registers; ++i)
    text += "  ld.global.b32 %d" + std::to_string(i) + ", [%rd8+" +
            std::to_string(i * 512) + "];\n";
  text += "  setp.ne.u32 %p1, " + std::to_string(v.scaleD) + ", 0;\n";
  text += "  wgmma.fence.sync.aligned;\n  wgmma.mma_async.sync.aligned.m64n" +
          std::to_string(v.n) + "k16." +
          (v.halfAccumulators ? "f16." : "f32.") + type + "." + type + " {" +
          accumulators(v) + "}, " +
          (v.aInRegisters ? "{%a0, %a1, %a2, %a3}" : "%rd3") + ", %rd4, %p1, " +
          std::to_string(v.scaleA) + ", " + std::to_string(v.scaleB) +
          (v.aInRegisters  ? ""
           : v.aTransposed ? ", 1"
                           : ", 0") +
          (v.bTransposed ? ", 1" : ", 0") + ";\n";
  text += "  wgmma.commit_group.sync.aligned;\n"
          "  wgmma.wait_group.sync.aligned 0;\n";
  for (unsigned i = 0; i < registers; ++i)
    text += "  st.global.b32 [%rd8+" + std::to_string(i * 512) + "], %d" +
            std::to_string(i) + ";\n";
  return text + "  ret;\n}\n";
}

uint64_t upload(Device &device, const void *data, size_t size) {
  Expected<uint64_t> address = device.allocate(size);
  EXPECT_TRUE(bool(address));
  EXPECT_TRUE(bool(device.copyToDevice(*address, data, size)));
  return *address;
}

/// Runs one variant and compares every accumulator.
void check(const Variant &v, const char *order) {
  SCOPED_TRACE(v.str() + ", " + order);
  std::mt19937 random(v.n);
  auto half = [&](int x) {
    return v.bf16 ? bf16FromF32(float(x)) : f16FromF32(float(x));
  };
  std::vector<int> a(64 * kK), b(v.n * kK);
  for (auto *matrix : {&a, &b})
    for (int &x : *matrix)
      x = int(random() % 13) - 6;

  Image left =
      makeImage(64, v.aTransposed, v.swizzle,
                [&](unsigned m, unsigned k) { return half(a[m * kK + k]); });
  Image right =
      makeImage(v.n, v.bTransposed, v.swizzle,
                [&](unsigned n, unsigned k) { return half(b[n * kK + k]); });
  std::vector<uint16_t> image = left.halves;
  // The second tile starts where the pattern does.
  image.resize((image.size() + 511) / 512 * 512, 0x7fff);
  unsigned aBytes = unsigned(image.size() * 2);
  image.insert(image.end(), right.halves.begin(), right.halves.end());
  image.resize((image.size() + 7) / 8 * 8, 0x7fff);

  // Register i of thread t holds A(row, column) and (row, column + 1).
  std::vector<uint32_t> registers(4 * 128);
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned t = 0; t < 128; ++t) {
      unsigned row = t / 32 * 16 + t % 32 / 4 + i % 2 * 8;
      unsigned column = t % 4 * 2 + i / 2 * 8;
      registers[i * 128 + t] = uint32_t(half(a[row * kK + column + 1])) << 16 |
                               half(a[row * kK + column]);
    }

  const unsigned count = v.n / 2; // accumulators per thread
  auto rowOf = [](unsigned t, unsigned i) {
    return t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8;
  };
  auto columnOf = [](unsigned t, unsigned i) {
    return i / 4 * 8 + t % 4 * 2 + i % 2;
  };
  auto initial = [](unsigned row, unsigned column) {
    return int(row + 3 * column) % 11 - 5;
  };
  // f32: one accumulator per register; f16: two.
  std::vector<uint32_t> sums(v.halfAccumulators ? count / 2 * 128
                                                : count * 128);
  for (unsigned t = 0; t < 128; ++t)
    for (unsigned i = 0; i < count; ++i) {
      float start = float(initial(rowOf(t, i), columnOf(t, i)));
      if (v.halfAccumulators)
        sums[i / 2 * 128 + t] |= uint32_t(f16FromF32(start)) << i % 2 * 16;
      else
        sums[i * 128 + t] = bitCast<uint32_t>(start);
    }

  DeviceOptions options;
  options.order = *Order::parse(order);
  Device device(options);
  auto module = Module::load(kernelText(v, aBytes, unsigned(image.size() * 2)),
                             "product.ptx");
  ASSERT_TRUE(bool(module)) << module.error().message;
  uint64_t descriptors[2] = {left.descriptor, right.descriptor};
  uint64_t params[4] = {upload(device, image.data(), image.size() * 2),
                        upload(device, registers.data(), registers.size() * 4),
                        upload(device, sums.data(), sums.size() * 4),
                        upload(device, descriptors, sizeof(descriptors))};
  LaunchConfig config;
  config.block.x = 128;
  auto result = device.launch(
      *module, "product", config,
      {{&params[0], 8}, {&params[1], 8}, {&params[2], 8}, {&params[3], 8}});
  ASSERT_TRUE(bool(result)) << result.error().message;
  for (const Report &report : result->reports)
    ADD_FAILURE() << report.str();
  ASSERT_TRUE(bool(device.copyToHost(sums.data(), params[2], sums.size() * 4)));

  for (unsigned t = 0; t < 128; ++t)
    for (unsigned i = 0; i < count; ++i) {
      unsigned row = rowOf(t, i), column = columnOf(t, i);
      int expected = v.scaleD ? initial(row, column) : 0;
      for (unsigned k = 0; k < kK; ++k)
        expected += v.scaleA * a[row * kK + k] * v.scaleB * b[column * kK + k];
      float got =
          v.halfAccumulators
              ? f32FromF16(uint16_t(sums[i / 2 * 128 + t] >> i % 2 * 16))
              : bitCast<float>(sums[i * 128 + t]);
      ASSERT_EQ(got, float(expected)) << "at " << row << ", " << column;
    }
}

constexpr const char *kOrders[] = {"lazy,greedy", "eager,priority,seed=1"};

TEST(Wgmma, EveryN) {
  for (unsigned n = 8; n <= 256; n += 8) {
    Variant v;
    v.n = n;
    v.bf16 = n % 16 == 0;
    check(v, kOrders[n / 8 % 2]);
  }
}

TEST(Wgmma, EveryLayout) {
  for (unsigned n : {8u, 64u, 136u, 256u})
    for (unsigned swizzle : {0u, 32u, 64u, 128u})
      for (bool aTransposed : {false, true})
        for (bool bTransposed : {false, true}) {
          Variant v;
          v.n = n;
          v.swizzle = swizzle;
          v.aTransposed = aTransposed;
          v.bTransposed = bTransposed;
          for (const char *order : kOrders)
            check(v, order);
        }
}

TEST(Wgmma, LeftOperandInRegisters) {
  for (unsigned n : {8u, 96u, 256u})
    for (bool bTransposed : {false, true})
      for (bool bf16 : {false, true}) {
        Variant v;
        v.n = n;
        v.bf16 = bf16;
        v.aInRegisters = true;
        v.bTransposed = bTransposed;
        for (const char *order : kOrders)
          check(v, order);
      }
}

TEST(Wgmma, ScalesAndHalfAccumulators) {
  for (bool halfAccumulators : {false, true})
    for (int scaleA : {1, -1})
      for (int scaleB : {1, -1})
        for (bool scaleD : {false, true}) {
          Variant v;
          v.n = 24;
          v.halfAccumulators = halfAccumulators;
          v.scaleA = scaleA;
          v.scaleB = scaleB;
          v.scaleD = scaleD;
          check(v, kOrders[0]);
        }
}

} // namespace
