// A layer whose types leave no number of tokens open: with fewer tokens than
// threads, with more, and with none.

// RUN: sed 's/TOKENS/3/g' %s | moe-run - --seed=1 --threads=1 --compare=interpreter | FileCheck %s --check-prefixes=CHECK,THREE
// RUN: sed 's/TOKENS/3/g' %s | moe-run - --seed=1 --threads=7 --compare=interpreter | FileCheck %s --check-prefixes=CHECK,THREE
// RUN: sed 's/TOKENS/70/g' %s | moe-run - --seed=1 --threads=2 --compare=interpreter --stats | FileCheck %s --check-prefixes=CHECK,SEVENTY
// RUN: sed 's/TOKENS/0/g' %s | moe-run - --compare=interpreter | FileCheck %s --check-prefixes=EMPTY

// CHECK: y: {{[0-9]+}}x24 bf16
// SEVENTY: 70 tokens, 140 rows
// THREE: compared with the interpreter: 3 of 3 tokens
// SEVENTY: compared with the interpreter: 70 of 70 tokens
// THREE: 0 of 72 elements outside the tolerance
// SEVENTY: 0 of 1680 elements outside the tolerance
// EMPTY: y: 0x24 bf16

// RUN: sh -c 'sed "s/TOKENS/3/g" %s | moe-run - --tokens=4; echo status $?' 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: moe-run: error: --tokens: expected 3, which the layer's types fix, got 4
// OTHER: status 1

#rows = affine_map<(m, n, k) -> (m, k)>
#columns = affine_map<(m, n, k) -> (n, k)>
#result = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
func.func @forward(%x: tensor<TOKENSx24xbf16>, %router: tensor<6x24xbf16> {moe.param = "router"},
    %up: tensor<6x40x24xbf16> {moe.param = "e.*.up"}, %down: tensor<6x24x40xbf16> {moe.param = "e.*.down"},
    %shared: tensor<24x24xbf16> {moe.param = "shared"}) -> tensor<TOKENSx24xbf16> {
  %zero = arith.constant 0.0 : f32
  %l0 = tensor.empty() : tensor<TOKENSx6xf32>
  %l1 = linalg.fill ins(%zero : f32) outs(%l0 : tensor<TOKENSx6xf32>) -> tensor<TOKENSx6xf32>
  %logits = linalg.matmul indexing_maps = [#rows, #columns, #result]
      ins(%x, %router : tensor<TOKENSx24xbf16>, tensor<6x24xbf16>) outs(%l1 : tensor<TOKENSx6xf32>) -> tensor<TOKENSx6xf32>
  %ids, %weights = moe.route %logits router<score = softmax, top_k = 2>
      : (tensor<TOKENSx6xf32>) -> (tensor<TOKENSx2xi32>, tensor<TOKENSx2xf32>)
  %routed = moe.experts %x, %ids, %weights params(%up, %down)
      : (tensor<TOKENSx24xbf16>, tensor<TOKENSx2xi32>, tensor<TOKENSx2xf32>, tensor<6x40x24xbf16>, tensor<6x24x40xbf16>)
      -> tensor<TOKENSx24xbf16> {
  ^bb0(%r: tensor<?x24xbf16>, %u: tensor<40x24xbf16>, %d: tensor<24x40xbf16>):
    %i0 = arith.constant 0 : index
    %n = tensor.dim %r, %i0 : tensor<?x24xbf16>
    %z = arith.constant 0.0 : f32
    %h0 = tensor.empty(%n) : tensor<?x40xf32>
    %h1 = linalg.fill ins(%z : f32) outs(%h0 : tensor<?x40xf32>) -> tensor<?x40xf32>
    %h = linalg.matmul indexing_maps = [#rows, #columns, #result]
        ins(%r, %u : tensor<?x24xbf16>, tensor<40x24xbf16>) outs(%h1 : tensor<?x40xf32>) -> tensor<?x40xf32>
    %o0 = tensor.empty(%n) : tensor<?x24xf32>
    %o1 = linalg.fill ins(%z : f32) outs(%o0 : tensor<?x24xf32>) -> tensor<?x24xf32>
    %o = linalg.matmul indexing_maps = [#rows, #columns, #result]
        ins(%h, %d : tensor<?x40xf32>, tensor<24x40xbf16>) outs(%o1 : tensor<?x24xf32>) -> tensor<?x24xf32>
    moe.yield %o : tensor<?x24xf32>
  }
  %s0 = tensor.empty() : tensor<TOKENSx24xf32>
  %s1 = linalg.fill ins(%zero : f32) outs(%s0 : tensor<TOKENSx24xf32>) -> tensor<TOKENSx24xf32>
  %s = linalg.matmul indexing_maps = [#rows, #columns, #result]
      ins(%x, %shared : tensor<TOKENSx24xbf16>, tensor<24x24xbf16>) outs(%s1 : tensor<TOKENSx24xf32>) -> tensor<TOKENSx24xf32>
  // Squared: the branch is not one that starts the combine's sum.
  %y0 = tensor.empty() : tensor<TOKENSx24xbf16>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%routed, %s : tensor<TOKENSx24xbf16>, tensor<TOKENSx24xf32>) outs(%y0 : tensor<TOKENSx24xbf16>) {
  ^bb0(%a: bf16, %b: f32, %out: bf16):
    %wide = arith.extf %a : bf16 to f32
    %square = arith.mulf %wide, %wide : f32
    %sum = arith.addf %square, %b : f32
    %narrow = arith.truncf %sum : f32 to bf16
    linalg.yield %narrow : bf16
  } -> tensor<TOKENSx24xbf16>
  return %y : tensor<TOKENSx24xbf16>
}
