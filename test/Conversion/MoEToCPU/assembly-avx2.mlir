// The inner loops with AVX2: f32 and decoded bf16 keep their sums in registers.
// A term of bf16 is decoded as it is loaded, from 2 bytes before the pair for
// the first one, with no shift: that would take the multipliers' ports.
//
// RUN: moe-opt %S/Inputs/layer-f32.mlir --moe-to-cpu="from=fused cpu=x86-64-v3" | mlir-translate --mlir-to-llvmir | opt -O3 -S | llc -O3 -o - | FileCheck %s --check-prefix=F32
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused cpu=x86-64-v3" | mlir-translate --mlir-to-llvmir | opt -O3 -S | llc -O3 -o %t.s
// RUN: FileCheck %s --check-prefix=BF16 --input-file=%t.s
// RUN: FileCheck %s --check-prefix=ONE --input-file=%t.s

// F32-LABEL: moe_kernel_f32_6x16_80:
// F32:          Inner Loop Header
// F32-NOT:      (%rsp)
// F32-COUNT-12: vfmadd{{.*}}ymm
// F32-NOT:      vfmadd
// F32:          {{jb|jne|jae|je}}

// BF16-LABEL: moe_kernel_bf16_6x16_80:
// BF16:          Inner Loop Header
// BF16-NOT:      {{\(%rsp\)|vpslld}}
// BF16:          vpblendw $170, [[#%d,FIRST:]](%[[WEIGHTS:[a-z0-9]+]]
// BF16-NOT:      {{\(%rsp\)|vpslld}}
// BF16-COUNT-12: vfmadd{{.*}}ymm
// BF16-NOT:      {{\(%rsp\)|vpslld}}
// BF16:          vpblendw $170, [[#FIRST+2]](%[[WEIGHTS]]
// BF16-NOT:      {{\(%rsp\)|vpslld}}
// BF16-COUNT-12: vfmadd{{.*}}ymm
// BF16-NOT:      vfmadd
// BF16:          {{jb|jne|jae|je}}

// One row: four panels at a time keep eight sums in flight.
// ONE-LABEL: moe_kernel_bf16_1x16_80_4panels_
// ONE:          Inner Loop Header
// ONE-NOT:      (%rsp)
// ONE-COUNT-16: vfmadd{{.*}}ymm
// ONE-NOT:      vfmadd
// ONE:          {{jb|jne|jae|je}}
