//===- CPUModel.cpp - What the lowering knows about a CPU -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Analysis/CPUModel.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include <algorithm>
#include <vector>

using namespace mlir::moe;

static CPUModel makeWide(llvm::StringRef cpu, bool hasBF16Dot,
                         int64_t l2Bytes) {
  CPUModel model;
  model.cpu = cpu.str();
  model.vectorBits = 512;
  model.numRegisters = 32;
  model.hasBF16Dot = hasBF16Dot;
  model.l2Bytes = l2Bytes;
  return model;
}

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

static llvm::Expected<CPUModel> getNative() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (!features.lookup("avx2") || !features.lookup("fma"))
    return llvm::createStringError(
        "expected a CPU with AVX2 and FMA, got this machine's %s",
        llvm::sys::getHostCPUName().str().c_str());
  bool isWide = features.lookup("avx512f") && features.lookup("avx512bw") &&
                features.lookup("avx512vl") && features.lookup("avx512dq");
  CPUModel model;
  if (isWide)
    model = makeWide("", features.lookup("avx512bf16"), 1 << 20);
  model.cpu = llvm::sys::getHostCPUName().str();
  model.features = spellFeatures(features);
  return model;
}

llvm::Expected<CPUModel> CPUModel::get(llvm::StringRef name) {
  if (name == "native")
    return getNative();
  if (name == "x86-64-v3") {
    CPUModel model;
    model.cpu = name.str();
    return model;
  }
  if (name == "znver4")
    return makeWide(name, /*hasBF16Dot=*/true, 1 << 20);
  if (name == "sapphirerapids")
    return makeWide(name, /*hasBF16Dot=*/true, 2 << 20);
  return llvm::createStringError("expected cpu native, x86-64-v3, znver4 or "
                                 "sapphirerapids, got '%s'",
                                 name.str().c_str());
}

int64_t mlir::moe::choosePanelColumns(const CPUModel &model,
                                      unsigned numWeights) {
  int64_t lanes = model.vectorBits / 32;
  return lanes * (numWeights == 1 ? 2 : numWeights);
}

int64_t mlir::moe::chooseTileRows(const CPUModel &model, DotKind kind,
                                  int64_t columns) {
  int64_t vectors = columns / (model.vectorBits / 32);
  // A broadcast is an operand in memory for AVX-512 and a register before it;
  // decoding needs the packed pairs, or a mask, beside what it makes of them.
  int64_t taken = vectors + 1 + (kind == DotKind::DecodeBF16 ? vectors : 0);
  int64_t rows = (model.numRegisters - taken) / vectors;
  return std::clamp<int64_t>(rows, 1, 12);
}

TileChoice mlir::moe::chooseTiles(const CPUModel &model, DotKind kind,
                                  unsigned numWeights, int64_t reduction) {
  TileChoice choice;
  choice.columns = choosePanelColumns(model, numWeights);
  choice.rows = chooseTileRows(model, kind, choice.columns);
  int64_t perUnit = kind == DotKind::F32 ? 1 : 2;
  int64_t units = (reduction + perUnit - 1) / perUnit;
  // Half of the first cache for a stretch of a panel (a unit is 4 bytes): all
  // row tiles but the first read it there, beside their rows. Shorter ones cost
  // more in loading and storing sums than they save.
  int64_t stretch =
      std::max<int64_t>(64, model.l1Bytes / 2 / (4 * choice.columns) / 64 * 64);
  choice.kBlock = units <= stretch ? 0 : stretch * perUnit;
  // A block reads all weights once more, which has to be little beside its
  // products. Its rows need not fit a cache: a panel reads them one tile after
  // the other.
  choice.rowBlock = 144 / choice.rows * choice.rows;
  choice.prefetch = 8 << 10;
  return choice;
}
