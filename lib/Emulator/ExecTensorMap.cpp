//===- ExecTensorMap.cpp - Tensor maps made by kernels --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tensormap.replace and the copy that publishes a tensor map.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "Exec.h"
#include "ExecMemory.h"
#include "Selectors.h"
#include "moe/Emulator/TensorMap.h"

using namespace moe::emulator;

namespace {

enum Field : uint8_t {
  GlobalAddress,
  Rank,
  BoxDim,
  GlobalDim,
  GlobalStride,
  ElementStride,
  ElementType,
  Interleave,
  SwizzleMode,
  FillMode,
};
const char *const fieldNames[] = {
    "global_address", "rank",           "box_dim",  "global_dim",
    "global_stride",  "element_stride", "elemtype", "interleave_layout",
    "swizzle_mode",   "fill_mode"};

} // namespace

/// PTX numbers element types otherwise than CUDA does.
static std::optional<TensorMapType> elementType(uint64_t code) {
  using T = TensorMapType;
  static constexpr T types[] = {T::U8,   T::U16,  T::U32,    T::S32,    T::U64,
                                T::S64,  T::F16,  T::F32,    T::F32Ftz, T::F64,
                                T::BF16, T::TF32, T::TF32Ftz};
  if (code >= sizeof(types) / sizeof(types[0]))
    return std::nullopt;
  return types[code];
}

/// Puts a value into a field. False when the field cannot hold it.
static bool setField(TensorMap &map, uint8_t field, uint64_t ordinal,
                     uint64_t value, bool strideInUnits) {
  if (ordinal >= TensorMap::kMaxRank - (field == GlobalStride))
    return false;
  switch (field) {
  case GlobalAddress:
    map.address = value;
    return true;
  case Rank: // one less than the rank
    map.rank = uint8_t(value + 1);
    return value < TensorMap::kMaxRank;
  case BoxDim:
    map.box[ordinal] = uint16_t(value);
    return value <= 0xffff;
  case GlobalDim:
    map.dims[ordinal] = value;
    return true;
  case GlobalStride: // up to PTX 8.5 in units of 16 bytes
    map.strides[ordinal] = strideInUnits ? value * 16 : value;
    return true;
  case ElementStride:
    map.elementStrides[ordinal] = uint8_t(value);
    return value <= 0xff;
  case ElementType: {
    std::optional<TensorMapType> type = elementType(value);
    if (type)
      map.type = *type;
    return type.has_value();
  }
  case Interleave:
    return value == 0;
  case SwizzleMode:
    map.swizzle = Swizzle(value);
    return value <= 3;
  default:
    map.fill = value ? TensorMapFill::NaN : TensorMapFill::Zero;
    return value <= 1;
  }
}

/// The map in some bytes, which need not be complete yet.
static TensorMap partialMap(const uint8_t *bytes) {
  TensorMap map;
  std::memcpy(static_cast<void *>(&map), bytes, sizeof map);
  return map.magic == TensorMap::kMagic ? map : TensorMap();
}

// Op::flags: the field. Sources: its ordinal if it has one, then the value.
static void replace(Warp &warp, const Op &op, uint32_t mask) {
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = warp.address(op.addr[0], lane);
    uint8_t *bytes = accessLane(warp, op, Access::Write, lane, op.space,
                                address, kTensorMapBytes, 64);
    if (!bytes)
      return;
    TensorMap map = partialMap(bytes);
    unsigned valueAt = op.count > 1 ? 1 : 0;
    auto operand = [&](unsigned i) {
      return op.width == 8 && i == valueAt
                 ? warp.src<uint64_t>(op.r[i])[lane]
                 : uint64_t(warp.src<uint32_t>(op.r[i])[lane]);
    };
    uint64_t ordinal = valueAt ? operand(0) : 0, value = operand(valueAt);
    unsigned version = warp.program.module->impl().version;
    if (!setField(map, op.flags, ordinal, value, version <= 85))
      warp.block.report(
          CheckKind::InvalidOperation, warp, op, 1u << lane, address,
          std::string(fieldNames[op.flags]) + " of a tensor map cannot be " +
              std::to_string(value));
    map.write(bytes);
  });
  warp.block.progress();
}

Handler moe::emulator::selectTensormapReplace(Selection &selection) {
  Op &op = selection.op;
  for (uint8_t i = 0; i < sizeof(fieldNames) / sizeof(fieldNames[0]); ++i)
    if (selection.has(fieldNames[i]))
      op.flags = i;
  op.space = spaceOf(selection);
  op.count = uint8_t(selection.numOperands() - 1);
  op.width = uint8_t(selection.has("b64") ? 8 : 4);
  return replace;
}

/// tensormap.cp_fenceproxy: one copy for the warp.
static void copyMap(Warp &warp, const Op &op, uint32_t mask) {
  if (!aligned(warp, mask))
    return;
  unsigned lane = unsigned(__builtin_ctz(mask));
  uint64_t to = warp.address(op.addr[0], lane);
  uint64_t from = warp.address(op.addr[1], lane);
  uint8_t *target = accessLane(warp, op, Access::Write, lane, Space::Global, to,
                               kTensorMapBytes, 64);
  const uint8_t *source = accessLane(warp, op, Access::Read, lane,
                                     Space::Shared, from, kTensorMapBytes, 64);
  if (target && source)
    std::memcpy(target, source, kTensorMapBytes);
  warp.block.progress();
}
Handler moe::emulator::selectTensormapCopy(Selection &selection) {
  if (selection.constant(2) != int64_t(kTensorMapBytes))
    return selection.fail("expected a size of 128 bytes");
  return copyMap;
}
