//===- FragmentsTest.cpp - Properties of the fragment layouts -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Fragments.h"

#include "gtest/gtest.h"

#include <random>
#include <utility>
#include <vector>

using namespace moe::emulator;

namespace {

constexpr MmaShape kShapes[] = {
    {16, 8, 8, 16}, {16, 8, 16, 16}, {16, 8, 4, 32}, {16, 8, 8, 32},
    {16, 8, 16, 8}, {16, 8, 32, 8},  {8, 8, 16, 8},  {16, 8, 64, 4},
    {8, 8, 4, 64},  {16, 8, 16, 64},
};

/// Counts visits of each position of a rows x columns matrix.
class Visits {
public:
  Visits(uint32_t rows, uint32_t columns)
      : columns(columns), counts(rows * columns) {}
  void visit(Coordinate c) {
    ASSERT_LT(c.column, columns);
    ASSERT_LT(c.row * columns + c.column, counts.size());
    ++counts[c.row * columns + c.column];
  }
  void expectOnceEach() {
    for (int count : counts)
      ASSERT_EQ(count, 1);
  }

private:
  uint32_t columns;
  std::vector<int> counts;
};

TEST(Fragments, EachElementOfAMmaHasOneOwner) {
  for (MmaShape s : kShapes) {
    Visits a(s.m, s.k), b(s.k, s.n), c(s.m, s.n);
    for (uint32_t lane = 0; lane < 32; ++lane) {
      for (uint32_t i = 0; i < s.aCount(); ++i)
        a.visit(mmaA(s, lane, i));
      for (uint32_t i = 0; i < s.bCount(); ++i)
        b.visit(mmaB(s, lane, i));
      for (uint32_t i = 0; i < s.cCount(); ++i)
        c.visit(mmaC(s, lane, i));
    }
    a.expectOnceEach(), b.expectOnceEach(), c.expectOnceEach();
  }
}

TEST(Fragments, EachElementOfAWgmmaHasOneOwner) {
  for (uint32_t n = 8; n <= 256; n += 8) {
    Visits c(64, n);
    for (uint32_t thread = 0; thread < 128; ++thread)
      for (uint32_t i = 0; i < n / 2; ++i)
        c.visit(wgmmaC(thread, i));
    c.expectOnceEach();
  }
  for (uint32_t bits : {8u, 16u, 32u}) {
    Visits a(64, 256 / bits);
    for (uint32_t thread = 0; thread < 128; ++thread)
      for (uint32_t i = 0; i < 4 * 32 / bits; ++i)
        a.visit(wgmmaA(bits, thread, i));
    a.expectOnceEach();
  }
}

TEST(Fragments, ProductThroughFragmentsIsThePlainProduct) {
  std::mt19937 random(1);
  for (MmaShape s : kShapes) {
    std::vector<int> a(s.m * s.k), b(s.k * s.n), c(s.m * s.n);
    for (auto *matrix : {&a, &b, &c})
      for (int &x : *matrix)
        x = int(random() % 19) - 9;
    // Deal out, gather in the other order, multiply, and deal back.
    std::vector<int> fa(32 * s.aCount()), fb(32 * s.bCount());
    for (uint32_t lane = 0; lane < 32; ++lane) {
      for (uint32_t i = 0; i < s.aCount(); ++i) {
        Coordinate at = mmaA(s, lane, i);
        fa[lane * s.aCount() + i] = a[at.row * s.k + at.column];
      }
      for (uint32_t i = 0; i < s.bCount(); ++i) {
        Coordinate at = mmaB(s, lane, i);
        fb[lane * s.bCount() + i] = b[at.row * s.n + at.column];
      }
    }
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t i = 0; i < s.cCount(); ++i) {
        Coordinate at = mmaC(s, lane, i);
        int plain = c[at.row * s.n + at.column], dealt = plain;
        for (uint32_t k = 0; k < s.k; ++k)
          plain += a[at.row * s.k + k] * b[k * s.n + at.column];
        for (uint32_t la = 0; la < 32; ++la)
          for (uint32_t ia = 0; ia < s.aCount(); ++ia)
            for (uint32_t ib = 0; ib < s.bCount(); ++ib) {
              // The owners of B's column are the four lanes of one group.
              uint32_t lb = at.column * 4 + la % 4;
              Coordinate ka = mmaA(s, la, ia), kb = mmaB(s, lb, ib);
              if (ka.row == at.row && ka.column == kb.row &&
                  kb.column == at.column)
                dealt += fa[la * s.aCount() + ia] * fb[lb * s.bCount() + ib];
            }
        ASSERT_EQ(dealt, plain);
      }
  }
}

