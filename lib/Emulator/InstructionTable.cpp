//===- InstructionTable.cpp - Every instruction there is ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table of instructions. A statement that no row describes is an error.
//
// Modifiers: places in the order in which they must appear, separated by
// blanks. A place is one name or several, `.a|.b`; `?` makes it optional.
//
// Operands: `role[count]:type[+][?]`, separated by commas. Roles:
//   d  destination register          D  the same or `_`
//   q  predicate p, or pair p|q       e  register d, or pair d|p
//   s  source register or constant
//   r  source register               i  constant
//   P  source predicate              a  address [base + offset]
//   A  address with coordinates      V  vector of destinations, {...}
//   v  vector of sources             l  label or function
//   *  whatever the instruction's own rules say
// Types: T, U, V are the first, second and third type among the modifiers, W is
// T widened to twice its size, * is any type. `+`: the register may be wider.
// `?`: the operand is optional.
//
// Then: the function that chooses the handler, and the least PTX version and
// target (`true`: exactly that target with the suffix `a`).
//
//===----------------------------------------------------------------------===//

#include "InstructionTable.h"
#include "Selectors.h"

using namespace moe::emulator;

#define INT16_64 ".u16|.u32|.u64|.s16|.s32|.s64"
#define BITS16_64 ".b16|.b32|.b64"
#define INT32_64 ".u32|.u64|.s32|.s64"
#define ROUND ".rn|.rz|.rm|.rp"
#define HALF ".f16|.f16x2"
#define BHALF ".bf16|.bf16x2"
#define COMPARE_INT ".eq|.ne|.lt|.le|.gt|.ge|.lo|.ls|.hi|.hs"
#define COMPARE_FLOAT                                                          \
  ".eq|.ne|.lt|.le|.gt|.ge|.equ|.neu|.ltu|.leu|.gtu|.geu|.num|.nan"
#define BOOL ".and|.or|.xor"
#define SEM ".relaxed|.acquire|.release|.acq_rel"
#define RELEASE ".relaxed|.release"
#define SCOPE ".cta|.cluster|.gpu|.sys"
#define LDTYPE                                                                 \
  ".b8|.b16|.b32|.b64|.u8|.u16|.u32|.u64|.s8|.s16|.s32|.s64|.f16|.bf16|"       \
  ".f16x2|.bf16x2|.f32|.f64"
#define L1EVICT                                                                \
  ".L1::evict_normal|.L1::evict_unchanged|.L1::evict_first|.L1::evict_last|"   \
  ".L1::no_allocate"
#define L2EVICT ".L2::evict_normal|.L2::evict_first|.L2::evict_last"
#define L2HINT ".L2::cache_hint"
#define L2SIZE ".L2::64B|.L2::128B|.L2::256B"
#define SHARED ".shared|.shared::cta"
#define SHARED_ANY ".shared|.shared::cta|.shared::cluster"
#define WGMMA_N                                                                \
  ".m64n8k16|.m64n16k16|.m64n24k16|.m64n32k16|.m64n40k16|.m64n48k16|"          \
  ".m64n56k16|.m64n64k16|.m64n72k16|.m64n80k16|.m64n88k16|.m64n96k16|"         \
  ".m64n104k16|.m64n112k16|.m64n120k16|.m64n128k16|.m64n136k16|.m64n144k16|"   \
  ".m64n152k16|.m64n160k16|.m64n168k16|.m64n176k16|.m64n184k16|.m64n192k16|"   \
  ".m64n200k16|.m64n208k16|.m64n216k16|.m64n224k16|.m64n232k16|.m64n240k16|"   \
  ".m64n248k16|.m64n256k16"

