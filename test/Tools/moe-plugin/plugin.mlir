// The stock mlir-opt with the plugin knows the dialect, its passes and
// pipelines, and its models of upstream interfaces.

// The stock mlir-opt is not instrumented: it cannot load what is.
// UNSUPPORTED: sanitize

// RUN: mlir-opt --load-dialect-plugin=%moe_lib/MoEPlugin.so --pass-pipeline='builtin.module(moe-fuse)' %s | FileCheck %s
// RUN: mlir-opt --load-dialect-plugin=%moe_lib/MoEPlugin.so --load-pass-plugin=%moe_lib/MoEPlugin.so --pass-pipeline='builtin.module(func.func(moe-fuse-gate),transform-interpreter)' %s | FileCheck %s --check-prefix=TILED

// CHECK-LABEL: @route
// CHECK: moe.gate
// CHECK-NOT: scf.for
// TILED: scf.for
// TILED: moe.gate
func.func @route(%l: tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %g = transform.structured.match ops{["moe.gate"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %g tile_sizes [4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
