//===- ExecCompare.cpp - Comparisons and selections -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// setp, set, selp, slct, testp.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "Selectors.h"
#include "moe/Emulator/Numerics.h"

using namespace moe::emulator;

namespace {

enum Comparison : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Num, Nan };
/// In Op::flags: the comparison, whether unordered operands give true, and how
/// the third operand is combined.
constexpr uint8_t comparisonMask = 7;
constexpr uint8_t unordered = 8;
constexpr unsigned combineShift = 4;
enum Combine : uint8_t { None, And, Or, Xor };

} // namespace

/// The code in Op::flags; `signedness` is 'u' for lo, ls, hi, hs.
static bool parseComparison(Selection &selection, uint8_t &flags) {
  struct Name {
    const char *name;
    uint8_t code;
  };
  static const Name names[] = {{"eq", Eq},
                               {"ne", Ne},
                               {"lt", Lt},
                               {"le", Le},
                               {"gt", Gt},
                               {"ge", Ge},
                               {"lo", Lt},
                               {"ls", Le},
                               {"hi", Gt},
                               {"hs", Ge},
                               {"num", Num},
                               {"nan", Nan},
                               {"equ", Eq | unordered},
                               {"neu", Ne | unordered},
                               {"ltu", Lt | unordered},
                               {"leu", Le | unordered},
                               {"gtu", Gt | unordered},
                               {"geu", Ge | unordered}};
  std::string_view text = selection.instruction.modifiers[0];
  for (const Name &name : names)
    if (text == name.name) {
      flags = name.code;
      if (selection.has("and"))
        flags |= And << combineShift;
      if (selection.has("or"))
        flags |= Or << combineShift;
      if (selection.has("xor"))
        flags |= Xor << combineShift;
      return true;
    }
  return false;
}

template <Comparison comparison, typename T>
static bool compare(T a, T b) {
  switch (comparison) {
  case Eq:
    return a == b;
  case Ne:
    return a < b || a > b; // false when unordered
  case Lt:
    return a < b;
  case Le:
    return a <= b;
  case Gt:
    return a > b;
  case Ge:
    return a >= b;
  case Num:
    return a == a && b == b;
  case Nan:
    return a != a || b != b;
  }
  return false;
}

/// The lanes in which a comparison holds.
template <Comparison comparison, typename T>
static uint32_t compareAll(const T *a, const T *b, bool orUnordered) {
  uint32_t result = 0;
  for (unsigned i = 0; i < warpSize; ++i) {
    bool value = compare<comparison>(a[i], b[i]);
    if (orUnordered && (a[i] != a[i] || b[i] != b[i]))
      value = true;
    result |= uint32_t(value) << i;
  }
  return result;
}

template <typename T>
static uint32_t compareBy(uint8_t flags, const T *a, const T *b) {
  bool orUnordered = flags & unordered;
  switch (flags & comparisonMask) {
  case Eq:
    return compareAll<Eq>(a, b, orUnordered);
  case Ne:
    return compareAll<Ne>(a, b, orUnordered);
  case Lt:
    return compareAll<Lt>(a, b, orUnordered);
  case Le:
    return compareAll<Le>(a, b, orUnordered);
  case Gt:
    return compareAll<Gt>(a, b, orUnordered);
  case Ge:
    return compareAll<Ge>(a, b, orUnordered);
  case Num:
    return compareAll<Num>(a, b, false);
  default:
    return compareAll<Nan>(a, b, false);
  }
}

/// How an operand becomes a value that C++ compares.
template <typename T>
struct Plain {
  using Stored = T;
  using Value = T;
  static T get(T x, bool) { return x; }
};
struct Flushed {
  using Stored = float;
  using Value = float;
  static float get(float x, bool ftz) { return flush(x, ftz); }
};
struct HalfValue {
  using Stored = uint16_t;
  using Value = float;
  static float get(uint16_t x, bool ftz) {
    return f32FromF16(uint16_t(flushBits(kF16, x, ftz)));
  }
};
struct BFloatValue {
  using Stored = uint16_t;
  using Value = float;
  static float get(uint16_t x, bool) { return f32FromBF16(x); }
};

