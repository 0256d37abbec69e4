// The rows that wait for the combine leave past the caches where they are more
// than 8 MiB, 32768 rows of 64 columns; a fence makes them visible before the
// barrier.
//
// RUN: moe-opt %S/Inputs/layer-f32.mlir --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: moe-run %S/Inputs/layer-f32.mlir --engine=cpu --tokens=16385 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES

// CHECK-LABEL: func.func private @forward__thread(
// CHECK:         %[[AREMANY:.*]] = arith.cmpi ugt, %{{.*}}, %c32768 : index
// Hidden rows are read soon: they stay.
// CHECK-NOT:     nontemporal
// CHECK:         scf.if %[[AREMANY]] {
// CHECK-NEXT:      vector.store %[[ROW:.*]], %[[ROWS:.*]][%{{.*}}] {alignment = 32 : i64, nontemporal = true} : memref<?x64xf32>, vector<8xf32>
// CHECK-NEXT:    } else {
// CHECK-NEXT:      vector.store %[[ROW]], %[[ROWS]][%{{.*}}] : memref<?x64xf32>, vector<8xf32>
// CHECK:         llvm.call_intrinsic "llvm.x86.sse.sfence"
// CHECK-NEXT:    omp.barrier

// VALUES: 16385 of 16385 tokens
// VALUES: 0 of {{[0-9]+}} elements outside
