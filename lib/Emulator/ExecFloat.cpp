//===- ExecFloat.cpp - Floating-point instructions ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Arithmetic on f32, f64, f16, bf16 and their packed pairs, by the functions of
// Numerics.h.
//
//===----------------------------------------------------------------------===//

#include "Exec.h"
#include "Selectors.h"
#include "moe/Emulator/Numerics.h"

using namespace moe::emulator;

//===----------------------------------------------------------------------===//
// Modes
//===----------------------------------------------------------------------===//

// Op::flags holds the rounding in the low three bits, then these.
constexpr uint8_t ftzFlag = 8, satFlag = 16, reluFlag = 32, nanFlag = 64,
                  xorSignFlag = 128;

static Round roundOf(const Op &op) { return Round(op.flags & 7); }
static FloatMode modeOf(const Op &op) {
  return {roundOf(op), bool(op.flags & ftzFlag), bool(op.flags & satFlag)};
}
static HalfMode halfModeOf(const Op &op) {
  return {bool(op.flags & ftzFlag), bool(op.flags & satFlag),
          bool(op.flags & reluFlag)};
}

static void setMode(Selection &selection) {
  uint8_t &flags = selection.op.flags;
  if (selection.has("rz"))
    flags = uint8_t(Round::Zero);
  if (selection.has("rm"))
    flags = uint8_t(Round::Down);
  if (selection.has("rp"))
    flags = uint8_t(Round::Up);
  flags |= selection.has("ftz") ? ftzFlag : 0;
  flags |= selection.has("sat") ? satFlag : 0;
  flags |= selection.has("relu") ? reluFlag : 0;
  flags |= selection.has("NaN") ? nanFlag : 0;
  flags |= selection.has("xorsign") ? xorSignFlag : 0;
}

/// Round to nearest even without further modifiers: the usual case, a loop the
/// compiler vectorises.
static bool isPlain(Selection &selection) { return selection.op.flags == 0; }

//===----------------------------------------------------------------------===//
// Halves
//===----------------------------------------------------------------------===//

using HalfBinary = uint16_t (*)(FloatFormat, uint16_t, uint16_t, HalfMode);

template <HalfBinary F, bool bfloat>
static uint16_t half2(const Op &op, uint16_t a, uint16_t b) {
  return F(bfloat ? kBF16 : kF16, a, b, halfModeOf(op));
}
template <HalfBinary F, bool bfloat>
static uint32_t packed2(const Op &op, uint32_t a, uint32_t b) {
  uint32_t low = half2<F, bfloat>(op, uint16_t(a), uint16_t(b));
  uint32_t high = half2<F, bfloat>(op, uint16_t(a >> 16), uint16_t(b >> 16));
  return high << 16 | low;
}
template <bool bfloat>
static uint16_t half3(const Op &op, uint16_t a, uint16_t b, uint16_t c) {
  return fmaHalf(bfloat ? kBF16 : kF16, a, b, c, halfModeOf(op));
}
template <bool bfloat>
static uint32_t packed3(const Op &op, uint32_t a, uint32_t b, uint32_t c) {
  uint32_t low = half3<bfloat>(op, uint16_t(a), uint16_t(b), uint16_t(c));
  uint32_t high = half3<bfloat>(op, uint16_t(a >> 16), uint16_t(b >> 16),
                                uint16_t(c >> 16));
  return high << 16 | low;
}

template <HalfBinary F>
static Handler halfBinary(Selection &selection) {
  switch (selection.type()) {
  case Type::F16:
    return binaryWith<half2<F, false>, uint16_t, uint16_t, uint16_t>;
  case Type::BF16:
    return binaryWith<half2<F, true>, uint16_t, uint16_t, uint16_t>;
  case Type::F16x2:
    return binaryWith<packed2<F, false>, uint32_t, uint32_t, uint32_t>;
  case Type::BF16x2:
    return binaryWith<packed2<F, true>, uint32_t, uint32_t, uint32_t>;
  default:
    return selection.fail("unexpected type");
  }
}

//===----------------------------------------------------------------------===//
// add, sub, mul, fma, div, rcp, sqrt
//===----------------------------------------------------------------------===//