// The product is blind to a common permutation of K, so a few positions are
// pinned to the tables of the PTX manual.
TEST(Fragments, PinnedPositions) {
  MmaShape f16{16, 8, 16, 16}, s8{16, 8, 32, 8}, tf32{16, 8, 8, 32};
  EXPECT_EQ(mmaA(f16, 7, 1), (Coordinate{1, 7}));
  EXPECT_EQ(mmaA(f16, 7, 2), (Coordinate{9, 6}));
  EXPECT_EQ(mmaA(f16, 7, 5), (Coordinate{1, 15}));
  EXPECT_EQ(mmaB(f16, 7, 3), (Coordinate{15, 1}));
  EXPECT_EQ(mmaC(f16, 7, 3), (Coordinate{9, 7}));
  EXPECT_EQ(mmaA(s8, 6, 5), (Coordinate{9, 9}));
  EXPECT_EQ(mmaA(s8, 6, 8), (Coordinate{1, 24}));
  EXPECT_EQ(mmaB(s8, 6, 4), (Coordinate{24, 1}));
  EXPECT_EQ(mmaA(tf32, 6, 1), (Coordinate{9, 2}));
  EXPECT_EQ(mmaA(tf32, 6, 2), (Coordinate{1, 6}));
  EXPECT_EQ(mmaB(tf32, 6, 1), (Coordinate{6, 1}));
  EXPECT_EQ(wgmmaC(33, 6), (Coordinate{24, 10}));
  EXPECT_EQ(wgmmaA(16, 97, 4), (Coordinate{48, 10}));
}

// ldmatrix exists to load these fragments: x4 from a row-major A, x2 from B
// stored by columns, x2.trans from B stored by rows.
TEST(Fragments, LdmatrixLoadsMmaFragments) {
  MmaShape s{16, 8, 16, 16};
  for (uint32_t lane = 0; lane < 32; ++lane) {
    for (uint32_t i = 0; i < s.aCount(); ++i) {
      // Lane l points at row l % 16, column 8 * (l / 16).
      MatrixSlot slot = matrixSlot(lane, i / 2, i % 2, false);
      EXPECT_EQ(
          mmaA(s, lane, i),
          (Coordinate{slot.lane % 16, slot.lane / 16 * 8 + slot.element}));
    }
    for (uint32_t i = 0; i < s.bCount(); ++i) {
      // Lane l points at column l % 8, rows from 8 * (l / 8).
      MatrixSlot byColumn = matrixSlot(lane, i / 2, i % 2, false);
      EXPECT_EQ(mmaB(s, lane, i),
                (Coordinate{byColumn.lane / 8 * 8 + byColumn.element,
                            byColumn.lane % 8}));
      // Lane l points at row l.
      MatrixSlot byRow = matrixSlot(lane, i / 2, i % 2, true);
      EXPECT_EQ(mmaB(s, lane, i), (Coordinate{byRow.lane, byRow.element}));
    }
  }
}

TEST(SharedLayout, SwizzleIsAnInvolutionWithinItsPeriod) {
  for (Swizzle s :
       {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128}) {
    for (uint32_t address = 0; address < 4096; ++address) {
      uint32_t swizzled = swizzleAddress(s, address);
      ASSERT_EQ(swizzleAddress(s, swizzled), address);
      ASSERT_EQ(swizzled % 16, address % 16);
      ASSERT_EQ(swizzled / (16 * swizzleChunks(s)),
                address / (16 * swizzleChunks(s)));
      ASSERT_EQ(swizzleAddress(s, address + swizzlePeriod(s)),
                swizzled + swizzlePeriod(s));
    }
  }
  // Chunk 5 of row 3 of a 128-byte tile.
  EXPECT_EQ(swizzleAddress(Swizzle::Bytes128, 3 * 128 + 5 * 16),
            3u * 128 + 6 * 16);
  // Row 3 of a 32-byte tile lies in the first 128 bytes: not moved. Row 4 is.
  EXPECT_EQ(swizzleAddress(Swizzle::Bytes32, 3 * 32), 3u * 32);
  EXPECT_EQ(swizzleAddress(Swizzle::Bytes32, 4 * 32), 4u * 32 + 16);
}

