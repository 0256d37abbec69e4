// Gates that the threads must not share although they have several panels.
//
// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s

// A later op writes what each thread would read behind the barrier.
// CHECK-LABEL: func.func private @update__thread(
// CHECK-NOT:   arith.select {{.*}} : memref
func.func @update(%x: tensor<?x8xf32>, %p: tensor<40xf32> {moe.param = "p"}, %router: tensor<40x8xf32> {moe.param = "router"})
    -> (tensor<41xi32>, tensor<40xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x8xf32>
  %i0 = tensor.empty(%T) : tensor<?x2xi32>
  %w0 = tensor.empty(%T) : tensor<?x2xf32>
  %empty = tensor.empty() : tensor<40xf32>
  %bias = linalg.exp ins(%p : tensor<40xf32>) outs(%empty : tensor<40xf32>) -> tensor<40xf32>
  %ids, %w = moe.gate %x weight(%router) bias(%bias) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x8xf32>, tensor<40x8xf32>, tensor<40xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %off, %r, %inv = moe.plan %ids experts(40) : (tensor<?x2xi32>) -> (tensor<41xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %new = linalg.add ins(%p, %p : tensor<40xf32>, tensor<40xf32>) outs(%bias : tensor<40xf32>) -> tensor<40xf32>
  return %off, %new : tensor<41xi32>, tensor<40xf32>
}

// An op of its products writes into what it selects.
// CHECK-LABEL: func.func private @into__thread(
// CHECK-NOT:   arith.select {{.*}} : memref
func.func @into(%x: tensor<?x2xf32>, %y: tensor<?x2x2xf32>, %router: tensor<40x2xf32> {moe.param = "router"}) -> tensor<?x2xf32> {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x2xf32>
  %i0 = tensor.empty(%T) : tensor<?x2xi32>
  %w0 = tensor.empty(%T) : tensor<?x2xf32>
  %ids, %w = moe.gate %x weight(%router) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x2xf32>, tensor<40x2xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %off, %r, %inv = moe.plan %ids experts(40) : (tensor<?x2xi32>) -> (tensor<41xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %flat = tensor.collapse_shape %y [[0, 1], [2]] : tensor<?x2x2xf32> into tensor<?x2xf32>
  %z = moe.combine %flat inverse(%inv) source = plan outs(%w) : (tensor<?x2xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}
