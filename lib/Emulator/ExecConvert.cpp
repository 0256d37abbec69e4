//===- ExecConvert.cpp - Conversions and moves ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// cvt in all forms, mov with packing and unpacking, cvta and isspacep.
//
//===----------------------------------------------------------------------===//

#include "Block.h"
#include "Exec.h"
#include "Selectors.h"
#include "moe/Emulator/Numerics.h"

#include <algorithm>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Reading and writing registers of any width
//===----------------------------------------------------------------------===//

/// Bits of a register, zero-extended.
static uint64_t loadBits(const Warp &warp, int32_t offset, unsigned bytes,
                         unsigned lane) {
  switch (bytes) {
  case 1:
    return warp.src<uint8_t>(offset)[lane];
  case 2:
    return warp.src<uint16_t>(offset)[lane];
  case 4:
    return warp.src<uint32_t>(offset)[lane];
  default:
    return warp.src<uint64_t>(offset)[lane];
  }
}
static void storeBits(Warp &warp, int32_t offset, unsigned bytes, unsigned lane,
                      uint64_t value) {
  switch (bytes) {
  case 1:
    warp.dst<uint8_t>(offset)[lane] = uint8_t(value);
    break;
  case 2:
    warp.dst<uint16_t>(offset)[lane] = uint16_t(value);
    break;
  case 4:
    warp.dst<uint32_t>(offset)[lane] = uint32_t(value);
    break;
  default:
    warp.dst<uint64_t>(offset)[lane] = value;
  }
}
static uint64_t extend(uint64_t value, unsigned bytes, bool isSigned) {
  unsigned shift = 64 - 8 * bytes;
  return isSigned ? uint64_t(int64_t(value << shift) >> shift)
                  : value << shift >> shift;
}

static bool isSignedType(Type type) { return info(type).kind == 's'; }
static bool isIntegerType(Type type) {
  return info(type).kind == 's' || info(type).kind == 'u';
}
static FloatFormat formatOf(Type type) {
  switch (type) {
  case Type::F16:
  case Type::F16x2:
    return kF16;
  case Type::BF16:
  case Type::BF16x2:
    return kBF16;
  case Type::F64:
    return kF64;
  case Type::TF32:
    return kTF32;
  case Type::E4M3:
  case Type::E4M3x2:
    return kE4M3;
  case Type::E5M2:
  case Type::E5M2x2:
    return kE5M2;
  default:
    return kF32;
  }
}

//===----------------------------------------------------------------------===//
// Integer to integer
//===----------------------------------------------------------------------===//

// S: source type, R: source register, D: destination type, Q: its register.
template <typename S, typename R, typename D, typename Q>
static void convertInteger(Warp &warp, const Op &op, uint32_t mask) {
  const R *a = warp.src<R>(op.r[1]);
  Q *d = warp.dst<Q>(op.r[0]);
  using Extended =
      std::conditional_t<std::is_signed_v<D>, std::make_signed_t<Q>,
                         std::make_unsigned_t<Q>>;
  lanes(mask, [=](unsigned i) { d[i] = Q(Extended(D(S(a[i])))); });
}
/// With saturation, or between registers of rare widths.
static void convertIntegerSlow(Warp &warp, const Op &op, uint32_t mask) {
  Type from = op.source->slots.empty() ? Type::None : Type(op.immediate >> 8);
  Type to = Type(op.immediate & 0xff);
  forLanes(mask, [&](unsigned lane) {
    uint64_t value = extend(loadBits(warp, op.r[1], op.regWidth, lane),
                            sizeOf(from), isSignedType(from));
    if (op.flags) { // saturate
      unsigned bits = 8 * sizeOf(to);
      using Integer = __int128;
      Integer exact =
          isSignedType(from) ? Integer(int64_t(value)) : Integer(value);
      Integer high = (Integer(1) << (bits - isSignedType(to))) - 1;
      Integer low = isSignedType(to) ? -high - 1 : 0;
      value = uint64_t(std::min(std::max(exact, low), high));
    }
    storeBits(warp, op.r[0], op.width, lane,
              extend(value, sizeOf(to), isSignedType(to)));
  });
}

