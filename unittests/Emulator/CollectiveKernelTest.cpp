//===- CollectiveKernelTest.cpp - Compiled kernels that work together -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelFixture.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace moe::emulator;
using namespace moe::emulator::testing;

namespace {

class CollectiveKernels : public KernelFixture {
protected:
  CollectiveKernels() : KernelFixture("Collective") {}
};

TEST_P(CollectiveKernels, Softmax) {
  for (int columns : {1, 31, 300}) {
    const int rows = 5;
    std::vector<float> x = uniforms(rows * columns, -20, 20);
    uint64_t dx = upload(x), dy = reserve<float>(x.size());
    launch("softmax", rows, 128, columns, dx, dy);
    std::vector<float> got = download<float>(dy, x.size());
    for (int r = 0; r < rows; ++r) {
      const float *row = &x[r * columns];
      float top = *std::max_element(row, row + columns);
      double total = 0;
      for (int c = 0; c < columns; ++c)
        total += std::exp(double(row[c]) - top);
      // |argument of ex2| <= 58: half an ulp of it is 2^-19, relative after
      // ex2 about 2^-19; the sum of 300 terms adds less than 2^-18.
      for (int c = 0; c < columns; ++c) {
        double expected = std::exp(double(row[c]) - top) / total;
        ASSERT_NEAR(got[r * columns + c], expected, 0x1p-16 * expected);
      }
    }
  }
}

TEST_P(CollectiveKernels, TopK) {
  const int rows = 8, k = 6;
  for (int columns : {8, 60, 256}) {
    // Few distinct values, so that ties are common.
    std::vector<int> whole = integers(rows * columns, -10, 10);
    std::vector<float> x(whole.begin(), whole.end());
    uint64_t dx = upload(x), values = reserve<float>(rows * k);
    uint64_t indices = reserve<int>(rows * k);
    launch("topk", 2, 128, columns, k, dx, values, indices);
    std::vector<float> gotValues = download<float>(values, rows * k);
    std::vector<int> gotIndices = download<int>(indices, rows * k);
    for (int r = 0; r < rows; ++r) {
      const float *row = &x[r * columns];
      std::vector<int> order(columns);
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int a, int b) {
        return row[a] != row[b] ? row[a] > row[b] : a < b;
      });
      for (int j = 0; j < k; ++j) {
        ASSERT_EQ(gotIndices[r * k + j], order[j]);
        ASSERT_EQ(gotValues[r * k + j], row[order[j]]);
      }
    }
  }
}

TEST_P(CollectiveKernels, Histogram) {
  for (bool skewed : {false, true}) {
    const int n = 3000;
    std::vector<int> x = integers(n, 0, skewed ? 1 : 1000);
    std::vector<int> expected(64, 0);
    for (int v : x)
      ++expected[v & 63];
    uint64_t dx = upload(x), bins = upload(std::vector<int>(64, 0));
    launch("histogram", 4, 96, n, dx, bins);
    EXPECT_EQ(download<int>(bins, 64), expected);
  }
}

TEST_P(CollectiveKernels, Scans) {
  for (int n : {1, 32, 250}) {
    std::vector<int> x = integers(n, -100, 100), sums(n);
    std::partial_sum(x.begin(), x.end(), sums.begin());
    uint64_t dx = upload(x), dy = reserve<int>(n);
    launch("scan", 1, 256, n, dx, dy);
    EXPECT_EQ(download<int>(dy, n), sums);

    std::vector<float> fx(x.begin(), x.end()), fsums(sums.begin(), sums.end());
    uint64_t dfx = upload(fx), dfy = reserve<float>(n);
    launch("scanDoubling", 1, 256, n, dfx, dfy);
    EXPECT_EQ(download<float>(dfy, n), fsums); // integers: exact
  }
}

TEST_P(CollectiveKernels, SumByAtomics) {
  const int n = 5000;
  std::vector<int> whole = integers(n, -50, 50);
  std::vector<float> x(whole.begin(), whole.end());
  uint64_t dx = upload(x), total = upload(std::vector<float>{0.0f});
  launch("sumAtomic", 7, 64, n, dx, total);
  EXPECT_EQ(download<float>(total, 1)[0],
            float(std::accumulate(whole.begin(), whole.end(), 0)));
  EXPECT_TRUE(module->findKernel("sumAtomic")->orderDependent);
}

TEST_P(CollectiveKernels, Transpose) {
  const int rows = 70, columns = 45;
  std::vector<float> x = uniforms(rows * columns, -1, 1);
  uint64_t dx = upload(x), dy = reserve<float>(x.size());
  launch("transpose", 3 * 2, 128, rows, columns, dx, dy);
  std::vector<float> got = download<float>(dy, x.size());
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      ASSERT_EQ(got[c * rows + r], x[r * columns + c]);
}

TEST_P(CollectiveKernels, Votes) {
  const int n = 64;
  std::vector<int> x = integers(n, -5, 5);
  uint64_t dx = upload(x), out = reserve<int>(8 * n);
  launch("votes", 1, n, dx, out);
  std::vector<int> got = download<int>(out, 8 * n);
  for (int i = 0; i < n; ++i) {
    const int *warp = &x[i / 32 * 32], *o = &got[8 * i];
    uint32_t positive = 0, equal = 0;
    for (int l = 0; l < 32; ++l) {
      positive |= uint32_t(warp[l] > 0) << l;
      equal |= uint32_t(warp[l] == x[i]) << l;
    }
    ASSERT_EQ(uint32_t(o[0]), positive);
    ASSERT_EQ(o[1], 1);
    ASSERT_EQ(o[2], 0);
    ASSERT_EQ(uint32_t(o[3]), equal);
    ASSERT_EQ(o[4], std::accumulate(warp, warp + 32, 0));
    ASSERT_EQ(o[5], *std::max_element(warp, warp + 32));
    ASSERT_EQ(uint32_t(o[6]), i % 2 ? positive & 0xaaaaaaaau : 0u);
    ASSERT_EQ(o[7], warp[(i + 5) % 32]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Compiled, CollectiveKernels,
    ::testing::Combine(::testing::ValuesIn(kOrders),
                       ::testing::Values(Build{"sm_80", "O0"},
                                         Build{"sm_80", "O3"},
                                         Build{"sm_90a", "O3"})));

} // namespace
