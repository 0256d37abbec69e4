//===- MachineProbes.cpp - The loops that measure the machine -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each loop is one asm statement: a compiler that kept an accumulator on the
// stack (as any does without optimisation) would measure store forwarding,
// about half the truth. A unit test disassembles the loops.
//
// The vector loops compute on zeros. The tiles do not: the more bits change,
// the more power a tile's product takes, and the lower the clock. Two cores of
// a Sapphire Rapids multiplied zeros at 5.5 TFLOP/s and random numbers at 4.8,
// in windows from 3 to 60 ms in turns. No layer's numbers are zeros, so the
// limit is that of random ones. With AVX-512 there was no difference, for FMAs
// (357.1 and 356.7 GFLOP/s) nor for pairs of bf16 (175.6 and 175.3).
//
//===----------------------------------------------------------------------===//

#include "MachineProbes.h"
#include "moe/Runtime/ElementType.h"
#include "moe/Runtime/Random.h"
#include "llvm/ADT/STLExtras.h"
#include <array>

using namespace mlir::moe;

/// Four tiles of bf16 from a normal distribution, as a layer's numbers are.
__attribute__((noinline)) static const uint16_t *getTileOperands() {
  constexpr size_t size = size_t(4) * 16 * 32;
  alignas(64) static const std::array<uint16_t, size> operands = [] {
    std::array<uint16_t, size> values;
    for (auto [i, value] : llvm::enumerate(values))
      value = floatToBFloat16(randomValue(/*seed=*/0, i, Distribution::normal));
    return values;
  }();
  return operands.data();
}

// Accumulators: more than the latency of an FMA times the FMAs a cycle (4 to 6
// cycles, two a cycle), few enough to leave registers for the operands.

extern "C" {

// Adds and multiplies, half each, as there is no FMA.
__attribute__((noinline)) void moeProbeFlopsSse2(int64_t iterations) {
  asm volatile("xorps %%xmm15, %%xmm15\n\t"
               ".irp n,0,1,2,3,4,5,6,7,8,9,10,11\n\t"
               "xorps %%xmm\\n, %%xmm\\n\n\t"
               ".endr\n"
               "1:\n\t"
               ".irp n,0,1,2,3,4,5\n\t"
               "mulps %%xmm15, %%xmm\\n\n\t"
               ".endr\n\t"
               ".irp n,6,7,8,9,10,11\n\t"
               "addps %%xmm15, %%xmm\\n\n\t"
               ".endr\n\t"
               "dec %0\n\t"
               "jnz 1b"
               : "+r"(iterations)
               :
               : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                 "xmm8", "xmm9", "xmm10", "xmm11", "xmm15", "cc");
}

__attribute__((noinline, target("avx2,fma"))) void
moeProbeFlopsAvx2(int64_t iterations) {
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,14,15\n\t"
               "vxorps %%ymm\\n, %%ymm\\n, %%ymm\\n\n\t"
               ".endr\n"
               "1:\n\t"
               ".irp n,0,1,2,3,4,5,6,7,8,9,10,11\n\t"
               "vfmadd231ps %%ymm14, %%ymm15, %%ymm\\n\n\t"
               ".endr\n\t"
               "dec %0\n\t"
               "jnz 1b\n\t"
               "vzeroupper"
               : "+r"(iterations)
               :
               : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7",
                 "ymm8", "ymm9", "ymm10", "ymm11", "ymm14", "ymm15", "cc");
}

#define MOE_ZMM_CLOBBERS                                                       \
  "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8",      \
      "zmm9", "zmm10", "zmm11", "zmm12", "zmm13", "zmm14", "zmm15", "zmm16",   \
      "zmm17", "zmm18", "zmm19", "zmm20", "zmm21", "zmm22", "zmm23", "zmm30",  \
      "zmm31", "cc"

__attribute__((noinline, target("avx512f"))) void
moeProbeFlopsAvx512(int64_t iterations) {
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,"
               "22,23,30,31\n\t"
               "vpxord %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t"
               ".endr\n"
               "1:\n\t"
               ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,"
               "22,23\n\t"
               "vfmadd231ps %%zmm30, %%zmm31, %%zmm\\n\n\t"
               ".endr\n\t"
               "dec %0\n\t"
               "jnz 1b\n\t"
               "vzeroupper"
               : "+r"(iterations)
               :
               : MOE_ZMM_CLOBBERS);
}

__attribute__((noinline, target("avx512f,avx512bf16"))) void
moeProbeFlopsAvx512Bf16(int64_t iterations) {
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,"
               "22,23,30,31\n\t"
               "vpxord %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t"
               ".endr\n"
               "1:\n\t"
               ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,"
               "22,23\n\t"
               "vdpbf16ps %%zmm30, %%zmm31, %%zmm\\n\n\t"
               ".endr\n\t"
               "dec %0\n\t"
               "jnz 1b\n\t"
               "vzeroupper"
               : "+r"(iterations)
               :
               : MOE_ZMM_CLOBBERS);
}

