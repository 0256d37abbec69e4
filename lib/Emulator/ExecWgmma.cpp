//===- ExecWgmma.cpp - Matrix products of a warpgroup ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// wgmma. Each of the four warps computes its own 16 of the 64 rows, on its own
// when it executes the instruction or, under lazy timing, when it waits.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "ExecMatrix.h"
#include "ExecMemory.h"
#include "Selectors.h"
#include "moe/Emulator/Fragments.h"
#include "moe/Emulator/Numerics.h"

#include <algorithm>

using namespace moe::emulator;

namespace {

constexpr unsigned K = 16, rowsPerWarp = 16, maxN = 256;

// Op::flags of wgmma.
constexpr uint8_t registersFlag = 1, bfloatFlag = 2, halfResultFlag = 4,
                  negateAFlag = 8, negateBFlag = 16, transposeAFlag = 32,
                  transposeBFlag = 64;

/// What an instruction in flight needs besides its registers.
struct Operands {
  uint64_t a = 0, b = 0; ///< descriptors
  bool accumulate = true;
};

/// Sixteen rows of A or sixteen lines of B, K-major: 16-byte chunk `chunk` of
/// `line` holds elements k = 8 chunk .. 8 chunk + 7; otherwise line is k.
template <typename F>
void forChunks(uint64_t descriptor, bool mnMajor, unsigned first,
               unsigned count, F body) {
  OperandLayout layout(MatrixDescriptor::decode(descriptor), mnMajor);
  if (mnMajor)
    for (unsigned k = 0; k < K; ++k)
      for (unsigned chunk = first / 8; chunk < (first + count) / 8; ++chunk)
        body(k, chunk, layout.chunkAddress(k, chunk));
  else
    for (unsigned line = first; line < first + count; ++line)
      for (unsigned chunk = 0; chunk < K / 8; ++chunk)
        body(line, chunk, layout.chunkAddress(line, chunk));
}

} // namespace

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static void convertChunk(const uint8_t *bytes, bool bfloat, double (&out)[8]) {
  uint16_t bits[8];
  std::memcpy(bits, bytes, 16);
  for (unsigned i = 0; i < 8; ++i)
    out[i] = bfloat ? f32FromBF16(bits[i]) : f32FromF16(bits[i]);
}

/// Rows of A of this warp, [16][K].
static void loadA(Warp &warp, const Op &op, const Operands &operands,
                  double *a) {
  bool bfloat = op.flags & bfloatFlag;
  unsigned first = warp.index % 4 * rowsPerWarp;
  if (op.flags & registersFlag) {
    const int32_t *registers = &warp.program.lists[op.list + op.listSize - 4];
    for (unsigned lane = 0; lane < warpSize; ++lane)
      for (unsigned i = 0; i < 8; ++i) {
        Coordinate at = wgmmaA(16, lane, i);
        uint16_t bits = warp.src<uint16_t>(registers[i / 2])[2 * lane + i % 2];
        a[at.row * K + at.column] =
            bfloat ? f32FromBF16(bits) : f32FromF16(bits);
      }
    return;
  }
  bool mnMajor = op.flags & transposeAFlag;
  forChunks(operands.a, mnMajor, first, rowsPerWarp,
            [&](unsigned line, unsigned chunk, uint32_t address) {
              double values[8];
              convertChunk(warp.block.shared.data() + address, bfloat, values);
              for (unsigned i = 0; i < 8; ++i)
                if (mnMajor)
                  a[(8 * chunk + i - first) * K + line] = values[i];
                else
                  a[(line - first) * K + 8 * chunk + i] = values[i];
            });
}

/// B, [K][n].
static void loadB(Warp &warp, const Op &op, const Operands &operands, double *b,
                  unsigned n) {
  bool mnMajor = op.flags & transposeBFlag;
  forChunks(operands.b, mnMajor, 0, n,
            [&](unsigned line, unsigned chunk, uint32_t address) {
              double values[8];
              convertChunk(warp.block.shared.data() + address,
                           op.flags & bfloatFlag, values);
              for (unsigned i = 0; i < 8; ++i)
                if (mnMajor)
                  b[line * n + 8 * chunk + i] = values[i];
                else
                  b[(8 * chunk + i) * n + line] = values[i];
            });
}