/// The fast forms: the register is as wide as the type, or 16 bits for 8.
template <typename S, typename R>
static Handler integerTo(Type to, unsigned bytes) {
  switch (to) {
  case Type::U16:
    return bytes == 2 ? convertInteger<S, R, uint16_t, uint16_t> : nullptr;
  case Type::S16:
    return bytes == 2 ? convertInteger<S, R, int16_t, uint16_t> : nullptr;
  case Type::U32:
    return bytes == 4 ? convertInteger<S, R, uint32_t, uint32_t> : nullptr;
  case Type::S32:
    return bytes == 4 ? convertInteger<S, R, int32_t, uint32_t> : nullptr;
  case Type::U64:
    return convertInteger<S, R, uint64_t, uint64_t>;
  case Type::S64:
    return convertInteger<S, R, int64_t, uint64_t>;
  default:
    return nullptr;
  }
}
static Handler integerFast(Type from, unsigned fromBytes, Type to,
                           unsigned toBytes) {
  if (from == Type::U32 && fromBytes == 4)
    return integerTo<uint32_t, uint32_t>(to, toBytes);
  if (from == Type::S32 && fromBytes == 4)
    return integerTo<int32_t, uint32_t>(to, toBytes);
  if (from == Type::U64)
    return integerTo<uint64_t, uint64_t>(to, toBytes);
  if (from == Type::S64)
    return integerTo<int64_t, uint64_t>(to, toBytes);
  if (from == Type::U16 && fromBytes == 2)
    return integerTo<uint16_t, uint16_t>(to, toBytes);
  if (from == Type::S16 && fromBytes == 2)
    return integerTo<int16_t, uint16_t>(to, toBytes);
  if (from == Type::U8 && fromBytes == 4)
    return integerTo<uint8_t, uint32_t>(to, toBytes);
  if (from == Type::S8 && fromBytes == 4)
    return integerTo<int8_t, uint32_t>(to, toBytes);
  if (from == Type::U8 && fromBytes == 2)
    return integerTo<uint8_t, uint16_t>(to, toBytes);
  if (from == Type::S8 && fromBytes == 2)
    return integerTo<int8_t, uint16_t>(to, toBytes);
  return nullptr;
}

//===----------------------------------------------------------------------===//
// With floating point
//===----------------------------------------------------------------------===//

// Op::flags of conversions: rounding, then these.
constexpr uint8_t ftzFlag = 8, satFlag = 16, satFiniteFlag = 32, reluFlag = 64,
                  integralFlag = 128;

static ConvertMode modeOf(const Op &op) {
  ConvertMode mode;
  mode.round = Round(op.flags & 7);
  mode.ftz = op.flags & ftzFlag;
  mode.sat = op.flags & satFlag;
  mode.satFinite = op.flags & satFiniteFlag;
  mode.relu = op.flags & reluFlag;
  mode.toIntegral = op.flags & integralFlag;
  return mode;
}
static void setMode(Selection &selection) {
  uint8_t &flags = selection.op.flags;
  static const char *const names[] = {"rn", "rz", "rm", "rp", "rna"};
  static const char *const integral[] = {"rni", "rzi", "rmi", "rpi"};
  flags = 0;
  for (uint8_t i = 0; i < 5; ++i)
    if (selection.has(names[i]))
      flags = i;
  for (uint8_t i = 0; i < 4; ++i)
    if (selection.has(integral[i]))
      flags = i | integralFlag;
  flags |= selection.has("ftz") ? ftzFlag : 0;
  flags |= selection.has("sat") ? satFlag : 0;
  flags |= selection.has("satfinite") ? satFiniteFlag : 0;
  flags |= selection.has("relu") ? reluFlag : 0;
}

static Type fromType(const Op &op) { return Type(op.immediate >> 8); }
static Type toType(const Op &op) { return Type(op.immediate & 0xff); }