TEST(SharedLayout, SwizzledColumnsTouchAllBanks) {
  // What it is for: one chunk of 8 consecutive rows covers all 32 banks.
  for (uint32_t chunk = 0; chunk < 8; ++chunk) {
    uint32_t groups = 0;
    for (uint32_t row = 0; row < 8; ++row)
      groups |=
          1u << (swizzleAddress(Swizzle::Bytes128, row * 128 + chunk * 16) /
                 16 % 8);
    EXPECT_EQ(groups, 0xffu);
  }
}

TEST(SharedLayout, DescriptorRoundTrip) {
  for (Swizzle s :
       {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128}) {
    MatrixDescriptor d{0x3fff0, 0x1230, 0x400, 5, s, true};
    MatrixDescriptor e = MatrixDescriptor::decode(d.encode());
    EXPECT_EQ(e.start, d.start);
    EXPECT_EQ(e.leadingOffset, d.leadingOffset);
    EXPECT_EQ(e.strideOffset, d.strideOffset);
    EXPECT_EQ(e.baseOffset, d.baseOffset);
    EXPECT_EQ(e.swizzle, d.swizzle);
    EXPECT_TRUE(e.wellFormed);
  }
  // The upper word of a K-major tile with 128-byte rows: stride 1024, code 1.
  MatrixDescriptor d = MatrixDescriptor::decode(0x4000004000000000u);
  EXPECT_EQ(d.strideOffset, 1024u);
  EXPECT_EQ(d.swizzle, Swizzle::Bytes128);
  EXPECT_FALSE(MatrixDescriptor::decode(uint64_t(1) << 15).wellFormed);
}

/// Every chunk of a lines x chunks operand lies at its own address.
void expectDistinctChunks(OperandLayout layout, uint32_t lines, uint32_t chunks,
                          uint32_t start) {
  std::vector<bool> used(lines * chunks);
  for (uint32_t line = 0; line < lines; ++line)
    for (uint32_t chunk = 0; chunk < chunks; ++chunk) {
      uint32_t offset = layout.chunkAddress(line, chunk) - start;
      ASSERT_EQ(offset % 16, 0u);
      ASSERT_LT(offset / 16, used.size());
      ASSERT_FALSE(used[offset / 16]);
      used[offset / 16] = true;
    }
}

TEST(SharedLayout, OperandsCoverTheirTileOnce) {
  for (Swizzle s :
       {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128}) {
    uint32_t width = swizzleChunks(s), group = 128 * width;
    // K-major: 64 rows of one group's width (two groups without swizzle).
    uint32_t chunks = s == Swizzle::None ? 2 : width;
    MatrixDescriptor k{4096, 64 / 8 * group, group, 0, s, true};
    expectDistinctChunks({k, false}, 64, chunks, k.start);
    // MN-major: 16 lines of K by 64 elements of 2 bytes, 8 chunks.
    uint32_t along = 8 / width * group;
    MatrixDescriptor mn{4096, group, along, 0, s, true};
    if (s == Swizzle::None)
      std::swap(mn.leadingOffset, mn.strideOffset);
    expectDistinctChunks({mn, true}, 16, 8, mn.start);
  }
}

TEST(SharedLayout, AdvancingTheStartAdvancesK) {
  // Adding 32 bytes to the start of a swizzled K-major operand reads the next
  // 16 f16 columns: the swizzle is a matter of addresses.
  MatrixDescriptor d{8192, 16, 1024, 0, Swizzle::Bytes128, true};
  MatrixDescriptor next = d;
  next.start += 32;
  OperandLayout layout(d, false), advanced(next, false);
  for (uint32_t row = 0; row < 64; ++row)
    for (uint32_t chunk = 0; chunk < 2; ++chunk)
      EXPECT_EQ(advanced.chunkAddress(row, chunk),
                layout.chunkAddress(row, chunk + 2));
}

} // namespace
