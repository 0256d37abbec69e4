//===- ExecInteger.cpp - Integer and bit instructions ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Integer arithmetic, logic, shifts and bit fields.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "Selectors.h"

#include <algorithm>
#include <limits>

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Dispatch over integer types
//===----------------------------------------------------------------------===//

/// F<T> for the integer type of an instruction.
#define MOE_BY_INTEGER(shape, F, ...)                                          \
  switch (selection.type()) {                                                  \
  case Type::U16:                                                              \
  case Type::B16:                                                              \
    return shape<F<uint16_t>, __VA_ARGS__(uint16_t)>;                          \
  case Type::U32:                                                              \
  case Type::B32:                                                              \
    return shape<F<uint32_t>, __VA_ARGS__(uint32_t)>;                          \
  case Type::U64:                                                              \
  case Type::B64:                                                              \
    return shape<F<uint64_t>, __VA_ARGS__(uint64_t)>;                          \
  case Type::S16:                                                              \
    return shape<F<int16_t>, __VA_ARGS__(int16_t)>;                            \
  case Type::S32:                                                              \
    return shape<F<int32_t>, __VA_ARGS__(int32_t)>;                            \
  case Type::S64:                                                              \
    return shape<F<int64_t>, __VA_ARGS__(int64_t)>;                            \
  default:                                                                     \
    return selection.fail("unexpected type");                                  \
  }
#define MOE_DA(T) T, T
#define MOE_DAB(T) T, T, T
#define MOE_DABC(T) T, T, T, T
#define MOE_DAS(T) T, T, uint32_t