static void convertGeneral(Warp &warp, const Op &op, uint32_t mask) {
  Type from = fromType(op), to = toType(op);
  ConvertMode mode = modeOf(op);
  bool fromInteger = isIntegerType(from), toInteger = isIntegerType(to);
  unsigned fromBytes = sizeOf(from);
  forLanes(mask, [&](unsigned lane) {
    uint64_t bits = extend(loadBits(warp, op.r[1], op.regWidth, lane),
                           fromBytes, isSignedType(from));
    uint64_t result;
    if (fromInteger)
      result = convertFromInteger(formatOf(to), bits, isSignedType(from), mode);
    else if (toInteger)
      result = convertToInteger(formatOf(from), bits, int(8 * sizeOf(to)),
                                isSignedType(to), mode.round, mode.ftz);
    else
      result = convertFloat(formatOf(to), formatOf(from), bits, mode);
    if (to == Type::TF32)
      result <<= 13;
    storeBits(warp, op.r[0], op.width, lane, result);
  });
}

// Conversions that inner loops are made of.
static uint16_t toF16(float a) { return f16FromF32(a); }
static uint16_t toBF16(float a) { return bf16FromF32(a); }
static float fromF16(uint16_t a) { return f32FromF16(a); }
static float fromBF16(uint16_t a) { return f32FromBF16(a); }
static float fromS32(int32_t a) { return float(a); }
static float fromU32(uint32_t a) { return float(a); }
static double widen(float a) { return a; }

static Handler convertFast(Selection &selection, Type from, Type to) {
  uint8_t flags = selection.op.flags;
  if (flags || selection.op.width != sizeOf(to) ||
      selection.op.regWidth != sizeOf(from))
    return nullptr;
  if (from == Type::F32 && to == Type::F16)
    return unary<toF16, uint16_t, float>;
  if (from == Type::F32 && to == Type::BF16)
    return unary<toBF16, uint16_t, float>;
  if (from == Type::F16 && to == Type::F32)
    return unary<fromF16, float, uint16_t>;
  if (from == Type::BF16 && to == Type::F32)
    return unary<fromBF16, float, uint16_t>;
  if (from == Type::S32 && to == Type::F32)
    return unary<fromS32, float, int32_t>;
  if (from == Type::U32 && to == Type::F32)
    return unary<fromU32, float, uint32_t>;
  if (from == Type::F32 && to == Type::F64)
    return unary<widen, double, float>;
  return nullptr;
}

Handler moe::emulator::selectCvt(Selection &selection) {
  Type to = selection.type(0), from = selection.type(1);
  Op &op = selection.op;
  op.immediate = int64_t(from) << 8 | int64_t(to);
  op.width = uint8_t(selection.registerBytes(0));
  op.regWidth = uint8_t(selection.registerBytes(1));
  if (!op.regWidth) // a constant or special register
    op.regWidth = uint8_t(sizeOf(from));
  if (isIntegerType(from) && isIntegerType(to)) {
    op.flags = selection.has("sat");
    Handler fast =
        op.flags ? nullptr : integerFast(from, op.regWidth, to, op.width);
    return fast ? fast : convertIntegerSlow;
  }
  setMode(selection);
  Handler fast = convertFast(selection, from, to);
  return fast ? fast : convertGeneral;
}

/// cvt.rn.f16x2.f32 d, a, b: a becomes the upper half.
static void convertPair(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *a = warp.src<uint32_t>(op.r[1]);
  const uint32_t *b = warp.src<uint32_t>(op.r[2]);
  FloatFormat format = formatOf(toType(op));
  ConvertMode mode = modeOf(op);
  unsigned bits = unsigned(format.width());
  forLanes(mask, [&](unsigned lane) {
    uint64_t high = convertFloat(format, kF32, a[lane], mode);
    uint64_t low = convertFloat(format, kF32, b[lane], mode);
    storeBits(warp, op.r[0], bits / 4, lane, high << bits | low);
  });
}
template <uint16_t (*F)(float)>
static void convertPairFast(Warp &warp, const Op &op, uint32_t mask) {
  const float *a = warp.src<float>(op.r[1]), *b = warp.src<float>(op.r[2]);
  uint32_t *d = warp.dst<uint32_t>(op.r[0]);
  lanes(mask, [=](unsigned i) { d[i] = uint32_t(F(a[i])) << 16 | F(b[i]); });
}
/// Between packed pairs: fp8 and f16.
static void convertPacked(Warp &warp, const Op &op, uint32_t mask) {
  FloatFormat to = formatOf(toType(op)), from = formatOf(fromType(op));
  ConvertMode mode = modeOf(op);
  unsigned fromBits = unsigned(from.width()), toBits = unsigned(to.width());
  forLanes(mask, [&](unsigned lane) {
    uint64_t bits = loadBits(warp, op.r[1], fromBits / 4, lane);
    uint64_t one = (uint64_t(1) << fromBits) - 1;
    uint64_t low = convertFloat(to, from, bits & one, mode);
    uint64_t high = convertFloat(to, from, bits >> fromBits & one, mode);
    storeBits(warp, op.r[0], toBits / 4, lane, high << toBits | low);
  });
}
Handler moe::emulator::selectCvtPair(Selection &selection) {
  selection.op.immediate =
      int64_t(selection.type(1)) << 8 | int64_t(selection.type(0));
  setMode(selection);
  if (selection.type(1) != Type::F32)
    return convertPacked;
  if (!selection.op.flags && selection.type(0) == Type::F16x2)
    return convertPairFast<toF16>;
  if (!selection.op.flags && selection.type(0) == Type::BF16x2)
    return convertPairFast<toBF16>;
  return convertPair;
}

