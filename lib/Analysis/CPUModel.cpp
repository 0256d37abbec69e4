//===- CPUModel.cpp - What the lowering knows about a CPU -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/CPUModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <algorithm>
#include <vector>

using namespace mlir::moe;

/// The features of this machine as LLVM spells them, sorted: the same machine
/// gives the same string.
static std::string spellFeatures(const llvm::StringMap<bool> &features) {
  std::vector<std::string> names;
  for (const auto &feature : features)
    names.push_back((feature.second ? "+" : "-") + feature.first().str());
  std::sort(names.begin(), names.end(),
            [](const std::string &a, const std::string &b) {
              return a.substr(1) < b.substr(1);
            });
  std::string joined;
  for (const std::string &name : names)
    joined += (joined.empty() ? "" : ",") + name;
  return joined;
}

/// The model of a CPU with these features, or the features that it lacks.
static llvm::Expected<CPUModel>
getWithFeatures(const llvm::StringMap<bool> &features, llvm::StringRef name) {
  auto getMissing = [&](std::initializer_list<llvm::StringRef> wanted) {
    llvm::SmallVector<llvm::StringRef> missing;
    llvm::copy_if(wanted, std::back_inserter(missing),
                  [&](llvm::StringRef name) { return !features.lookup(name); });
    return missing;
  };
  llvm::SmallVector<llvm::StringRef> missing = getMissing({"avx2", "fma"});
  if (!missing.empty())
    return llvm::createStringError("expected a CPU with AVX2 and FMA, got '" +
                                   name + "' without " +
                                   llvm::join(missing, " and "));
  CPUModel model;
  for (const auto &feature : features)
    if (feature.second)
      model.available.insert(feature.first());
  if (getMissing({"avx512f", "avx512bw", "avx512vl", "avx512dq"}).empty()) {
    model.vectorBits = 512;
    model.numRegisters = 32;
    model.hasBF16Dot = features.lookup("avx512bf16");
    model.hasTiles = model.hasBF16Dot && features.lookup("amx-bf16");
    if (model.hasTiles) {
      // Sapphire Rapids and all that came after it.
      model.l1Bytes = 48 << 10;
      model.l2Bytes = 2 << 20;
    }
  }
  return model;
}

static llvm::Expected<CPUModel> getNative() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  llvm::StringRef name = llvm::sys::getHostCPUName();
  llvm::Expected<CPUModel> model = getWithFeatures(features, name);
  if (model) {
    model->cpu = name.str();
    model->features = spellFeatures(features);
  }
  return model;
}

llvm::Expected<CPUModel> CPUModel::get(llvm::StringRef name) {
  if (name == "native")
    return getNative();
  if (llvm::X86::parseArchX86(name, /*Only64Bit=*/true) == llvm::X86::CK_None)
    return llvm::createStringError(
        "expected cpu native or LLVM's name of an x86-64 CPU, as x86-64-v3, "
        "znver4 or sapphirerapids, got '" +
        name + "'");
  llvm::SmallVector<llvm::StringRef> names;
  llvm::X86::getFeaturesForCPU(name, names);
  llvm::StringMap<bool> features;
  for (llvm::StringRef feature : names) {
    features[feature] = true;
    llvm::X86::updateImpliedFeatures(feature, /*Enabled=*/true, features);
  }
  llvm::Expected<CPUModel> model = getWithFeatures(features, name);
  if (model)
    model->cpu = name.str();
  return model;
}

DotKind mlir::moe::chooseDotKind(bool isBF16Operand, bool isBF16Weight,
                                 bool hasBF16Dot, bool hasTiles) {
  if (!isBF16Weight)
    return DotKind::F32;
  if (hasTiles && isBF16Operand)
    return DotKind::TileBF16;
  return hasBF16Dot && isBF16Operand ? DotKind::PairBF16 : DotKind::DecodeBF16;
}

