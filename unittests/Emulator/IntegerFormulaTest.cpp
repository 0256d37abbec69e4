//===- IntegerFormulaTest.cpp - Integer instructions over edge values -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FormulaTest.h"

#include <algorithm>

using namespace moe::emulator;
using namespace moe::emulator::testing;

namespace {

using s8 = int8_t;
using s16 = int16_t;
using s32 = int32_t;
using s64 = int64_t;
using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
__extension__ using s128 = __int128;
__extension__ using u128 = unsigned __int128;

/// Saturates to [low, high].
s64 clampTo(s128 x, s64 low, s64 high) {
  return s64(std::clamp<s128>(x, low, high));
}

TEST(Formulas, AddSubtractMultiply) {
  FormulaRunner(
      {
          row2<u32, u32, u32>("add.s32 $d, $a, $b;",
                              [](u32 a, u32 b) { return a + b; }),
          row2<u16, u16, u16>("add.u16 $d, $a, $b;",
                              [](u16 a, u16 b) { return a + b; }),
          row2<u64, u64, u64>("add.s64 $d, $a, $b;",
                              [](u64 a, u64 b) { return a + b; }),
          row2<s32, s32, s32>("add.sat.s32 $d, $a, $b;",
                              [](s32 a, s32 b) {
                                return clampTo(s128(a) + b, INT32_MIN,
                                               INT32_MAX);
                              }),
          row2<s32, s32, s32>("sub.sat.s32 $d, $a, $b;",
                              [](s32 a, s32 b) {
                                return clampTo(s128(a) - b, INT32_MIN,
                                               INT32_MAX);
                              }),
          row2<u32, u32, u32>("sub.u32 $d, $a, $b;",
                              [](u32 a, u32 b) { return a - b; }),
          row2<u64, u64, u64>("sub.u64 $d, $a, $b;",
                              [](u64 a, u64 b) { return a - b; }),
          row2<u16, u16, u16>("mul.lo.s16 $d, $a, $b;",
                              [](u16 a, u16 b) { return u32(a) * b; }),
          row2<u16, s16, s16>("mul.hi.s16 $d, $a, $b;",
                              [](s16 a, s16 b) { return (s32(a) * b) >> 16; }),
          row2<u32, u32, u32>("mul.lo.s32 $d, $a, $b;",
                              [](u32 a, u32 b) { return a * b; }),
          row2<u32, s32, s32>("mul.hi.s32 $d, $a, $b;",
                              [](s32 a, s32 b) { return (s64(a) * b) >> 32; }),
          row2<u32, u32, u32>("mul.hi.u32 $d, $a, $b;",
                              [](u32 a, u32 b) { return (u64(a) * b) >> 32; }),
          row2<u64, u64, u64>("mul.lo.s64 $d, $a, $b;",
                              [](u64 a, u64 b) { return a * b; }),
          row2<u64, s64, s64>(
              "mul.hi.s64 $d, $a, $b;",
              [](s64 a, s64 b) { return u64((s128(a) * b) >> 64); }),
          row2<u64, u64, u64>(
              "mul.hi.u64 $d, $a, $b;",
              [](u64 a, u64 b) { return u64((u128(a) * b) >> 64); }),
          row2<u32, s16, s16>("mul.wide.s16 $d, $a, $b;",
                              [](s16 a, s16 b) { return s32(a) * b; }),
          row2<u32, u16, u16>("mul.wide.u16 $d, $a, $b;",
                              [](u16 a, u16 b) { return u32(a) * b; }),
          row2<u64, s32, s32>("mul.wide.s32 $d, $a, $b;",
                              [](s32 a, s32 b) { return s64(a) * b; }),
          row2<u64, u32, u32>("mul.wide.u32 $d, $a, $b;",
                              [](u32 a, u32 b) { return u64(a) * b; }),
          row3<u32, u32, u32, u32>(
              "mad.lo.s32 $d, $a, $b, $c;",
              [](u32 a, u32 b, u32 c) { return a * b + c; }),
          row3<u32, s32, s32, u32>(
              "mad.hi.s32 $d, $a, $b, $c;",
              [](s32 a, s32 b, u32 c) { return u32((s64(a) * b) >> 32) + c; }),
          row3<u64, s32, s32, u64>(
              "mad.wide.s32 $d, $a, $b, $c;",
              [](s32 a, s32 b, u64 c) { return u64(s64(a) * b) + c; }),
          row3<u64, u32, u32, u64>(
              "mad.wide.u32 $d, $a, $b, $c;",
              [](u32 a, u32 b, u64 c) { return u64(a) * b + c; }),
          row3<u64, u64, u64, u64>(
              "mad.lo.s64 $d, $a, $b, $c;",
              [](u64 a, u64 b, u64 c) { return a * b + c; }),
          row2<u32, s32, s32>("mul24.lo.s32 $d, $a, $b;",
                              [](s32 a, s32 b) {
                                s64 x = s32(u32(a) << 8) >> 8,
                                    y = s32(u32(b) << 8) >> 8;
                                return u32(x * y);
                              }),
          row2<u32, u32, u32>("mul24.hi.u32 $d, $a, $b;",
                              [](u32 a, u32 b) {
                                return u64(a & 0xffffff) * (b & 0xffffff) >> 16;
                              }),
          row3<u32, s32, s32, u32>("sad.s32 $d, $a, $b, $c;",
                                   [](s32 a, s32 b, u32 c) {
                                     return c + u32(a < b ? s64(b) - a
                                                          : s64(a) - b);
                                   }),
          row3<u32, u32, u32, u32>(
              "sad.u32 $d, $a, $b, $c;",
              [](u32 a, u32 b, u32 c) { return c + (a < b ? b - a : a - b); }),
          // A 64-bit sum and difference in two halves.
          row2<u64, u64, u64>(
              "mov.b64 {%wa, %wb}, $a; mov.b64 {%wc, %wd}, $b;"
              "add.cc.u32 %wa, %wa, %wc; addc.u32 %wb, %wb, %wd;"
              "mov.b64 $d, {%wa, %wb};",
              [](u64 a, u64 b) { return a + b; }),
          row2<u64, u64, u64>(
              "mov.b64 {%wa, %wb}, $a; mov.b64 {%wc, %wd}, $b;"
              "sub.cc.u32 %wa, %wa, %wc; subc.u32 %wb, %wb, %wd;"
              "mov.b64 $d, {%wa, %wb};",
              [](u64 a, u64 b) { return a - b; }),
          row2<u64, u64, u32>("mov.b64 {%w0, %w1}, $a;"
                              "mad.lo.cc.u32 %w2, %w0, $b, 7;"
                              "madc.hi.u32 %w3, %w0, $b, %w1;"
                              "mov.b64 $d, {%w2, %w3};",
                              [](u64 a, u32 b) {
                                return u64(u32(a)) * b + 7 + (a >> 32 << 32);
                              }),
      })
      .run();
}

template <typename T>
FormulaRow division(const char *statement, bool remainder) {
  FormulaRow row = row2<T, T, T>(
      statement, [=](T a, T b) { return remainder ? T(a % b) : T(a / b); });
  row = avoiding(row, 1, 0);
  // MIN / -1 is not defined either.
  return T(-1) < T(0) ? avoiding(row, 1, toBits<T>(T(-1))) : row;
}

TEST(Formulas, DivideAndCompare) {
  FormulaRunner(
      {
          division<s32>("div.s32 $d, $a, $b;", false),
          division<u32>("div.u32 $d, $a, $b;", false),
          division<s64>("div.s64 $d, $a, $b;", false),
          division<u64>("div.u64 $d, $a, $b;", false),
          division<s16>("div.s16 $d, $a, $b;", false),
          division<u16>("div.u16 $d, $a, $b;", false),
          division<s32>("rem.s32 $d, $a, $b;", true),
          division<u32>("rem.u32 $d, $a, $b;", true),
          division<s64>("rem.s64 $d, $a, $b;", true),
          division<u64>("rem.u64 $d, $a, $b;", true),
          row1<u32, u32>("abs.s32 $d, $a;",
                         [](u32 a) { return s32(a) < 0 ? 0 - a : a; }),
          row1<u64, u64>("abs.s64 $d, $a;",
                         [](u64 a) { return s64(a) < 0 ? 0 - a : a; }),
          row1<u16, u16>("neg.s16 $d, $a;", [](u16 a) { return 0 - a; }),
          row1<u32, u32>("neg.s32 $d, $a;", [](u32 a) { return 0 - a; }),
          row1<u64, u64>("neg.s64 $d, $a;", [](u64 a) { return 0 - a; }),
          row2<s32, s32, s32>("min.s32 $d, $a, $b;",
                              [](s32 a, s32 b) { return std::min(a, b); }),
          row2<u32, u32, u32>("min.u32 $d, $a, $b;",
                              [](u32 a, u32 b) { return std::min(a, b); }),
          row2<s64, s64, s64>("max.s64 $d, $a, $b;",
                              [](s64 a, s64 b) { return std::max(a, b); }),
          row2<u16, u16, u16>("max.u16 $d, $a, $b;",
                              [](u16 a, u16 b) { return std::max(a, b); }),
          row2<s16, s16, s16>("min.s16 $d, $a, $b;",
                              [](s16 a, s16 b) { return std::min(a, b); }),
          row3<u32, s32, s32, u32>(
              "setp.lt.s32 %p, $a, $b; selp.b32 $d, $c, 17, %p;",
              [](s32 a, s32 b, u32 c) { return a < b ? c : 17; }),
          row3<u32, u32, u32, u32>(
              "setp.hi.u32 %p, $a, $b; selp.b32 $d, $c, 17, %p;",
              [](u32 a, u32 b, u32 c) { return a > b ? c : 17; }),
          row3<u32, s64, s64, u32>(
              "setp.ge.s64 %p|%q, $a, $b; selp.b32 %w3, $c, 17, %p;"
              "@%q add.u32 %w3, %w3, 5; mov.b32 $d, %w3;",
              [](s64 a, s64 b, u32 c) { return a >= b ? c : 22; }),
          row3<u32, s16, s16, u32>(
              "setp.ne.s16 %q, $a, $b; setp.eq.or.u32 %p, $c, 1, %q;"
              "selp.b32 $d, 1, 0, %p;",
              [](s16 a, s16 b, u32 c) { return a != b || c == 1; }),
          row3<u32, u32, u32, u32>(
              "setp.lo.u32 %q, $a, $b; setp.ls.xor.u32 %p, $a, $c, !%q;"
              "selp.b32 $d, 1, 0, %p;",
              [](u32 a, u32 b, u32 c) { return (a <= c) != !(a < b); }),
          row2<u32, s32, s32>("set.gt.u32.s32 $d, $a, $b;",
                              [](s32 a, s32 b) { return a > b ? ~0u : 0u; }),
          row2<float, s32, s32>(
              "set.le.f32.s32 $d, $a, $b;",
              [](s32 a, s32 b) { return a <= b ? 1.0f : 0.0f; }),
          row3<u32, u32, u32, s32>(
              "slct.b32.s32 $d, $a, $b, $c;",
              [](u32 a, u32 b, s32 c) { return c >= 0 ? a : b; }),
          row2<u32, u32, u32>(
              "setp.eq.u32 %p, $a, $b; setp.ne.u32 %q, $a, 7;"
              "and.pred %p, %p, %q; not.pred %q, %p; xor.pred %p, %p, %q;"
              "or.pred %p, %p, %q; selp.u32 $d, 3, 4, %p;",
              [](u32, u32) { return 3; }),
      })
      .run();
}

u32 shiftLeft(u32 a, u64 n) { return n > 31 ? 0 : a << n; }

template <typename T>
T extract(T a, u32 b, u32 c) {
  constexpr int msb = int(8 * sizeof(T)) - 1;
  int position = b & 0xff, length = c & 0xff;
  bool isSigned = T(-1) < T(0);
  u64 sign = isSigned && length
                 ? u64(a) >> std::min(position + length - 1, msb) & 1
                 : 0;
  u64 result = 0;
  for (int i = 0; i <= msb; ++i) {
    u64 bit =
        i < length && position + i <= msb ? u64(a) >> (position + i) & 1 : sign;
    result |= bit << i;
  }
  return T(result);
}

u32 insert(u32 a, u32 b, u32 c) {
  int position = c & 0xff, length = (c >> 8) & 0xff;
  for (int i = 0; i < length && position + i < 32; ++i)
    b = (b & ~(1u << (position + i))) | (a >> i & 1) << (position + i);
  return b;
}

s32 findBit(u64 a, bool isSigned, int width) {
  bool negative = isSigned && (a >> (width - 1) & 1);
  for (int i = width - 1; i >= 0; --i)
    if ((a >> i & 1) != u64(negative))
      return i;
  return -1;
}

u32 permute(u32 a, u32 b, u32 c) {
  u64 bytes = u64(b) << 32 | a;
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    u32 selector = c >> 4 * i & 0xf;
    u32 byte = u32(bytes >> 8 * (selector & 7)) & 0xff;
    if (selector & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}

/// prmt's modes: byte i of the result is byte pick(i, selector) of {b, a}.
FormulaRow permuteMode(const char *mode, int (*pick)(int, int)) {
  return row3<u32, u32, u32, u32>(
      std::string("prmt.b32.") + mode + " $d, $a, $b, $c;",
      [pick](u32 a, u32 b, u32 c) {
        u64 bytes = u64(b) << 32 | a;
        u32 result = 0;
        for (int i = 0; i < 4; ++i)
          result |= u32(bytes >> 8 * (pick(i, int(c & 3)) & 7) & 0xff) << 8 * i;
        return result;
      });
}

u32 lookup(u32 a, u32 b, u32 c, u32 table) {
  u32 result = 0;
  for (int i = 0; i < 32; ++i) {
    u32 row = (a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1);
    result |= (table >> row & 1) << i;
  }
  return result;
}

TEST(Formulas, BitsAndShifts) {
  FormulaRunner(
      {
          row2<u32, u32, u32>("and.b32 $d, $a, $b;",
                              [](u32 a, u32 b) { return a & b; }),
          row2<u64, u64, u64>("or.b64 $d, $a, $b;",
                              [](u64 a, u64 b) { return a | b; }),
          row2<u16, u16, u16>("xor.b16 $d, $a, $b;",
                              [](u16 a, u16 b) { return a ^ b; }),
          row1<u64, u64>("not.b64 $d, $a;", [](u64 a) { return ~a; }),
          row1<u32, u32>("cnot.b32 $d, $a;", [](u32 a) { return a == 0; }),
          row2<u16, u16, u32>(
              "shl.b16 $d, $a, $b;",
              [](u16 a, u32 b) { return b > 15 ? 0 : u32(a) << b; }),
          row2<u32, u32, u32>("shl.b32 $d, $a, $b;", shiftLeft),
          row2<u64, u64, u32>("shl.b64 $d, $a, $b;",
                              [](u64 a, u32 b) { return b > 63 ? 0 : a << b; }),
          row2<u32, u32, u32>("shr.u32 $d, $a, $b;",
                              [](u32 a, u32 b) { return b > 31 ? 0 : a >> b; }),
          row2<s32, s32, u32>(
              "shr.s32 $d, $a, $b;",
              [](s32 a, u32 b) { return a >> std::min(b, 31u); }),
          row2<s64, s64, u32>(
              "shr.s64 $d, $a, $b;",
              [](s64 a, u32 b) { return a >> std::min(b, 63u); }),
          row2<s16, s16, u32>(
              "shr.s16 $d, $a, $b;",
              [](s16 a, u32 b) { return a >> std::min(b, 15u); }),
          row2<u64, u64, u32>("shr.b64 $d, $a, $b;",
                              [](u64 a, u32 b) { return b > 63 ? 0 : a >> b; }),
          row3<u32, u32, u32, u32>(
              "shf.l.wrap.b32 $d, $a, $b, $c;",
              [](u32 a, u32 b, u32 c) {
                return u32(((u64(b) << 32 | a) << (c & 31)) >> 32);
              }),
          row3<u32, u32, u32, u32>("shf.r.wrap.b32 $d, $a, $b, $c;",
                                   [](u32 a, u32 b, u32 c) {
                                     return u32((u64(b) << 32 | a) >> (c & 31));
                                   }),
          row3<u32, u32, u32, u32>("shf.l.clamp.b32 $d, $a, $b, $c;",
                                   [](u32 a, u32 b, u32 c) {
                                     u32 n = std::min(c, 32u);
                                     return u32(((u128(b) << 32 | a) << n) >>
                                                32);
                                   }),
          row3<u32, u32, u32, u32>("shf.r.clamp.b32 $d, $a, $b, $c;",
                                   [](u32 a, u32 b, u32 c) {
                                     return u32((u64(b) << 32 | a) >>
                                                std::min(c, 32u));
                                   }),
          row3<u32, u32, u32, u32>("bfe.u32 $d, $a, $b, $c;", extract<u32>),
          row3<s32, s32, u32, u32>("bfe.s32 $d, $a, $b, $c;", extract<s32>),
          row3<u64, u64, u32, u32>("bfe.u64 $d, $a, $b, $c;", extract<u64>),
          row3<s64, s64, u32, u32>("bfe.s64 $d, $a, $b, $c;", extract<s64>),
          row3<u32, u32, u32, u32>(
              "shr.u32 %w3, $c, 8; bfi.b32 $d, $a, $b, $c, %w3;", insert),
          row1<u32, u32>("bfind.u32 $d, $a;",
                         [](u32 a) { return findBit(a, false, 32); }),
          row1<u32, u32>("bfind.s32 $d, $a;",
                         [](u32 a) { return findBit(a, true, 32); }),
          row1<u32, u64>("bfind.u64 $d, $a;",
                         [](u64 a) { return findBit(a, false, 64); }),
          row1<u32, u32>(
              "bfind.shiftamt.u32 $d, $a;",
              [](u32 a) { return a ? 31 - findBit(a, false, 32) : -1; }),
          row1<u32, u32>("brev.b32 $d, $a;",
                         [](u32 a) {
                           u32 r = 0;
                           for (int i = 0; i < 32; ++i)
                             r |= (a >> i & 1) << (31 - i);
                           return r;
                         }),
          row1<u64, u64>("brev.b64 $d, $a;",
                         [](u64 a) {
                           u64 r = 0;
                           for (int i = 0; i < 64; ++i)
                             r |= (a >> i & 1) << (63 - i);
                           return r;
                         }),
          row1<u32, u32>("popc.b32 $d, $a;",
                         [](u32 a) { return __builtin_popcount(a); }),
          row1<u32, u64>("popc.b64 $d, $a;",
                         [](u64 a) { return __builtin_popcountll(a); }),
          row1<u32, u32>("clz.b32 $d, $a;",
                         [](u32 a) { return a ? __builtin_clz(a) : 32; }),
          row1<u32, u64>("clz.b64 $d, $a;",
                         [](u64 a) { return a ? __builtin_clzll(a) : 64; }),
          row3<u32, u32, u32, u32>("prmt.b32 $d, $a, $b, $c;", permute),
          permuteMode("f4e", [](int i, int s) { return s + i; }),
          permuteMode("b4e", [](int i, int s) { return s - i; }),
          permuteMode("rc8", [](int, int s) { return s; }),
          permuteMode("ecl", [](int i, int s) { return std::max(i, s); }),
          permuteMode("ecr", [](int i, int s) { return std::min(i, s); }),
          permuteMode("rc16", [](int i, int s) { return (s & 1) * 2 + i % 2; }),
          row3<u32, u32, u32, u32>(
              "lop3.b32 $d, $a, $b, $c, 0xd2;",
              [](u32 a, u32 b, u32 c) { return lookup(a, b, c, 0xd2); }),
          row3<u32, u32, u32, u32>(
              "lop3.b32 $d, $a, $b, $c, 0x1b;",
              [](u32 a, u32 b, u32 c) { return lookup(a, b, c, 0x1b); }),
          row3<u32, u32, u32, u32>("dp4a.s32.s32 $d, $a, $b, $c;",
                                   [](u32 a, u32 b, u32 c) {
                                     for (int i = 0; i < 4; ++i)
                                       c +=
                                           u32(s8(a >> 8 * i) * s8(b >> 8 * i));
                                     return c;
                                   }),
          row3<u32, u32, u32, u32>("dp4a.u32.s32 $d, $a, $b, $c;",
                                   [](u32 a, u32 b, u32 c) {
                                     for (int i = 0; i < 4; ++i)
                                       c +=
                                           u32(u8(a >> 8 * i) * s8(b >> 8 * i));
                                     return c;
                                   }),
          row3<u32, u32, u32, u32>("dp2a.hi.s32.u32 $d, $a, $b, $c;",
                                   [](u32 a, u32 b, u32 c) {
                                     for (int i = 0; i < 2; ++i)
                                       c += u32(s16(a >> 16 * i) *
                                                s32(u8(b >> (16 + 8 * i))));
                                     return c;
                                   }),
          row2<u32, u32, u32>("mov.b32 {%h0, %ha}, $a; mov.b32 {%hb, %hc}, $b;"
                              "mov.b32 $d, {%ha, %hb};",
                              [](u32 a, u32 b) { return a >> 16 | b << 16; }),
      })
      .run();
}

TEST(Formulas, IntegerConversions) {
  FormulaRunner(
      {
          row1<u32, u32>("cvt.s32.s8 $d, $a;", [](u32 a) { return s8(a); }),
          row1<u32, u32>("cvt.u32.u8 $d, $a;", [](u32 a) { return u8(a); }),
          row1<u64, u32>("cvt.s64.s32 $d, $a;", [](u32 a) { return s32(a); }),
          row1<u64, u32>("cvt.u64.u32 $d, $a;", [](u32 a) { return a; }),
          row1<u64, u16>("cvt.s64.s16 $d, $a;", [](u16 a) { return s16(a); }),
          row1<u32, u64>("cvt.u32.u64 $d, $a;", [](u64 a) { return a; }),
          row1<u16, u32>("cvt.u16.u32 $d, $a;", [](u32 a) { return a; }),
          row1<u32, u32>("cvt.s8.s32 $d, $a;", [](u32 a) { return s8(a); }),
          row1<u32, s32>("cvt.sat.u8.s32 $d, $a;",
                         [](s32 a) { return clampTo(a, 0, 255); }),
          row1<u32, s64>(
              "cvt.sat.s32.s64 $d, $a;",
              [](s64 a) { return clampTo(a, INT32_MIN, INT32_MAX); }),
          row1<u16, s32>(
              "cvt.sat.s16.s32 $d, $a;",
              [](s32 a) { return clampTo(a, INT16_MIN, INT16_MAX); }),
          row1<u64, s64>("cvt.sat.u64.s64 $d, $a;",
                         [](s64 a) { return std::max<s64>(a, 0); }),
          row1<u32, u64>("cvt.sat.s32.u64 $d, $a;",
                         [](u64 a) { return std::min<u64>(a, INT32_MAX); }),
      })
      .run();
}

} // namespace
