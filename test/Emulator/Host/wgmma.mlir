// A product on sm_90a written in upstream's nvgpu dialect: tensor maps made by
// the host, bulk tensor copies on an mbarrier, one warpgroup of wgmma. The right
// operand is stored by rows, so it is read transposed.

// RUN: mlir-opt %s -pass-pipeline="builtin.module(convert-nvgpu-to-nvvm, \
// RUN:   gpu-kernel-outlining, symbol-dce, \
// RUN:   gpu-lower-to-nvvm-pipeline{cubin-chip=sm_90a cubin-features=+ptx80 cubin-format=isa})" \
// RUN:   -o %t.mlir
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t.mlir
// RUN: mlir-runner %t.mlir -e main -entry-point-result=void \
// RUN:   -shared-libs=%emulator_runtime,%mlir_runner_utils,%mlir_c_runner_utils,%mlir_float16_utils \
// RUN: | FileCheck %s

// PTX: wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16

!tile = memref<64x64xf16, #gpu.address_space<workgroup>>
!map = !nvgpu.tensormap.descriptor<tensor = !tile, swizzle = swizzle_128b, l2promo = none, oob = zero, interleave = none>
!barrier = !nvgpu.mbarrier.group<memorySpace = #gpu.address_space<workgroup>>

// The pattern of a 128-byte swizzle repeats every 1024 bytes.
memref.global "private" @tileA : !tile {alignment = 1024}
memref.global "private" @tileB : !tile {alignment = 1024}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c5 = arith.constant 5 : index
  %c7 = arith.constant 7 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %a = memref.alloc() : memref<64x64xf16>
  %b = memref.alloc() : memref<64x64xf16>
  %c = memref.alloc() : memref<64x64xf32>
  // a[i, k] = (3 i + k) mod 7 - 3, b[k, j] = (k + 5 j) mod 7 - 3.
  scf.for %i = %c0 to %c64 step %c1 {
    scf.for %j = %c0 to %c64 step %c1 {
      %i3 = arith.muli %i, %c3 : index
      %j5 = arith.muli %j, %c5 : index
      %sa = arith.addi %i3, %j : index
      %sb = arith.addi %i, %j5 : index
      %ra = arith.remui %sa, %c7 : index
      %rb = arith.remui %sb, %c7 : index
      %da = arith.subi %ra, %c3 : index
      %db = arith.subi %rb, %c3 : index
      %ia = arith.index_cast %da : index to i16
      %ib = arith.index_cast %db : index to i16
      %va = arith.sitofp %ia : i16 to f16
      %vb = arith.sitofp %ib : i16 to f16
      memref.store %va, %a[%i, %j] : memref<64x64xf16>
      memref.store %vb, %b[%i, %j] : memref<64x64xf16>
    }
  }
  %start = gpu.wait async
  %ga, %t1 = gpu.alloc async [%start] () : memref<64x64xf16>
  %gb, %t2 = gpu.alloc async [%t1] () : memref<64x64xf16>
  %gc, %t3 = gpu.alloc async [%t2] () : memref<64x64xf32>
  %t4 = gpu.memcpy async [%t3] %ga, %a : memref<64x64xf16>, memref<64x64xf16>
  %t5 = gpu.memcpy async [%t4] %gb, %b : memref<64x64xf16>, memref<64x64xf16>
  %ua = memref.cast %ga : memref<64x64xf16> to memref<*xf16>
  %ub = memref.cast %gb : memref<64x64xf16> to memref<*xf16>
  %mapA = nvgpu.tma.create.descriptor %ua box[%c64, %c64] : memref<*xf16> -> !map
  %mapB = nvgpu.tma.create.descriptor %ub box[%c64, %c64] : memref<*xf16> -> !map

  %t6 = gpu.launch async [%t5] blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1)
             threads(%tx, %ty, %tz) in (%sx = %c128, %sy = %c1, %sz = %c1) {
    %tileA = memref.get_global @tileA : !tile
    %tileB = memref.get_global @tileB : !tile
    %bytes = arith.constant 16384 : index
    %ticks = arith.constant 10000000 : index
    %false = arith.constant false
    %leader = arith.cmpi eq, %tx, %c0 : index
    %barrier = nvgpu.mbarrier.create -> !barrier
    nvgpu.mbarrier.init %barrier[%c0], %c1, predicate = %leader : !barrier
    gpu.barrier
    nvgpu.mbarrier.arrive.expect_tx %barrier[%c0], %bytes, predicate = %leader : !barrier
    nvgpu.tma.async.load %mapA[%c0, %c0], %barrier[%c0] to %tileA, predicate = %leader
        : !map, !barrier -> !tile
    nvgpu.tma.async.load %mapB[%c0, %c0], %barrier[%c0] to %tileB, predicate = %leader
        : !map, !barrier -> !tile
    nvgpu.mbarrier.try_wait.parity %barrier[%c0], %false, %ticks : !barrier
    %dA = nvgpu.warpgroup.generate.descriptor %tileA, %mapA
        : !tile, !map -> !nvgpu.warpgroup.descriptor<tensor = !tile>
    %dB = nvgpu.warpgroup.generate.descriptor %tileB, %mapB
        : !tile, !map -> !nvgpu.warpgroup.descriptor<tensor = !tile>
    %zero = nvgpu.warpgroup.mma.init.accumulator -> <fragmented = vector<64x64xf32>>
    %acc = nvgpu.warpgroup.mma %dA, %dB, %zero {transposeB, waitGroup = 0 : i64}
        : <tensor = !tile>, <tensor = !tile>, <fragmented = vector<64x64xf32>>
        -> <fragmented = vector<64x64xf32>>
    nvgpu.warpgroup.mma.store %acc, %gc : <fragmented = vector<64x64xf32>> to memref<64x64xf32>
    gpu.terminator
  }
  %t7 = gpu.memcpy async [%t6] %c, %gc : memref<64x64xf32>, memref<64x64xf32>
  gpu.wait [%t7]

  %zero = arith.constant 0.0 : f32
  %largest = scf.for %i = %c0 to %c64 step %c1 iter_args(%m0 = %zero) -> f32 {
    %rowLargest = scf.for %j = %c0 to %c64 step %c1 iter_args(%m1 = %m0) -> f32 {
      %sum = scf.for %k = %c0 to %c64 step %c1 iter_args(%s = %zero) -> f32 {
        %x = memref.load %a[%i, %k] : memref<64x64xf16>
        %y = memref.load %b[%k, %j] : memref<64x64xf16>
        %fx = arith.extf %x : f16 to f32
        %fy = arith.extf %y : f16 to f32
        %xy = arith.mulf %fx, %fy : f32
        %next = arith.addf %s, %xy : f32
        scf.yield %next : f32
      }
      %z = memref.load %c[%i, %j] : memref<64x64xf32>
      %difference = arith.subf %z, %sum : f32
      %magnitude = math.absf %difference : f32
      %m = arith.maximumf %m1, %magnitude : f32
      scf.yield %m : f32
    }
    scf.yield %rowLargest : f32
  }
  // CHECK: 0{{$}}
  vector.print %largest : f32
  return
}