// Four tiles of sums: a product takes 16 cycles and its result 52.
__attribute__((noinline)) void moeProbeFlopsAmx(int64_t iterations) {
  // Palette 1: eight tiles of 16 rows of 64 bytes.
  struct alignas(64) {
    uint8_t palette = 1, startRow = 0, reserved[14] = {};
    uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } config;
  asm volatile("ldtilecfg %1\n\t"
               ".irp n,0,1,2,3\n\t"
               "tilezero %%tmm\\n\n\t"
               ".endr\n\t"
               "tileloadd (%2,%3), %%tmm4\n\t"
               "tileloadd 1024(%2,%3), %%tmm5\n\t"
               "tileloadd 2048(%2,%3), %%tmm6\n\t"
               "tileloadd 3072(%2,%3), %%tmm7\n"
               "1:\n\t"
               "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\t"
               "tdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t"
               "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\t"
               "tdpbf16ps %%tmm7, %%tmm5, %%tmm3\n\t"
               "dec %0\n\t"
               "jnz 1b\n\t"
               "tilerelease"
               : "+r"(iterations)
               : "m"(config), "r"(getTileOperands()), "r"(int64_t(64))
               : "cc", "memory");
}

// Four 16-byte loads a cache line are fast enough for any memory, and every CPU
// has them.
__attribute__((noinline)) void moeProbeReadPlain(const char *data,
                                                 int64_t size) {
  const char *end = data + size;
  asm volatile(
      "1:\n\t"
      ".irp n,0,16,32,48,64,80,96,112,128,144,160,176,192,208,224,240\n\t"
      "movups \\n(%0), %%xmm0\n\t"
      ".endr\n\t"
      "add $256, %0\n\t"
      "cmp %1, %0\n\t"
      "jb 1b"
      : "+r"(data)
      : "r"(end)
      : "xmm0", "cc", "memory");
}

// Prefetching 8 KiB ahead crosses the ends of pages, where the hardware stops;
// a prefetch past the end of the buffer has no effect.
__attribute__((noinline)) void moeProbeReadPrefetch(const char *data,
                                                    int64_t size) {
  const char *end = data + size;
  asm volatile("1:\n\t"
               ".irp n,0,64,128,192\n\t"
               "prefetcht1 8192+\\n(%0)\n\t"
               "movups \\n(%0), %%xmm0\n\t"
               "movups 16+\\n(%0), %%xmm1\n\t"
               "movups 32+\\n(%0), %%xmm2\n\t"
               "movups 48+\\n(%0), %%xmm3\n\t"
               ".endr\n\t"
               "add $256, %0\n\t"
               "cmp %1, %0\n\t"
               "jb 1b"
               : "+r"(data)
               : "r"(end)
               : "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory");
}

// The four quarters of the range at the same time, a line of each in turn.
__attribute__((noinline)) void moeProbeReadStreams(const char *data,
                                                   int64_t size) {
  int64_t quarter = size / 4;
  const char *last = data + 2 * quarter;
  const char *end = data + quarter;
  asm volatile("1:\n\t"
               ".irp n,0,16,32,48\n\t"
               "movups \\n(%0), %%xmm0\n\t"
               "movups \\n(%0,%2), %%xmm1\n\t"
               "movups \\n(%1), %%xmm2\n\t"
               "movups \\n(%1,%2), %%xmm3\n\t"
               ".endr\n\t"
               "add $64, %0\n\t"
               "add $64, %1\n\t"
               "cmp %3, %0\n\t"
               "jb 1b"
               : "+r"(data), "+r"(last)
               : "r"(quarter), "r"(end)
               : "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory");
}

} // extern "C"

llvm::ArrayRef<FlopProbe> mlir::moe::getFlopProbes() {
  // Registers x lanes x FLOPs a lane.
  static const FlopProbe probes[] = {
      {"moeProbeFlopsSse2", "sse2", "mulps and addps, 128 bits", false,
       12 * 4 * 1, moeProbeFlopsSse2},
      {"moeProbeFlopsAvx2", "avx2,fma", "vfmadd231ps, 256 bits", false,
       12 * 8 * 2, moeProbeFlopsAvx2},
      {"moeProbeFlopsAvx512", "avx512f", "vfmadd231ps, 512 bits", false,
       24 * 16 * 2, moeProbeFlopsAvx512},
      {"moeProbeFlopsAvx512Bf16", "avx512f,avx512bf16", "vdpbf16ps, 512 bits",
       true, 24 * 16 * 4, moeProbeFlopsAvx512Bf16},
      {"moeProbeFlopsAmx", "amx-tile,amx-bf16", "tdpbf16ps, 16 x 16 x 32", true,
       int64_t(4) * 16 * 16 * 32 * 2, moeProbeFlopsAmx},
  };
  return probes;
}

llvm::ArrayRef<ReadProbe> mlir::moe::getReadProbes() {
  static const ReadProbe probes[] = {
      {"moeProbeReadPlain", "plain loads", moeProbeReadPlain},
      {"moeProbeReadPrefetch", "loads, prefetch 8 KiB ahead",
       moeProbeReadPrefetch},
      {"moeProbeReadStreams", "loads, 4 streams a thread", moeProbeReadStreams},
  };
  return probes;
}