template <typename F>
static uint32_t compareOperands(Warp &warp, const Op &op, unsigned first) {
  const auto *a = warp.src<typename F::Stored>(op.r[first]);
  const auto *b = warp.src<typename F::Stored>(op.r[first + 1]);
  if constexpr (std::is_same_v<typename F::Stored, typename F::Value>)
    if (!op.isSigned) // no flushing
      return compareBy(op.flags, a, b);
  typename F::Value left[warpSize], right[warpSize];
  for (unsigned i = 0; i < warpSize; ++i) {
    left[i] = F::get(a[i], op.isSigned);
    right[i] = F::get(b[i], op.isSigned);
  }
  return compareBy(op.flags, left, right);
}

static uint32_t combine(const Op &op, uint32_t value, uint32_t other) {
  switch (op.flags >> combineShift) {
  case And:
    return value & other;
  case Or:
    return value | other;
  case Xor:
    return value ^ other;
  default:
    return value;
  }
}

template <typename F>
static void setp(Warp &warp, const Op &op, uint32_t mask) {
  uint32_t value = compareOperands<F>(warp, op, 2);
  uint32_t other = op.r[4] == noRegister ? 0 : warp.predicate(op, 4);
  uint32_t p = combine(op, value, other), q = combine(op, ~value, other);
  warp.setPredicate(op.r[0], mask, p);
  warp.setPredicate(op.r[1], mask, q);
}

/// Two halves, a predicate each.
template <typename F>
static void setpPacked(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *a = warp.src<uint32_t>(op.r[2]);
  const uint32_t *b = warp.src<uint32_t>(op.r[3]);
  uint32_t other = op.r[4] == noRegister ? 0 : warp.predicate(op, 4);
  for (unsigned half = 0; half < 2; ++half) {
    float left[warpSize], right[warpSize];
    for (unsigned i = 0; i < warpSize; ++i) {
      left[i] = F::get(uint16_t(a[i] >> 16 * half), op.isSigned);
      right[i] = F::get(uint16_t(b[i] >> 16 * half), op.isSigned);
    }
    uint32_t value = compareBy(op.flags, left, right);
    warp.setPredicate(op.r[half], mask, combine(op, value, other));
  }
}

template <typename F, typename D>
static void set(Warp &warp, const Op &op, uint32_t mask) {
  uint32_t value = compareOperands<F>(warp, op, 1);
  uint32_t other = op.r[3] == noRegister ? 0 : warp.predicate(op, 3);
  value = combine(op, value, other);
  D yes = D(op.immediate), *d = warp.dst<D>(op.r[0]);
  lanes(mask, [=](unsigned i) { d[i] = value >> i & 1 ? yes : D(0); });
}
template <typename F>
static void setPacked(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *a = warp.src<uint32_t>(op.r[1]);
  const uint32_t *b = warp.src<uint32_t>(op.r[2]);
  uint32_t other = op.r[3] == noRegister ? 0 : warp.predicate(op, 3);
  uint32_t *d = warp.dst<uint32_t>(op.r[0]), value[2];
  for (unsigned half = 0; half < 2; ++half) {
    float left[warpSize], right[warpSize];
    for (unsigned i = 0; i < warpSize; ++i) {
      left[i] = F::get(uint16_t(a[i] >> 16 * half), op.isSigned);
      right[i] = F::get(uint16_t(b[i] >> 16 * half), op.isSigned);
    }
    value[half] = combine(op, compareBy(op.flags, left, right), other);
  }
  uint32_t yes = uint32_t(op.immediate) & 0xffff;
  forLanes(mask, [&](unsigned i) {
    d[i] = (value[0] >> i & 1 ? yes : 0) | (value[1] >> i & 1 ? yes << 16 : 0);
  });
}

/// `H<F>` for the type of the compared operands.
#define MOE_BY_COMPARED(H, type)                                               \
  switch (type) {                                                              \
  case Type::U16:                                                              \
  case Type::B16:                                                              \
    return H(Plain<uint16_t>);                                                 \
  case Type::U32:                                                              \
  case Type::B32:                                                              \
    return H(Plain<uint32_t>);                                                 \
  case Type::U64:                                                              \
  case Type::B64:                                                              \
    return H(Plain<uint64_t>);                                                 \
  case Type::S16:                                                              \
    return H(Plain<int16_t>);                                                  \
  case Type::S32:                                                              \
    return H(Plain<int32_t>);                                                  \
  case Type::S64:                                                              \
    return H(Plain<int64_t>);                                                  \
  case Type::F32:                                                              \
    return H(Flushed);                                                         \
  case Type::F64:                                                              \
    return H(Plain<double>);                                                   \
  case Type::F16:                                                              \
    return H(HalfValue);                                                       \
  case Type::BF16:                                                             \
    return H(BFloatValue);                                                     \
  default:                                                                     \
    return selection.fail("unexpected type");                                  \
  }

