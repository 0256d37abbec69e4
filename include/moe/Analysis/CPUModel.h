//===- CPUModel.h - What the lowering knows about a CPU ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The properties of an x86-64 CPU that decide how a product is tiled, and the
// register tiles that fit it. No IR.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_ANALYSIS_CPUMODEL_H
#define MOE_ANALYSIS_CPUMODEL_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace mlir::moe {

/// How a kernel multiplies.
enum class DotKind {
  /// f32 weights, fused multiply-add.
  F32,
  /// bf16 weights in pairs, decoded to f32, fused multiply-add.
  DecodeBF16,
  /// Pairs of bf16 times pairs of bf16 (`vdpbf16ps`).
  PairBF16,
  /// Tiles of 16 rows and 32 terms of bf16 times tiles of 32 terms and 16
  /// columns (`tdpbf16ps`).
  TileBF16
};

/// How operands are multiplied by weights, each bf16 or f32, on a CPU with
/// these.
DotKind chooseDotKind(bool isBF16Operand, bool isBF16Weight, bool hasBF16Dot,
                      bool hasTiles);

/// A CPU to generate code for.
struct CPUModel {
  /// LLVM's name of the CPU and its feature string, as function attributes
  /// `target_cpu` and `target_features` take them.
  std::string cpu, features;
  /// Width and number of the vector registers.
  unsigned vectorBits = 256, numRegisters = 16;
  /// Whether the CPU multiplies pairs of bf16 (AVX512-BF16).
  bool hasBF16Dot = false;
  /// Whether the CPU multiplies tiles of bf16 (AMX-BF16).
  bool hasTiles = false;
  /// Bytes of the first level cache of one core.
  int64_t l1Bytes = 32 << 10;
  /// Bytes of the second level cache of one core.
  int64_t l2Bytes = 512 << 10;
  /// The features that the CPU has, as LLVM spells them.
  llvm::StringSet<> available;

  bool hasFeature(llvm::StringRef feature) const {
    return available.contains(feature);
  }

  /// How operands and weights of one type are multiplied, bf16 or f32.
  DotKind getDotKind(bool isBF16) const {
    return chooseDotKind(isBF16, isBF16, hasBF16Dot, hasTiles);
  }

  /// The CPU that a user names: `native`, or LLVM's name of an x86-64 CPU
  /// (`x86-64-v3`, `haswell`, `znver4`, `sapphirerapids`). An error for any
  /// other name, and for a CPU without AVX2 and FMA.
  static llvm::Expected<CPUModel> get(llvm::StringRef name);
};

/// Tile registers of AMX, and the rows of each (of 64 bytes).
constexpr int64_t kNumTiles = 8, kTileRows = 16;

/// The columns of sums, in vectors, that fit the tile registers beside the
/// operand's `rowTiles` tiles and one of weights.
constexpr int64_t getTileVectors(int64_t rowTiles) {
  return (kNumTiles - rowTiles - 1) / rowTiles;
}

/// The columns of a panel of `numWeights` weights together: whole vectors of
/// every weight, and at least two vectors, so that the additions of one row do
/// not wait for each other.
int64_t choosePanelColumns(const CPUModel &model, unsigned numWeights);

/// The most rows whose sums stay in registers beside a step's weights and one
/// broadcast operand.
int64_t chooseTileRows(const CPUModel &model, DotKind kind, int64_t columns);

/// How many panels of `columns` columns a tile of fewer rows takes beside each
/// other where there are more rows than `rows`: 2 if the sums of half the rows
/// fit the registers and a step then loads fewer operands per product, with no
/// other work, else 1.
int64_t chooseTilePanels(const CPUModel &model, DotKind kind, int64_t columns,
                         int64_t rows);

/// How a product of `numWeights` weights and `reduction` terms is tiled.
struct TileChoice {
  int64_t rows, columns, panels = 1, rowBlock, kBlock, prefetch, passBytes = 0,
                         passPanels = 1;
};
TileChoice chooseTiles(const CPUModel &model, DotKind kind, unsigned numWeights,
                       int64_t reduction);

} // namespace mlir::moe

#endif // MOE_ANALYSIS_CPUMODEL_H
