// A chain of three products: a pair, and one on its own. Which thread takes a
// task is known only at run time, so there is a barrier between the two, and
// each takes tasks from a counter of its own.
//
// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: moe-opt %s --moe-to-cpu="from=fused cpu=x86-64-v3" | FileCheck %s --check-prefix=LLVM
// RUN: env OMP_NUM_THREADS=3 moe-run %s --engine=cpu --tokens=37 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES

// CHECK-LABEL: func.func private @chain__thread(
// CHECK-SAME:    %[[SHARED:[^:]*]]: memref<?xi8>, %{{[^:]*}}: memref<?xi8>, %{{[^:]*}}: index, %{{[^:]*}}: index, %{{[^:]*}}: index)
// The router, then the plan: every thread writes all rows.
// CHECK:         omp.barrier
// CHECK:         llvm.store {{.*}} atomic monotonic {alignment = 4 : i64} : i32
// CHECK-NOT:     omp.barrier
// CHECK:         %[[PAIR:.*]] = memref.view %[[SHARED]][%c0][] : memref<?xi8> to memref<1xi32>
// CHECK:         scf.while : () -> index {
// CHECK-NEXT:      %[[NEXT:.*]] = memref.atomic_rmw addi %c1_i32, %[[PAIR]][%c0]
// CHECK-NEXT:      %[[TASK:.*]] = arith.index_cast %[[NEXT]] : i32 to index
// CHECK-NEXT:      %[[ISLEFT:.*]] = arith.cmpi ult, %[[TASK]], %
// CHECK-NEXT:      scf.condition(%[[ISLEFT]]) %[[TASK]] : index
// CHECK:         llvm.load {{.*}} atomic monotonic {alignment = 4 : i64} : !llvm.ptr -> i32
// CHECK:         omp.barrier
// CHECK:         %[[LAST:.*]] = memref.view %[[SHARED]][%c64][] : memref<?xi8> to memref<1xi32>
// CHECK:         memref.atomic_rmw addi %c1_i32, %[[LAST]][%c0]
// CHECK-NOT:     memref.atomic_rmw
// CHECK:         omp.barrier
// CHECK-NOT:     omp.barrier
// CHECK:         return

// Both counters are zero before the threads start.
// CHECK-LABEL: func.func @chain__run(
// CHECK:         %[[FIRST:.*]] = memref.view %[[BYTES:.*]][%c0][] : memref<?xi8> to memref<1xi32>
// CHECK:         memref.store %c0_i32, %[[FIRST]][%c0]
// CHECK:         %[[SECOND:.*]] = memref.view %[[BYTES]][%c64][] : memref<?xi8> to memref<1xi32>
// CHECK:         memref.store %c0_i32, %[[SECOND]][%c0]
// CHECK:         omp.parallel

// LLVM-LABEL: llvm.func internal @chain__thread(
// LLVM-COUNT-2: llvm.atomicrmw add %{{.*}}, %{{.*}} acq_rel : !llvm.ptr, i32
// LLVM-NOT:   llvm.atomicrmw

// VALUES: 0 of 2368 elements outside

#e = affine_map<(e, r, t, s, n) -> (t, s)>
func.func @chain(%x: tensor<?x64xf32>, %router: tensor<8x64xf32> {moe.param = "router"}, %up: tensor<8x48x64xf32> {moe.param = "up"}, %mid: tensor<8x32x48xf32> {moe.param = "mid"}, %down: tensor<8x64x32xf32> {moe.param = "down"}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %ck = arith.constant 2 : index
  %T = tensor.dim %x, %c0 : tensor<?x64xf32>
  %TK = arith.muli %T, %ck : index
  %i0 = tensor.empty(%T) : tensor<?x2xi32>
  %w0 = tensor.empty(%T) : tensor<?x2xf32>
  %ids, %w = moe.gate %x weight(%router) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x64xf32>, tensor<8x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %off, %r, %inv = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %h0 = tensor.empty(%TK) : tensor<?x48xf32>
  %h = moe.grouped_matmul %x weights(%up) offsets(%off) rows(%r) source = token place = plan top_k(2) outs(%h0)
      : (tensor<?x64xf32>, tensor<8x48x64xf32>, tensor<9xi32>, tensor<?xi32>, tensor<?x48xf32>) -> tensor<?x48xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  %m0 = tensor.empty(%TK) : tensor<?x32xf32>
  %m = moe.grouped_matmul %h weights(%mid) offsets(%off) source = plan place = plan outs(%m0)
      : (tensor<?x48xf32>, tensor<8x32x48xf32>, tensor<9xi32>, tensor<?x32xf32>) -> tensor<?x32xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  %zero = arith.constant 0.0 : f32
  %y00 = tensor.empty(%T) : tensor<?x64xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%y00 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = moe.grouped_matmul %m weights(%down) offsets(%off) rows(%r) inverse(%inv) epilogue_ins(%w)
      source = plan place = token top_k(2) outs(%y0) attributes {epilogue_maps = [#e]}
      : (tensor<?x32xf32>, tensor<8x64x32xf32>, tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%o: f32, %wt: f32):
    %p = arith.mulf %o, %wt : f32
    moe.yield %p : f32
  }
  return %y : tensor<?x64xf32>
}
