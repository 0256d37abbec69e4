// The tokens of a layer whose types fix them are the rows that are routed, not
// those of the first input.

// RUN: moe-run %s --tokens=3 --compare=interpreter | FileCheck %s
// CHECK: compared with the interpreter: 3 of 3 tokens
// CHECK: 0 of 72 elements outside the tolerance

// RUN: sh -c 'moe-run %s --tokens=5; echo status $?' 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: moe-run: error: --tokens: expected 3, which the layer's types fix, got 5

#row = affine_map<(m, n) -> (0, n)>
#id = affine_map<(m, n) -> (m, n)>
func.func @forward(%table: tensor<5x24xf32>, %x: tensor<3x24xf32>, %logits: tensor<3x6xf32>,
    %w: tensor<6x24x24xf32> {moe.param = "e.*.w"}) -> tensor<3x24xf32> {
  %zero = arith.constant 0.0 : f32
  %ids, %weights = moe.route %logits router<score = softmax, top_k = 2> : (tensor<3x6xf32>) -> (tensor<3x2xi32>, tensor<3x2xf32>)
  %routed = moe.experts %x, %ids, %weights params(%w)
      : (tensor<3x24xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<6x24x24xf32>) -> tensor<3x24xf32> {
  ^bb0(%r: tensor<?x24xf32>, %v: tensor<24x24xf32>):
    %i0 = arith.constant 0 : index
    %n = tensor.dim %r, %i0 : tensor<?x24xf32>
    %z = arith.constant 0.0 : f32
    %h0 = tensor.empty(%n) : tensor<?x24xf32>
    %h1 = linalg.fill ins(%z : f32) outs(%h0 : tensor<?x24xf32>) -> tensor<?x24xf32>
    %h = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%r, %v : tensor<?x24xf32>, tensor<24x24xf32>) outs(%h1 : tensor<?x24xf32>) -> tensor<?x24xf32>
    moe.yield %h : tensor<?x24xf32>
  }
  %y0 = tensor.empty() : tensor<3x24xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%routed, %table : tensor<3x24xf32>, tensor<5x24xf32>) outs(%y0 : tensor<3x24xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  } -> tensor<3x24xf32>
  return %y : tensor<3x24xf32>
}
