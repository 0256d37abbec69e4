// Compiled code and moe-run call inputs and outputs the same.

// RUN: moe-opt %s --moe-pack-parameters | FileCheck %s
// RUN: moe-run %s | FileCheck %s --check-prefix=TOOL

// CHECK: inputs = [{name = "x", {{[^}]*}}}, {name = "arg2", {{[^}]*}}}, {name = "scale", {{[^}]*}}}]
// CHECK-SAME: outputs = [{name = "y", {{[^}]*}}}, {name = "y1", {{[^}]*}}}, {name = "rows", {{[^}]*}}}]
// TOOL: y: 16x2
// TOOL: y1: 16x3
// TOOL: rows: 16x4
func.func @forward(%p: tensor<4xf32> {moe.param = "p"}, %a: tensor<?x2xf32>, %b: tensor<?x3xf32>,
    %c: tensor<?x4xf32> {moe.name = "scale"}) -> (tensor<?x2xf32>, tensor<?x3xf32>, tensor<?x4xf32> {moe.name = "rows"}) {
  return %a, %b, %c : tensor<?x2xf32>, tensor<?x3xf32>, tensor<?x4xf32>
}