namespace moe::emulator {

extern const InstructionRow instructionRows[] = {
    // Integer arithmetic
    {"add", INT16_64, "d:T, s:T, s:T", selectAddInteger},
    {"add", ".u16x2|.s16x2", "d:T, s:T, s:T", selectAddInteger, 80, 90},
    {"add", ".sat .s32", "d:T, s:T, s:T", selectAddInteger},
    {"add", ".cc .u32|.s32|.u64|.s64", "d:T, s:T, s:T", selectAddInteger},
    {"addc", ".cc? .u32|.s32|.u64|.s64", "d:T, s:T, s:T", selectAddCarry},
    {"sub", INT16_64, "d:T, s:T, s:T", selectSubInteger},
    {"sub", ".sat .s32", "d:T, s:T, s:T", selectSubInteger},
    {"sub", ".cc .u32|.s32|.u64|.s64", "d:T, s:T, s:T", selectSubInteger},
    {"subc", ".cc? .u32|.s32|.u64|.s64", "d:T, s:T, s:T", selectSubCarry},
    {"mul", ".lo|.hi " INT16_64, "d:T, s:T, s:T", selectMulInteger},
    {"mul", ".wide .u16|.s16|.u32|.s32", "d:W, s:T, s:T", selectMulInteger},
    {"mad", ".lo|.hi " INT16_64, "d:T, s:T, s:T, s:T", selectMadInteger},
    {"mad", ".hi .sat .s32", "d:T, s:T, s:T, s:T", selectMadInteger},
    {"mad", ".wide .u16|.s16|.u32|.s32", "d:W, s:T, s:T, s:W",
     selectMadInteger},
    {"mad", ".lo|.hi .cc " INT32_64, "d:T, s:T, s:T, s:T", selectMadInteger},
    {"madc", ".lo|.hi .cc? " INT32_64, "d:T, s:T, s:T, s:T", selectMadCarry},
    {"mul24", ".lo|.hi .u32|.s32", "d:T, s:T, s:T", selectMul24},
    {"mad24", ".lo|.hi .u32|.s32", "d:T, s:T, s:T, s:T", selectMad24},
    {"sad", INT16_64, "d:T, s:T, s:T, s:T", selectSad},
    {"div", INT16_64, "d:T, s:T, s:T", selectDivInteger},
    {"rem", INT16_64, "d:T, s:T, s:T", selectRem},
    {"abs", ".s16|.s32|.s64", "d:T, s:T", selectAbsInteger},
    {"neg", ".s16|.s32|.s64", "d:T, s:T", selectNegInteger},
    {"min", INT16_64, "d:T, s:T, s:T", selectMinInteger},
    {"min", ".u16x2|.s16x2", "d:T, s:T, s:T", selectMinInteger, 80, 90},
    {"min", ".relu .s16x2|.s32", "d:T, s:T, s:T", selectMinInteger, 80, 90},
    {"max", INT16_64, "d:T, s:T, s:T", selectMaxInteger},
    {"max", ".u16x2|.s16x2", "d:T, s:T, s:T", selectMaxInteger, 80, 90},
    {"max", ".relu .s16x2|.s32", "d:T, s:T, s:T", selectMaxInteger, 80, 90},
    {"dp4a", ".u32|.s32 .u32|.s32", "d:b32, s:b32, s:b32, s:b32", selectDp4a},
    {"dp2a", ".lo|.hi .u32|.s32 .u32|.s32", "d:b32, s:b32, s:b32, s:b32",
     selectDp2a},

    // Logic, shifts, bits
    {"and", ".pred|" BITS16_64, "d:T, s:T, s:T", selectAnd},
    {"or", ".pred|" BITS16_64, "d:T, s:T, s:T", selectOr},
    {"xor", ".pred|" BITS16_64, "d:T, s:T, s:T", selectXor},
    {"not", ".pred|" BITS16_64, "d:T, s:T", selectNot},
    {"cnot", BITS16_64, "d:T, s:T", selectCnot},
    {"shl", BITS16_64, "d:T, s:T, s:u32", selectShl},
    {"shr", BITS16_64 "|" INT16_64, "d:T, s:T, s:u32", selectShr},
    {"shf", ".l|.r .wrap|.clamp .b32", "d:T, s:T, s:T, s:u32", selectShf},
    {"lop3", ".b32", "d:T, s:T, s:T, s:T, i", selectLop3},
    {"prmt", ".b32 .f4e|.b4e|.rc8|.ecl|.ecr|.rc16?", "d:T, s:T, s:T, s:T",
     selectPrmt},
    {"popc", ".b32|.b64", "d:u32, s:T", selectPopc},
    {"clz", ".b32|.b64", "d:u32, s:T", selectClz},
    {"brev", ".b32|.b64", "d:T, s:T", selectBrev},
    {"bfind", ".shiftamt? " INT32_64, "d:u32, s:T", selectBfind},
    {"bfe", INT32_64, "d:T, s:T, s:u32, s:u32", selectBfe},
    {"bfi", ".b32|.b64", "d:T, s:T, s:T, s:u32, s:u32", selectBfi},
    {"szext", ".clamp|.wrap .u32|.s32", "d:T, s:T, s:u32", selectSzext, 76},
    {"bmsk", ".clamp|.wrap .b32", "d:T, s:u32, s:u32", selectBmsk, 76},

    // Floating point
    {"add", ROUND "? .ftz? .sat? .f32", "d:T, s:T, s:T", selectAddFloat},
    {"add", ROUND "? .f64", "d:T, s:T, s:T", selectAddFloat},
    {"add", ".rn? .ftz? .sat? " HALF, "d:T, s:T, s:T", selectAddFloat},
    {"add", ".rn? " BHALF, "d:T, s:T, s:T", selectAddFloat, 78, 90},
    {"sub", ROUND "? .ftz? .sat? .f32", "d:T, s:T, s:T", selectSubFloat},
    {"sub", ROUND "? .f64", "d:T, s:T, s:T", selectSubFloat},
    {"sub", ".rn? .ftz? .sat? " HALF, "d:T, s:T, s:T", selectSubFloat},
    {"sub", ".rn? " BHALF, "d:T, s:T, s:T", selectSubFloat, 78, 90},
    {"mul", ROUND "? .ftz? .sat? .f32", "d:T, s:T, s:T", selectMulFloat},
    {"mul", ROUND "? .f64", "d:T, s:T, s:T", selectMulFloat},
    {"mul", ".rn? .ftz? .sat? " HALF, "d:T, s:T, s:T", selectMulFloat},
    {"mul", ".rn? " BHALF, "d:T, s:T, s:T", selectMulFloat, 78, 90},
    {"fma", ROUND " .ftz? .sat? .f32", "d:T, s:T, s:T, s:T", selectFma},
    {"fma", ROUND " .f64", "d:T, s:T, s:T, s:T", selectFma},
    {"fma", ".rn .ftz? .sat? " HALF, "d:T, s:T, s:T, s:T", selectFma},
    {"fma", ".rn .ftz? .relu " HALF, "d:T, s:T, s:T, s:T", selectFma, 70, 80},
    {"fma", ".rn .relu? " BHALF, "d:T, s:T, s:T, s:T", selectFma, 70, 80},
    {"mad", ROUND " .ftz? .sat? .f32", "d:T, s:T, s:T, s:T", selectFma},
    {"mad", ROUND " .f64", "d:T, s:T, s:T, s:T", selectFma},
    {"div", ".approx|.full|" ROUND " .ftz? .f32", "d:T, s:T, s:T",
     selectDivFloat},
    {"div", ROUND " .f64", "d:T, s:T, s:T", selectDivFloat},
    {"rcp", ".approx|" ROUND " .ftz? .f32", "d:T, s:T", selectRcp},
    {"rcp", ROUND " .f64", "d:T, s:T", selectRcp},
    {"rcp", ".approx .ftz .f64", "d:T, s:T", selectRcp},
    {"sqrt", ".approx|" ROUND " .ftz? .f32", "d:T, s:T", selectSqrt},
    {"sqrt", ROUND " .f64", "d:T, s:T", selectSqrt},
    {"rsqrt", ".approx .ftz? .f32|.f64", "d:T, s:T", selectRsqrt},
    {"sin", ".approx .ftz? .f32", "d:T, s:T", selectSin},
    {"cos", ".approx .ftz? .f32", "d:T, s:T", selectCos},
    {"lg2", ".approx .ftz? .f32", "d:T, s:T", selectLg2},
    {"ex2", ".approx .ftz? .f32", "d:T, s:T", selectEx2},
    {"ex2", ".approx " HALF, "d:T, s:T", selectEx2, 70, 75},
    {"ex2", ".approx .ftz " BHALF, "d:T, s:T", selectEx2, 78, 90},
    {"tanh", ".approx .f32|" HALF, "d:T, s:T", selectTanh, 70, 75},
    {"tanh", ".approx " BHALF, "d:T, s:T", selectTanh, 78, 90},
    {"abs", ".ftz? .f32|" HALF, "d:T, s:T", selectAbsFloat},
    {"abs", ".f64|" BHALF, "d:T, s:T", selectAbsFloat},
    {"neg", ".ftz? .f32|" HALF, "d:T, s:T", selectNegFloat},
    {"neg", ".f64|" BHALF, "d:T, s:T", selectNegFloat},
    {"copysign", ".f32|.f64", "d:T, s:T, s:T", selectCopysign},
    {"min", ".ftz? .NaN? .f32", "d:T, s:T, s:T", selectMinFloat},
    {"min", ".ftz? .NaN? .xorsign .abs .f32", "d:T, s:T, s:T", selectMinFloat,
     72, 86},
    {"min", ".f64", "d:T, s:T, s:T", selectMinFloat},
    {"min", ".ftz? .NaN? " HALF, "d:T, s:T, s:T", selectMinFloat, 70, 80},
    {"min", ".ftz? .NaN? .xorsign .abs " HALF, "d:T, s:T, s:T", selectMinFloat,
     72, 86},
    {"min", ".NaN? " BHALF, "d:T, s:T, s:T", selectMinFloat, 70, 80},
    {"min", ".NaN? .xorsign .abs " BHALF, "d:T, s:T, s:T", selectMinFloat, 72,
     86},
    {"max", ".ftz? .NaN? .f32", "d:T, s:T, s:T", selectMaxFloat},
    {"max", ".ftz? .NaN? .xorsign .abs .f32", "d:T, s:T, s:T", selectMaxFloat,
     72, 86},
    {"max", ".f64", "d:T, s:T, s:T", selectMaxFloat},
    {"max", ".ftz? .NaN? " HALF, "d:T, s:T, s:T", selectMaxFloat, 70, 80},
    {"max", ".ftz? .NaN? .xorsign .abs " HALF, "d:T, s:T, s:T", selectMaxFloat,
     72, 86},
    {"max", ".NaN? " BHALF, "d:T, s:T, s:T", selectMaxFloat, 70, 80},
    {"max", ".NaN? .xorsign .abs " BHALF, "d:T, s:T, s:T", selectMaxFloat, 72,
     86},

    // Comparisons
    {"setp", COMPARE_INT " " BITS16_64 "|" INT16_64, "q:pred, s:T, s:T",
     selectSetp},
    {"setp", COMPARE_INT " " BOOL " " BITS16_64 "|" INT16_64,
     "q:pred, s:T, s:T, P:pred", selectSetp},
    {"setp", COMPARE_FLOAT " .ftz? .f32|.f64|" HALF, "q:pred, s:T, s:T",
     selectSetp},
    {"setp", COMPARE_FLOAT " " BOOL " .ftz? .f32|.f64|" HALF,
     "q:pred, s:T, s:T, P:pred", selectSetp},
    {"setp", COMPARE_FLOAT " " BHALF, "q:pred, s:T, s:T", selectSetp, 78, 90},
    {"setp", COMPARE_FLOAT " " BOOL " " BHALF, "q:pred, s:T, s:T, P:pred",
     selectSetp, 78, 90},
    {"set", COMPARE_INT " .u32|.s32|.f32 " BITS16_64 "|" INT16_64,
     "d:T, s:U, s:U", selectSet},
    {"set", COMPARE_INT " " BOOL " .u32|.s32|.f32 " BITS16_64 "|" INT16_64,
     "d:T, s:U, s:U, P:pred", selectSet},
    {"set", COMPARE_FLOAT " .ftz? .u32|.s32|.f32 .f32|.f64", "d:T, s:U, s:U",
     selectSet},
    {"set", COMPARE_FLOAT " " BOOL " .ftz? .u32|.s32|.f32 .f32|.f64",
     "d:T, s:U, s:U, P:pred", selectSet},
    {"set", COMPARE_FLOAT " .ftz? .u16|.s16|.u32|.s32|.f16 .f16",
     "d:T, s:U, s:U", selectSet},
    {"set", COMPARE_FLOAT " " BOOL " .ftz? .u16|.s16|.u32|.s32|.f16 .f16",
     "d:T, s:U, s:U, P:pred", selectSet},
    {"set", COMPARE_FLOAT " .ftz? .f16x2 .f16x2", "d:T, s:U, s:U", selectSet},
    {"set", COMPARE_FLOAT " " BOOL " .ftz? .f16x2 .f16x2",
     "d:T, s:U, s:U, P:pred", selectSet},
    {"set", COMPARE_FLOAT " .u16|.s16|.u32|.s32|.bf16 .bf16", "d:T, s:U, s:U",
     selectSet, 78, 90},
    {"set", COMPARE_FLOAT " .bf16x2 .bf16x2", "d:T, s:U, s:U", selectSet, 78,
     90},
    {"selp", BITS16_64 "|" INT16_64 "|.f32|.f64", "d:T, s:T, s:T, P:pred",
     selectSelp},
    {"slct", BITS16_64 "|" INT16_64 "|.f32|.f64 .s32", "d:T, s:T, s:T, s:U",
     selectSlct},
    {"slct", ".ftz? " BITS16_64 "|" INT16_64 "|.f32|.f64 .f32",
     "d:T, s:T, s:T, s:U", selectSlct},
    {"testp",
     ".finite|.infinite|.number|.notanumber|.normal|.subnormal .f32|.f64",
     "d:pred, s:T", selectTestp},

    // Conversions
    {"cvt", ".sat? .u8|.s8|" INT16_64 " .u8|.s8|" INT16_64, "d:T+, s:U+",
     selectCvt},
    {"cvt", ROUND " .ftz? .sat? .f16|.f32|.f64 .u8|.s8|" INT16_64, "d:T+, s:U+",
     selectCvt},
    {"cvt", ROUND " .bf16 .u8|.s8|" INT16_64, "d:T+, s:U+", selectCvt, 78, 90},
    {"cvt",
     ".rni|.rzi|.rmi|.rpi .ftz? .sat? .u8|.s8|" INT16_64 " .f16|.f32|.f64",
     "d:T+, s:U+", selectCvt},
    {"cvt", ".rni|.rzi|.rmi|.rpi .u8|.s8|" INT16_64 " .bf16", "d:T+, s:U+",
     selectCvt, 78, 90},
    // Widening is exact and takes no rounding; narrowing needs one.
    {"cvt", ".ftz? .sat? .f32 .f16", "d:T, s:U", selectCvt},
    {"cvt", ".sat? .f64 .f16", "d:T, s:U", selectCvt},
    {"cvt", ".ftz? .sat? .f64 .f32", "d:T, s:U", selectCvt},
    {"cvt", ".ftz? .sat? .f32 .bf16", "d:T, s:U", selectCvt, 71, 80},
    {"cvt", ".sat? .f64 .bf16", "d:T, s:U", selectCvt, 78, 90},
    {"cvt", ROUND " .ftz? .sat? .f32 .f64", "d:T, s:U", selectCvt},
    {"cvt", ROUND " .ftz? .sat? .f16 .f32", "d:T, s:U", selectCvt},
    {"cvt", ROUND " .sat? .f16 .f64", "d:T, s:U", selectCvt},
    {"cvt", ".rn|.rz .relu .satfinite? .f16 .f32", "d:T, s:U", selectCvt, 70,
     80},
    {"cvt", ".rn|.rz .satfinite .relu? .f16 .f32", "d:T, s:U", selectCvt, 81,
     80},
    {"cvt", ".rn|.rz .relu? .satfinite? .bf16 .f32", "d:T, s:U", selectCvt, 70,
     80},
    {"cvt", ROUND " .bf16 .f16|.f64", "d:T, s:U", selectCvt, 78, 90},
    {"cvt", ROUND " .f16 .bf16", "d:T, s:U", selectCvt, 78, 90},
    {"cvt", ".rm|.rp .bf16 .f32", "d:T, s:U", selectCvt, 78, 90},
    {"cvt", ".rni|.rzi|.rmi|.rpi .ftz? .sat? .f32 .f32", "d:T, s:U", selectCvt},
    {"cvt", ".ftz? .sat? .f32 .f32", "d:T, s:U", selectCvt},
    {"cvt", ".sat? .f64 .f64", "d:T, s:U", selectCvt},
    {"cvt", ".rni|.rzi|.rmi|.rpi .sat? .f64 .f64", "d:T, s:U", selectCvt},
    {"cvt", ".rni|.rzi|.rmi|.rpi .ftz? .sat? .f16 .f16", "d:T, s:U", selectCvt},
    {"cvt", ".rni|.rzi|.rmi|.rpi .bf16 .bf16", "d:T, s:U", selectCvt, 78, 90},
    {"cvt", ".rna .satfinite? .tf32 .f32", "d:b32, s:U", selectCvt, 70, 80},
    {"cvt", ".rn|.rz .relu? .satfinite? .tf32 .f32", "d:b32, s:U", selectCvt,
     78, 90},
    {"cvt", ".rn|.rz .relu? .satfinite? .f16x2|.bf16x2 .f32", "d:T, s:U, s:U",
     selectCvtPair, 70, 80},
    {"cvt", ".rn .satfinite .relu? .e4m3x2|.e5m2x2 .f32", "d:b16, s:U, s:U",
     selectCvtPair, 78, 89},
    {"cvt", ".rn .satfinite .relu? .e4m3x2|.e5m2x2 .f16x2", "d:b16, s:U",
     selectCvtPair, 78, 89},
    {"cvt", ".rn .relu? .f16x2 .e4m3x2|.e5m2x2", "d:T, s:b16", selectCvtPair,
     78, 89},
    {"cvt", ".pack .sat .u16|.s16 .s32", "d:b32, s:s32, s:s32", selectCvtPack,
     65, 72},
    {"cvt", ".pack .sat .u8|.s8 .s32 .b32", "d:b32, s:s32, s:s32, s:b32",
     selectCvtPack, 65, 72},

    // Moves and addresses
    {"mov", ".pred|" BITS16_64 "|" INT16_64 "|.f16|.bf16|.f16x2|.f32|.f64",
     "d:T, s:T", selectMov},
    {"mov", BITS16_64, "d:T, v:*", selectPack},
    {"mov", BITS16_64, "V:*, s:T", selectUnpack},
    {"cvta", ".to? .global|.const|.local|" SHARED_ANY " .u32|.u64", "d:T, s:T",
     selectCvta},
    {"cvta", ".to? .param|.param::entry .u64", "d:T, s:T", selectCvta, 77},
    {"isspacep", ".global|.const|.local|" SHARED_ANY "|.param|.param::entry",
     "d:pred, s:b64", selectIsspacep},
    {"mapa", SHARED_ANY "? .u32|.u64", "d:T, s:T, s:u32", selectMapa, 78, 90},

    // Control flow
    {"bra", ".uni?", "l", selectBra},
    {"brx", ".idx .uni?", "s:u32, l", selectBrx},
    {"call", ".uni?", "*, *?, *?, *?", selectCall},
    {"ret", ".uni?", "", selectRet},
    {"exit", "", "", selectExit},
    {"trap", "", "", selectTrap},
    {"brkpt", "", "", selectTrap},
    {"nanosleep", ".u32", "s:T", selectNanosleep, 63},
    {"pmevent", ".mask?", "i", selectNothing},

    // Loads and stores
    {"ld",
     ".const|.global|.local|.param|.param::entry|.param::func|" SHARED_ANY "? "
     ".ca|.cg|.cs|.lu|.cv? " L1EVICT "? " L2EVICT "? " L2HINT "? " L2SIZE
     "? " LDTYPE,
     "d:T+, a, s:b64?", selectLd},
    {"ld",
     ".const|.global|.local|.param|.param::entry|.param::func|" SHARED_ANY "? "
     ".ca|.cg|.cs|.lu|.cv? " L1EVICT "? " L2EVICT "? " L2HINT "? " L2SIZE
     "? .v2|.v4 " LDTYPE,
     "V:T+, a, s:b64?", selectLd},
    {"ld",
     ".weak .const|.global|.local|.param|" SHARED_ANY "? " L1EVICT "? " L2HINT
     "? " L2SIZE "? " LDTYPE,
     "d:T+, a, s:b64?", selectLd},
    {"ld",
     ".weak .const|.global|.local|.param|" SHARED_ANY "? " L1EVICT "? " L2HINT
     "? " L2SIZE "? .v2|.v4 " LDTYPE,
     "V:T+, a, s:b64?", selectLd},
    {"ld", ".volatile .global|.local|" SHARED_ANY "? " L2SIZE "? " LDTYPE,
     "d:T+, a", selectLd},
    {"ld",
     ".volatile .global|.local|" SHARED_ANY "? " L2SIZE "? .v2|.v4 " LDTYPE,
     "V:T+, a", selectLd},
    {"ld",
     ".relaxed|.acquire " SCOPE " .global|" SHARED_ANY "? " L1EVICT "? " L2HINT
     "? " L2SIZE "? " LDTYPE,
     "d:T+, a, s:b64?", selectLd},
    {"ld",
     ".relaxed|.acquire " SCOPE " .global|" SHARED_ANY "? " L1EVICT "? " L2HINT
     "? " L2SIZE "? .v2|.v4 " LDTYPE,
     "V:T+, a, s:b64?", selectLd},
    {"ld", ".mmio .relaxed .sys .global? " LDTYPE, "d:T+, a", selectLd, 82},
    {"ld",
     ".global .ca|.cg|.cs? .nc " L1EVICT "? " L2EVICT "? " L2HINT "? " L2SIZE
     "? " LDTYPE,
     "d:T+, a, s:b64?", selectLd},
    {"ld",
     ".global .ca|.cg|.cs? .nc " L1EVICT "? " L2EVICT "? " L2HINT "? " L2SIZE
     "? .v2|.v4 " LDTYPE,
     "V:T+, a, s:b64?", selectLd},
    {"ldu", ".global? " LDTYPE, "d:T+, a", selectLd},
    {"ldu", ".global? .v2|.v4 " LDTYPE, "V:T+, a", selectLd},
    {"st",
     ".weak? .global|.local|.param|.param::func|" SHARED_ANY "? "
     ".wb|.cg|.cs|.wt? " L1EVICT "? " L2EVICT "? " L2HINT "? " LDTYPE,
     "a, s:T+, s:b64?", selectSt},
    {"st",
     ".weak? .global|.local|.param|.param::func|" SHARED_ANY "? "
     ".wb|.cg|.cs|.wt? " L1EVICT "? " L2EVICT "? " L2HINT "? .v2|.v4 " LDTYPE,
     "a, v:T+, s:b64?", selectSt},
    {"st", ".volatile .global|.local|" SHARED_ANY "? " LDTYPE, "a, s:T+",
     selectSt},
    {"st", ".volatile .global|.local|" SHARED_ANY "? .v2|.v4 " LDTYPE,
     "a, v:T+", selectSt},
    {"st",
     ".relaxed|.release " SCOPE " .global|" SHARED_ANY "? " L1EVICT "? " L2HINT
     "? " LDTYPE,
     "a, s:T+, s:b64?", selectSt},
    {"st",
     ".relaxed|.release " SCOPE " .global|" SHARED_ANY "? " L1EVICT "? " L2HINT
     "? .v2|.v4 " LDTYPE,
     "a, v:T+, s:b64?", selectSt},
    {"st", ".mmio .relaxed .sys .global? " LDTYPE, "a, s:T+", selectSt, 82},
    {"prefetch", ".global|.local? .L1|.L2", "a", selectNothing},
    {"prefetch", ".global .L2::evict_last|.L2::evict_normal", "a",
     selectNothing, 74, 80},
    {"prefetch", ".const|.param? .tensormap", "a", selectNothing, 80, 90},
    {"prefetchu", ".L1", "a", selectNothing},
    {"applypriority", ".global? .L2::evict_normal", "a, i", selectNothing, 74,
     80},
    {"discard", ".global? .L2", "a, i", selectNothing, 74, 80},
    {"createpolicy",
     ".fractional .L2::evict_last|.L2::evict_normal|.L2::evict_first|"
     ".L2::evict_unchanged .L2::evict_first|.L2::evict_unchanged? .b64",
     "d:b64, s:f32?", selectCreatepolicy, 74, 80},

    // Atomics. Their qualifiers may come in any order; this is the one that
    // the matcher sorts them into.
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .and|.or|.xor|.exch " L2HINT
         "? .b32|.b64",
     "D:T, a, s:T, s:b64?", selectAtom},
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .cas " L2HINT "? .b16|.b32|.b64",
     "D:T, a, s:T, s:T, s:b64?", selectAtom},
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .add " L2HINT
         "? .u32|.s32|.u64|.f32|.f64",
     "D:T, a, s:T, s:b64?", selectAtom},
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .min|.max " L2HINT
         "? .u32|.s32|.u64|.s64",
     "D:T, a, s:T, s:b64?", selectAtom},
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .inc|.dec " L2HINT "? .u32",
     "D:T, a, s:T, s:b64?", selectAtom},
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .add .noftz " L2HINT "? " HALF,
     "D:T, a, s:T, s:b64?", selectAtom},
    {"atom",
     SEM "? " SCOPE "? .global|" SHARED_ANY "? .add .noftz " L2HINT "? " BHALF,
     "D:T, a, s:T, s:b64?", selectAtom, 78, 90},
    {"red",
     RELEASE "? " SCOPE "? .global|" SHARED_ANY "? .and|.or|.xor " L2HINT
             "? .b32|.b64",
     "a, s:T, s:b64?", selectRed},
    {"red",
     RELEASE "? " SCOPE "? .global|" SHARED_ANY "? .add " L2HINT
             "? .u32|.s32|.u64|.f32|.f64",
     "a, s:T, s:b64?", selectRed},
    {"red",
     RELEASE "? " SCOPE "? .global|" SHARED_ANY "? .min|.max " L2HINT
             "? .u32|.s32|.u64|.s64",
     "a, s:T, s:b64?", selectRed},
    {"red",
     RELEASE "? " SCOPE "? .global|" SHARED_ANY "? .inc|.dec " L2HINT "? .u32",
     "a, s:T, s:b64?", selectRed},
    {"red",
     RELEASE "? " SCOPE "? .global|" SHARED_ANY "? .add .noftz " L2HINT
             "? " HALF,
     "a, s:T, s:b64?", selectRed},
    {"red",
     RELEASE "? " SCOPE "? .global|" SHARED_ANY "? .add .noftz " L2HINT
             "? " BHALF,
     "a, s:T, s:b64?", selectRed, 78, 90},

    // Barriers and fences
    {"bar", ".cta? .sync", "s:u32, s:u32?", selectBar},
    {"bar", ".cta? .arrive", "s:u32, s:u32", selectBar},
    {"bar", ".cta? .red .popc .u32", "d:u32, s:u32, P:pred", selectBar},
    {"bar", ".cta? .red .popc .u32", "d:u32, s:u32, s:u32, P:pred", selectBar},
    {"bar", ".cta? .red .and|.or .pred", "d:pred, s:u32, P:pred", selectBar},
    {"bar", ".cta? .red .and|.or .pred", "d:pred, s:u32, s:u32, P:pred",
     selectBar},
    {"barrier", ".cta? .sync .aligned?", "s:u32, s:u32?", selectBar},
    {"barrier", ".cta? .arrive .aligned?", "s:u32, s:u32", selectBar},
    {"barrier", ".cta? .red .popc .aligned? .u32", "d:u32, s:u32, P:pred",
     selectBar},
    {"barrier", ".cta? .red .popc .aligned? .u32",
     "d:u32, s:u32, s:u32, P:pred", selectBar},
    {"barrier", ".cta? .red .and|.or .aligned? .pred", "d:pred, s:u32, P:pred",
     selectBar},
    {"barrier", ".cta? .red .and|.or .aligned? .pred",
     "d:pred, s:u32, s:u32, P:pred", selectBar},
    {"bar", ".warp .sync", "s:b32", selectBarWarpSync},
    {"barrier", ".cluster .arrive .release|.relaxed? .aligned?", "",
     selectBarrierCluster, 78, 90},
    {"barrier", ".cluster .wait .acquire? .aligned?", "", selectBarrierCluster,
     78, 90},
    {"membar", ".cta|.gl|.sys", "", selectFence},
    {"fence", ".sc|.acq_rel " SCOPE, "", selectFence},
    {"fence", ".acquire|.release " SCOPE, "", selectFence, 86, 90},
    {"fence", ".mbarrier_init .release .cluster", "", selectNothing, 80, 90},
    {"fence",
     ".proxy .alias|.async|.async.global|.async.shared::cta|"
     ".async.shared::cluster",
     "", selectNothing, 80, 90},
    {"fence", ".proxy .async .global|" SHARED_ANY, "", selectNothing, 80, 90},
    {"fence", ".proxy .tensormap::generic .release " SCOPE, "", selectNothing,
     83, 90},
    {"fence", ".proxy .tensormap::generic .acquire " SCOPE, "a, i",
     selectNothing, 83, 90},
    {"griddepcontrol", ".launch_dependents|.wait", "", selectNothing, 78, 90},

    // Within a warp
    {"vote", ".sync .all|.any|.uni .pred", "d:pred, P:pred, s:b32", selectVote},
    {"vote", ".sync .ballot .b32", "d:b32, P:pred, s:b32", selectVote},
    {"activemask", ".b32", "d:b32", selectActivemask, 62},
    {"match", ".any .sync .b32|.b64", "e:b32, s:T, s:b32", selectMatch},
    {"match", ".all .sync .b32|.b64", "e:b32, s:T, s:b32", selectMatch},
    {"shfl", ".sync .up|.down|.bfly|.idx .b32",
     "e:b32, s:b32, s:b32, s:b32, s:b32", selectShfl},
    {"redux", ".sync .add|.min|.max .u32|.s32", "d:T, s:T, s:b32", selectRedux,
     70, 80},
    {"redux", ".sync .and|.or|.xor .b32", "d:T, s:T, s:b32", selectRedux, 70,
     80},
    {"elect", ".sync", "e:b32, s:b32", selectElect, 80, 90},
    {"setmaxnreg", ".inc|.dec .sync .aligned .u32", "i", selectSetmaxnreg, 80,
     90, true},

    // Matrices
    {"ldmatrix", ".sync .aligned .m8n8 .x1 .trans? " SHARED " .b16",
     "V1:b32, a", selectLdmatrix, 65, 75},
    {"ldmatrix", ".sync .aligned .m8n8 .x2 .trans? " SHARED " .b16",
     "V2:b32, a", selectLdmatrix, 65, 75},
    {"ldmatrix", ".sync .aligned .m8n8 .x4 .trans? " SHARED " .b16",
     "V4:b32, a", selectLdmatrix, 65, 75},
    {"stmatrix", ".sync .aligned .m8n8 .x1 .trans? " SHARED " .b16",
     "a, v1:b32", selectStmatrix, 78, 90},
    {"stmatrix", ".sync .aligned .m8n8 .x2 .trans? " SHARED " .b16",
     "a, v2:b32", selectStmatrix, 78, 90},
    {"stmatrix", ".sync .aligned .m8n8 .x4 .trans? " SHARED " .b16",
     "a, v4:b32", selectStmatrix, 78, 90},
    {"movmatrix", ".sync .aligned .m8n8 .trans .b16", "d:b32, s:b32",
     selectMovmatrix, 78, 75},
    {"mma", ".sync .aligned .m16n8k8 .row .col .f32 .f16 .f16 .f32",
     "V4:f32, v2:b32, v1:b32, v4:f32", selectMma, 65, 75},
    {"mma", ".sync .aligned .m16n8k8 .row .col .f16 .f16 .f16 .f16",
     "V2:b32, v2:b32, v1:b32, v2:b32", selectMma, 65, 75},
    {"mma", ".sync .aligned .m16n8k16 .row .col .f32 .f16 .f16 .f32",
     "V4:f32, v4:b32, v2:b32, v4:f32", selectMma, 70, 80},
    {"mma", ".sync .aligned .m16n8k16 .row .col .f16 .f16 .f16 .f16",
     "V2:b32, v4:b32, v2:b32, v2:b32", selectMma, 70, 80},
    {"mma", ".sync .aligned .m16n8k8 .row .col .f32 .bf16 .bf16 .f32",
     "V4:f32, v2:b32, v1:b32, v4:f32", selectMma, 70, 80},
    {"mma", ".sync .aligned .m16n8k16 .row .col .f32 .bf16 .bf16 .f32",
     "V4:f32, v4:b32, v2:b32, v4:f32", selectMma, 70, 80},
    {"mma", ".sync .aligned .m16n8k4 .row .col .f32 .tf32 .tf32 .f32",
     "V4:f32, v2:b32, v1:b32, v4:f32", selectMma, 70, 80},
    {"mma", ".sync .aligned .m16n8k8 .row .col .f32 .tf32 .tf32 .f32",
     "V4:f32, v4:b32, v2:b32, v4:f32", selectMma, 70, 80},
    {"mma",
     ".sync .aligned .m8n8k16 .row .col .satfinite? .s32 .s8|.u8 .s8|.u8 .s32",
     "V2:s32, v1:b32, v1:b32, v2:s32", selectMma, 65, 75},
    {"mma",
     ".sync .aligned .m16n8k16 .row .col .satfinite? .s32 .s8|.u8 .s8|.u8 .s32",
     "V4:s32, v2:b32, v1:b32, v4:s32", selectMma, 70, 80},
    {"mma",
     ".sync .aligned .m16n8k32 .row .col .satfinite? .s32 .s8|.u8 .s8|.u8 .s32",
     "V4:s32, v4:b32, v2:b32, v4:s32", selectMma, 70, 80},
    {"mma", ".sync .aligned .m8n8k4 .row .col .f64 .f64 .f64 .f64",
     "V2:f64, v1:f64, v1:f64, v2:f64", selectMma, 70, 80},

    // Asynchronous copies
    {"cp", ".async .ca|.cg " SHARED " .global " L2SIZE "?", "a, a, i, s:u32?",
     selectCpAsync, 70, 80},
    {"cp", ".async .ca|.cg " SHARED " .global " L2SIZE "?", "a, a, i, P:pred",
     selectCpAsync, 70, 80},
    {"cp", ".async .ca|.cg " SHARED " .global " L2HINT " " L2SIZE "?",
     "a, a, i, s:b64", selectCpAsync, 74, 80},
    {"cp", ".async .ca|.cg " SHARED " .global " L2HINT " " L2SIZE "?",
     "a, a, i, s:u32, s:b64", selectCpAsync, 74, 80},
    {"cp", ".async .commit_group", "", selectCpCommit, 70, 80},
    {"cp", ".async .wait_group", "i", selectCpWait, 70, 80},
    {"cp", ".async .wait_all", "", selectCpWait, 70, 80},
    {"cp", ".async .mbarrier .arrive .noinc? " SHARED "? .b64", "a",
     selectCpMbarrierArrive, 70, 80},
    {"cp", ".async .mbarrier::arrive .noinc? " SHARED "? .b64", "a",
     selectCpMbarrierArrive, 70, 80},
    {"cp",
     ".async .bulk .shared::cluster|.shared::cta .global "
     ".mbarrier::complete_tx::bytes " L2HINT "?",
     "a, a, s:u32, a, s:b64?", selectBulkLoad, 80, 90},
    {"cp", ".async .bulk .global " SHARED " .bulk_group " L2HINT "?",
     "a, a, s:u32, s:b64?", selectBulkStore, 80, 90},
    {"cp", ".async .bulk .prefetch .L2 .global " L2HINT "?", "a, s:u32, s:b64?",
     selectNothing, 80, 90},
    {"cp",
     ".reduce .async .bulk .global " SHARED
     " .bulk_group .add|.min|.max|.and|.or|.xor|.inc|.dec "
     ".u32|.s32|.u64|.s64|.b32|.b64|.f32|.f64",
     "a, a, s:u32", selectBulkReduce, 80, 90},
    {"cp",
     ".reduce .async .bulk .global " SHARED
     " .bulk_group .add .noftz .f16|.bf16",
     "a, a, s:u32", selectBulkReduce, 80, 90},
    {"cp", ".async .bulk .commit_group", "", selectBulkCommit, 80, 90},
    {"cp", ".async .bulk .wait_group .read?", "i", selectBulkWait, 80, 90},
    {"cp",
     ".async .bulk .tensor .1d|.2d|.3d|.4d|.5d .shared::cluster|.shared::cta "
     ".global .tile? .mbarrier::complete_tx::bytes " L2HINT "?",
     "a, A, a, s:b64?", selectTensorLoad, 80, 90},
    {"cp",
     ".async .bulk .tensor .1d|.2d|.3d|.4d|.5d .global " SHARED
     " .tile? .bulk_group " L2HINT "?",
     "A, a, s:b64?", selectTensorStore, 80, 90},
    {"cp",
     ".async .bulk .prefetch .tensor .1d|.2d|.3d|.4d|.5d .L2 .global "
     ".tile? " L2HINT "?",
     "A, s:b64?", selectNothing, 80, 90},
    {"cp",
     ".reduce .async .bulk .tensor .1d|.2d|.3d|.4d|.5d .global " SHARED
     " .add|.min|.max|.inc|.dec|.and|.or|.xor .tile? .bulk_group " L2HINT "?",
     "A, a, s:b64?", selectTensorReduce, 80, 90},

    // Tensor maps
    {"tensormap",
     ".replace .tile .global_address .global|.shared::cta? .b1024 .b64",
     "a, s:b64", selectTensormapReplace, 83, 90, true},
    {"tensormap", ".replace .tile .rank .global|.shared::cta? .b1024 .b32",
     "a, s:b32", selectTensormapReplace, 83, 90, true},
    {"tensormap",
     ".replace .tile .box_dim|.global_dim|.element_stride "
     ".global|.shared::cta? .b1024 .b32",
     "a, s:b32, s:b32", selectTensormapReplace, 83, 90, true},
    {"tensormap",
     ".replace .tile .global_stride .global|.shared::cta? .b1024 .b64",
     "a, s:b32, s:b64", selectTensormapReplace, 83, 90, true},
    {"tensormap",
     ".replace .tile .elemtype|.interleave_layout|.swizzle_mode|.fill_mode "
     ".global|.shared::cta? .b1024 .b32",
     "a, s:b32", selectTensormapReplace, 83, 90, true},
    {"tensormap",
     ".cp_fenceproxy .global .shared::cta .tensormap::generic .release " SCOPE
     " .sync .aligned",
     "a, a, i", selectTensormapCopy, 83, 90},

    // mbarriers
    {"mbarrier", ".init " SHARED "? .b64", "a, s:u32", selectMbarrierInit, 70,
     80},
    {"mbarrier", ".inval " SHARED "? .b64", "a", selectMbarrierInval, 70, 80},
    {"mbarrier",
     ".arrive .release|.relaxed? .cta|.cluster? " SHARED_ANY "? .b64",
     "D:b64, a, s:u32?", selectMbarrierArrive, 70, 80},
    {"mbarrier",
     ".arrive .release|.relaxed? .cta|.cluster? .shared::cluster .b64", "a",
     selectMbarrierArriveNoState, 80, 90},
    {"mbarrier",
     ".arrive .expect_tx .release|.relaxed? .cta|.cluster? " SHARED_ANY
     "? .b64",
     "D:b64, a, s:u32", selectMbarrierArrive, 80, 90},
    {"mbarrier",
     ".arrive_drop .release|.relaxed? .cta|.cluster? " SHARED_ANY "? .b64",
     "D:b64, a, s:u32?", selectMbarrierArrive, 70, 80},
    {"mbarrier", ".arrive .noComplete " SHARED "? .b64", "D:b64, a, s:u32",
     selectMbarrierArrive, 70, 80},
    {"mbarrier", ".expect_tx .relaxed? .cta|.cluster? " SHARED_ANY "? .b64",
     "a, s:u32", selectMbarrierExpectTx, 80, 90},
    {"mbarrier", ".complete_tx .relaxed? .cta|.cluster? " SHARED_ANY "? .b64",
     "a, s:u32", selectMbarrierCompleteTx, 80, 90},
    {"mbarrier",
     ".test_wait .acquire|.relaxed? .cta|.cluster? " SHARED "? .b64",
     "d:pred, a, s:b64", selectMbarrierWait, 70, 80},
    {"mbarrier",
     ".test_wait .parity .acquire|.relaxed? .cta|.cluster? " SHARED "? .b64",
     "d:pred, a, s:u32", selectMbarrierWait, 71, 80},
    {"mbarrier", ".try_wait .acquire|.relaxed? .cta|.cluster? " SHARED "? .b64",
     "d:pred, a, s:b64, s:u32?", selectMbarrierWait, 78, 90},
    {"mbarrier",
     ".try_wait .parity .acquire|.relaxed? .cta|.cluster? " SHARED "? .b64",
     "d:pred, a, s:u32, s:u32?", selectMbarrierWait, 78, 90},
    {"mbarrier", ".pending_count .b64", "d:u32, s:b64",
     selectMbarrierPendingCount, 70, 80},

    // wgmma
    {"wgmma", ".fence .sync .aligned", "", selectWgmmaFence, 80, 90, true},
    {"wgmma", ".commit_group .sync .aligned", "", selectWgmmaCommit, 80, 90,
     true},
    {"wgmma", ".wait_group .sync .aligned", "i", selectWgmmaWait, 80, 90, true},
    {"wgmma",
     ".mma_async .sync .aligned " WGMMA_N " .f32 .f16|.bf16 .f16|.bf16",
     "V:f32, s:b64, s:b64, P:pred, i, i, i, i", selectWgmma, 80, 90, true},
    {"wgmma",
     ".mma_async .sync .aligned " WGMMA_N " .f32 .f16|.bf16 .f16|.bf16",
     "V:f32, v4:b32, s:b64, P:pred, i, i, i", selectWgmma, 80, 90, true},
    {"wgmma", ".mma_async .sync .aligned " WGMMA_N " .f16 .f16 .f16",
     "V:b32, s:b64, s:b64, P:pred, i, i, i, i", selectWgmma, 80, 90, true},
    {"wgmma", ".mma_async .sync .aligned " WGMMA_N " .f16 .f16 .f16",
     "V:b32, v4:b32, s:b64, P:pred, i, i, i", selectWgmma, 80, 90, true},
};

extern const size_t numInstructionRows =
    sizeof(instructionRows) / sizeof(instructionRows[0]);

} // namespace moe::emulator
