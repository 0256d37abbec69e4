// Few tokens: the threads share the columns of the logits, and each selects the
// experts of all tokens for itself after the barrier that separates gate and
// plan. No barrier is added. 40 experts are more than a panel.
//
// RUN: sed -E 's/([^0-9])8x(64|48)x/\140x\2x/g; s/experts\(8\)/experts(40)/; s/tensor<9xi32>/tensor<41xi32>/g' %S/Inputs/layer-f32.mlir > %t.mlir
// RUN: moe-opt %t.mlir --moe-expose-routing --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: moe-opt %S/Inputs/layer-f32.mlir --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s --check-prefix=PANEL
// RUN: env OMP_NUM_THREADS=2 moe-run %t.mlir --engine=cpu --tokens=0 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES -DT=0
// RUN: env OMP_NUM_THREADS=2 moe-run %t.mlir --engine=cpu --tokens=1 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES -DT=1
// RUN: env OMP_NUM_THREADS=8 moe-run %t.mlir --engine=cpu --tokens=4 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES -DT=4
// RUN: env OMP_NUM_THREADS=8 moe-run %t.mlir --engine=cpu --tokens=5 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES -DT=5
// RUN: env OMP_NUM_THREADS=40 moe-run %t.mlir --engine=cpu --tokens=16 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES -DT=16
// RUN: env OMP_NUM_THREADS=40 moe-run %t.mlir --engine=cpu --tokens=17 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES -DT=17

// At most 16 tokens, and two threads for each.
// CHECK-LABEL: func.func private @forward__thread(
// CHECK-SAME:    %[[IDS:[^:]*]]: memref<?x2xi32>, %[[WEIGHTS:[^:]*]]: memref<?x2xf32>, %{{[^:]*}}: memref<?xi8>, %{{[^:]*}}: memref<?xi8>, %{{[^:]*}}: memref<?xi8>, %[[T:[^:]*]]: index, %{{[^:]*}}: index, %[[THREADS:[^:]*]]: index)
// CHECK-DAG:     %[[FEW:.*]] = arith.cmpi ult, %[[T]], %c17
// CHECK-DAG:     %[[TWICE:.*]] = arith.muli %[[T]], %c2
// CHECK-DAG:     %[[ENOUGH:.*]] = arith.cmpi ule, %[[TWICE]], %[[THREADS]]
// CHECK:         %[[SHARED:.*]] = arith.andi %[[FEW]], %[[ENOUGH]]
// CHECK:         scf.if %[[SHARED]]
// CHECK:         omp.barrier
// CHECK:         scf.if %[[SHARED]]
// CHECK:         arith.select %[[SHARED]], %[[OWNIDS:.*]], %[[IDS]] : memref<?x2xi32>
// CHECK:         memref.copy %[[OWNIDS]], %[[IDS]]
// CHECK:         arith.select %[[SHARED]], %[[OWNWEIGHTS:.*]], %[[WEIGHTS]] : memref<?x2xf32>
// CHECK:         memref.copy %[[OWNWEIGHTS]], %[[WEIGHTS]]
// CHECK:         omp.barrier
// CHECK-NOT:     omp.barrier
// CHECK:       func.func

// One panel cannot be shared.
// PANEL-NOT: arith.select {{.*}} : memref

// VALUES: ids: [[T]] of [[T]] tokens
// VALUES: 0 of {{[0-9]+}} elements outside
// VALUES: 0 of {{[0-9]+}} elements outside
