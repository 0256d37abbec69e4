// RUN: moe-opt %s --moe-replay-routing -split-input-file -verify-diagnostics | FileCheck %s

// The router and its product are dead; what used the routing uses the inputs.
// CHECK-LABEL: @route(
// CHECK-SAME: %[[L:.*]]: tensor<?x8xf32>, %[[IDS:.*]]: tensor<?x2xi32> {moe.name = "ids"}, %[[W:.*]]: tensor<?x2xf32> {moe.name = "weights"}) -> (tensor<?x2xf32>, tensor<?x2xi32>)
// CHECK-NOT: moe.route
// CHECK: return %[[W]], %[[IDS]]
func.func @route(%l: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %w, %i : tensor<?x2xf32>, tensor<?x2xi32>
}

// -----

// CHECK-LABEL: @gate(
// CHECK-SAME: %[[IDS:[^ ]*]]: tensor<?x2xi32> {moe.name = "ids"}
// CHECK-NOT: moe.gate
// CHECK: return %[[IDS]]
func.func @gate(%x: tensor<?x8xf32>, %i0: tensor<?x2xi32>, %w0: tensor<?x2xf32>) -> tensor<?x2xi32> {
  %i, %w = moe.gate %x router<score = softmax, top_k = 2> outs(%i0, %w0) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%z: f32):
    moe.yield %z : f32
  }
  return %i : tensor<?x2xi32>
}

// -----

// expected-error @below {{expected one router in 'none', got 0}}
func.func @none() {
  return
}

// -----

// expected-error @below {{expected one router in 'declaration', got 0}}
func.func private @declaration()

// -----

// expected-error @below {{expected one router in 'two', got 2}}
func.func @two(%l: tensor<?x8xf32>) {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %j, %v = moe.route %l router<score = sigmoid, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @nested(%l: tensor<?x8xf32>, %c: i1) {
  scf.if %c {
    // expected-error @below {{expected the router in the only block of its function}}
    %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  }
  return
}

// -----

func.func @blocks(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected the router in the only block of its function}}
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  cf.br ^end
^end:
  return
}

// -----

func.func @memref(%x: memref<?x8xf32>, %i0: memref<?x2xi32>, %w0: memref<?x2xf32>) {
  // expected-error @below {{expected the router to be on tensors}}
  moe.gate %x router<score = softmax, top_k = 2> outs(%i0, %w0) : (memref<?x8xf32>, memref<?x2xi32>, memref<?x2xf32>) -> () {
  ^bb0(%z: f32):
    moe.yield %z : f32
  }
  return
}
