// linalg.matmul through upstream's parallel loops: one thread per element, tiles
// of 2 x 2 mapped to blocks.

// RUN: mlir-opt %s -pass-pipeline="builtin.module(func.func(\
// RUN:     convert-linalg-to-parallel-loops, \
// RUN:     scf-parallel-loop-tiling{parallel-loop-tile-sizes=2,2}, \
// RUN:     canonicalize, gpu-map-parallel-loops, convert-parallel-loops-to-gpu), \
// RUN:   lower-affine, gpu-kernel-outlining, \
// RUN:   gpu-lower-to-nvvm-pipeline{cubin-chip=sm_80 cubin-features=+ptx80 cubin-format=isa})" \
// RUN: | mlir-runner -e main -entry-point-result=void \
// RUN:   -shared-libs=%emulator_runtime,%mlir_runner_utils | FileCheck %s

memref.global "private" constant @a : memref<4x4xf32> =
    dense<[[1., 2., 3., 4.], [-1., 0., 5., 2.], [0., 1., 0., 7.], [3., 3., -2., 1.]]>
memref.global "private" constant @b : memref<4x4xf32> =
    dense<[[1., 0., 2., 5.], [3., 1., -1., 0.], [0., 4., 1., 1.], [2., -2., 6., 2.]]>

func.func @main() {
  %zero = arith.constant 0.0 : f32
  %a = memref.get_global @a : memref<4x4xf32>
  %b = memref.get_global @b : memref<4x4xf32>
  %c = memref.alloc() : memref<4x4xf32>
  %ra = memref.cast %a : memref<4x4xf32> to memref<*xf32>
  %rb = memref.cast %b : memref<4x4xf32> to memref<*xf32>
  %rc = memref.cast %c : memref<4x4xf32> to memref<*xf32>
  gpu.host_register %ra : memref<*xf32>
  gpu.host_register %rb : memref<*xf32>
  gpu.host_register %rc : memref<*xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<4x4xf32>)
  linalg.matmul ins(%a, %b : memref<4x4xf32>, memref<4x4xf32>)
                outs(%c : memref<4x4xf32>)
  // CHECK:      {{\[\[}}15,   6,   27,   16],
  // CHECK-NEXT: [3,   16,   15,   4],
  // CHECK-NEXT: [17,   -13,   41,   14],
  // CHECK-NEXT: [14,   -7,   7,   15]]
  call @printMemrefF32(%rc) : (memref<*xf32>) -> ()
  return
}

func.func private @printMemrefF32(memref<*xf32>)
