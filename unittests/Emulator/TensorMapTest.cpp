//===- TensorMapTest.cpp - Boxes of tensor copies -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/TensorMap.h"

#include "gtest/gtest.h"

#include <cstring>
#include <random>
#include <vector>

using namespace moe::emulator;

namespace {

/// A 2-D tensor of 16-bit elements with a 64-element-wide box.
TensorMap matrix() {
  TensorMap map;
  map.type = TensorMapType::BF16;
  map.rank = 2;
  map.address = 0x10000;
  map.dims[0] = 100, map.dims[1] = 30;
  map.strides[0] = 208;
  map.box[0] = 64, map.box[1] = 8;
  map.swizzle = Swizzle::Bytes128;
  return map;
}

TEST(TensorMap, EncodesAndRefusesOtherBytes) {
  unsigned char bytes[kTensorMapBytes];
  matrix().write(bytes);
  Expected<TensorMap> map = TensorMap::read(bytes);
  ASSERT_TRUE(bool(map));
  EXPECT_EQ(map->strides[0], 208u);
  EXPECT_EQ(map->boxBytes(), 64u * 8 * 2);
  bytes[0] ^= 1;
  EXPECT_EQ(TensorMap::read(bytes).error().message,
            "expected a tensor map, got other bytes");
}

TEST(TensorMap, EachRuleHasItsMessage) {
  auto message = [](auto change) {
    TensorMap map = matrix();
    change(map);
    Status status = map.validate();
    return status ? std::string() : status.error().message.substr(12);
  };
  EXPECT_EQ(message([](TensorMap &) {}), "");
  EXPECT_EQ(message([](TensorMap &m) { m.rank = 6; }),
            "expected rank in [1, 5], got 6");
  EXPECT_EQ(message([](TensorMap &m) { m.type = TensorMapType(13); }),
            "expected a data type below 13, got 13");
  EXPECT_EQ(message([](TensorMap &m) { m.address += 8; }),
            "expected globalAddress to be a multiple of 16 bytes, got 65544");
  EXPECT_EQ(message([](TensorMap &m) { m.dims[1] = 0; }),
            "expected globalDim[1] in [1, 2^32], got 0");
  EXPECT_EQ(message([](TensorMap &m) { m.box[1] = 257; }),
            "expected boxDim[1] in [1, 256], got 257");
  EXPECT_EQ(message([](TensorMap &m) { m.elementStrides[1] = 9; }),
            "expected elementStrides[1] in [1, 8], got 9");
  EXPECT_EQ(message([](TensorMap &m) { m.strides[0] = 200; }),
            "expected globalStrides[0] to be a multiple of 16 bytes, got 200");
  EXPECT_EQ(message([](TensorMap &m) { m.strides[0] = uint64_t(1) << 40; }),
            "expected globalStrides[0] below 2^40, got 1099511627776");
  EXPECT_EQ(message([](TensorMap &m) { m.box[0] = 4; }),
            "expected boxDim[0] to span a multiple of 16 bytes, got 8");
  EXPECT_EQ(message([](TensorMap &m) { m.box[0] = 72; }),
            "expected boxDim[0] to span at most the 128 bytes of the swizzle, "
            "got 144");
  EXPECT_EQ(message([](TensorMap &m) { m.swizzle = Swizzle(4); }),
            "expected a swizzle of 0, 32, 64 or 128 bytes, got 4");
  EXPECT_EQ(message([](TensorMap &m) {
              m.type = TensorMapType::U16;
              m.fill = TensorMapFill::NaN;
            }),
            "expected a floating-point type for NaN fill");
}

/// What the walk must visit, element by element, by nested counting.
struct ExpectedElement {
  bool inside;
  uint64_t global;
};

std::vector<ExpectedElement> plainBox(const TensorMap &map,
                                      const int32_t *coordinates) {
  uint32_t total = map.boxBytes() / map.elementBytes();
  std::vector<ExpectedElement> elements(total);
  for (uint32_t n = 0; n < total; ++n) {
    uint32_t rest = n;
    ExpectedElement &e = elements[n];
    e = {true, map.address};
    for (unsigned i = 0; i < map.rank; ++i) {
      int64_t step = i == 0 ? 1 : map.elementStrides[i];
      int64_t at = coordinates[i] + int64_t(rest % map.boxCount(i)) * step;
      rest /= map.boxCount(i);
      e.inside &= at >= 0 && uint64_t(at) < map.dims[i];
      e.global +=
          uint64_t(at) * (i == 0 ? map.elementBytes() : map.strides[i - 1]);
    }
  }
  return elements;
}

TEST(TensorMap, WalkVisitsEachElementOnceAtItsPlace) {
  std::mt19937 random(3);
  constexpr TensorMapType types[] = {TensorMapType::U8, TensorMapType::BF16,
                                     TensorMapType::F32, TensorMapType::F64};
  for (int round = 0; round < 400; ++round) {
    TensorMap map;
    map.type = types[random() % 4];
    map.rank = uint8_t(1 + random() % 5);
    map.swizzle = Swizzle(random() % 4);
    map.address = 0x40000;
    uint32_t width = map.elementBytes();
    uint32_t limit = 8u << unsigned(map.swizzle); // at most half the span
    map.box[0] = uint16_t(std::max(limit * 2 / width, 16 / width));
    uint64_t stride = 1024;
    int32_t coordinates[TensorMap::kMaxRank];
    for (unsigned i = 0; i < map.rank; ++i) {
      map.dims[i] = 1 + random() % 20;
      if (i > 0) {
        map.box[i] = uint16_t(1 + random() % 4);
        map.elementStrides[i] = uint8_t(1 + random() % 3);
        map.strides[i - 1] = stride;
        stride *= 20;
      }
      coordinates[i] = int32_t(random() % 40) - 15;
    }
    ASSERT_TRUE(bool(map.validate()));
    uint32_t shared = 1024 * (random() % 3);
    std::vector<ExpectedElement> expected = plainBox(map, coordinates);
    std::vector<int> visits(map.boxBytes());
    walkBox(map, coordinates, shared, [&](BoxPiece piece) {
      for (uint32_t b = 0; b < piece.bytes; ++b) {
        uint32_t linear =
            swizzleAddress(map.swizzle, piece.shared + b) - shared;
        ASSERT_LT(linear, visits.size());
        ++visits[linear];
        ExpectedElement &e = expected[linear / width];
        ASSERT_EQ(piece.inside, e.inside);
        if (e.inside)
          ASSERT_EQ(piece.global + b, e.global + linear % width);
      }
    });
    for (int count : visits)
      ASSERT_EQ(count, 1);
  }
}

// Two views of one tile: what a tensor copy swizzles into shared memory, a
// wgmma descriptor with the same swizzle finds.
TEST(TensorMap, WgmmaReadsWhatACopyWrote) {
  for (Swizzle swizzle :
       {Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128}) {
    TensorMap map = matrix();
    uint32_t rowBytes = swizzleChunks(swizzle) * kChunkBytes;
    map.swizzle = swizzle;
    map.dims[1] = map.box[1] = 64;
    map.box[0] = uint16_t(rowBytes / 2);
    const uint32_t shared = 2048;
    int32_t origin[] = {0, 0};
    std::vector<uint64_t> origins(map.boxBytes() / kChunkBytes);
    walkBox(map, origin, shared, [&](BoxPiece piece) {
      origins[(piece.shared - shared) / kChunkBytes] = piece.global;
    });
    MatrixDescriptor d{shared, 16, 8 * rowBytes, 0, swizzle, true};
    OperandLayout rows(d, /*mnMajor=*/false), lines(d, /*mnMajor=*/true);
    for (uint32_t row = 0; row < 64; ++row)
      for (uint32_t chunk = 0; chunk < rowBytes / kChunkBytes; ++chunk) {
        uint64_t global = map.address + row * map.strides[0] + 16 * chunk;
        for (const OperandLayout &layout : {rows, lines}) {
          uint32_t at = layout.chunkAddress(row, chunk) - shared;
          ASSERT_EQ(origins[at / kChunkBytes], global);
        }
      }
  }
}

} // namespace