static float addPlain(float a, float b) { return canonical(a + b); }
static float subPlain(float a, float b) { return canonical(a - b); }
static float mulPlain(float a, float b) { return canonical(a * b); }
static float fmaPlain(float a, float b, float c) {
  return canonical(std::fma(a, b, c));
}
static float addMode(const Op &op, float a, float b) {
  return addF32(a, b, modeOf(op));
}
static float subMode(const Op &op, float a, float b) {
  return subF32(a, b, modeOf(op));
}
static float mulMode(const Op &op, float a, float b) {
  return mulF32(a, b, modeOf(op));
}
static float fmaMode(const Op &op, float a, float b, float c) {
  return fmaF32(a, b, c, modeOf(op));
}
static double addDouble(const Op &op, double a, double b) {
  return addF64(a, b, roundOf(op));
}
static double subDouble(const Op &op, double a, double b) {
  return subF64(a, b, roundOf(op));
}
static double mulDouble(const Op &op, double a, double b) {
  return mulF64(a, b, roundOf(op));
}
static double fmaDouble(const Op &op, double a, double b, double c) {
  return fmaF64(a, b, c, roundOf(op));
}

template <auto Plain, auto Mode, auto Double, HalfBinary Half>
static Handler arithmetic(Selection &selection) {
  setMode(selection);
  if (selection.type() == Type::F32)
    return isPlain(selection) ? binary<Plain, float, float, float>
                              : binaryWith<Mode, float, float, float>;
  if (selection.type() == Type::F64)
    return binaryWith<Double, double, double, double>;
  return halfBinary<Half>(selection);
}

Handler moe::emulator::selectAddFloat(Selection &selection) {
  return arithmetic<addPlain, addMode, addDouble, addHalf>(selection);
}
Handler moe::emulator::selectSubFloat(Selection &selection) {
  return arithmetic<subPlain, subMode, subDouble, subHalf>(selection);
}
Handler moe::emulator::selectMulFloat(Selection &selection) {
  return arithmetic<mulPlain, mulMode, mulDouble, mulHalf>(selection);
}
Handler moe::emulator::selectFma(Selection &selection) {
  setMode(selection);
  switch (selection.type()) {
  case Type::F32:
    return isPlain(selection)
               ? ternary<fmaPlain, float, float, float, float>
               : ternaryWith<fmaMode, float, float, float, float>;
  case Type::F64:
    return ternaryWith<fmaDouble, double, double, double, double>;
  case Type::F16:
    return ternaryWith<half3<false>, uint16_t, uint16_t, uint16_t, uint16_t>;
  case Type::BF16:
    return ternaryWith<half3<true>, uint16_t, uint16_t, uint16_t, uint16_t>;
  case Type::F16x2:
    return ternaryWith<packed3<false>, uint32_t, uint32_t, uint32_t, uint32_t>;
  case Type::BF16x2:
    return ternaryWith<packed3<true>, uint32_t, uint32_t, uint32_t, uint32_t>;
  default:
    return selection.fail("unexpected type");
  }
}

static float divMode(const Op &op, float a, float b) {
  return divF32(a, b, modeOf(op));
}
static float divApproxMode(const Op &op, float a, float b) {
  return divApprox(a, b, op.flags & ftzFlag);
}
static float divFullMode(const Op &op, float a, float b) {
  return divFull(a, b, op.flags & ftzFlag);
}
static double divDouble(const Op &op, double a, double b) {
  return divF64(a, b, roundOf(op));
}
Handler moe::emulator::selectDivFloat(Selection &selection) {
  setMode(selection);
  if (selection.type() == Type::F64)
    return binaryWith<divDouble, double, double, double>;
  if (selection.has("approx"))
    return binaryWith<divApproxMode, float, float, float>;
  if (selection.has("full"))
    return binaryWith<divFullMode, float, float, float>;
  return binaryWith<divMode, float, float, float>;
}

