//===- TensorKernelTest.cpp - Compiled matrix kernels ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Inputs are small integers, so that every product and sum is exact and results
// do not depend on the order of accumulation.
//
//===----------------------------------------------------------------------===//

#include "KernelFixture.h"
#include "moe/Emulator/TensorMap.h"

#include <algorithm>

using namespace moe::emulator;
using namespace moe::emulator::testing;

namespace {

template <typename T>
std::vector<float> product(int m, int n, int k, const std::vector<T> &a,
                           const std::vector<T> &b, bool bIsTransposed) {
  std::vector<float> c(m * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int l = 0; l < k; ++l)
        c[i * n + j] += float(a[i * k + l]) *
                        float(bIsTransposed ? b[j * k + l] : b[l * n + j]);
  return c;
}

std::vector<uint16_t> toBF16(const std::vector<int> &values) {
  std::vector<uint16_t> result;
  for (int x : values)
    result.push_back(bf16FromF32(float(x)));
  return result;
}

class TensorKernels : public KernelFixture {
protected:
  TensorKernels() : KernelFixture("Tensor") {}
};

TEST_P(TensorKernels, GemmByMmaAndCpAsync) {
  for (int stages : {2, 3})
    for (int m : {64, 77}) {
      const int n = 128, k = 96;
      std::vector<int> a = integers(m * k, -8, 8), b = integers(k * n, -8, 8);
      uint64_t da = upload(toBF16(a)), db = upload(toBF16(b));
      uint64_t dc = reserve<float>(m * n);
      launch("gemmBF16", (m + 63) / 64 * (n / 64), 128, m, n, k, stages, da, db,
             dc);
      ASSERT_EQ(download<float>(dc, m * n), product(m, n, k, a, b, false));
      uint64_t blocks = uint64_t(m + 63) / 64 * 64 * n * k;
      EXPECT_EQ(counters.tensorFlops, 2 * blocks);
    }
}

TEST_P(TensorKernels, FragmentsOfOtherTypes) {
  std::vector<int> a8 = integers(16 * 32, -128, 127);
  std::vector<int> b8 = integers(8 * 32, 0, 255);
  std::vector<int> a32 = integers(16 * 8, -30, 30),
                   b32 = integers(8 * 8, -9, 9);
  std::vector<int> a16 = integers(16 * 16, -5, 5),
                   b16 = integers(8 * 16, -5, 5);
  auto halves = [](const std::vector<int> &values) {
    std::vector<uint16_t> result;
    for (int x : values)
      result.push_back(f16FromF32(float(x)));
    return result;
  };
  auto bytes = [](const std::vector<int> &values) {
    return std::vector<uint8_t>(values.begin(), values.end());
  };
  auto floats = [](const std::vector<int> &values) {
    return std::vector<float>(values.begin(), values.end());
  };
  uint64_t c8 = reserve<int>(128), c32 = reserve<float>(128);
  uint64_t c16 = reserve<uint16_t>(128);
  launch("mmaShapes", 1, 32, upload(bytes(a8)), upload(bytes(b8)), c8,
         upload(floats(a32)), upload(floats(b32)), c32, upload(halves(a16)),
         upload(halves(b16)), c16);
  std::vector<float> e8 = product(16, 8, 32, a8, b8, true);
  std::vector<float> e32 = product(16, 8, 8, a32, b32, true);
  std::vector<float> e16 = product(16, 8, 16, a16, b16, true);
  std::vector<int> got8 = download<int>(c8, 128);
  std::vector<float> got32 = download<float>(c32, 128);
  std::vector<uint16_t> got16 = download<uint16_t>(c16, 128);
  for (int i = 0; i < 128; ++i) {
    ASSERT_EQ(got8[i], int(e8[i]) + 7);
    ASSERT_EQ(got32[i], e32[i]);
    ASSERT_EQ(f32FromF16(got16[i]), e16[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Compiled, TensorKernels,
    ::testing::Combine(::testing::ValuesIn(kOrders),
                       ::testing::Values(Build{"sm_80", "O1"},
                                         Build{"sm_80", "O3"},
                                         Build{"sm_90a", "O3"})));

class HopperKernels : public KernelFixture {
protected:
  HopperKernels() : KernelFixture("Hopper") {}

  /// The device address of a map of a row-major matrix.
  uint64_t matrixMap(uint64_t address, TensorMapType type, int rows,
                     int columns, int boxRows, int boxColumns,
                     Swizzle swizzle) {
    TensorMap map;
    map.type = type;
    map.rank = 2;
    map.swizzle = swizzle;
    map.address = address;
    map.dims[0] = columns, map.dims[1] = rows;
    map.strides[0] = uint64_t(columns) * map.elementBytes();
    map.box[0] = uint16_t(boxColumns), map.box[1] = uint16_t(boxRows);
    EXPECT_TRUE(bool(map.validate()));
    std::vector<uint8_t> bytes(kTensorMapBytes);
    map.write(bytes.data());
    return upload(bytes);
  }
};

TEST_P(HopperKernels, GemmByTensorCopiesAndWgmma) {
  for (int m : {64, 100})
    for (int k : {64, 320}) {
      const int n = 72;
      std::vector<int> a = integers(m * k, -8, 8), b = integers(n * k, -8, 8);
      uint64_t mapA = matrixMap(upload(toBF16(a)), TensorMapType::BF16, m, k,
                                64, 64, Swizzle::Bytes128);
      uint64_t mapB = matrixMap(upload(toBF16(b)), TensorMapType::BF16, n, k,
                                64, 64, Swizzle::Bytes128);
      uint64_t dc = reserve<float>(m * n);
      launch("gemmWgmma", (m + 63) / 64 * 2, 160, m, n, k, mapA, mapB, dc);
      ASSERT_EQ(download<float>(dc, m * n), product(m, n, k, a, b, true));
    }
}

TEST_P(HopperKernels, BoxesAreFilledAndClipped) {
  const int rows = 20, columns = 60;
  for (auto [x, y] : {std::pair(0, 0), {40, 15}, {-10, -3}, {28, 12}}) {
    std::vector<float> values = uniforms(rows * columns, -1, 1);
    uint64_t address = upload(values);
    uint64_t map = matrixMap(address, TensorMapType::F32, rows, columns, 8, 32,
                             Swizzle::None);
    launch("boxIncrement", 1, 64, map, x, y);
    for (int r = std::max(y, 0); r < std::min(y + 8, rows); ++r)
      for (int c = std::max(x, 0); c < std::min(x + 32, columns); ++c)
        values[r * columns + c] += 1.0f;
    ASSERT_EQ(download<float>(address, values.size()), values);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Compiled, HopperKernels,
    ::testing::Combine(::testing::ValuesIn(kOrders),
                       ::testing::Values(Build{"sm_90a", "O1"},
                                         Build{"sm_90a", "O3"})));

} // namespace