/// Products are exact; they and the accumulator are added in double and rounded
/// once.
static void compute(Warp &warp, const Op &op, const Operands &operands) {
  unsigned n = unsigned(op.immediate);
  double a[rowsPerWarp * K], b[K * maxN], sum[rowsPerWarp * maxN];
  loadA(warp, op, operands, a);
  loadB(warp, op, operands, b, n);
  bool negate = bool(op.flags & negateAFlag) != bool(op.flags & negateBFlag);
  if (negate)
    for (double &x : a)
      x = -x;
  const int32_t *d = &warp.program.lists[op.list];
  bool half = op.flags & halfResultFlag;
  if (!operands.accumulate)
    std::fill_n(sum, rowsPerWarp * n, 0.0);
  else if (half)
    loadSums<HalfAccumulator>(warp, d, rowsPerWarp, n, sum);
  else
    loadSums<FloatAccumulator>(warp, d, rowsPerWarp, n, sum);
  multiplyAdd(sum, a, b, rowsPerWarp, K, n);
  if (half)
    storeSums<HalfAccumulator>(warp, d, rowsPerWarp, n, sum, false);
  else
    storeSums<FloatAccumulator>(warp, d, rowsPerWarp, n, sum, false);
}

//===----------------------------------------------------------------------===//
// Issue
//===----------------------------------------------------------------------===//

/// Checks that a descriptor describes accessible shared memory and records the
/// reads.
static bool checkOperand(Warp &warp, const Op &op, uint64_t descriptor,
                         bool mnMajor, unsigned first, unsigned count,
                         Epoch self) {
  MatrixDescriptor decoded = MatrixDescriptor::decode(descriptor);
  if (!decoded.wellFormed) {
    warp.block.report(CheckKind::InvalidOperation, warp, op, fullMask,
                      descriptor, "malformed matrix descriptor");
    return false;
  }
  // Neighbouring chunks are one access.
  bool good = true;
  uint32_t start = 0, bytes = 0;
  auto flush = [&] {
    if (bytes)
      good &= accessSharedAs(warp, op, Access::Read, 0, start, bytes, 16,
                             self) != nullptr;
    bytes = 0;
  };
  forChunks(descriptor, mnMajor, first, count,
            [&](unsigned, unsigned, uint32_t address) {
              bool follows = address == start + bytes;
              bool precedes = address + kChunkBytes == start;
              if (!bytes || !(follows || precedes))
                flush(), start = address;
              else if (precedes)
                start = address;
              bytes += kChunkBytes;
            });
  flush();
  return good;
}

static void own(Warp &warp, const Op &op, uint32_t group) {
  warp.owners.push_back({group, &op});
  for (unsigned i = 0; i < op.listSize; ++i) {
    int32_t offset = warp.program.lists[op.list + i];
    if (offset != noRegister && !(offset & 1))
      for (unsigned j = 0; j < 4; ++j) { // 128 bytes
        unsigned cell = unsigned(offset) / 32 + j;
        warp.ownedRegisters[cell / 64] |= uint64_t(1) << cell % 64;
      }
  }
}

static bool uniform(const uint64_t *values) {
  return std::all_of(values, values + warpSize,
                     [&](uint64_t x) { return x == values[0]; });
}

static void wgmma(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  Block &block = warp.block;
  auto fail = [&](const char *message) {
    block.report(CheckKind::InvalidOperation, warp, op, mask, 0, message);
  };
  if (mask != fullMask || block.warps.size() < warp.index / 4 * 4 + 4)
    return fail("wgmma needs four whole warps");
  if (!warp.wgmmaFenced)
    fail("wgmma without a wgmma.fence before it");
  warp.wgmmaFenced = true;
  bool registers = op.flags & registersFlag;
  const uint64_t *descriptorA =
      registers ? nullptr : warp.src<uint64_t>(op.r[0]);
  const uint64_t *descriptorB = warp.src<uint64_t>(op.r[registers ? 0 : 1]);
  uint32_t scale = warp.predicate(op, registers ? 1 : 2);
  if ((descriptorA && !uniform(descriptorA)) || !uniform(descriptorB) ||
      (scale != 0 && scale != fullMask))
    return fail("descriptors and scale-d must be the same in all lanes");
  unsigned n = unsigned(op.immediate);
  Unit &unit = block.async.unit(warp, UnitKind::Wgmma);
  Epoch self = block.async.epoch(unit);
  Operands operands{descriptorA ? *descriptorA : 0, *descriptorB, scale != 0};
  bool good = true;
  if (descriptorA)
    good &= checkOperand(warp, op, operands.a, op.flags & transposeAFlag,
                         warp.index % 4 * rowsPerWarp, rowsPerWarp, self);
  good &=
      checkOperand(warp, op, operands.b, op.flags & transposeBFlag, 0, n, self);
  block.counters.tensorFlops += 2 * rowsPerWarp * n * K;
  own(warp, op, unit.committed[0]);
  if (good)
    block.async.issue(unit, warp, op, fullMask,
                      [&warp, &op, operands](uint32_t lanes) {
                        if (lanes)
                          compute(warp, op, operands);
                      });
}

