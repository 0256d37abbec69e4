// What is prefetched: each of a unit's lines is from a stream of its own, with
// several panels each panel is a stream, and of a kernel of tiles' eight
// streams each line is the next one's.
//
// RUN: moe-opt %S/Inputs/layer-f32.mlir --moe-to-cpu="from=fused to=tiled cpu=x86-64-v4" -o %t.f32
// RUN: FileCheck %s --check-prefix=LINES --input-file=%t.f32
// RUN: FileCheck %s --check-prefix=PANELS --input-file=%t.f32
// RUN: FileCheck %s --check-prefix=CALL --input-file=%t.f32
// RUN: FileCheck %s --check-prefix=WIDE --input-file=%t.f32
// RUN: FileCheck %s --check-prefix=WIDELINES --input-file=%t.f32
// RUN: sed 's/64/2048/g' %S/Inputs/layer-bf16.mlir | moe-opt - --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" -o %t.bf16
// RUN: FileCheck %s --check-prefix=TILES --input-file=%t.bf16
// RUN: FileCheck %s --check-prefix=TILESCALL --input-file=%t.bf16

// The stretch of 64 units of 128 bytes in two streams, which n tiles of rows
// read in n times 64 steps; of one tile, line by line.
// CALL:      %[[STRIDE:.*]] = arith.select %[[SINGLE:.*]], %c64, %c4096
// CALL-NEXT: %[[UP:.*]] = arith.addi %[[HEIGHTS:.*]], %c63
// CALL-NEXT: %[[PART:.*]] = arith.divui %[[UP]], %[[HEIGHTS]]
// CALL-NEXT: %[[STEP:.*]] = arith.select %[[SINGLE]], %c128, %[[PART]]
// CALL-NEXT: %[[SHARE:.*]] = arith.muli %[[STEP]], %c64
// CALL-NEXT: scf.for {{.*}} iter_args(%{{.*}} = %c0, %[[START:.*]] = %
// CALL:        call @moe_kernel_f32_12x32_80({{.*}}, %c64, %true, %{{.*}}, %[[START]], %[[STRIDE]], %[[STEP]])
// CALL:        arith.addi %[[START]], %[[SHARE]]

// Two panels of 8192 bytes each, in stretches half as long: n tiles prefetch 128
// bytes of each panel in n times 32 steps, a line at most per step.
// WIDE:      %[[MORE:.*]] = arith.addi %{{.*}}, %c5 : index
// WIDE-NEXT: %[[NUM:.*]] = arith.divui %[[MORE]], %c6 : index
// WIDE-NEXT: scf.for %[[UNIT:.*]] = %c0 to %c64 step %c32
// WIDE:        %[[ISLAST:.*]] = arith.cmpi eq, %{{.*}}, %c64
// WIDE-NEXT:   %[[NEXT:.*]] = arith.select %[[ISLAST]]
// WIDE:        %[[UP:.*]] = arith.addi %[[NUM]], %c127
// WIDE-NEXT:   %[[STEP:.*]] = arith.divui %[[UP]], %[[NUM]]
// WIDE:        %[[SHARE:.*]] = arith.muli %{{.*}}, %[[STEP]]
// WIDE-NEXT:   scf.for {{.*}} = %c0 to %[[NUM]] step %c1 iter_args(%{{.*}} = %c0, %[[START:.*]] = %[[NEXT]])
// WIDE:          case 4 {
// WIDE:          default {
// WIDE-NEXT:       call @moe_kernel_f32_6x32_80_2panels_2048_4608sums({{.*}}, %[[START]], %c8192, %[[STEP]])
// WIDE:          arith.addi %[[START]], %[[SHARE]]

// WIDELINES-LABEL: func.func private @moe_kernel_f32_6x32_80_2panels_2048_4608sums(
// WIDELINES-COUNT-2: memref.prefetch
// WIDELINES-NOT:   memref.prefetch
// WIDELINES:     return