int64_t mlir::moe::choosePanelColumns(const CPUModel &model,
                                      unsigned numWeights) {
  int64_t lanes = model.vectorBits / 32;
  return lanes * (numWeights == 1 ? 2 : numWeights);
}

/// The rows whose sums of `vectors` vectors each fit the registers.
static int64_t getMostRows(const CPUModel &model, DotKind kind,
                           int64_t vectors) {
  // A broadcast is an operand in memory for AVX-512 and a register before it;
  // decoding needs zeros, or a mask, beside what it makes of the pairs.
  int64_t taken = vectors + 1 + (kind == DotKind::DecodeBF16 ? 1 : 0);
  return (model.numRegisters - taken) / vectors;
}

int64_t mlir::moe::chooseTileRows(const CPUModel &model, DotKind kind,
                                  int64_t columns) {
  int64_t vectors = columns / (model.vectorBits / 32);
  // Two tiles of rows read each tile of weights once for both.
  if (kind == DotKind::TileBF16)
    return vectors <= getTileVectors(2) ? 2 * kTileRows : kTileRows;
  return std::clamp<int64_t>(getMostRows(model, kind, vectors), 1, 12);
}

int64_t mlir::moe::chooseTilePanels(const CPUModel &model, DotKind kind,
                                    int64_t columns, int64_t rows) {
  int64_t vectors = columns / (model.vectorBits / 32);
  // More vectors would be decoded per product, on the ports that multiply.
  if (kind == DotKind::DecodeBF16)
    return 1;
  if (kind == DotKind::TileBF16 || rows < 2 ||
      getMostRows(model, kind, 2 * vectors) < rows / 2)
    return 1;
  // A step loads its weights and a broadcast per row. A core that shares its
  // ports with another thread has no load to spare.
  auto loadsPerProduct = [](int64_t vectors, int64_t rows) {
    return static_cast<double>(vectors + rows) /
           static_cast<double>(vectors * rows);
  };
  return loadsPerProduct(2 * vectors, rows / 2) < loadsPerProduct(vectors, rows)
             ? 2
             : 1;
}

TileChoice mlir::moe::chooseTiles(const CPUModel &model, DotKind kind,
                                  unsigned numWeights, int64_t reduction) {
  TileChoice choice;
  choice.columns = choosePanelColumns(model, numWeights);
  choice.rows = chooseTileRows(model, kind, choice.columns);
  choice.panels = chooseTilePanels(model, kind, choice.columns, choice.rows);
  int64_t perUnit = kind == DotKind::F32 ? 1 : 2;
  int64_t units = (reduction + perUnit - 1) / perUnit;
  // Half of the first cache for a stretch of a panel (a unit is 4 bytes): all
  // row tiles but the first read it there, beside their rows. Shorter ones cost
  // more in loading and storing sums than they save. Tiles of AMX leave it two
  // thirds, as their rows do not go there.
  int64_t cacheBytes =
      kind == DotKind::TileBF16 ? model.l1Bytes / 3 * 2 : model.l1Bytes / 2;
  int64_t stretch =
      std::max<int64_t>(64, cacheBytes / (4 * choice.columns) / 64 * 64);
  choice.kBlock = units <= stretch ? 0 : stretch * perUnit;
  // A block reads all weights once more, which has to be little beside its
  // products. Its rows need not fit a cache: a panel reads them one tile after
  // the other.
  // With tiles computing is so fast that it takes more rows; half as many again
  // as a power of two, of which the average number of rows often is one.
  int64_t mostRows = kind == DotKind::TileBF16 ? 384 : 144;
  choice.rowBlock = mostRows / choice.rows * choice.rows;
  choice.prefetch = 8 << 10;
  // Tiles wait for rows that come from beyond the second cache; weights and
  // sums pass through it, too. With few panels to a pass reading the rows costs
  // more than it saves, with many the sums leave the cache.
  if (kind == DotKind::TileBF16) {
    choice.passBytes = model.l2Bytes / 8 * 5;
    choice.passPanels = 32;
  }
  return choice;
}
