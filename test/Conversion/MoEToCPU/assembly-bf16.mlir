// The inner loops for a CPU with AVX512-BF16, for several row counts: two
// loads of weights a panel (four panels for one row), a broadcast and two
// products per row, nothing on the stack.
//
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused cpu=znver4" | mlir-translate --mlir-to-llvmir | opt -O3 -S | llc -O3 -o %t.s
// RUN: FileCheck %s --input-file=%t.s --check-prefixes=ONE
// RUN: FileCheck %s --input-file=%t.s --check-prefixes=TWELVE

// ONE-LABEL: moe_kernel_bf16_pairs_1x32_48_4panels_
// ONE:         Inner Loop Header
// ONE-NOT:     %rsp
// ONE-COUNT-8: vdpbf16ps
// ONE-NOT:     vdpbf16ps
// ONE:         {{jb|jne|jae|je}}

// TWELVE-LABEL: moe_kernel_bf16_pairs_12x32_48:
// TWELVE:          Inner Loop Header
// TWELVE-NOT:      %rsp
// TWELVE-COUNT-24: vdpbf16ps
// TWELVE-NOT:      vdpbf16ps
// TWELVE:          {{jb|jne|jae|je}}