Handler moe::emulator::selectSetp(Selection &selection) {
  parseComparison(selection, selection.op.flags);
  selection.op.isSigned = selection.has("ftz");
  if (selection.type() == Type::F16x2)
    return setpPacked<HalfValue>;
  if (selection.type() == Type::BF16x2)
    return setpPacked<BFloatValue>;
#define MOE_SETP(F) setp<F>
  MOE_BY_COMPARED(MOE_SETP, selection.type())
}

Handler moe::emulator::selectSet(Selection &selection) {
  parseComparison(selection, selection.op.flags);
  selection.op.isSigned = selection.has("ftz");
  Type result = selection.type(0), compared = selection.type(1);
  selection.op.immediate = -1;
  if (result == Type::F32)
    selection.op.immediate = 0x3f800000;
  if (result == Type::F16 || result == Type::F16x2)
    selection.op.immediate = 0x3c00;
  if (result == Type::BF16 || result == Type::BF16x2)
    selection.op.immediate = 0x3f80;
  if (compared == Type::F16x2)
    return setPacked<HalfValue>;
  if (compared == Type::BF16x2)
    return setPacked<BFloatValue>;
  if (sizeOf(result) == 2) {
#define MOE_SET16(F) set<F, uint16_t>
    MOE_BY_COMPARED(MOE_SET16, compared)
  }
#define MOE_SET32(F) set<F, uint32_t>
  MOE_BY_COMPARED(MOE_SET32, compared)
}

template <typename T>
static void selp(Warp &warp, const Op &op, uint32_t mask) {
  T *d = warp.dst<T>(op.r[0]);
  const T *a = warp.src<T>(op.r[1]), *b = warp.src<T>(op.r[2]);
  uint32_t p = warp.predicate(op, 3);
  lanes(mask, [=](unsigned i) { d[i] = p >> i & 1 ? a[i] : b[i]; });
}
Handler moe::emulator::selectSelp(Selection &selection) {
  switch (sizeOf(selection.type())) {
  case 2:
    return selp<uint16_t>;
  case 4:
    return selp<uint32_t>;
  default:
    return selp<uint64_t>;
  }
}

/// slct: a where c >= 0, else b.
template <typename T, typename C>
static T slctOf(const Op &op, T a, T b, C c) {
  if constexpr (std::is_same_v<C, float>)
    c = flush(c, op.flags);
  return c >= 0 ? a : b;
}
template <typename T>
static Handler slctHandler(Selection &selection) {
  if (selection.type(1) == Type::F32)
    return ternaryWith<slctOf<T, float>, T, T, T, float>;
  return ternaryWith<slctOf<T, int32_t>, T, T, T, int32_t>;
}
Handler moe::emulator::selectSlct(Selection &selection) {
  selection.op.flags = selection.has("ftz");
  switch (sizeOf(selection.type())) {
  case 2:
    return slctHandler<uint16_t>(selection);
  case 4:
    return slctHandler<uint32_t>(selection);
  default:
    return slctHandler<uint64_t>(selection);
  }
}

template <typename T>
static void testp(Warp &warp, const Op &op, uint32_t mask) {
  const T *a = warp.src<T>(op.r[1]);
  uint32_t result = 0;
  forLanes(mask, [&](unsigned i) {
    int kind = std::fpclassify(a[i]);
    bool values[] = {kind != FP_NAN && kind != FP_INFINITE,
                     kind == FP_INFINITE,
                     kind != FP_NAN,
                     kind == FP_NAN,
                     kind == FP_NORMAL,
                     kind == FP_SUBNORMAL};
    result |= uint32_t(values[op.flags]) << i;
  });
  warp.setPredicate(op.r[0], mask, result);
}
Handler moe::emulator::selectTestp(Selection &selection) {
  static const char *const names[] = {"finite",     "infinite", "number",
                                      "notanumber", "normal",   "subnormal"};
  for (uint8_t i = 0; i < 6; ++i)
    if (selection.has(names[i]))
      selection.op.flags = i;
  return selection.type() == Type::F32 ? testp<float> : testp<double>;
}
