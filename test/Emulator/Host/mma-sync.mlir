// A product on tensor cores: upstream's transform op turns a 16 x 8 x 16
// linalg.matmul of f16 into one mma.sync of a warp. The host computes the same
// product in loops and prints the largest difference and one element.

// RUN: mlir-opt %s -pass-pipeline="builtin.module(transform-interpreter, \
// RUN:   test-transform-dialect-erase-schedule, lower-affine, \
// RUN:   gpu-kernel-outlining, func.func(gpu-async-region), \
// RUN:   gpu-lower-to-nvvm-pipeline{cubin-chip=sm_80 cubin-features=+ptx80 cubin-format=isa})" \
// RUN:   -o %t.mlir
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t.mlir
// RUN: mlir-runner %t.mlir -e main -entry-point-result=void \
// RUN:   -shared-libs=%emulator_runtime,%mlir_runner_utils,%mlir_c_runner_utils,%mlir_float16_utils \
// RUN: | FileCheck %s

// PTX: mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16

module attributes {transform.with_named_sequence} {
  func.func @main() {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c5 = arith.constant 5 : index
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %c32 = arith.constant 32 : index
    %one = arith.constant 1.0 : f16
    %a = memref.alloc() : memref<16x16xf16>
    %b = memref.alloc() : memref<16x8xf16>
    %c = memref.alloc() : memref<16x8xf16>
    // a[i, k] = (5 i + k) mod 8 - 3, b[k, j] = k - 2 j, c = 1: sums stay below
    // 2^11 and are exact in f16.
    scf.for %i = %c0 to %c16 step %c1 {
      scf.for %k = %c0 to %c16 step %c1 {
        %scaled = arith.muli %i, %c5 : index
        %sum = arith.addi %scaled, %k : index
        %rest = arith.remui %sum, %c8 : index
        %shifted = arith.subi %rest, %c3 : index
        %int = arith.index_cast %shifted : index to i16
        %value = arith.sitofp %int : i16 to f16
        memref.store %value, %a[%i, %k] : memref<16x16xf16>
      }
      scf.for %j = %c0 to %c8 step %c1 {
        %twice = arith.addi %j, %j : index
        %difference = arith.subi %i, %twice : index
        %int = arith.index_cast %difference : index to i16
        %value = arith.sitofp %int : i16 to f16
        memref.store %value, %b[%i, %j] : memref<16x8xf16>
        memref.store %one, %c[%i, %j] : memref<16x8xf16>
      }
    }
    %da = gpu.alloc() : memref<16x16xf16>
    %db = gpu.alloc() : memref<16x8xf16>
    %dc = gpu.alloc() : memref<16x8xf16>
    gpu.memcpy %da, %a : memref<16x16xf16>, memref<16x16xf16>
    gpu.memcpy %db, %b : memref<16x8xf16>, memref<16x8xf16>
    gpu.memcpy %dc, %c : memref<16x8xf16>, memref<16x8xf16>
    gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1)
               threads(%tx, %ty, %tz) in (%sx = %c32, %sy = %c1, %sz = %c1) {
      linalg.matmul ins(%da, %db : memref<16x16xf16>, memref<16x8xf16>)
                    outs(%dc : memref<16x8xf16>)
      gpu.terminator
    }
    %got = memref.alloc() : memref<16x8xf16>
    gpu.memcpy %got, %dc : memref<16x8xf16>, memref<16x8xf16>

    %zero = arith.constant 0.0 : f32
    %largest = scf.for %i = %c0 to %c16 step %c1 iter_args(%m0 = %zero) -> f32 {
      %rowLargest = scf.for %j = %c0 to %c8 step %c1 iter_args(%m1 = %m0) -> f32 {
        %start = arith.constant 1.0 : f32
        %sum = scf.for %k = %c0 to %c16 step %c1 iter_args(%s = %start) -> f32 {
          %x = memref.load %a[%i, %k] : memref<16x16xf16>
          %y = memref.load %b[%k, %j] : memref<16x8xf16>
          %fx = arith.extf %x : f16 to f32
          %fy = arith.extf %y : f16 to f32
          %xy = arith.mulf %fx, %fy : f32
          %next = arith.addf %s, %xy : f32
          scf.yield %next : f32
        }
        %z = memref.load %got[%i, %j] : memref<16x8xf16>
        %fz = arith.extf %z : f16 to f32
        %difference = arith.subf %fz, %sum : f32
        %magnitude = math.absf %difference : f32
        %m = arith.maximumf %m1, %magnitude : f32
        scf.yield %m : f32
      }
      scf.yield %rowLargest : f32
    }
    // CHECK: 0{{$}}
    vector.print %largest : f32
    // The sum of a[1, k] * (k - 2) is 8.
    // CHECK-NEXT: 9{{$}}
    %element = memref.load %got[%c1, %c1] : memref<16x8xf16>
    %wide = arith.extf %element : f16 to f32
    vector.print %wide : f32
    return
  }

  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %matmul = transform.structured.match ops{["linalg.matmul"]} in %root
        : (!transform.any_op) -> !transform.any_op
    transform.nvgpu.rewrite_matmul_as_mma_sync %matmul : (!transform.any_op) -> ()
    transform.yield
  }
}
