//===- ModuleTest.cpp - Text that is refused, and text that is not --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the parser, the matcher and the decoder say about wrong text. Every
// message names file, line and column.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"

#include "gtest/gtest.h"

using namespace moe::emulator;

namespace {

std::string load(const std::string &text) {
  auto module = Module::load(text, "t.ptx");
  return module ? "" : module.error().message;
}

const std::string kHeader = ".version 8.0\n.target sm_80\n.address_size 64\n";

/// A kernel with some registers and these statements, which start at line 8.
std::string kernel(const std::string &body,
                   const std::string &header = kHeader) {
  return header +
         ".visible .entry k(.param .u64 a)\n{\n"
         ".reg .pred %p<4>; .reg .b16 %h<4>; .reg .b32 %r<4>;"
         " .reg .b64 %d<4>; .reg .f32 %f<4>; .reg .f64 %e<2>;\n"
         ".shared .align 16 .b8 s[64];\n" +
         body + "\nret;\n}\n";
}

struct Refused {
  std::string text, message;
};

void check(const std::vector<Refused> &cases) {
  for (const Refused &c : cases)
    EXPECT_EQ(load(c.text), c.message) << c.text;
}

TEST(Module, Header) {
  check({
      {"", "t.ptx:1:1: error: expected '.version', got the end of the file"},
      {".version 5.0\n.target sm_80\n",
       "t.ptx:1:10: error: expected a PTX version from 6.0 to 9.4, got 5.0"},
      {".version 9.9\n.target sm_80\n",
       "t.ptx:1:10: error: expected a PTX version from 6.0 to 9.4, got 9.9"},
      {".version 8.0\n.target sm_81\n",
       "t.ptx:2:9: error: unknown target 'sm_81', expected one from sm_70 to "
       "sm_121a"},
      {".version 8.0\n.target sm_80\n.address_size 32\n",
       "t.ptx:3:15: error: expected '.address_size 64', got 32"},
      {".version 8.0\n.target sm_80, fast\n",
       "t.ptx:2:16: error: unknown target option 'fast'"},
  });
}

TEST(Module, Declarations) {
  check({
      {kHeader + ".global .align 3 .b8 x[4];",
       "t.ptx:4:16: error: expected a power of two up to 4096, got 3"},
      {kHeader + ".global .q8 x;", "t.ptx:4:9: error: unknown type '.q8'"},
      {kHeader + ".global .u32 x[99999999999];",
       "t.ptx:4:16: error: variable 'x' is too large"},
      {kHeader + ".global .u32 x[2] = {1, 2, 3};",
       "t.ptx:4:28: error: expected at most 2 initial values"},
      {kHeader + ".global .u32 x;\n.global .u32 x;",
       "t.ptx:5:9: error: redefinition of 'x'"},
      {kHeader + ".shared .u32 x = 1;",
       "t.ptx:4:18: error: only .global and .const variables may have an "
       "initial value"},
      {kHeader + ".visible .entry k() .fast { ret; }",
       "t.ptx:4:21: error: unknown directive '.fast'"},
      {kHeader + ".visible .entry k() .reqnctapercluster 2 { ret; }",
       "t.ptx:4:21: error: clusters of more than one block are not supported"},
      {kHeader + ".visible .entry k() {",
       "t.ptx:4:22: error: expected '}', got "
       "the end of the file"},
      {kHeader + "/* no end", "t.ptx:4:1: error: expected '*/' before the end "
                              "of the file"},
      {kernel(".reg .x32 %q;"), "t.ptx:8:6: error: unknown register type "
                                "'.x32'"},
      {kernel(".reg .b32 %r<9>;"), "t.ptx:8:11: error: redefinition of '%r'"},
      {kernel(".reg .b32 %q<999999999>;"),
       "t.ptx:8:11: error: more than 262144 registers"},
      {kernel("L:\nL:"), "t.ptx:9:1: error: redefinition of label 'L'"},
  });
}

TEST(Module, UnknownParts) {
  check({
      {kernel("frob.u32 %r0, %r1;"),
       "t.ptx:8:1: error: unknown instruction 'frob' in 'frob.u32 %r0, %r1'"},
      {kernel("add.sat.u32 %r0, %r1, %r2;"),
       "t.ptx:8:1: error: unknown modifier '.u32' after 'add.sat' in "
       "'add.sat.u32 %r0, %r1, %r2'"},
      {kernel("@%p0 add.rn.ftz.fast.f32 %f0, %f1, %f2;"),
       "t.ptx:8:1: error: unknown modifier '.fast' after 'add.rn.ftz' in '@%p0 "
       "add.rn.ftz.fast.f32 %f0, %f1, %f2'"},
      {kernel("not %r0, %r1;"),
       "t.ptx:8:1: error: expected one of .pred, .b16, .b32, .b64 after 'not' "
       "in 'not %r0, %r1'"},
      {kernel("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32 {%r0}, {%r1}, "
              "{%r2}, {%r3};"),
       "t.ptx:8:1: error: unknown modifier '.m16n8k256' after "
       "'mma.sync.aligned' in 'mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32"
       " {%r0}, {%r1}, {%r2}, {%r3}'"},
  });
}

TEST(Module, Requirements) {
  std::string old = ".version 7.0\n.target sm_75\n.address_size 64\n";
  check({
      {kernel("cp.async.commit_group;", old),
       "t.ptx:8:1: error: 'cp' requires .target sm_80 or later, got sm_75 in "
       "'cp.async.commit_group'"},
      {kernel("mbarrier.try_wait.shared.b64 %p0, [%r0], %d0;",
              ".version 7.0\n.target sm_90\n.address_size 64\n"),
       "t.ptx:8:1: error: 'mbarrier' requires .version 7.8, got 7.0 in "
       "'mbarrier.try_wait.shared.b64 %p0, [%r0], %d0'"},
      {kernel("wgmma.fence.sync.aligned;",
              ".version 8.0\n.target sm_90\n.address_size 64\n"),
       "t.ptx:8:1: error: 'wgmma' requires .target sm_90a, got sm_90 in "
       "'wgmma.fence.sync.aligned'"},
  });
}

TEST(Module, Operands) {
  check({
      {kernel("add.u32 %r0, %r1;"),
       "t.ptx:8:1: error: expected 3 operands, got "
       "2 in 'add.u32 %r0, %r1'"},
      {kernel("add.u32 %r0, %r1, %d0;"),
       "t.ptx:8:1: error: expected operand 3 of type .u32, got '%d0' of type "
       ".b64 in 'add.u32 %r0, %r1, %d0'"},
      {kernel("add.s32 %r0, %r1, %f0;"),
       "t.ptx:8:1: error: expected operand 3 of type .s32, got '%f0' of type "
       ".f32 in 'add.s32 %r0, %r1, %f0'"},
      {kernel("add.f32 %f0, %f1, 1;"),
       "t.ptx:8:1: error: expected a floating-point constant as operand 3 in "
       "'add.f32 %f0, %f1, 1'"},
      {kernel("add.u32 %r0, %r9, 1;"),
       "t.ptx:8:1: error: unknown special register '%r9' in 'add.u32 %r0, %r9, "
       "1'"},
      {kernel("mov.u32 %r0, %tid.w;"),
       "t.ptx:8:1: error: unknown special register '%tid.w' in 'mov.u32 %r0, "
       "%tid.w'"},
      {kernel("mov.u32 %r0, nothing;"), "t.ptx:8:1: error: unknown name "
                                        "'nothing' in 'mov.u32 %r0, nothing'"},
      {kernel("bra NOWHERE;"),
       "t.ptx:8:1: error: unknown label 'NOWHERE' in 'bra NOWHERE'"},
      {kernel("@%r0 bra L;\nL:"),
       "t.ptx:8:2: error: expected a predicate register, got '%r0'"},
      {kernel("ld.global.v2.u32 {%r0, %r1, %r2}, [%d0];"),
       "t.ptx:8:1: error: expected 2 elements in operand 1, got 3 in "
       "'ld.global.v2.u32 {%r0, %r1, %r2}, [%d0]'"},
      {kernel("mov.b64 %d0, {%r0, %h0};"),
       "t.ptx:8:1: error: expected elements that add up to .b64 in 'mov.b64 "
       "%d0, {%r0, %h0}'"},
      {kernel("cp.async.cg.shared.global [%r0], [%d0], 8;"),
       "t.ptx:8:1: error: expected a copy of 16 bytes in "
       "'cp.async.cg.shared.global [%r0], [%d0], 8'"},
      {kernel("lop3.b32 %r0, %r1, %r2, %r3, 256;"),
       "t.ptx:8:1: error: expected a table from 0 to 255 in 'lop3.b32 %r0, "
       "%r1, %r2, %r3, 256'"},
      {kernel("call f;"), "t.ptx:8:1: error: unknown function 'f' in 'call f'"},
      {kernel("add.u32 %r0, %r1, 0f3F8;"),
       "t.ptx:8:19: error: malformed hexadecimal float"},
      {kernel("add.u32 %r0, %r1, 99999999999999999999;"),
       "t.ptx:8:19: error: malformed integer"},
  });
}

/// Several mistakes are reported together.
TEST(Module, ReportsEveryMistake) {
  EXPECT_EQ(load(kernel("add.u31 %r0, %r1, %r2;\nsub.u33 %r0, %r1, %r2;")),
            "t.ptx:8:1: error: unknown modifier '.u31' after 'add' in 'add.u31 "
            "%r0, %r1, %r2'\n"
            "t.ptx:9:1: error: unknown modifier '.u33' after 'sub' in 'sub.u33 "
            "%r0, %r1, %r2'");
}

/// Scopes hide names, comments and sections are skipped, numbers come in all
/// bases.
TEST(Module, Accepts) {
  EXPECT_EQ(load(kernel(R"(
    { .reg .b32 %r1; mov.u32 %r1, 0x1F; L: bra.uni L2; L2: }
    { .reg .b32 x; mov.u32 x, 0b101; L: bra L; }
    /* a comment */ mov.u32 %r0, 017; // another
    mov.u32 %r0, 12U; mov.u32 %r0, -3; mov.u32 %r0, s+4;
    mov.f32 %f0, 0f3F800000; mov.f32 %f0, 1.5; mov.f64 %e0, 0d3FF0000000000000;
    ld.global.u32 %r0, [%d0+-8]; ld.shared.u32 %r0, [s+4]; ld.param.u64 %d0, [a];
    setp.lt.and.u32 %p0|%p1, %r0, 5, !%p2;
    shfl.sync.idx.b32 %r0|%p0, %r1, 0, 31, -1; elect.sync _|%p0, -1;)",
                        ".version 8.0\n.target sm_90\n.address_size 64\n"
                        ".file 1 \"a.cu\"\n")),
            "");
  EXPECT_EQ(load(kHeader + ".section .debug_str { L: .b8 1, 2\n .b32 L }\n"
                           ".extern .shared .align 16 .b8 d[];\n"
                           ".weak .func (.param .b32 r) f(.param .b32 x);\n"),
            "");
}

} // namespace
