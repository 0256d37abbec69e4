// RUN: split-file %s %t
// RUN: moe-opt %t/graph.mlir --moe-verify-level=level=graph -o /dev/null
// RUN: moe-opt %t/routed.mlir --moe-verify-level=level=routed -o /dev/null
// RUN: moe-opt %t/fused.mlir --moe-verify-level=level=fused -o /dev/null
// RUN: moe-opt %t/fused.mlir --moe-verify-level -o /dev/null
// RUN: moe-opt %t/errors-graph.mlir --moe-verify-level=level=graph -split-input-file -verify-diagnostics -o /dev/null
// RUN: moe-opt %t/errors-routed.mlir --moe-verify-level=level=routed -split-input-file -verify-diagnostics -o /dev/null
// RUN: moe-opt %t/errors-fused.mlir --moe-verify-level=level=fused -split-input-file -verify-diagnostics -o /dev/null
// RUN: not moe-opt %t/graph.mlir --moe-verify-level=level=metal 2>&1 | FileCheck %s

// CHECK: Cannot find option named 'metal'

//--- graph.mlir
func.func @graph(%x: tensor<?x8xf32>, %p: tensor<4x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %z = math.exp %x : tensor<?x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %y = moe.experts %x, %i, %w params(%p) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x8xf32>, %a: tensor<8xf32>):
    moe.yield %rows : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

//--- routed.mlir
func.func @routed(%x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %b: tensor<4x8xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %i, %wt = moe.route %x router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %o, %r, %inv = moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x8xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %bb = moe.expert_broadcast %b, %o outs(%d) : (tensor<4x8xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %p = moe.grouped_matmul %xs weights(%w) offsets(%o) source = plan place = plan outs(%bb) : (tensor<?x8xf32>, tensor<4x8x8xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %y = moe.combine %p inverse(%inv) source = plan outs(%d) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

//--- fused.mlir
func.func @fused(%x: tensor<?x8xf32>, %i0: tensor<?x2xi32>, %w0: tensor<?x2xf32>) -> tensor<5xi32> {
  %i, %wt = moe.gate %x router<score = softmax, top_k = 2> outs(%i0, %w0) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%z: f32):
    moe.yield %z : f32
  }
  %o, %r, %inv = moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  return %o : tensor<5xi32>
}

//--- errors-graph.mlir
func.func @plan(%i: tensor<?x2xi32>) {
  // expected-error @below {{expected the graph level, got 'moe.plan'}}
  moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  return
}

// -----

// The first op that should not be there is named, not what it holds.
func.func @loop(%n: index, %i: tensor<?x2xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @below {{expected the graph level, got 'scf.for'}}
  scf.for %k = %c0 to %n step %c1 {
    moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  }
  return
}

//--- errors-routed.mlir
func.func @experts(%x: tensor<?x8xf32>, %i: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected the routed level, got 'moe.experts'}}
  %y = moe.experts %x, %i, %w params(%p) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x8xf32>, %a: tensor<8xf32>):
    moe.yield %rows : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

func.func @gate(%x: tensor<?x8xf32>, %i0: tensor<?x2xi32>, %w0: tensor<?x2xf32>) {
  // expected-error @below {{expected the routed level, got 'moe.gate'}}
  %i, %wt = moe.gate %x router<score = softmax, top_k = 2> outs(%i0, %w0) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%z: f32):
    moe.yield %z : f32
  }
  return
}

//--- errors-fused.mlir
func.func @route(%x: tensor<?x8xf32>) {
  // expected-error @below {{expected the fused level, got 'moe.route'}}
  %i, %wt = moe.route %x router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @memref(%m: memref<4xf32>) {
  // expected-error @below {{expected the fused level, got 'memref.dealloc'}}
  memref.dealloc %m : memref<4xf32>
  return
}
