// What a check finds in a kernel is printed and ends the program with status 1:
// here 12 threads write 10 elements. Counters are printed when asked for.

// RUN: mlir-opt %s -gpu-kernel-outlining -gpu-async-region \
// RUN:   -gpu-lower-to-nvvm-pipeline="cubin-chip=sm_80 cubin-features=+ptx80 cubin-format=isa" -o %t.mlir
// RUN: env MOE_EMULATOR_COUNTERS=1 not mlir-runner %t.mlir -e main \
// RUN:   -entry-point-result=void -shared-libs=%emulator_runtime 2>&1 \
// RUN: | FileCheck %s
// RUN: env MOE_EMULATOR_ORDER=sideways not mlir-runner %t.mlir -e main \
// RUN:   -entry-point-result=void -shared-libs=%emulator_runtime 2>&1 \
// RUN: | FileCheck %s --check-prefix=ORDER

// CHECK: <ptx module 0>:{{[0-9]+}}: out-of-bounds: store of 4 bytes in global memory is outside of every allocation; the nearest below is allocation of 40 bytes
// CHECK-NEXT: kernel main_kernel, block (0,0,0), warp 0, lanes 0x00000{{.}}00
// CHECK: st.global
// CHECK: kernel main_kernel
// CHECK-NEXT: warp-instructions
// CHECK: global-store-bytes 48
// CHECK: error: the checks reported errors in a kernel

// ORDER: error: expected lazy, eager, priority, greedy, rr or seed=N, got 'sideways'

func.func @main() {
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %one = arith.constant 1.0 : f32
  %x = gpu.alloc() : memref<10xf32>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1)
             threads(%tx, %ty, %tz) in (%sx = %c12, %sy = %c1, %sz = %c1) {
    memref.store %one, %x[%tx] : memref<10xf32>
    gpu.terminator
  }
  gpu.dealloc %x : memref<10xf32>
  return
}
