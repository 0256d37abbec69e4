// A block-wide reduction as upstream expands it (shuffles, shared memory,
// barriers) on host memory that is registered, not copied. The last warp of the
// block is not full.

// RUN: mlir-opt %s -gpu-kernel-outlining \
// RUN:   -gpu-lower-to-nvvm-pipeline="cubin-chip=sm_80 cubin-features=+ptx80 cubin-format=isa" \
// RUN: | mlir-runner -e main -entry-point-result=void \
// RUN:   -shared-libs=%emulator_runtime,%mlir_runner_utils | FileCheck %s

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c100 = arith.constant 100 : index
  %x = memref.alloc() : memref<2x100xi32>
  %sums = memref.alloc() : memref<2xi32>
  %tops = memref.alloc() : memref<2xi32>
  scf.for %row = %c0 to %c2 step %c1 {
    scf.for %i = %c0 to %c100 step %c1 {
      %factor = arith.addi %row, %c1 : index
      %product = arith.muli %factor, %i : index
      %value = arith.index_cast %product : index to i32
      memref.store %value, %x[%row, %i] : memref<2x100xi32>
    }
  }
  %rx = memref.cast %x : memref<2x100xi32> to memref<*xi32>
  %rsums = memref.cast %sums : memref<2xi32> to memref<*xi32>
  %rtops = memref.cast %tops : memref<2xi32> to memref<*xi32>
  gpu.host_register %rx : memref<*xi32>
  gpu.host_register %rsums : memref<*xi32>
  gpu.host_register %rtops : memref<*xi32>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c2, %gy = %c1, %gz = %c1)
             threads(%tx, %ty, %tz) in (%sx = %c100, %sy = %c1, %sz = %c1) {
    %value = memref.load %x[%bx, %tx] : memref<2x100xi32>
    %sum = gpu.all_reduce add %value uniform {} : (i32) -> (i32)
    %top = gpu.all_reduce maxsi %value uniform {} : (i32) -> (i32)
    %leader = arith.cmpi eq, %tx, %c0 : index
    scf.if %leader {
      memref.store %sum, %sums[%bx] : memref<2xi32>
      memref.store %top, %tops[%bx] : memref<2xi32>
    }
    gpu.terminator
  }
  // CHECK: [4950,  9900]
  call @printMemrefI32(%rsums) : (memref<*xi32>) -> ()
  // CHECK: [99,  198]
  call @printMemrefI32(%rtops) : (memref<*xi32>) -> ()
  return
}

func.func private @printMemrefI32(memref<*xi32>)