static float rcpMode(const Op &op, float a) { return rcpF32(a, modeOf(op)); }
static float rcpApproxMode(const Op &op, float a) {
  return rcpApprox(a, op.flags & ftzFlag);
}
static double rcpDouble(const Op &op, double a) {
  return rcpF64(a, roundOf(op));
}
static double rcpApproxDouble(const Op &, double a) { return rcpApproxF64(a); }
Handler moe::emulator::selectRcp(Selection &selection) {
  setMode(selection);
  bool approx = selection.has("approx");
  if (selection.type() == Type::F64)
    return approx ? unaryWith<rcpApproxDouble, double, double>
                  : unaryWith<rcpDouble, double, double>;
  return approx ? unaryWith<rcpApproxMode, float, float>
                : unaryWith<rcpMode, float, float>;
}

static float sqrtMode(const Op &op, float a) { return sqrtF32(a, modeOf(op)); }
static float sqrtApproxMode(const Op &op, float a) {
  return sqrtApprox(a, op.flags & ftzFlag);
}
static double sqrtDouble(const Op &op, double a) {
  return sqrtF64(a, roundOf(op));
}
Handler moe::emulator::selectSqrt(Selection &selection) {
  setMode(selection);
  if (selection.type() == Type::F64)
    return unaryWith<sqrtDouble, double, double>;
  return selection.has("approx") ? unaryWith<sqrtApproxMode, float, float>
                                 : unaryWith<sqrtMode, float, float>;
}

//===----------------------------------------------------------------------===//
// Approximate functions
//===----------------------------------------------------------------------===//

template <auto F>
static float approximate(const Op &op, float a) {
  return F(a, op.flags & ftzFlag);
}
static double rsqrtDouble(const Op &op, double a) {
  return rsqrtApproxF64(a, op.flags & ftzFlag);
}
Handler moe::emulator::selectRsqrt(Selection &selection) {
  setMode(selection);
  if (selection.type() == Type::F64)
    return unaryWith<rsqrtDouble, double, double>;
  return unaryWith<approximate<rsqrtApprox>, float, float>;
}
Handler moe::emulator::selectSin(Selection &selection) {
  setMode(selection);
  return unaryWith<approximate<sinApprox>, float, float>;
}
Handler moe::emulator::selectCos(Selection &selection) {
  setMode(selection);
  return unaryWith<approximate<cosApprox>, float, float>;
}
Handler moe::emulator::selectLg2(Selection &selection) {
  setMode(selection);
  return unaryWith<approximate<lg2Approx>, float, float>;
}

template <bool bfloat>
static uint16_t ex2Half(const Op &op, uint16_t a) {
  return ex2ApproxHalf(bfloat ? kBF16 : kF16, a, op.flags & ftzFlag);
}
template <bool bfloat>
static uint16_t tanhHalf(const Op &, uint16_t a) {
  return tanhApproxHalf(bfloat ? kBF16 : kF16, a);
}
template <auto F>
static uint32_t packed1(const Op &op, uint32_t a) {
  uint32_t low = F(op, uint16_t(a)), high = F(op, uint16_t(a >> 16));
  return high << 16 | low;
}
static float tanhMode(const Op &, float a) { return tanhApprox(a); }

template <auto F32, auto F16, auto BF16>
static Handler byFloat(Selection &selection) {
  setMode(selection);
  switch (selection.type()) {
  case Type::F32:
    return unaryWith<F32, float, float>;
  case Type::F16:
    return unaryWith<F16, uint16_t, uint16_t>;
  case Type::BF16:
    return unaryWith<BF16, uint16_t, uint16_t>;
  case Type::F16x2:
    return unaryWith<packed1<F16>, uint32_t, uint32_t>;
  case Type::BF16x2:
    return unaryWith<packed1<BF16>, uint32_t, uint32_t>;
  default:
    return selection.fail("unexpected type");
  }
}
Handler moe::emulator::selectEx2(Selection &selection) {
  return byFloat<approximate<ex2Approx>, ex2Half<false>, ex2Half<true>>(
      selection);
}
Handler moe::emulator::selectTanh(Selection &selection) {
  return byFloat<tanhMode, tanhHalf<false>, tanhHalf<true>>(selection);
}

//===----------------------------------------------------------------------===//
// Sign, minimum, maximum
//===----------------------------------------------------------------------===//

