// What a user writes into lowering_config: panels of many vectors, which no
// group of them needs, and panels that are no whole vectors.
//
// RUN: moe-opt %S/Inputs/layer-f32.mlir --moe-select-strategy=cpu=x86-64-v3 -o %t.mlir
// RUN: sed "s/columns = 16/columns = 64/" %t.mlir | moe-opt --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s --check-prefix=MANY
// RUN: sed "s/columns = 16/columns = 64, panels = 2/" %t.mlir | moe-opt --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s --check-prefix=PANELS
// RUN: sed "s/columns = 16, row_block = 144/columns = 16, panels = 2, row_block = 3/" %t.mlir | moe-opt --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s --check-prefix=BLOCK --implicit-check-not=sums
// RUN: sed "s/columns = 16/columns = 4/" %t.mlir | not moe-opt --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: sed "s/columns = 16/columns = 24/" %t.mlir | not moe-opt --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" 2>&1 | FileCheck %s --check-prefix=ODD

// Tiles have 16 rows, and a pass over the weights one or two of them.
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-select-strategy=cpu=sapphirerapids -o %t.bf16.mlir
// RUN: sed "s/rows = 32/rows = 16/" %t.bf16.mlir | moe-opt --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" | FileCheck %s --check-prefix=TILE
// RUN: sed "s/rows = 32/rows = 12/" %t.bf16.mlir | not moe-opt --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" 2>&1 | FileCheck %s --check-prefix=PART

// TILE: func.func private @moe_kernel_bf16_tiles_16x32_
// PART: error: 'moe.gate' op expected rows of the lowering_config to be 16 or 32 with tiles, got 12

// MANY:     func.func private @moe_kernel_f32_1x64_80(
// MANY-NOT: panels

// Many vectors, and two panels for more rows than a tile has.
// PANELS: func.func private @moe_kernel_f32_1x64_80(
// PANELS: func.func private @moe_kernel_f32_3x64_80_2panels_4096_9216sums(

// A block with no more rows than a tile has no use for wider ones.
// BLOCK: func.func private @moe_kernel_f32_3x16_80(

// FEW: error: 'moe.gate' op expected columns of the lowering_config to be a multiple of 8, 8 of each weight, got 4
// ODD: error: 'moe.grouped_matmul' op expected columns of the lowering_config to be a multiple of 16, 8 of each weight, got 24
