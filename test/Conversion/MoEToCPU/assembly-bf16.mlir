// The inner loops for a CPU with AVX512-BF16, for several row counts: two
// loads of weights a panel (four panels for one row), a broadcast and two
// products per row, nothing on the stack.
//
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused cpu=znver4" | mlir-translate --mlir-to-llvmir | opt -O3 -S | llc -O3 -o %t.s
// RUN: FileCheck %s --input-file=%t.s --check-prefixes=ONE
// RUN: FileCheck %s --input-file=%t.s --check-prefixes=TWELVE
// RUN: FileCheck %s --input-file=%t.s --check-prefixes=SIX
// RUN: FileCheck %s --input-file=%t.s --check-prefixes=HEIGHTS --implicit-check-not=4608sums:

// ONE-LABEL: {{^}}moe_kernel_bf16_pairs_1x32_48_4panels_{{[0-9]+}}:
// ONE:         Inner Loop Header
// ONE-NOT:     %rsp
// ONE-COUNT-8: vdpbf16ps
// ONE-NOT:     vdpbf16ps
// ONE:         {{jb|jne|jae|je}}

// TWELVE-LABEL: {{^}}moe_kernel_bf16_pairs_12x32_48:
// TWELVE:          Inner Loop Header
// TWELVE-NOT:      %rsp
// TWELVE-COUNT-24: vdpbf16ps
// TWELVE-NOT:      vdpbf16ps
// TWELVE:          {{jb|jne|jae|je}}

// Several tiles of rows: six rows by two panels, whose four loads of weights and
// six broadcasts are fewer than two and twelve. A line is prefetched per panel.
// SIX-LABEL: {{^}}moe_kernel_bf16_pairs_6x32_48_2panels_1024_4608sums:
// SIX:          Inner Loop Header
// SIX-NOT:      %rsp
// SIX-COUNT-2:  prefetcht1
// SIX-NOT:      {{%rsp|prefetcht1}}
// SIX-COUNT-24: vdpbf16ps
// SIX-NOT:      vdpbf16ps
// SIX:          {{jb|jl|jne|jae|je}}

// 13 rows or more are never in equal tiles of fewer than four.
// HEIGHTS-DAG: {{^}}moe_kernel_bf16_pairs_4x32_48_2panels_1024_4608sums:
// HEIGHTS-DAG: {{^}}moe_kernel_bf16_pairs_5x32_48_2panels_1024_4608sums:
// HEIGHTS-DAG: {{^}}moe_kernel_bf16_pairs_6x32_48_2panels_1024_4608sums:
