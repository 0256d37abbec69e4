// RUN: moe-opt %s --moe-expose-routing -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: @route(
// CHECK-SAME: -> (tensor<?x8xf32>, tensor<?x2xi32> {moe.name = "ids"}, tensor<?x2xf32> {moe.name = "weights"})
// CHECK: %[[IDS:.*]], %[[W:.*]] = moe.route
// CHECK: return %{{.*}}, %[[IDS]], %[[W]]
func.func @route(%l: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %l : tensor<?x8xf32>
}

// -----

// expected-error @below {{expected one router in 'none', got 0}}
func.func @none() {
  return
}

// -----

// expected-error @below {{expected 'endless' to return}}
func.func @endless(%l: tensor<?x8xf32>) {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  ub.unreachable
}
