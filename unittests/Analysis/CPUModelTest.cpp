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

TEST(CPUModel, WidthIsThatOfTheFeatures) {
  for (const char *name : {"haswell", "znver3", "alderlake"})
    EXPECT_EQ(getModel(name).vectorBits, 256u) << name;
  for (const char *name : {"x86-64-v4", "skylake-avx512", "icelake-server"}) {
    EXPECT_EQ(getModel(name).vectorBits, 512u) << name;
    EXPECT_EQ(getModel(name).numRegisters, 32u) << name;
    EXPECT_FALSE(getModel(name).hasBF16Dot) << name;
  }
  EXPECT_TRUE(getModel("cooperlake").hasBF16Dot);
  EXPECT_FALSE(getModel("cooperlake").hasTiles);
  EXPECT_FALSE(getModel("znver5").hasTiles);
  EXPECT_TRUE(getModel("sapphirerapids").hasTiles);
}

TEST(CPUModel, FeaturesIncludeWhatOthersImply) {
  CPUModel avx2 = getModel("x86-64-v3");
  for (const char *feature : {"sse2", "avx2", "fma"})
    EXPECT_TRUE(avx2.hasFeature(feature)) << feature;
  EXPECT_FALSE(avx2.hasFeature("avx512f"));
  for (const char *feature : {"avx512f", "avx512bf16", "amx-tile", "amx-bf16"})
    EXPECT_TRUE(getModel("sapphirerapids").hasFeature(feature)) << feature;
  EXPECT_FALSE(getModel("znver4").hasFeature("amx-tile"));
}

// Whatever the host is, a model of it exists only with these.
TEST(CPUModel, NativeHasWhatTheLoweringNeeds) {
  llvm::Expected<CPUModel> native = CPUModel::get("native");
  if (!native) {
    llvm::consumeError(native.takeError());
    GTEST_SKIP() << "this machine lacks AVX2 or FMA";
  }
  EXPECT_TRUE(native->hasFeature("avx2"));
  EXPECT_TRUE(native->hasFeature("fma"));
  EXPECT_FALSE(native->hasFeature("avx99"));
}

TEST(CPUModel, DotKindIsThatOfTheCPU) {
  const std::pair<const char *, DotKind> kinds[] = {
      {"x86-64-v3", DotKind::DecodeBF16},
      {"x86-64-v4", DotKind::DecodeBF16},
      {"znver4", DotKind::PairBF16},
      {"sapphirerapids", DotKind::TileBF16}};
  for (auto [name, kind] : kinds) {
    EXPECT_EQ(getModel(name).getDotKind(/*isBF16=*/true), kind) << name;
    EXPECT_EQ(getModel(name).getDotKind(/*isBF16=*/false), DotKind::F32);
  }
  // Pairs and tiles take operands of bf16.
  EXPECT_EQ(chooseDotKind(/*isBF16Operand=*/false, /*isBF16Weight=*/true,
                          /*hasBF16Dot=*/true, /*hasTiles=*/true),
            DotKind::DecodeBF16);
}

static std::string getError(llvm::StringRef name) {
  llvm::Expected<CPUModel> model = CPUModel::get(name);
  return model ? "" : llvm::toString(model.takeError());
}

TEST(CPUModel, RefusesOtherCPUs) {
  EXPECT_EQ(getError("z80"),
            "expected cpu native or LLVM's name of an x86-64 CPU, as x86-64-v3,"
            " znver4 or sapphirerapids, got 'z80'");
  EXPECT_EQ(getError("nehalem"), "expected a CPU with AVX2 and FMA, got "
                                 "'nehalem' without avx2 and fma");
  EXPECT_NE(getError("pentium4"), ""); // no 64 bits
}

// Sums, a step's weights, one broadcast and what decodes have to fit the
// registers.
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
        int64_t mask = kind == DotKind::DecodeBF16 ? 1 : 0;
        EXPECT_LE(rows * vectors + vectors + 1 + mask, model.numRegisters);
      }
    }
  }
}