template <typename T>
static T addOf(T a, T b) {
  return T(Wide<T>(a) + Wide<T>(b));
}
template <typename T>
static T subOf(T a, T b) {
  return T(Wide<T>(a) - Wide<T>(b));
}
template <typename T>
static T mulLoOf(T a, T b) {
  return T(Wide<T>(a) * Wide<T>(b));
}
/// The upper half of the product.
template <typename T>
static T mulHiOf(T a, T b) {
  if constexpr (sizeof(T) == 8) {
    if constexpr (std::is_signed_v<T>)
      return T((__int128(a) * b) >> 64);
    else
      return T(((unsigned __int128)(a)*b) >> 64);
  } else {
    using Product = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    return T((Product(a) * Product(b)) >> 8 * sizeof(T));
  }
}
template <typename T>
static T madLoOf(T a, T b, T c) {
  return addOf<T>(mulLoOf<T>(a, b), c);
}
template <typename T>
static T madHiOf(T a, T b, T c) {
  return addOf<T>(mulHiOf<T>(a, b), c);
}
/// Division by zero gives all ones, as the hardware does.
template <typename T>
static T divOf(T a, T b) {
  if (b == 0)
    return T(-1);
  if (std::is_signed_v<T> && b == T(-1))
    return subOf<T>(0, a);
  return T(a / b);
}
template <typename T>
static T remOf(T a, T b) {
  if (b == 0)
    return a;
  if (std::is_signed_v<T> && b == T(-1))
    return 0;
  return T(a % b);
}
template <typename T>
static T absOf(T a) {
  return a < 0 ? subOf<T>(0, a) : a;
}
template <typename T>
static T negOf(T a) {
  return subOf<T>(0, a);
}
template <typename T>
static T minOf(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
static T maxOf(T a, T b) {
  return a < b ? b : a;
}
template <typename T>
static T sadOf(T a, T b, T c) {
  return addOf<T>(c, a < b ? subOf<T>(b, a) : subOf<T>(a, b));
}
template <typename T>
static T andOf(T a, T b) {
  return a & b;
}
template <typename T>
static T orOf(T a, T b) {
  return a | b;
}
template <typename T>
static T xorOf(T a, T b) {
  return a ^ b;
}
template <typename T>
static T notOf(T a) {
  return T(~a);
}
template <typename T>
static T cnotOf(T a) {
  return a == 0;
}
template <typename T>
static T shlOf(T a, uint32_t n) {
  return n < 8 * sizeof(T) ? T(Wide<T>(a) << n) : T(0);
}
template <typename T>
static T shrOf(T a, uint32_t n) {
  constexpr uint32_t bits = 8 * sizeof(T);
  if (std::is_signed_v<T>)
    return T(a >> std::min(n, bits - 1));
  return n < bits ? T(a >> n) : T(0);
}

//===----------------------------------------------------------------------===//
// Sums, products, quotients
//===----------------------------------------------------------------------===//

static int32_t saturated(int64_t value) {
  return int32_t(std::clamp<int64_t>(value, INT32_MIN, INT32_MAX));
}
static int32_t addSat(int32_t a, int32_t b) {
  return saturated(int64_t(a) + b);
}
static int32_t subSat(int32_t a, int32_t b) {
  return saturated(int64_t(a) - b);
}
static int32_t madHiSat(int32_t a, int32_t b, int32_t c) {
  return saturated(((int64_t(a) * b) >> 32) + c);
}

/// Two 16-bit values at once.
template <auto F, typename T>
static uint32_t packed(uint32_t a, uint32_t b) {
  uint16_t low = uint16_t(F(T(a), T(b)));
  uint16_t high = uint16_t(F(T(a >> 16), T(b >> 16)));
  return uint32_t(high) << 16 | low;
}
template <auto FS, auto FU>
static Handler packedHandler(Selection &selection) {
  if (selection.type() == Type::S16x2)
    return binary<packed<FS, int16_t>, uint32_t, uint32_t, uint32_t>;
  return binary<packed<FU, uint16_t>, uint32_t, uint32_t, uint32_t>;
}
static bool isPacked(Selection &selection) {
  return selection.type() == Type::S16x2 || selection.type() == Type::U16x2;
}

/// a + b + carry with carry out; subtraction adds the complement, its carry
/// flag is a borrow.
template <typename T, bool subtract, bool useCarry, bool setCarry>
static void carryOp(Warp &warp, const Op &op, uint32_t mask) {
  T *d = warp.dst<T>(op.r[0]);
  const T *a = warp.src<T>(op.r[1]), *b = warp.src<T>(op.r[2]);
  forLanes(mask, [&](unsigned i) {
    uint64_t carry = useCarry ? warp.conditionCodes >> i & 1 : 0;
    using Sum = unsigned __int128;
    Sum sum = subtract ? Sum(a[i]) - b[i] - carry : Sum(a[i]) + b[i] + carry;
    d[i] = T(sum);
    if (setCarry) {
      bool out = (sum >> 8 * sizeof(T)) & 1;
      warp.conditionCodes =
          (warp.conditionCodes & ~(uint64_t(1) << i)) | uint64_t(out) << i;
    }
  });
}
template <bool subtract, bool useCarry, bool setCarry>
static Handler carryHandler(Selection &selection) {
  return sizeOf(selection.type()) == 8
             ? carryOp<uint64_t, subtract, useCarry, setCarry>
             : carryOp<uint32_t, subtract, useCarry, setCarry>;
}

Handler moe::emulator::selectAddInteger(Selection &selection) {
  if (selection.has("cc"))
    return carryHandler<false, false, true>(selection);
  if (selection.has("sat"))
    return binary<addSat, int32_t, int32_t, int32_t>;
  if (isPacked(selection))
    return packedHandler<addOf<int16_t>, addOf<uint16_t>>(selection);
  MOE_BY_INTEGER(binary, addOf, MOE_DAB)
}
Handler moe::emulator::selectSubInteger(Selection &selection) {
  if (selection.has("cc"))
    return carryHandler<true, false, true>(selection);
  if (selection.has("sat"))
    return binary<subSat, int32_t, int32_t, int32_t>;
  MOE_BY_INTEGER(binary, subOf, MOE_DAB)
}
Handler moe::emulator::selectAddCarry(Selection &selection) {
  return selection.has("cc") ? carryHandler<false, true, true>(selection)
                             : carryHandler<false, true, false>(selection);
}
Handler moe::emulator::selectSubCarry(Selection &selection) {
  return selection.has("cc") ? carryHandler<true, true, true>(selection)
                             : carryHandler<true, true, false>(selection);
}

template <typename T>
using Doubled = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
template <typename T>
static Doubled<T> mulWideOf(T a, T b) {
  return Doubled<T>(Wide<Doubled<T>>(Doubled<T>(a)) *
                    Wide<Doubled<T>>(Doubled<T>(b)));
}
template <typename T>
static Doubled<T> madWideOf(T a, T b, Doubled<T> c) {
  return addOf<Doubled<T>>(mulWideOf<T>(a, b), c);
}

Handler moe::emulator::selectMulInteger(Selection &selection) {
  if (selection.has("hi")) {
    MOE_BY_INTEGER(binary, mulHiOf, MOE_DAB)
  }
  if (selection.has("lo")) {
    MOE_BY_INTEGER(binary, mulLoOf, MOE_DAB)
  }
  switch (selection.type()) {
  case Type::U16:
    return binary<mulWideOf<uint16_t>, uint32_t, uint16_t, uint16_t>;
  case Type::S16:
    return binary<mulWideOf<int16_t>, int32_t, int16_t, int16_t>;
  case Type::U32:
    return binary<mulWideOf<uint32_t>, uint64_t, uint32_t, uint32_t>;
  default:
    return binary<mulWideOf<int32_t>, int64_t, int32_t, int32_t>;
  }
}

/// mad with the carry flag. Only the low and high halves of 32 and 64 bits.
template <typename T, bool high, bool useCarry, bool setCarry>
static void madCarry(Warp &warp, const Op &op, uint32_t mask) {
  T *d = warp.dst<T>(op.r[0]);
  const T *a = warp.src<T>(op.r[1]), *b = warp.src<T>(op.r[2]);
  const T *c = warp.src<T>(op.r[3]);
  forLanes(mask, [&](unsigned i) {
    using U = std::make_unsigned_t<T>;
    uint64_t carry = useCarry ? warp.conditionCodes >> i & 1 : 0;
    U product = U(high ? mulHiOf<T>(a[i], b[i]) : mulLoOf<T>(a[i], b[i]));
    unsigned __int128 sum = (unsigned __int128)(product) + U(c[i]) + carry;
    d[i] = T(sum);
    if (setCarry) {
      bool out = (sum >> 8 * sizeof(T)) & 1;
      warp.conditionCodes =
          (warp.conditionCodes & ~(uint64_t(1) << i)) | uint64_t(out) << i;
    }
  });
}
template <typename T, bool useCarry, bool setCarry>
static Handler madCarryHandler(Selection &selection) {
  return selection.has("hi") ? madCarry<T, true, useCarry, setCarry>
                             : madCarry<T, false, useCarry, setCarry>;
}
template <bool useCarry, bool setCarry>
static Handler madCarryTyped(Selection &selection) {
  switch (selection.type()) {
  case Type::U32:
    return madCarryHandler<uint32_t, useCarry, setCarry>(selection);
  case Type::S32:
    return madCarryHandler<int32_t, useCarry, setCarry>(selection);
  case Type::U64:
    return madCarryHandler<uint64_t, useCarry, setCarry>(selection);
  default:
    return madCarryHandler<int64_t, useCarry, setCarry>(selection);
  }
}

Handler moe::emulator::selectMadInteger(Selection &selection) {
  if (selection.has("cc"))
    return madCarryTyped<false, true>(selection);
  if (selection.has("sat"))
    return ternary<madHiSat, int32_t, int32_t, int32_t, int32_t>;
  if (selection.has("hi")) {
    MOE_BY_INTEGER(ternary, madHiOf, MOE_DABC)
  }
  if (selection.has("lo")) {
    MOE_BY_INTEGER(ternary, madLoOf, MOE_DABC)
  }
  switch (selection.type()) {
  case Type::U16:
    return ternary<madWideOf<uint16_t>, uint32_t, uint16_t, uint16_t, uint32_t>;
  case Type::S16:
    return ternary<madWideOf<int16_t>, int32_t, int16_t, int16_t, int32_t>;
  case Type::U32:
    return ternary<madWideOf<uint32_t>, uint64_t, uint32_t, uint32_t, uint64_t>;
  default:
    return ternary<madWideOf<int32_t>, int64_t, int32_t, int32_t, int64_t>;
  }
}
Handler moe::emulator::selectMadCarry(Selection &selection) {
  return selection.has("cc") ? madCarryTyped<true, true>(selection)
                             : madCarryTyped<true, false>(selection);
}

/// 24-bit operands in 32 bits; `hi` are the bits 47..16 of the product.
template <typename T, bool high>
static T mul24Of(T a, T b) {
  auto narrow = [](T x) {
    return std::is_signed_v<T> ? int64_t(int32_t(uint32_t(x) << 8) >> 8)
                               : int64_t(uint32_t(x) & 0xffffff);
  };
  int64_t product = narrow(a) * narrow(b);
  return T(high ? product >> 16 : product);
}
template <typename T, bool high>
static T mad24Of(T a, T b, T c) {
  return addOf<T>(mul24Of<T, high>(a, b), c);
}
Handler moe::emulator::selectMul24(Selection &selection) {
  bool high = selection.has("hi");
  if (selection.type() == Type::S32)
    return high ? binary<mul24Of<int32_t, true>, int32_t, int32_t, int32_t>
                : binary<mul24Of<int32_t, false>, int32_t, int32_t, int32_t>;
  return high ? binary<mul24Of<uint32_t, true>, uint32_t, uint32_t, uint32_t>
              : binary<mul24Of<uint32_t, false>, uint32_t, uint32_t, uint32_t>;
}
Handler moe::emulator::selectMad24(Selection &selection) {
  bool high = selection.has("hi");
  if (selection.type() == Type::S32)
    return high ? ternary<mad24Of<int32_t, true>, int32_t, int32_t, int32_t,
                          int32_t>
                : ternary<mad24Of<int32_t, false>, int32_t, int32_t, int32_t,
                          int32_t>;
  return high ? ternary<mad24Of<uint32_t, true>, uint32_t, uint32_t, uint32_t,
                        uint32_t>
              : ternary<mad24Of<uint32_t, false>, uint32_t, uint32_t, uint32_t,
                        uint32_t>;
}

Handler moe::emulator::selectSad(Selection &selection){MOE_BY_INTEGER(
    ternary, sadOf,
    MOE_DABC)} Handler moe::emulator::selectDivInteger(Selection &selection){
    MOE_BY_INTEGER(binary, divOf, MOE_DAB)} Handler
    moe::emulator::selectRem(Selection &selection){MOE_BY_INTEGER(
        binary, remOf,
        MOE_DAB)} Handler moe::emulator::selectAbsInteger(Selection &selection){
        MOE_BY_INTEGER(unary, absOf, MOE_DA)} Handler
    moe::emulator::selectNegInteger(Selection &selection) {
  MOE_BY_INTEGER(unary, negOf, MOE_DA)
}

template <auto F, typename T>
static T reluOf(T a, T b) {
  return std::max<T>(F(a, b), 0);
}
Handler moe::emulator::selectMinInteger(Selection &selection) {
  if (selection.has("relu"))
    return selection.type() == Type::S32
               ? Handler(binary<reluOf<minOf<int32_t>, int32_t>, int32_t,
                                int32_t, int32_t>)
               : binary<packed<reluOf<minOf<int16_t>, int16_t>, int16_t>,
                        uint32_t, uint32_t, uint32_t>;
  if (isPacked(selection))
    return packedHandler<minOf<int16_t>, minOf<uint16_t>>(selection);
  MOE_BY_INTEGER(binary, minOf, MOE_DAB)
}
Handler moe::emulator::selectMaxInteger(Selection &selection) {
  if (selection.has("relu"))
    return selection.type() == Type::S32
               ? Handler(binary<reluOf<maxOf<int32_t>, int32_t>, int32_t,
                                int32_t, int32_t>)
               : binary<packed<reluOf<maxOf<int16_t>, int16_t>, int16_t>,
                        uint32_t, uint32_t, uint32_t>;
  if (isPacked(selection))
    return packedHandler<maxOf<int16_t>, maxOf<uint16_t>>(selection);
  MOE_BY_INTEGER(binary, maxOf, MOE_DAB)
}

/// Dot products of bytes (dp4a) or of bytes and halves (dp2a).
template <typename A, typename B, typename D>
static D dp4aOf(uint32_t a, uint32_t b, D c) {
  uint32_t sum = uint32_t(c);
  for (unsigned i = 0; i < 32; i += 8)
    sum += uint32_t(int32_t(A(a >> i)) * int32_t(B(b >> i)));
  return D(sum);
}
template <typename A, typename B, typename D, unsigned shift>
static D dp2aOf(uint32_t a, uint32_t b, D c) {
  uint32_t sum = uint32_t(c);
  for (unsigned i = 0; i < 2; ++i)
    sum += uint32_t(int32_t(A(a >> 16 * i)) * int32_t(B(b >> (shift + 8 * i))));
  return D(sum);
}
Handler moe::emulator::selectDp4a(Selection &selection) {
  bool a = selection.type(0) == Type::S32, b = selection.type(1) == Type::S32;
  if (a && b)
    return ternary<dp4aOf<int8_t, int8_t, int32_t>, int32_t, uint32_t, uint32_t,
                   int32_t>;
  if (a)
    return ternary<dp4aOf<int8_t, uint8_t, int32_t>, int32_t, uint32_t,
                   uint32_t, int32_t>;
  if (b)
    return ternary<dp4aOf<uint8_t, int8_t, int32_t>, int32_t, uint32_t,
                   uint32_t, int32_t>;
  return ternary<dp4aOf<uint8_t, uint8_t, uint32_t>, uint32_t, uint32_t,
                 uint32_t, uint32_t>;
}
template <unsigned shift>
static Handler dp2aHandler(bool a, bool b) {
  if (a && b)
    return ternary<dp2aOf<int16_t, int8_t, int32_t, shift>, int32_t, uint32_t,
                   uint32_t, int32_t>;
  if (a)
    return ternary<dp2aOf<int16_t, uint8_t, int32_t, shift>, int32_t, uint32_t,
                   uint32_t, int32_t>;
  if (b)
    return ternary<dp2aOf<uint16_t, int8_t, int32_t, shift>, int32_t, uint32_t,
                   uint32_t, int32_t>;
  return ternary<dp2aOf<uint16_t, uint8_t, uint32_t, shift>, uint32_t, uint32_t,
                 uint32_t, uint32_t>;
}
Handler moe::emulator::selectDp2a(Selection &selection) {
  bool a = selection.type(0) == Type::S32, b = selection.type(1) == Type::S32;
  return selection.has("hi") ? dp2aHandler<16>(a, b) : dp2aHandler<0>(a, b);
}

//===----------------------------------------------------------------------===//
// Logic and shifts
//===----------------------------------------------------------------------===//

/// Logic on predicates, where `negated` may apply.
template <auto F>
static void predicateLogic(Warp &warp, const Op &op, uint32_t mask) {
  uint32_t b = op.r[2] == noRegister ? 0 : warp.predicate(op, 2);
  warp.setPredicate(op.r[0], mask, F(warp.predicate(op, 1), b));
}
static uint32_t notPredicate(uint32_t a, uint32_t) { return ~a; }

Handler moe::emulator::selectAnd(Selection &selection) {
  if (selection.type() == Type::Pred)
    return predicateLogic<andOf<uint32_t>>;
  MOE_BY_INTEGER(binary, andOf, MOE_DAB)
}
Handler moe::emulator::selectOr(Selection &selection) {
  if (selection.type() == Type::Pred)
    return predicateLogic<orOf<uint32_t>>;
  MOE_BY_INTEGER(binary, orOf, MOE_DAB)
}
Handler moe::emulator::selectXor(Selection &selection) {
  if (selection.type() == Type::Pred)
    return predicateLogic<xorOf<uint32_t>>;
  MOE_BY_INTEGER(binary, xorOf, MOE_DAB)
}
Handler moe::emulator::selectNot(Selection &selection) {
  if (selection.type() == Type::Pred)
    return predicateLogic<notPredicate>;
  MOE_BY_INTEGER(unary, notOf, MOE_DA)
}
Handler moe::emulator::selectCnot(Selection &selection){MOE_BY_INTEGER(
    unary, cnotOf,
    MOE_DA)} Handler moe::emulator::selectShl(Selection &selection){
    MOE_BY_INTEGER(binary, shlOf, MOE_DAS)} Handler
    moe::emulator::selectShr(Selection &selection) {
  MOE_BY_INTEGER(binary, shrOf, MOE_DAS)
}

/// Funnel shift of b:a.
template <bool left, bool wrap>
static uint32_t shfOf(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t n = wrap ? c & 31 : std::min(c, 32u);
  uint64_t both = uint64_t(b) << 32 | a;
  return left ? uint32_t((both << n) >> 32) : uint32_t(both >> n);
}
Handler moe::emulator::selectShf(Selection &selection) {
  using U = uint32_t;
  bool left = selection.has("l"), wrap = selection.has("wrap");
  if (left)
    return wrap ? ternary<shfOf<true, true>, U, U, U, U>
                : ternary<shfOf<true, false>, U, U, U, U>;
  return wrap ? ternary<shfOf<false, true>, U, U, U, U>
              : ternary<shfOf<false, false>, U, U, U, U>;
}

/// Bit i of the immediate is the result for inputs with a, b, c = bits of i.
static uint32_t lop3Of(const Op &op, uint32_t a, uint32_t b, uint32_t c) {
  uint32_t table = uint32_t(op.immediate), result = 0;
  for (unsigned i = 0; i < 8; ++i) {
    uint32_t term = (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    result |= table >> i & 1 ? term : 0;
  }
  return result;
}
Handler moe::emulator::selectLop3(Selection &selection) {
  if (selection.op.immediate < 0 || selection.op.immediate > 255)
    return selection.fail("expected a table from 0 to 255");
  return ternaryWith<lop3Of, uint32_t, uint32_t, uint32_t, uint32_t>;
}

static uint32_t prmtOf(uint32_t a, uint32_t b, uint32_t c) {
  uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    unsigned selector = c >> 4 * i & 15;
    uint32_t byte = uint32_t(bytes >> 8 * (selector & 7)) & 0xff;
    if (selector & 8) // the sign, all over the byte
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}
/// The special modes name bytes by c[1:0] as rows of a table.
template <int mode>
static uint32_t prmtMode(uint32_t a, uint32_t b, uint32_t c) {
  static constexpr uint16_t rows[6][4] = {
      {0x3210, 0x4321, 0x5432, 0x6543},  // f4e
      {0x5670, 0x6701, 0x7012, 0x0123},  // b4e
      {0x0000, 0x1111, 0x2222, 0x3333},  // rc8
      {0x3210, 0x3211, 0x3222, 0x3333},  // ecl
      {0x0000, 0x1110, 0x2210, 0x3210},  // ecr
      {0x1010, 0x3232, 0x1010, 0x3232}}; // rc16
  return prmtOf(a, b, rows[mode][c & 3]);
}
Handler moe::emulator::selectPrmt(Selection &selection) {
  using U = uint32_t;
  if (selection.has("f4e"))
    return ternary<prmtMode<0>, U, U, U, U>;
  if (selection.has("b4e"))
    return ternary<prmtMode<1>, U, U, U, U>;
  if (selection.has("rc8"))
    return ternary<prmtMode<2>, U, U, U, U>;
  if (selection.has("ecl"))
    return ternary<prmtMode<3>, U, U, U, U>;
  if (selection.has("ecr"))
    return ternary<prmtMode<4>, U, U, U, U>;
  if (selection.has("rc16"))
    return ternary<prmtMode<5>, U, U, U, U>;
  return ternary<prmtOf, U, U, U, U>;
}

//===----------------------------------------------------------------------===//
// Bits and bit fields
//===----------------------------------------------------------------------===//

template <typename T>
static uint32_t popcOf(T a) {
  return uint32_t(__builtin_popcountll(a));
}
template <typename T>
static uint32_t clzOf(T a) {
  return a ? uint32_t(__builtin_clzll(a)) - (64 - 8 * sizeof(T))
           : 8 * sizeof(T);
}
template <typename T>
static T brevOf(T a) {
  if constexpr (sizeof(T) == 8)
    return __builtin_bitreverse64(a);
  else
    return __builtin_bitreverse32(a);
}
/// Position of the most significant bit that is not a sign bit.
template <typename T, bool shiftAmount>
static uint32_t bfindOf(T a) {
  using U = std::make_unsigned_t<T>;
  U bits = std::is_signed_v<T> && a < 0 ? U(~a) : U(a);
  if (!bits)
    return ~0u;
  uint32_t leading = clzOf<U>(bits);
  return shiftAmount ? leading : uint32_t(8 * sizeof(T) - 1) - leading;
}
template <typename T>
static T bfeOf(T a, uint32_t b, uint32_t c) {
  constexpr uint32_t bits = 8 * sizeof(T);
  using U = std::make_unsigned_t<T>;
  uint32_t pos = b & 0xff, len = c & 0xff;
  U fill = 0; // what lies outside of the field, and above the top of a
  if (std::is_signed_v<T> && len &&
      (U(a) >> std::min(pos + len - 1, bits - 1) & 1))
    fill = ~U(0);
  uint32_t present = pos < bits ? std::min(len, bits - pos) : 0;
  U inside = present < bits ? (U(1) << present) - 1 : ~U(0);
  return T((pos < bits ? U(a) >> pos & inside : 0) | (fill & ~inside));
}
template <typename T>
static void bfiOp(Warp &warp, const Op &op, uint32_t mask) {
  T *d = warp.dst<T>(op.r[0]);
  const T *a = warp.src<T>(op.r[1]), *b = warp.src<T>(op.r[2]);
  const uint32_t *c = warp.src<uint32_t>(op.r[3]);
  const uint32_t *e = warp.src<uint32_t>(op.r[4]);
  constexpr uint32_t bits = 8 * sizeof(T);
  lanes(mask, [=](unsigned i) {
    uint32_t pos = c[i] & 0xff, len = e[i] & 0xff;
    T ones = len < bits ? (T(1) << len) - 1 : ~T(0);
    T field = pos < bits ? T(ones << pos) : T(0);
    T value = pos < bits ? T(a[i] << pos) : T(0);
    d[i] = (b[i] & ~field) | (value & field);
  });
}
template <typename T, bool wrap>
static T szextOf(T a, uint32_t b) {
  uint32_t n = wrap ? b & 31 : std::min(b, 32u);
  if (n == 0)
    return 0;
  if (n == 32)
    return a;
  using U = uint32_t;
  return std::is_signed_v<T> ? T(int32_t(U(a) << (32 - n)) >> (32 - n))
                             : T(U(a) & ((1u << n) - 1));
}
template <bool wrap>
static uint32_t bmskOf(uint32_t a, uint32_t b) {
  uint32_t pos = wrap ? a & 31 : std::min(a, 32u);
  uint32_t len = wrap ? b & 31 : std::min(b, 32u);
  uint64_t ones = (uint64_t(1) << len) - 1;
  return uint32_t(ones << pos);
}

Handler moe::emulator::selectPopc(Selection &selection) {
  return sizeOf(selection.type()) == 8
             ? unary<popcOf<uint64_t>, uint32_t, uint64_t>
             : unary<popcOf<uint32_t>, uint32_t, uint32_t>;
}
Handler moe::emulator::selectClz(Selection &selection) {
  return sizeOf(selection.type()) == 8
             ? unary<clzOf<uint64_t>, uint32_t, uint64_t>
             : unary<clzOf<uint32_t>, uint32_t, uint32_t>;
}
Handler moe::emulator::selectBrev(Selection &selection) {
  return sizeOf(selection.type()) == 8
             ? unary<brevOf<uint64_t>, uint64_t, uint64_t>
             : unary<brevOf<uint32_t>, uint32_t, uint32_t>;
}
Handler moe::emulator::selectBfind(Selection &selection) {
  bool shift = selection.has("shiftamt");
  switch (selection.type()) {
  case Type::U32:
    return shift ? unary<bfindOf<uint32_t, true>, uint32_t, uint32_t>
                 : unary<bfindOf<uint32_t, false>, uint32_t, uint32_t>;
  case Type::S32:
    return shift ? unary<bfindOf<int32_t, true>, uint32_t, int32_t>
                 : unary<bfindOf<int32_t, false>, uint32_t, int32_t>;
  case Type::U64:
    return shift ? unary<bfindOf<uint64_t, true>, uint32_t, uint64_t>
                 : unary<bfindOf<uint64_t, false>, uint32_t, uint64_t>;
  default:
    return shift ? unary<bfindOf<int64_t, true>, uint32_t, int64_t>
                 : unary<bfindOf<int64_t, false>, uint32_t, int64_t>;
  }
}
Handler moe::emulator::selectBfe(Selection &selection) {
  switch (selection.type()) {
  case Type::U32:
    return ternary<bfeOf<uint32_t>, uint32_t, uint32_t, uint32_t, uint32_t>;
  case Type::S32:
    return ternary<bfeOf<int32_t>, int32_t, int32_t, uint32_t, uint32_t>;
  case Type::U64:
    return ternary<bfeOf<uint64_t>, uint64_t, uint64_t, uint32_t, uint32_t>;
  default:
    return ternary<bfeOf<int64_t>, int64_t, int64_t, uint32_t, uint32_t>;
  }
}
Handler moe::emulator::selectBfi(Selection &selection) {
  return sizeOf(selection.type()) == 8 ? bfiOp<uint64_t> : bfiOp<uint32_t>;
}
Handler moe::emulator::selectSzext(Selection &selection) {
  bool wrap = selection.has("wrap");
  if (selection.type() == Type::S32)
    return wrap ? binary<szextOf<int32_t, true>, int32_t, int32_t, uint32_t>
                : binary<szextOf<int32_t, false>, int32_t, int32_t, uint32_t>;
  return wrap ? binary<szextOf<uint32_t, true>, uint32_t, uint32_t, uint32_t>
              : binary<szextOf<uint32_t, false>, uint32_t, uint32_t, uint32_t>;
}
Handler moe::emulator::selectBmsk(Selection &selection) {
  return selection.has("wrap")
             ? binary<bmskOf<true>, uint32_t, uint32_t, uint32_t>
             : binary<bmskOf<false>, uint32_t, uint32_t, uint32_t>;
}
