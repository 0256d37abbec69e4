// A shared gate whose key bias is every second element of a buffer.
//
// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: env OMP_NUM_THREADS=8 moe-run %s --engine=cpu --tokens=4 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES

// CHECK-LABEL: func.func private @strided__thread(
// CHECK:       vector.from_elements
// CHECK:       arith.select {{.*}} : memref<?x2xi32>

// VALUES: 4 of 4 tokens
// VALUES: 0 of {{[0-9]+}} elements outside

func.func @strided(%x: tensor<?x8xf32>, %p: tensor<80xf32> {moe.param = "p"}, %router: tensor<40x8xf32> {moe.param = "router"},
    %up: tensor<40x8x8xf32> {moe.param = "up"}) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %T = tensor.dim %x, %c0 : tensor<?x8xf32>
  %TK = arith.muli %T, %c2 : index
  %i0 = tensor.empty(%T) : tensor<?x2xi32>
  %w0 = tensor.empty(%T) : tensor<?x2xf32>
  %empty = tensor.empty() : tensor<80xf32>
  %all = linalg.exp ins(%p : tensor<80xf32>) outs(%empty : tensor<80xf32>) -> tensor<80xf32>
  %bias = tensor.extract_slice %all[0] [40] [2] : tensor<80xf32> to tensor<40xf32>
  %ids, %w = moe.gate %x weight(%router) bias(%bias) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x8xf32>, tensor<40x8xf32>, tensor<40xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %off, %r, %inv = moe.plan %ids experts(40) : (tensor<?x2xi32>) -> (tensor<41xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %h0 = tensor.empty(%TK) : tensor<?x8xf32>
  %h = moe.grouped_matmul %x weights(%up) offsets(%off) rows(%r) source = token place = plan top_k(2) outs(%h0)
      : (tensor<?x8xf32>, tensor<40x8x8xf32>, tensor<41xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  %zero = arith.constant 0.0 : f32
  %y00 = tensor.empty(%T) : tensor<?x8xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%y00 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = moe.combine %h weights(%w) inverse(%inv) source = plan outs(%y0)
      : (tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
