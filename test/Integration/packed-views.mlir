// Weights that are slices and transposes of parameters, as some checkpoints
// keep them: gate and up side by side or interleaved, the reduction outermost.
// The sizes have whole tiles of packing and edges in both dimensions.

// Columns side by side: UP columns after the gate's.
// RUN: sed 's/ELEM/bf16/g; s/WIDE/144/g; s/STEP/1/g; s/UP/72/g' %s | moe-run - --seed=1 --compare=interpreter | FileCheck %s
// RUN: sed 's/ELEM/f32/g; s/WIDE/144/g; s/STEP/1/g; s/UP/72/g' %s | moe-run - --seed=1 --compare=interpreter | FileCheck %s
// Interleaved columns.
// RUN: sed 's/ELEM/bf16/g; s/WIDE/144/g; s/STEP/2/g; s/UP/1/g' %s | moe-run - --seed=1 --compare=interpreter | FileCheck %s
// RUN: sed 's/ELEM/f32/g; s/WIDE/144/g; s/STEP/2/g; s/UP/1/g' %s | moe-run - --seed=1 --compare=interpreter | FileCheck %s
// Columns too far apart for vectors.
// RUN: sed 's/ELEM/bf16/g; s/WIDE/216/g; s/STEP/3/g; s/UP/1/g' %s | moe-run - --seed=1 --compare=interpreter | FileCheck %s
// RUN: sed 's/ELEM/f32/g; s/WIDE/216/g; s/STEP/3/g; s/UP/1/g' %s | moe-run - --seed=1 --compare=interpreter | FileCheck %s

// CHECK: 0 of 1408 elements outside the tolerance

#rows = affine_map<(m, n, k) -> (m, k)>
#columns = affine_map<(m, n, k) -> (n, k)>
#result = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
func.func @forward(%x: tensor<?x88xELEM>, %router: tensor<4x88xELEM> {moe.param = "router"},
    %both: tensor<4x88xWIDExELEM> {moe.param = "gate_up"},
    %second: tensor<4x72x88xELEM> {moe.param = "down"}) -> tensor<?x88xELEM> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = tensor.dim %x, %c0 : tensor<?x88xELEM>
  %l0 = tensor.empty(%tokens) : tensor<?x4xf32>
  %l1 = linalg.fill ins(%zero : f32) outs(%l0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %logits = linalg.matmul indexing_maps = [#rows, #columns, #result]
      ins(%x, %router : tensor<?x88xELEM>, tensor<4x88xELEM>) outs(%l1 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %ids, %weights = moe.route %logits router<score = softmax, top_k = 2>
      : (tensor<?x4xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %g0 = tensor.extract_slice %both[0, 0, 0] [4, 88, 72] [1, 1, STEP] : tensor<4x88xWIDExELEM> to tensor<4x88x72xELEM>
  %u0 = tensor.extract_slice %both[0, 0, UP] [4, 88, 72] [1, 1, STEP] : tensor<4x88xWIDExELEM> to tensor<4x88x72xELEM>
  %e0 = tensor.empty() : tensor<4x72x88xELEM>
  %gate = linalg.transpose ins(%g0 : tensor<4x88x72xELEM>) outs(%e0 : tensor<4x72x88xELEM>) permutation = [0, 2, 1]
  %up = linalg.transpose ins(%u0 : tensor<4x88x72xELEM>) outs(%e0 : tensor<4x72x88xELEM>) permutation = [0, 2, 1]
  %e1 = tensor.empty() : tensor<4x88x72xELEM>
  %down = linalg.transpose ins(%second : tensor<4x72x88xELEM>) outs(%e1 : tensor<4x88x72xELEM>) permutation = [0, 2, 1]
  %y = moe.experts %x, %ids, %weights params(%gate, %up, %down)
      : (tensor<?x88xELEM>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x72x88xELEM>, tensor<4x72x88xELEM>,
         tensor<4x88x72xELEM>) -> tensor<?x88xELEM> {
  ^bb0(%r: tensor<?x88xELEM>, %g: tensor<72x88xELEM>, %u: tensor<72x88xELEM>, %d: tensor<88x72xELEM>):
    %i0 = arith.constant 0 : index
    %n = tensor.dim %r, %i0 : tensor<?x88xELEM>
    %z = arith.constant 0.0 : f32
    %a0 = tensor.empty(%n) : tensor<?x72xf32>
    %a1 = linalg.fill ins(%z : f32) outs(%a0 : tensor<?x72xf32>) -> tensor<?x72xf32>
    %a = linalg.matmul indexing_maps = [#rows, #columns, #result]
        ins(%r, %g : tensor<?x88xELEM>, tensor<72x88xELEM>) outs(%a1 : tensor<?x72xf32>) -> tensor<?x72xf32>
    %b = linalg.matmul indexing_maps = [#rows, #columns, #result]
        ins(%r, %u : tensor<?x88xELEM>, tensor<72x88xELEM>) outs(%a1 : tensor<?x72xf32>) -> tensor<?x72xf32>
    %h = arith.mulf %a, %b : tensor<?x72xf32>
    %o0 = tensor.empty(%n) : tensor<?x88xf32>
    %o1 = linalg.fill ins(%z : f32) outs(%o0 : tensor<?x88xf32>) -> tensor<?x88xf32>
    %o = linalg.matmul indexing_maps = [#rows, #columns, #result]
        ins(%h, %d : tensor<?x72xf32>, tensor<88x72xELEM>) outs(%o1 : tensor<?x88xf32>) -> tensor<?x88xf32>
    moe.yield %o : tensor<?x88xf32>
  }
  return %y : tensor<?x88xELEM>
}
