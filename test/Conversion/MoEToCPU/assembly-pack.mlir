// The squares of pack-tiles.mlir stay in registers. The thread sanitizer's code
// needs the stack.
//
// UNSUPPORTED: thread-sanitizer
// RUN: moe-compile %S/pack-tiles.mlir --cpu=x86-64-v4 --emit=asm -o - | FileCheck %s
// RUN: moe-compile %S/pack-tiles.mlir --cpu=x86-64-v3 --emit=asm -o - | FileCheck %s --check-prefix=AVX2

// CHECK-LABEL: terms__pack_thread:
// CHECK:       callq moe_pack_square
// CHECK:       sfence
// CHECK-LABEL: moe_pack_square:
// CHECK-NOT:  %rsp
// CHECK-COUNT-16: vpunpck
// CHECK-NOT:  %rsp
// CHECK-COUNT-16: vshufi64x2
// CHECK:       vmovntdq %zmm
// AVX2-LABEL: moe_pack_square:
// AVX2:       vmovntps %ymm