// Sums, the rows' tiles and one of weights have to fit eight registers.
TEST(CPUModel, TilesFitTileRegisters) {
  CPUModel model = getModel("sapphirerapids");
  for (unsigned numWeights = 1; numWeights <= 4; ++numWeights) {
    int64_t columns = choosePanelColumns(model, numWeights);
    int64_t rows = chooseTileRows(model, DotKind::TileBF16, columns);
    int64_t blocks = rows / kTileRows, vectors = getTileVectors(blocks);
    EXPECT_EQ(rows % kTileRows, 0);
    EXPECT_GE(vectors, 1);
    EXPECT_LE(blocks * vectors + blocks + 1, kNumTiles);
  }
  EXPECT_EQ(chooseTileRows(model, DotKind::TileBF16, 32), 32);
  EXPECT_EQ(chooseTileRows(model, DotKind::TileBF16, 48), 16);
}

TEST(CPUModel, PanelsOfATile) {
  auto choose = [](const char *cpu, DotKind kind, unsigned numWeights) {
    TileChoice choice = chooseTiles(getModel(cpu), kind, numWeights, 1024);
    return choice.panels;
  };
  // Half the rows by twice the vectors: 10 loads for 24 products, not 14.
  EXPECT_EQ(choose("znver4", DotKind::F32, 1), 2);
  EXPECT_EQ(choose("znver4", DotKind::PairBF16, 2), 2);
  EXPECT_EQ(choose("znver4", DotKind::F32, 3), 2);
  // The sums of three rows by eight vectors would leave no registers.
  EXPECT_EQ(choose("znver4", DotKind::F32, 4), 1);
  EXPECT_EQ(choose("x86-64-v3", DotKind::F32, 1), 1);
  EXPECT_EQ(choose("skylake-avx512", DotKind::DecodeBF16, 1), 1);
  EXPECT_EQ(choose("sapphirerapids", DotKind::TileBF16, 1), 1);
}

TEST(CPUModel, KnownTiles) {
  EXPECT_EQ(chooseTileRows(getModel("x86-64-v3"), DotKind::F32, 16), 6);
  EXPECT_EQ(chooseTileRows(getModel("x86-64-v3"), DotKind::DecodeBF16, 16), 6);
  EXPECT_EQ(chooseTileRows(getModel("znver4"), DotKind::PairBF16, 32), 12);
  EXPECT_EQ(chooseTileRows(getModel("znver4"), DotKind::F32, 32), 12);
}

TEST(CPUModel, BlocksAreTilesAndStretchesFitTheCache) {
  CPUModel model = getModel("x86-64-v3");
  for (int64_t reduction : {1, 17, 256, 2048, 14336, 1 << 20}) {
    TileChoice tiles = chooseTiles(model, DotKind::F32, 2, reduction);
    EXPECT_GE(tiles.rowBlock, tiles.rows);
    EXPECT_EQ(tiles.rowBlock % tiles.rows, 0);
    int64_t stretch = tiles.kBlock == 0 ? reduction : tiles.kBlock;
    EXPECT_LE(stretch * tiles.columns * 4, model.l1Bytes / 2);
    EXPECT_EQ(tiles.passBytes, 0);
  }
}

TEST(CPUModel, StretchesAndPassesOfTilesFitTheCaches) {
  CPUModel model = getModel("sapphirerapids");
  for (int64_t reduction : {1, 17, 512, 2048, 14336, 1 << 20}) {
    TileChoice tiles = chooseTiles(model, DotKind::TileBF16, 2, reduction);
    int64_t stretch = tiles.kBlock == 0 ? reduction : tiles.kBlock;
    EXPECT_LE(stretch, 512);
    EXPECT_LT(stretch * tiles.columns * 2, model.l1Bytes);
    EXPECT_GT(tiles.passBytes, tiles.rowBlock * stretch * 2);
    EXPECT_LT(tiles.passBytes, model.l2Bytes);
  }
}
