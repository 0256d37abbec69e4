// Host code as upstream lowers it runs unchanged on the interpreter: memory,
// copies, two launches and events on asynchronous tokens.

// RUN: mlir-opt %s -gpu-kernel-outlining -gpu-async-region \
// RUN:   -gpu-lower-to-nvvm-pipeline="cubin-chip=sm_80 cubin-features=+ptx80 cubin-format=isa" \
// RUN: | mlir-runner -e main -entry-point-result=void \
// RUN:   -shared-libs=%emulator_runtime,%mlir_runner_utils | FileCheck %s

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c10 = arith.constant 10 : index
  %x = memref.alloc() : memref<10xf32>
  %y = memref.alloc() : memref<10xf32>
  scf.for %i = %c0 to %c10 step %c1 {
    %n = arith.index_cast %i : index to i32
    %f = arith.sitofp %n : i32 to f32
    %square = arith.mulf %f, %f : f32
    memref.store %f, %x[%i] : memref<10xf32>
    memref.store %square, %y[%i] : memref<10xf32>
  }
  %dx = gpu.alloc() : memref<10xf32>
  %dy = gpu.alloc() : memref<10xf32>
  gpu.memcpy %dx, %x : memref<10xf32>, memref<10xf32>
  gpu.memcpy %dy, %y : memref<10xf32>, memref<10xf32>
  // Adds x to y three times, with 3 blocks of 4 threads for 10 elements.
  scf.for %round = %c0 to %c3 step %c1 {
    gpu.launch blocks(%bx, %by, %bz) in (%gx = %c3, %gy = %c1, %gz = %c1)
               threads(%tx, %ty, %tz) in (%sx = %c4, %sy = %c1, %sz = %c1) {
      %first = arith.muli %bx, %sx : index
      %i = arith.addi %first, %tx : index
      %inside = arith.cmpi ult, %i, %c10 : index
      scf.if %inside {
        %a = memref.load %dx[%i] : memref<10xf32>
        %b = memref.load %dy[%i] : memref<10xf32>
        %sum = arith.addf %a, %b : f32
        memref.store %sum, %dy[%i] : memref<10xf32>
      }
      gpu.terminator
    }
  }
  gpu.memcpy %y, %dy : memref<10xf32>, memref<10xf32>
  gpu.dealloc %dx : memref<10xf32>
  gpu.dealloc %dy : memref<10xf32>
  // i * i + 3 i
  // CHECK: [0,  4,  10,  18,  28,  40,  54,  70,  88,  108]
  %printed = memref.cast %y : memref<10xf32> to memref<*xf32>
  call @printMemrefF32(%printed) : (memref<*xf32>) -> ()
  return
}

func.func private @printMemrefF32(memref<*xf32>)