template <int width, bool negate>
static constexpr uint64_t signChange(uint64_t bits) {
  uint64_t sign = uint64_t(1) << (width - 1);
  return negate ? bits ^ sign : bits & ~sign;
}
/// A NaN of 16 or 32 bits becomes the canonical one.
template <bool negate>
static uint32_t sign32(const Op &op, uint32_t a) {
  float value = flush(bitCast<float>(a), op.flags & ftzFlag);
  if (value != value)
    return kCanonicalNaN32;
  return uint32_t(signChange<32, negate>(bitCast<uint32_t>(value)));
}
template <bool negate>
static uint64_t sign64(const Op &, uint64_t a) {
  return signChange<64, negate>(a);
}
template <bool negate, bool bfloat>
static uint16_t sign16(const Op &op, uint16_t a) {
  constexpr FloatFormat format = bfloat ? kBF16 : kF16;
  uint64_t bits = flushBits(format, a, op.flags & ftzFlag);
  if ((bits & format.nan()) > format.infinity())
    return kCanonicalNaN16;
  return uint16_t(signChange<16, negate>(bits));
}
template <bool negate>
static Handler signHandler(Selection &selection) {
  if (selection.type() == Type::F64) {
    setMode(selection);
    return unaryWith<sign64<negate>, uint64_t, uint64_t>;
  }
  setMode(selection);
  if (selection.type() == Type::F32)
    return unaryWith<sign32<negate>, uint32_t, uint32_t>;
  return byFloat<tanhMode, sign16<negate, false>, sign16<negate, true>>(
      selection);
}
Handler moe::emulator::selectAbsFloat(Selection &selection) {
  return signHandler<false>(selection);
}
Handler moe::emulator::selectNegFloat(Selection &selection) {
  return signHandler<true>(selection);
}

template <typename T>
static T copysignOf(T a, T b) {
  T sign = T(1) << (8 * sizeof(T) - 1);
  return (a & sign) | (b & ~sign);
}
Handler moe::emulator::selectCopysign(Selection &selection) {
  return selection.type() == Type::F64
             ? binary<copysignOf<uint64_t>, uint64_t, uint64_t, uint64_t>
             : binary<copysignOf<uint32_t>, uint32_t, uint32_t, uint32_t>;
}

template <int format, bool max, typename T>
static T minMaxOf(const Op &op, T a, T b) {
  constexpr FloatFormat formats[] = {kF16, kBF16, kF32, kF64};
  return T(minMax(formats[format], a, b,
                  {max, bool(op.flags & ftzFlag), bool(op.flags & nanFlag),
                   bool(op.flags & xorSignFlag)}));
}
template <int format, bool max>
static uint32_t minMaxPacked(const Op &op, uint32_t a, uint32_t b) {
  uint32_t low = minMaxOf<format, max, uint16_t>(op, uint16_t(a), uint16_t(b));
  uint32_t high =
      minMaxOf<format, max, uint16_t>(op, uint16_t(a >> 16), uint16_t(b >> 16));
  return high << 16 | low;
}
template <bool max>
static Handler minMaxHandler(Selection &selection) {
  setMode(selection);
  switch (selection.type()) {
  case Type::F16:
    return binaryWith<minMaxOf<0, max, uint16_t>, uint16_t, uint16_t, uint16_t>;
  case Type::BF16:
    return binaryWith<minMaxOf<1, max, uint16_t>, uint16_t, uint16_t, uint16_t>;
  case Type::F32:
    return binaryWith<minMaxOf<2, max, uint32_t>, uint32_t, uint32_t, uint32_t>;
  case Type::F64:
    return binaryWith<minMaxOf<3, max, uint64_t>, uint64_t, uint64_t, uint64_t>;
  case Type::F16x2:
    return binaryWith<minMaxPacked<0, max>, uint32_t, uint32_t, uint32_t>;
  case Type::BF16x2:
    return binaryWith<minMaxPacked<1, max>, uint32_t, uint32_t, uint32_t>;
  default:
    return selection.fail("unexpected type");
  }
}
Handler moe::emulator::selectMinFloat(Selection &selection) {
  return minMaxHandler<false>(selection);
}
Handler moe::emulator::selectMaxFloat(Selection &selection) {
  return minMaxHandler<true>(selection);
}