Handler moe::emulator::selectWgmma(Selection &selection) {
  Op &op = selection.op;
  unsigned n = selection.number("m64n");
  bool half = selection.type(0) == Type::F16;
  if (selection.type(1) != selection.type(2))
    return selection.fail("expected A and B of the same type");
  bool registers = selection.operand(1).kind == OperandKind::Vector;
  size_t results = selection.operand(0).elements.size();
  size_t wanted = half ? n / 4 : n / 2;
  if (results != wanted)
    return selection.fail("expected " + std::to_string(wanted) +
                          " result registers, got " + std::to_string(results));
  for (const Operand &o : selection.operand(0).elements)
    if (o.kind != OperandKind::Register)
      return selection.fail("expected registers as results");
  unsigned at = 4; // imm-scale-a, imm-scale-b, then the transpositions
  auto scale = [&](unsigned i, uint8_t flag) {
    int64_t value = selection.constant(i);
    op.flags |= value == -1 ? flag : 0;
    return value == 1 || value == -1;
  };
  auto transpose = [&](unsigned i, uint8_t flag) {
    int64_t value = selection.constant(i);
    op.flags |= value == 1 ? flag : 0;
    return value == 0 || value == 1;
  };
  op.flags = uint8_t((registers ? registersFlag : 0) |
                     (selection.type(1) == Type::BF16 ? bfloatFlag : 0) |
                     (half ? halfResultFlag : 0));
  bool good = scale(at, negateAFlag) && scale(at + 1, negateBFlag);
  if (!registers)
    good = good && transpose(at + 2, transposeAFlag) &&
           transpose(at + 3, transposeBFlag);
  else
    good = good && transpose(at + 2, transposeBFlag);
  if (!good)
    return selection.fail("expected scales of 1 or -1 and transpositions of 0 "
                          "or 1");
  op.immediate = n;
  op.mayTouchOwned = true;
  return wgmma;
}

//===----------------------------------------------------------------------===//
// Fence, commit, wait
//===----------------------------------------------------------------------===//

static void wgmmaFence(Warp &warp, const Op &, uint32_t mask) {
  if (aligned(warp, mask))
    warp.wgmmaFenced = true;
}
Handler moe::emulator::selectWgmmaFence(Selection &) { return wgmmaFence; }

static void wgmmaCommit(Warp &warp, const Op &, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  AsyncUnits &async = warp.block.async;
  async.commit(async.unit(warp, UnitKind::Wgmma), mask);
}
Handler moe::emulator::selectWgmmaCommit(Selection &) { return wgmmaCommit; }

static void wgmmaWait(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  AsyncUnits &async = warp.block.async;
  Unit &unit = async.unit(warp, UnitKind::Wgmma);
  uint32_t keep = uint32_t(op.immediate);
  async.waitGroup(unit, warp, mask, keep);
  uint32_t committed = unit.committed[0];
  std::vector<Warp::Owner> owners;
  std::swap(owners, warp.owners);
  std::fill(warp.ownedRegisters.begin(), warp.ownedRegisters.end(), 0);
  for (const Warp::Owner &owner : owners)
    if (owner.group + keep >= committed)
      own(warp, *owner.op, owner.group);
}
Handler moe::emulator::selectWgmmaWait(Selection &) { return wgmmaWait; }
