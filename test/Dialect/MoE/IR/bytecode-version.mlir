// A file of this version is read; one of a newer dialect is refused, whole.

// RUN: moe-opt %s --emit-bytecode -o %t.mlirbc
// RUN: moe-opt %t.mlirbc | FileCheck %s
// RUN: %PYTHON %S/Inputs/raise-version.py %t.mlirbc %t.newer.mlirbc
// RUN: not moe-opt %t.newer.mlirbc 2>&1 | FileCheck %s --check-prefix=NEWER

// NEWER: error: expected moe dialect version of at most 1, got 2
// NEWER-NOT: func.func

// CHECK-LABEL: @route
func.func @route(%logits: tensor<?x8xf32>) -> tensor<?x2xi32> {
  %ids, %w = moe.route %logits router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %ids : tensor<?x2xi32>
}
