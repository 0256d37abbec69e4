// RUN: moe-opt %S/Inputs/layer-f32.mlir --moe-select-strategy=cpu=x86-64-v3 | FileCheck %s --check-prefix=AVX2-F32
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-select-strategy=cpu=x86-64-v3 | FileCheck %s --check-prefix=AVX2-BF16
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-select-strategy=cpu=znver4 | FileCheck %s --check-prefix=WIDE
// RUN: not moe-opt %S/Inputs/layer-f32.mlir --moe-select-strategy=cpu=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not moe-opt %S/Inputs/layer-f32.mlir --moe-to-cpu="from=fused cpu=z80" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// Sixteen registers: 6 x 2 sums, two weights, a broadcast.
// AVX2-F32: moe.gate {{.*}}lowering_config = #moe.lowering_config<rows = 6, columns = 16
// AVX2-F32: moe.grouped_matmul {{.*}}lowering_config = #moe.lowering_config<rows = 6, columns = 16, row_block
// AVX2-F32: moe.grouped_matmul {{.*}}lowering_config = #moe.lowering_config<rows = 6, columns = 16, row_block

// Decoding takes registers of its own.
// AVX2-BF16: moe.grouped_matmul {{.*}}lowering_config = #moe.lowering_config<rows = 6, columns = 16

// Without a bf16 dot product: decoded, in wide registers.
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-select-strategy=cpu=skylake-avx512 | FileCheck %s --check-prefix=DECODED
// DECODED: moe.grouped_matmul {{.*}}lowering_config = #moe.lowering_config<rows = 12, columns = 32, row_block

// Tiles of AMX: two blocks of 16 rows to a pass over the weights.
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-select-strategy=cpu=sapphirerapids | FileCheck %s --check-prefix=TILES
// TILES: moe.grouped_matmul {{.*}}lowering_config = #moe.lowering_config<rows = 32, columns = 32, row_block = 384

// WIDE: moe.grouped_matmul {{.*}}lowering_config = #moe.lowering_config<rows = 12, columns = 32, panels = 2, row_block

// UNKNOWN: error: expected cpu native or LLVM's name of an x86-64 CPU, as x86-64-v3, znver4 or sapphirerapids, got 'z80'
