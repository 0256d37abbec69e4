// The kernel of a panel's last stretch runs the epilogue: a step of the pass
// over some rows on its part of the 32 rows before them, and behind the last
// pass on the rows of that one.
//
// RUN: sed 's/64/2048/g' %S/Inputs/layer-bf16.mlir | moe-opt - --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" | FileCheck %s

// CHECK-LABEL:   func.func private @moe_kernel_bf16_tiles_32x32_16384_epilogue0(
// CHECK:           %[[STEPS:.*]] = arith.divui %{{.*}}, %c16
// CHECK-NEXT:      arith.addi %[[NUMROWS:.*]], %c15
// CHECK:           %[[UP:.*]] = arith.addi %[[STEPS]], %c31
// CHECK-NEXT:      %[[PART:.*]] = arith.divui %[[UP]], %[[STEPS]]
// CHECK:           scf.for %[[PASS:.*]] = %c0
// CHECK:             scf.for %[[STEP:.*]] = %c0 to %[[STEPS]]
// CHECK-COUNT-4:       tdpbf16ps
// CHECK:               %[[BEFORE:.*]] = arith.subi %[[PASS]], %c1
// CHECK-NEXT:          %[[BEGIN:.*]] = arith.muli %[[BEFORE]], %c32
// CHECK-NEXT:          %[[ISFIRST:.*]] = arith.cmpi eq, %[[PASS]], %c0
// CHECK-NEXT:          %[[COUNT:.*]] = arith.select %[[ISFIRST]], %c0, %c32
// CHECK-NEXT:          %[[NEXT:.*]] = arith.muli %[[STEP]], %[[PART]]
// CHECK-NEXT:          %[[FROM:.*]] = arith.minui %[[NEXT]], %[[COUNT]]
// CHECK-NEXT:          %[[END:.*]] = arith.addi %[[FROM]], %[[PART]]
// CHECK-NEXT:          %[[TO:.*]] = arith.minui %[[END]], %[[COUNT]]
// CHECK-NEXT:          scf.for %[[ROW:.*]] = %[[FROM]] to %[[TO]]
// CHECK-NEXT:            arith.addi %[[BEGIN]], %[[ROW]]
// CHECK:             tilestored

// CHECK:           %[[UP:.*]] = arith.addi %[[NUMROWS]], %c31
// CHECK-NEXT:      %[[PASSES:.*]] = arith.divui %[[UP]], %c32
// CHECK-NEXT:      %[[LAST:.*]] = arith.subi %[[PASSES]], %c1
// CHECK-NEXT:      %[[FIRST:.*]] = arith.muli %[[LAST]], %c32
// CHECK-NEXT:      scf.for %{{.*}} = %[[FIRST]] to %[[NUMROWS]]
