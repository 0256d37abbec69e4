// bf16 for a CPU with AMX: one kernel for any number of rows. Its tiles are
// configured once and stay in registers: a step of two blocks of rows loads
// four and multiplies four times. The rows pass by the first cache. Beside the
// products runs the epilogue of the rows before, here SwiGLU with its division.
//
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused cpu=sapphirerapids" | mlir-translate --mlir-to-llvmir | opt -O3 -S | llc -O3 -o %t.s
// RUN: FileCheck %s --input-file=%t.s

// CHECK-LABEL: moe_kernel_bf16_tiles_32x32_512_epilogue1:
// CHECK:         ldtilecfg
// CHECK-NOT:     {{ldtilecfg|\(%rsp.*%tmm|%tmm.*\(%rsp}}
// CHECK-COUNT-4: tilezero
// CHECK-COUNT-2: tileloaddt1 (
// CHECK:         tileloadd (
// CHECK-COUNT-2: tdpbf16ps
// CHECK-NOT:     tileloaddt1
// CHECK:         tileloadd (
// CHECK-COUNT-2: tdpbf16ps
// CHECK-NOT:     {{ldtilecfg|\(%rsp.*%tmm|%tmm.*\(%rsp}}
// CHECK:         vdivps
// CHECK-NOT:     {{ldtilecfg|\(%rsp.*%tmm|%tmm.*\(%rsp}}
// CHECK:         tdpbf16ps
// CHECK-NOT:     {{ldtilecfg|\(%rsp.*%tmm|%tmm.*\(%rsp}}
// CHECK:         tilerelease

// The process asks for the tiles once.
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" | FileCheck %s --check-prefix=ASK
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused to=tiled cpu=cooperlake" | FileCheck %s --check-prefix=NONE

// ASK:      func.func @{{.*}}__run
// ASK:        %[[ASKED:.*]] = llvm.load %{{.*}} atomic monotonic
// ASK:        %[[FIRST:.*]] = arith.cmpi eq, %[[ASKED]]
// ASK:        scf.if %[[FIRST]] {
// ASK-NEXT:     llvm.inline_asm has_side_effects {{.*}}"syscall"
// ASK-NEXT:     llvm.store %{{.*}} atomic monotonic
// ASK:        omp.parallel

// NONE-NOT: syscall
