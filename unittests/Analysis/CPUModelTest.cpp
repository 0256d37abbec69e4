//===- CPUModelTest.cpp - Register tiles and CPUs -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/CPUModel.h"

#include "gtest/gtest.h"

using namespace mlir::moe;

static CPUModel getModel(llvm::StringRef name) {
  return llvm::cantFail(CPUModel::get(name));
}

TEST(CPUModel, NamesAllCPUs) {
  EXPECT_EQ(getModel("x86-64-v3").vectorBits, 256u);
  EXPECT_FALSE(getModel("x86-64-v3").hasBF16Dot);
  for (const char *name : {"znver4", "sapphirerapids"}) {
    EXPECT_EQ(getModel(name).cpu, name);
    EXPECT_EQ(getModel(name).vectorBits, 512u);
    EXPECT_TRUE(getModel(name).hasBF16Dot);
  }
}

TEST(CPUModel, RefusesUnknownCPUs) {
  llvm::Expected<CPUModel> model = CPUModel::get("z80");
  ASSERT_FALSE(model);
  EXPECT_EQ(llvm::toString(model.takeError()),
            "expected cpu native, x86-64-v3, znver4 or sapphirerapids, got "
            "'z80'");
}

// Sums, a step's weights and one broadcast have to fit the registers.
TEST(CPUModel, TilesFitRegisters) {
  for (const char *name : {"x86-64-v3", "znver4"}) {
    CPUModel model = getModel(name);
    for (DotKind kind :
         {DotKind::F32, DotKind::DecodeBF16, DotKind::PairBF16}) {
      for (unsigned numWeights = 1; numWeights <= 4; ++numWeights) {
        int64_t columns = choosePanelColumns(model, numWeights);
        int64_t rows = chooseTileRows(model, kind, columns);
        int64_t vectors = columns * 32 / model.vectorBits;
        EXPECT_EQ(vectors % numWeights, 0);
        EXPECT_GE(rows, 1);
        EXPECT_LE(rows * vectors + vectors + 1, model.numRegisters);
      }
    }
  }
}

TEST(CPUModel, KnownTiles) {
  EXPECT_EQ(chooseTileRows(getModel("x86-64-v3"), DotKind::F32, 16), 6);
  EXPECT_EQ(chooseTileRows(getModel("znver4"), DotKind::PairBF16, 32), 12);
  EXPECT_EQ(chooseTileRows(getModel("znver4"), DotKind::F32, 32), 12);
}

TEST(CPUModel, BlocksAreTilesAndCacheSized) {
  CPUModel model = getModel("x86-64-v3");
  for (int64_t reduction : {1, 17, 512, 2048, 14336, 1 << 20}) {
    TileChoice tiles = chooseTiles(model, DotKind::F32, 2, reduction);
    EXPECT_GE(tiles.rowBlock, tiles.rows);
    EXPECT_EQ(tiles.rowBlock % tiles.rows, 0);
    int64_t stretch = tiles.kBlock == 0 ? reduction : tiles.kBlock;
    EXPECT_LE(stretch * tiles.columns * 4, model.l2Bytes);
  }
}
