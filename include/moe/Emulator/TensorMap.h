//===- TensorMap.h - Tensor maps of bulk tensor copies ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor map tells `cp.async.bulk.tensor` how a tensor of rank 1 to 5 lies in
// global memory and which box of it one copy moves. Dimension 0 is contiguous;
// the other strides are given in bytes. A copy names the coordinates of the
// first corner of the box, which may be negative or lie beyond the tensor:
// elements outside are filled in a load and left out of a store. In shared
// memory the box is dense, dimension 0 first, then swizzled.
//
// CUDA keeps the 128 bytes of a tensor map secret. Kernels only pass them on,
// so the emulator uses an encoding of its own: this struct.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_EMULATOR_TENSORMAP_H
#define MOE_EMULATOR_TENSORMAP_H

#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/SharedLayout.h"

#include <algorithm>
#include <cstdint>

namespace moe::emulator {

/// Element types, numbered as CUDA's `CUtensorMapDataType`. Packed 4- and 6-bit
/// types are not supported.
enum class TensorMapType : uint8_t {
  U8,
  U16,
  U32,
  S32,
  U64,
  S64,
  F16,
  F32,
  F64,
  BF16,
  F32Ftz,
  TF32,
  TF32Ftz,
};

/// What a load puts in place of elements outside the tensor.
enum class TensorMapFill : uint8_t {
  Zero,
  NaN, ///< all ones but the sign; floating-point types only
};

/// The description of a tensor and a box, with CUDA's units.
struct TensorMap {
  static constexpr uint32_t kMagic = 0x4d545845; // "EXTM"
  static constexpr unsigned kMaxRank = 5;

  uint32_t magic = kMagic;
  TensorMapType type = TensorMapType::F32;
  uint8_t rank = 1;
  Swizzle swizzle = Swizzle::None;
  TensorMapFill fill = TensorMapFill::Zero;
  uint64_t address = 0;
  uint64_t dims[kMaxRank] = {};        ///< elements
  uint64_t strides[kMaxRank - 1] = {}; ///< bytes, of dimensions 1 and up
  uint16_t box[kMaxRank] = {};         ///< elements traversed
  /// Step within the box; dimension 0 has none.
  uint8_t elementStrides[kMaxRank] = {1, 1, 1, 1, 1};

  uint32_t elementBytes() const;
  /// Elements that a copy moves along dimension `i`.
  uint32_t boxCount(unsigned i) const {
    return i == 0 ? box[0]
                  : (box[i] + elementStrides[i] - 1) / elementStrides[i];
  }
  /// Bytes of one box in shared memory, filled elements included: what a copy
  /// adds to the transaction count of its mbarrier.
  uint32_t boxBytes() const;

  /// The rules that `cuTensorMapEncodeTiled` enforces, as far as the fields can
  /// express their violation.
  Status validate() const;

  /// The 128 bytes that a kernel reads.
  void write(void *bytes) const;
  /// Reads what `write` wrote; an error if the bytes are something else.
  static Expected<TensorMap> read(const void *bytes);
};

constexpr size_t kTensorMapBytes = 128;
static_assert(sizeof(TensorMap) <= kTensorMapBytes, "must fit a CUtensorMap");

/// A run of bytes that is contiguous in global and in shared memory.
struct BoxPiece {
  uint64_t global; ///< meaningless when outside
  uint32_t shared;
  uint32_t bytes;
  bool inside; ///< false: fill in a load, skip in a store
};

/// Visits the box at `coordinates` (`map.rank` of them) run by run: a row of
/// dimension 0 or the part of it inside or outside of the tensor. Shared
/// addresses count from `shared` and are not swizzled. The map must be valid.
template <typename Fn>
void walkBoxRuns(const TensorMap &map, const int32_t *coordinates,
                 uint32_t shared, Fn &&fn) {
  const int64_t width = map.elementBytes();
  const int64_t first = coordinates[0], extent = map.box[0];
  // The part [begin, end) of every row that is inside along dimension 0.
  const int64_t size = int64_t(map.dims[0]);
  const int64_t begin = std::clamp<int64_t>(-first, 0, extent);
  const int64_t end = std::clamp<int64_t>(size - first, begin, extent);
  uint32_t index[TensorMap::kMaxRank] = {};
  for (;;) {
    uint64_t row = map.address + uint64_t(first * width);
    bool inside = true;
    for (unsigned i = 1; i < map.rank; ++i) {
      int64_t at = coordinates[i] + int64_t(index[i]) * map.elementStrides[i];
      inside &= at >= 0 && at < int64_t(map.dims[i]);
      row += uint64_t(at) * map.strides[i - 1];
    }
    auto run = [&](int64_t from, int64_t to, bool isInside) {
      if (from != to)
        fn(BoxPiece{row + uint64_t(from * width),
                    shared + uint32_t(from * width),
                    uint32_t((to - from) * width), isInside});
    };
    if (inside) {
      run(0, begin, false);
      run(begin, end, true);
      run(end, extent, false);
    } else {
      run(0, extent, false);
    }
    shared += uint32_t(extent * width);
    unsigned i = 1;
    while (i < map.rank && ++index[i] == map.boxCount(i))
      index[i++] = 0;
    if (i >= map.rank)
      return;
  }
}

/// Visits the parts of a run that stay together under a swizzle, with their
/// swizzled addresses.
template <typename Fn>
void swizzleRun(Swizzle swizzle, BoxPiece run, Fn &&fn) {
  while (run.bytes != 0) {
    BoxPiece piece = run;
    if (swizzle != Swizzle::None)
      piece.bytes = std::min(run.bytes, kChunkBytes - run.shared % kChunkBytes);
    piece.shared = swizzleAddress(swizzle, run.shared);
    fn(piece);
    run.global += piece.bytes;
    run.shared += piece.bytes;
    run.bytes -= piece.bytes;
  }
}

/// Visits the box piece by piece, in the order of unswizzled shared memory.
template <typename Fn>
void walkBox(const TensorMap &map, const int32_t *coordinates, uint32_t shared,
             Fn &&fn) {
  walkBoxRuns(map, coordinates, shared,
              [&](const BoxPiece &run) { swizzleRun(map.swizzle, run, fn); });
}

} // namespace moe::emulator

#endif // MOE_EMULATOR_TENSORMAP_H
