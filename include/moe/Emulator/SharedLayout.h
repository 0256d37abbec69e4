//===- SharedLayout.h - Swizzles and wgmma operands -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How tensor copies and wgmma see a tile in shared memory.
//
// Chunks and swizzles
// -------------------
// Both units move 16-byte chunks. A swizzle of width S (32, 64 or 128 bytes)
// permutes the chunks within each S-byte row so that the same chunk of eight
// consecutive rows falls into eight different groups of banks. With 128 bytes,
// chunk c of row r lies at position c ^ (r % 8):
//
//   row 0:  0 1 2 3 4 5 6 7
//   row 1:  1 0 3 2 5 4 7 6
//   row 2:  2 3 0 1 6 7 4 5   ...
//
// The hardware knows no rows: it xors bits 7.. of the shared-memory *address*
// into bits 4.. of it. So the pattern repeats every 8 * S bytes of the address
// space, a tile must start at a multiple of that, and a descriptor may point
// into the middle of a row.
//
// wgmma operands
// --------------
// An operand of wgmma is described by 64 bits: start address, swizzle, and two
// byte distances, the "leading" and the "stride" offset. The tile is a grid of
// groups; a group is 8 lines of W chunks (W = S / 16; 1 without swizzle), one
// line after the other, 128 * W bytes in all. A line runs along the contiguous
// dimension of the operand:
//
//   K-major   a line is a row of A or a column of B, its chunks run along K
//   MN-major  a line is one index of K, its chunks run along M or N (16-bit
//             types only)
//
// The stride offset leads from a group to the next 8 lines, the leading offset
// to the next W chunks of the same lines. Without swizzle the MN-major form has
// the two exchanged. One formula covers all eight layouts:
//
//   address(line, chunk) = swizzle(start + (line / 8) * lineGroupOffset
//                                        + (line % 8) * 16 * W
//                                        + (chunk / W) * chunkGroupOffset
//                                        + (chunk % W) * 16)
//
//===----------------------------------------------------------------------===//

#ifndef MOE_EMULATOR_SHAREDLAYOUT_H
#define MOE_EMULATOR_SHAREDLAYOUT_H

#include <cstdint>

namespace moe::emulator {

/// A shared-memory swizzle, valued by log2 of its width in 16-byte chunks.
enum class Swizzle : uint8_t {
  None = 0,
  Bytes32 = 1,
  Bytes64 = 2,
  Bytes128 = 3
};

constexpr uint32_t kChunkBytes = 16;

/// Width of a swizzled row in chunks; 1 for none.
constexpr uint32_t swizzleChunks(Swizzle swizzle) {
  return 1u << unsigned(swizzle);
}
/// Distance after which the pattern repeats, in bytes; 128 for none.
constexpr uint32_t swizzlePeriod(Swizzle swizzle) {
  return 128u * swizzleChunks(swizzle);
}

/// The shared address at which the byte of unswizzled address `address` lies.
/// An involution.
constexpr uint32_t swizzleAddress(Swizzle swizzle, uint32_t address) {
  uint32_t mask = swizzleChunks(swizzle) - 1;
  return address ^ ((address >> 7 & mask) << 4);
}

/// A wgmma shared-memory matrix descriptor.
struct MatrixDescriptor {
  uint32_t start;         ///< bytes, multiple of 16, below 2^18
  uint32_t leadingOffset; ///< bytes
  uint32_t strideOffset;  ///< bytes
  /// Row of the swizzle pattern at which a start that is not aligned to the
  /// pattern counts as row 0.
  uint8_t baseOffset;
  Swizzle swizzle;
  /// False if bits that the format leaves unused are set.
  bool wellFormed;

  static constexpr MatrixDescriptor decode(uint64_t bits);
  constexpr uint64_t encode() const;
};

/// Fields of a descriptor: three of 14 bits at 0, 16 and 32, the base offset at
/// 49, the swizzle code (0 none, 1 128 bytes, 2 64 bytes, 3 32 bytes) at 62.
constexpr MatrixDescriptor MatrixDescriptor::decode(uint64_t bits) {
  constexpr uint64_t used = 0xc00e3fff3fff3fffu;
  constexpr Swizzle swizzles[] = {Swizzle::None, Swizzle::Bytes128,
                                  Swizzle::Bytes64, Swizzle::Bytes32};
  return {uint32_t(bits & 0x3fff) << 4,
          uint32_t(bits >> 16 & 0x3fff) << 4,
          uint32_t(bits >> 32 & 0x3fff) << 4,
          uint8_t(bits >> 49 & 7),
          swizzles[bits >> 62],
          (bits & ~used) == 0};
}
constexpr uint64_t MatrixDescriptor::encode() const {
  constexpr uint64_t codes[] = {0, 3, 2, 1};
  return uint64_t(start >> 4) | uint64_t(leadingOffset >> 4) << 16 |
         uint64_t(strideOffset >> 4) << 32 | uint64_t(baseOffset) << 49 |
         codes[unsigned(swizzle)] << 62;
}

/// The chunks of a wgmma operand, see the top of this file.
class OperandLayout {
public:
  constexpr OperandLayout(const MatrixDescriptor &d, bool mnMajor)
      : start(d.start), lineGroupOffset(d.strideOffset),
        chunkGroupOffset(d.leadingOffset), swizzle(d.swizzle),
        phase(uint32_t(d.baseOffset) << 7) {
    if (mnMajor && swizzle == Swizzle::None) {
      lineGroupOffset = d.leadingOffset;
      chunkGroupOffset = d.strideOffset;
    }
  }

  /// Shared address of a chunk. K-major: `line` is the row of A or column of B
  /// and `chunk` counts 16 bytes along K. MN-major: `line` is k and `chunk`
  /// counts 16 bytes along M or N.
  constexpr uint32_t chunkAddress(uint32_t line, uint32_t chunk) const {
    uint32_t width = swizzleChunks(swizzle);
    uint32_t address =
        start + line / 8 * lineGroupOffset + line % 8 * (kChunkBytes * width) +
        chunk / width * chunkGroupOffset + chunk % width * kChunkBytes;
    // The base offset shifts the rows of the pattern, not the data.
    return swizzleAddress(swizzle, address - phase) + phase;
  }

private:
  uint32_t start, lineGroupOffset, chunkGroupOffset;
  Swizzle swizzle;
  uint32_t phase;
};

} // namespace moe::emulator

#endif // MOE_EMULATOR_SHAREDLAYOUT_H
