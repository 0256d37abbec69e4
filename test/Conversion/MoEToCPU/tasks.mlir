// A chain of three products: a pair, and one on its own. Which thread takes a
// task is known only at run time, so there is a barrier between the two, and
// each takes tasks from a counter of its own. The last round of tasks is split
// by columns.
//
// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: moe-opt %s --moe-to-cpu="from=fused cpu=x86-64-v3" | FileCheck %s --check-prefix=LLVM
// RUN: env OMP_NUM_THREADS=3 moe-run %s --engine=cpu --tokens=37 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES
// RUN: env OMP_NUM_THREADS=8 moe-run %s --engine=cpu --tokens=1 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=ONE

// CHECK-LABEL: func.func private @chain__thread(
// CHECK-SAME:    %[[SHARED:[^:]*]]: memref<?xi8>, %[[TEAM:[^:]*]]: memref<?xi8>, %{{[^:]*}}: memref<?xi8>, %{{[^:]*}}: index, %[[THREAD:[^:]*]]: index, %[[THREADS:[^:]*]]: index)
// The router, then the plan: every thread writes all rows.
// CHECK:         omp.barrier
// CHECK:         llvm.store {{.*}} atomic monotonic {alignment = 4 : i64} : i32
// CHECK-NOT:     omp.barrier
// The counter of the pair's pieces, and those of parts that are done.
// CHECK:         %[[PAIR:.*]] = memref.view %[[SHARED]][%c0][] : memref<?xi8> to memref<16xi32>
// CHECK:         %[[DONE:.*]] = memref.view %[[SHARED]][%c64][] : memref<?xi8> to memref<256xi32>
// The remainder of the tasks by threads is split in at most as many parts as
// the second product has panels, 2.
// CHECK:         %[[REST:.*]] = arith.remui %[[TASKS:.*]], %[[THREADS]]
// CHECK:         %[[PARTS:.*]]:2 = scf.for %{{.*}} = %c1 to %c9 step %c1
// CHECK:           arith.minui %{{.*}}, %c2
// CHECK:         %[[WHOLE:.*]] = arith.subi %[[TASKS]], %[[SPLIT:.*]] : index
// CHECK:         %[[STEP:.*]] = arith.muli %[[SPLIT]], %[[PARTS]]#0
// CHECK:         %[[STEPS:.*]] = arith.muli %[[STEP]], %c2
// CHECK:         %[[PIECES:.*]] = arith.addi %[[WHOLE]], %[[STEPS]]
// CHECK:         scf.while : () -> index {
// CHECK-NEXT:      %[[NEXT:.*]] = memref.atomic_rmw addi %c1_i32, %[[PAIR]][%c0]
// CHECK-NEXT:      %[[PIECE:.*]] = arith.index_cast %[[NEXT]] : i32 to index
// CHECK-NEXT:      %[[ISLEFT:.*]] = arith.cmpi ult, %[[PIECE]], %[[PIECES]]
// CHECK-NEXT:      scf.condition(%[[ISLEFT]]) %[[PIECE]] : index
// CHECK:         ^bb0(%[[PIECE:.*]]: index):
// CHECK:           %[[ISWHOLE:.*]] = arith.cmpi ult, %[[PIECE]], %[[WHOLE]]
// Hidden rows of a whole task are in the thread's place, behind those of tasks
// that are split.
// CHECK:           %[[OWN:.*]] = arith.addi %[[THREADS]], %[[THREAD]]
// CHECK:           %[[PLACE:.*]] = arith.select %[[ISWHOLE]], %[[OWN]], %[[TASK:.*]] : index
// CHECK:           %[[ISPART:.*]] = arith.cmpi uge, %[[PIECE]], %[[WHOLE]]
// CHECK:           %[[ISFIRST:.*]] = arith.cmpi eq, %[[STEPNUMBER:.*]], %c0
// CHECK:           %[[TAKESFIRST:.*]] = arith.ori %[[ISWHOLE]], %[[ISFIRST]]
// CHECK:           scf.if %[[TAKESFIRST]] {
// CHECK:             llvm.load {{.*}} atomic monotonic {alignment = 4 : i64} : !llvm.ptr -> i32
// CHECK:             memref.view %[[TEAM]]
// CHECK:             scf.if %[[ISPART]] {
// CHECK:               memref.atomic_rmw addi %c1_i32, %[[DONE]][
// CHECK:           %[[ISSECOND:.*]] = arith.cmpi eq, %[[STEPNUMBER]], %c1
// CHECK:           %[[TAKESSECOND:.*]] = arith.ori %[[ISWHOLE]], %[[ISSECOND]]
// CHECK:           scf.if %[[TAKESSECOND]] {
// CHECK-NEXT:        scf.if %[[ISPART]] {
// CHECK:               scf.while
// CHECK:                 llvm.load {{.*}} atomic acquire {alignment = 4 : i64} : !llvm.ptr -> i32
// CHECK:                 llvm.call_intrinsic "llvm.x86.sse2.pause"()
// CHECK:                 call @sched_yield()
// CHECK:             memref.view %[[TEAM]]
// CHECK-NOT:     memref.atomic_rmw
// CHECK:         omp.barrier
// One product has parts, too, of up to 4 panels, and waits for nobody.
// CHECK:         %[[LAST:.*]] = memref.view %[[SHARED]][%c1088][] : memref<?xi8> to memref<16xi32>
// CHECK:         arith.minui %{{.*}}, %c4
// CHECK:         memref.atomic_rmw addi %c1_i32, %[[LAST]][%c0]
// CHECK-NOT:     memref.atomic_rmw
// CHECK-NOT:     atomic acquire
// CHECK:         omp.barrier
// CHECK-NOT:     omp.barrier
// CHECK:         return

// All counters are zero before the threads start: 1 and 16 of the pair, 1 of the
// other product, 16 numbers apart.
// CHECK-LABEL: func.func @chain__run(
// CHECK:         %[[COUNTERS:.*]] = memref.view %{{.*}}[%c0][] : memref<?xi8> to memref<288xi32>
// CHECK:         scf.for %[[I:.*]] = %c0 to %c288 step %c16 {
// CHECK-NEXT:      memref.store %c0_i32, %[[COUNTERS]][%[[I]]]
// CHECK:         omp.parallel

// LLVM-LABEL: llvm.func internal @chain__thread(
// LLVM-COUNT-3: llvm.atomicrmw add %{{.*}}, %{{.*}} acq_rel : !llvm.ptr, i32
// LLVM-NOT:   llvm.atomicrmw

// ONE: 0 of 64 elements outside
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