/// cvt.pack.sat.D.s32[.b32] d, a, b[, c]: saturated values, b lowest, above
/// what is shifted up from c.
static void convertPack(Warp &warp, const Op &op, uint32_t mask) {
  Type to = toType(op);
  unsigned bits = 8 * sizeOf(to);
  int64_t high = (int64_t(1) << (bits - isSignedType(to))) - 1;
  int64_t low = isSignedType(to) ? -high - 1 : 0;
  const int32_t *a = warp.src<int32_t>(op.r[1]);
  const int32_t *b = warp.src<int32_t>(op.r[2]);
  uint32_t *d = warp.dst<uint32_t>(op.r[0]);
  uint64_t one = (uint64_t(1) << bits) - 1;
  forLanes(mask, [&](unsigned i) {
    uint64_t first = uint64_t(std::clamp<int64_t>(a[i], low, high)) & one;
    uint64_t second = uint64_t(std::clamp<int64_t>(b[i], low, high)) & one;
    uint64_t rest = op.r[3] == noRegister ? 0 : warp.src<uint32_t>(op.r[3])[i];
    d[i] = uint32_t(rest << 2 * bits | first << bits | second);
  });
}
Handler moe::emulator::selectCvtPack(Selection &selection) {
  selection.op.immediate = int64_t(selection.type(0));
  return convertPack;
}

//===----------------------------------------------------------------------===//
// mov
//===----------------------------------------------------------------------===//

template <typename T>
static T same(T a) {
  return a;
}
static void movPredicate(Warp &warp, const Op &op, uint32_t mask) {
  warp.setPredicate(op.r[0], mask, warp.predicate(op, 1));
}
/// %clock and %globaltimer: instructions the warp has executed.
static void movClock(Warp &warp, const Op &op, uint32_t mask) {
  forLanes(mask, [&](unsigned lane) {
    storeBits(warp, op.r[0], op.width, lane, op.flags ? 0 : warp.executed);
  });
}
Handler moe::emulator::selectMov(Selection &selection) {
  const Operand &source = selection.operand(1);
  if (source.kind == OperandKind::Special &&
      (source.name.substr(0, 6) == "%clock" ||
       source.name.substr(0, 12) == "%globaltimer")) {
    selection.op.width = uint8_t(selection.registerBytes(0));
    selection.op.flags = source.name.find("_hi") != source.name.npos;
    return movClock;
  }
  switch (selection.type()) {
  case Type::Pred:
    return movPredicate;
  default:
    break;
  }
  switch (sizeOf(selection.type())) {
  case 2:
    return unary<same<uint16_t>, uint16_t, uint16_t>;
  case 4:
    return unary<same<uint32_t>, uint32_t, uint32_t>;
  default:
    return unary<same<uint64_t>, uint64_t, uint64_t>;
  }
}

