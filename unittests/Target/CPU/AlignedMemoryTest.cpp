//===- AlignedMemoryTest.cpp - Tests of memory for huge pages -===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/AlignedMemory.h"

#include "gtest/gtest.h"
#include <cstdint>

using namespace mlir::moe;

TEST(AlignedMemoryTest, IsAlignedZeroedAndWritable) {
  for (size_t size : {size_t(1), size_t(4096), (size_t(2) << 20),
                      (size_t(6) << 20) + 12345}) {
    auto memory = AlignedMemory::allocate(size);
    ASSERT_TRUE(bool(memory)) << llvm::toString(memory.takeError());
    auto *bytes = static_cast<char *>(memory->getData());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % AlignedMemory::kAlignment,
              0u);
    EXPECT_EQ(memory->getSize(), size);
    for (size_t at : {size_t(0), size / 2, size - 1})
      EXPECT_EQ(bytes[at], 0);
    bytes[0] = bytes[size - 1] = 1;
  }
}

TEST(AlignedMemoryTest, NothingIsNull) {
  auto memory = AlignedMemory::allocate(0);
  ASSERT_TRUE(bool(memory)) << llvm::toString(memory.takeError());
  EXPECT_EQ(memory->getData(), nullptr);
}

TEST(AlignedMemoryTest, MovesLeaveNothingBehind) {
  AlignedMemory memory;
  {
    auto allocated = AlignedMemory::allocate(100);
    ASSERT_TRUE(bool(allocated)) << llvm::toString(allocated.takeError());
    memory = std::move(*allocated);
    EXPECT_EQ(allocated->getData(), nullptr);
  }
  static_cast<char *>(memory.getData())[99] = 1;
}

TEST(AlignedMemoryTest, TooMuch) {
  for (size_t size : {SIZE_MAX, SIZE_MAX / 4}) {
    auto memory = AlignedMemory::allocate(size);
    ASSERT_FALSE(bool(memory));
    EXPECT_EQ(llvm::toString(memory.takeError()),
              "cannot allocate " + std::to_string(size) + " bytes of memory");
  }
}
