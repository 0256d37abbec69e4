// RUN: moe-opt %S/Inputs/layer-bf16.mlir --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s

// One parallel region, two barriers: after the gate and before the combine.
// The two products of an expert are one task.

// CHECK-LABEL: func.func private @forward__thread
// CHECK-NOT:     omp.barrier
// CHECK:         call @moe_kernel_bf16_1x16_
// CHECK:         omp.barrier
// CHECK:         call @moe_kernel_bf16_1x16_[[X:.*]]_
// CHECK:         math.exp
// CHECK:         call @moe_kernel_bf16_1x16_
// CHECK:         omp.barrier
// CHECK-NOT:     omp.barrier
// CHECK:         return

// CHECK-LABEL: func.func @forward__run(
// CHECK-SAME:    i64, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// The threads are LLVM's, whatever other runtime a process has.
// CHECK:         %[[MAX:.*]] = call @omp_get_max_threads()
// CHECK:         omp.parallel num_threads(%[[MAX]] : i32) {
// CHECK:           call @__kmpc_bound_thread_num(
// CHECK:           call @__kmpc_bound_num_threads(
// CHECK:           call @forward__thread