// Stretches of 256 units, 16 steps of 32 lines, in eight streams of 16 bytes a
// unit. The last one is another kernel's, with the epilogue, if there are
// several passes.
// TILESCALL-LABEL: func.func private @forward__thread
// TILESCALL:      %[[ROUNDED:.*]] = arith.addi %{{.*}}, %c31
// TILESCALL-NEXT: %[[PASSES:.*]] = arith.divui %[[ROUNDED]], %c32
// TILESCALL:      arith.cmpi eq, %[[PASSES]], %c1
// TILESCALL:      scf.for
// TILESCALL:        %[[UP:.*]] = arith.addi %[[PASSES]], %c31
// TILESCALL-NEXT:   %[[COUNT:.*]] = arith.divui %[[UP]], %[[PASSES]]
// TILESCALL-NEXT:   %[[STRIDE:.*]] = arith.muli %{{.*}}, %c16
// TILESCALL:        %[[ISLAST:.*]] = arith.cmpi eq, %{{.*}}, %c1024
// TILESCALL:        %[[BESIDE:.*]] = arith.andi %[[ISLAST]], %{{.*}}
// TILESCALL-NEXT:   scf.if %[[BESIDE]] {
// TILESCALL-NEXT:     call @moe_kernel_bf16_tiles_32x32_16384_epilogue0(
// TILESCALL-NEXT:   } else {
// TILESCALL-NEXT:     call @moe_kernel_bf16_tiles_32x32_16384({{.*}}, %[[STRIDE]], %[[COUNT]], %{{.*}})

// LINES-LABEL: func.func private @moe_kernel_f32_12x32_80(
// LINES-SAME:    %[[MEMORY:[a-z0-9]+]]: memref<?xi8>, %[[START:[a-z0-9]+]]: index, %[[STRIDE:[a-z0-9]+]]: index, %[[STEP:[a-z0-9]+]]: index)
// LINES:         scf.for %[[UNIT:.*]] = %c0
// LINES:           %[[OFFSET:.*]] = arith.muli %[[UNIT]], %[[STEP]]
// LINES-NEXT:      %[[FIRST:.*]] = arith.addi %[[START]], %[[OFFSET]]
// LINES-NEXT:      memref.prefetch %[[MEMORY]][%[[FIRST]]]
// LINES-NEXT:      %[[NEXT:.*]] = arith.addi %[[START]], %[[STRIDE]]
// LINES-NEXT:      %[[SECOND:.*]] = arith.addi %[[NEXT]], %[[OFFSET]]
// LINES-NEXT:      memref.prefetch %[[MEMORY]][%[[SECOND]]]
// LINES-NOT:       memref.prefetch
// LINES:         return

// PANELS-LABEL: func.func private @moe_kernel_f32_1x32_80_4panels_
// PANELS-SAME:    %[[MEMORY:[a-z0-9]+]]: memref<?xi8>, %[[START:[a-z0-9]+]]: index, %[[STRIDE:[a-z0-9]+]]: index, %[[STEP:[a-z0-9]+]]: index)
// PANELS:           memref.prefetch
// PANELS:           memref.prefetch
// PANELS:           %[[PANEL:.*]] = arith.addi %[[START]], %[[STRIDE]]
// PANELS-NEXT:      %[[FIRST:.*]] = arith.addi %[[PANEL]], %{{.*}}
// PANELS-NEXT:      memref.prefetch %[[MEMORY]][%[[FIRST]]]
// PANELS-NEXT:      %[[SECOND:.*]] = arith.addi %[[FIRST]], %c64
// PANELS-NEXT:      memref.prefetch %[[MEMORY]][%[[SECOND]]]

// TILES-LABEL: func.func private @moe_kernel_bf16_tiles_32x32_16384(
// TILES-SAME:    %[[MEMORY:[a-z0-9]+]]: memref<?xi8>, %[[START:[a-z0-9]+]]: index, %[[STRIDE:[a-z0-9]+]]: index, %[[COUNT:[a-z0-9]+]]: index, %[[ROWS:[a-z0-9]+]]: index)
// TILES:           %[[FROM:.*]] = arith.muli %{{.*}}, %[[COUNT]]
// TILES-NEXT:      %[[TO:.*]] = arith.addi %[[FROM]], %[[COUNT]]
// TILES:           } else {
// TILES-NEXT:        scf.for %[[LINE:.*]] = %[[FROM]] to %[[TO]]
// TILES-NEXT:          %[[STREAM:.*]] = arith.remui %[[LINE]], %c8
// TILES-NEXT:          %[[NUMBER:.*]] = arith.divui %[[LINE]], %c8
// TILES-NEXT:          %[[OFFSET:.*]] = arith.muli %[[STREAM]], %[[STRIDE]]
// TILES-NEXT:          %[[BASE:.*]] = arith.addi %[[START]], %[[OFFSET]]
// TILES-NEXT:          %[[WITHIN:.*]] = arith.muli %[[NUMBER]], %c64
// TILES-NEXT:          %[[BYTE:.*]] = arith.addi %[[BASE]], %[[WITHIN]]
// TILES-NEXT:          memref.prefetch %[[MEMORY]][%[[BYTE]]]