/// mov.b64 d, {a, b}
static void pack(Warp &warp, const Op &op, uint32_t mask) {
  const int32_t *list = &warp.program.lists[op.list];
  unsigned bytes = op.width;
  forLanes(mask, [&](unsigned lane) {
    uint64_t value = 0;
    for (unsigned i = 0; i < op.listSize; ++i)
      value |= loadBits(warp, list[i], bytes, lane) << 8 * bytes * i;
    storeBits(warp, op.r[0], bytes * op.listSize, lane, value);
  });
}
static void pack2x32(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *a = warp.src<uint32_t>(warp.program.lists[op.list]);
  const uint32_t *b = warp.src<uint32_t>(warp.program.lists[op.list + 1]);
  uint64_t *d = warp.dst<uint64_t>(op.r[0]);
  lanes(mask, [=](unsigned i) { d[i] = uint64_t(b[i]) << 32 | a[i]; });
}
/// mov.b64 {a, b}, d
static void unpack(Warp &warp, const Op &op, uint32_t mask) {
  const int32_t *list = &warp.program.lists[op.list];
  unsigned bytes = op.width;
  forLanes(mask, [&](unsigned lane) {
    uint64_t value = loadBits(warp, op.r[0], bytes * op.listSize, lane);
    for (unsigned i = 0; i < op.listSize; ++i)
      if (list[i] != noRegister)
        storeBits(warp, list[i], bytes, lane, value >> 8 * bytes * i);
  });
}
/// Whether the elements of the vector together have the size of the type.
static bool checkPacking(Selection &selection, unsigned vector) {
  unsigned count = unsigned(selection.operand(vector).elements.size());
  unsigned total = sizeOf(selection.type());
  selection.op.width = uint8_t(total / std::max(1u, count));
  bool good = (count == 2 || count == 4) && total / count >= 1;
  for (const Operand &element : selection.operand(vector).elements)
    good &= element.kind != OperandKind::Register ||
            sizeOf(element.type) == selection.op.width;
  if (!good)
    selection.fail("expected elements that add up to ." +
                   std::string(info(selection.type()).name));
  return good;
}
Handler moe::emulator::selectPack(Selection &selection) {
  if (!checkPacking(selection, 1))
    return nullptr;
  return selection.op.width == 4 && selection.op.listSize == 2 ? pack2x32
                                                               : pack;
}
Handler moe::emulator::selectUnpack(Selection &selection) {
  return checkPacking(selection, 0) ? unpack : nullptr;
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

static uint64_t windowOf(Selection &selection) {
  if (selection.has("shared") || selection.has("shared::cta") ||
      selection.has("shared::cluster"))
    return sharedWindow;
  if (selection.has("local"))
    return localWindow;
  if (selection.has("param"))
    return paramWindow;
  return 0;
}
static uint64_t addWindow(const Op &op, uint64_t a) {
  return a + uint64_t(op.immediate);
}
static uint32_t addWindow32(const Op &op, uint32_t a) {
  return uint32_t(a + uint64_t(op.immediate));
}
Handler moe::emulator::selectCvta(Selection &selection) {
  uint64_t window = windowOf(selection);
  selection.op.immediate = int64_t(selection.has("to") ? 0 - window : window);
  return sizeOf(selection.type()) == 8
             ? unaryWith<addWindow, uint64_t, uint64_t>
             : unaryWith<addWindow32, uint32_t, uint32_t>;
}
static void isspacep(Warp &warp, const Op &op, uint32_t mask) {
  const uint64_t *a = warp.src<uint64_t>(op.r[1]);
  uint64_t window = uint64_t(op.immediate);
  uint32_t result = 0;
  forLanes(mask, [&](unsigned lane) {
    bool inside = window ? a[lane] - window < windowSize
                         : a[lane] < sharedWindow; // global and const
    result |= uint32_t(inside) << lane;
  });
  warp.setPredicate(op.r[0], mask, result);
}
Handler moe::emulator::selectIsspacep(Selection &selection) {
  selection.op.immediate = int64_t(windowOf(selection));
  return isspacep;
}

/// mapa: the same address, in the cluster of one block.
static void mapa(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *rank = warp.src<uint32_t>(op.r[2]);
  forLanes(mask, [&](unsigned lane) {
    if (rank[lane])
      warp.block.report(CheckKind::InvalidOperation, warp, op, 1u << lane,
                        rank[lane], "block rank is outside of the cluster");
    storeBits(warp, op.r[0], op.width, lane,
              loadBits(warp, op.r[1], op.width, lane));
  });
}
Handler moe::emulator::selectMapa(Selection &selection) {
  selection.op.width = uint8_t(sizeOf(selection.type()));
  return mapa;
}
