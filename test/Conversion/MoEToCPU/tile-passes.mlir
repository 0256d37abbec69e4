// Rows that do not fit the second cache together with a panel of 2048 terms, 4
// KiB a row and a column, are multiplied in passes of half as many bytes: whole
// stretches of 256 units, of which there are four.
//
// RUN: sed 's/64/2048/g' %S/Inputs/layer-bf16.mlir | moe-opt - --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" | FileCheck %s

// CHECK-LABEL: func.func private @forward__thread
// CHECK:         %[[BOTH:.*]] = arith.addi %{{.*}}, %c32
// CHECK-NEXT:    %[[BYTES:.*]] = arith.muli %[[BOTH]], %c4096
// CHECK-NEXT:    %[[UP:.*]] = arith.addi %[[BYTES]], %c655359
// CHECK-NEXT:    %[[PASSES:.*]] = arith.divui %[[UP]], %c655360
// CHECK-NEXT:    %[[STRETCHES:.*]] = arith.addi %[[PASSES]], %c3
// CHECK-NEXT:    %[[EACH:.*]] = arith.divui %[[STRETCHES]], %[[PASSES]]
// CHECK-NEXT:    %[[ISMORE:.*]] = arith.cmpi ugt, %[[BYTES]], %c1310720
// CHECK-NEXT:    %[[UNITS:.*]] = arith.muli %[[EACH]], %c256
// CHECK-NEXT:    arith.select %[[ISMORE]], %[[UNITS]], %c1024
