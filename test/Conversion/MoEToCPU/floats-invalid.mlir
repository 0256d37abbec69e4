// RUN: moe-opt %s --moe-to-cpu=from=fused -split-input-file -verify-diagnostics

// Floats of 8 bits can be moved, but nothing computes with them.

func.func @narrow(%x: tensor<?x4xf32>) -> tensor<?x4xf8E4M3FN> {
  // expected-error @below {{'arith.truncf' op expected to compute with f16, bf16, f32 or f64, got 'f8E4M3FN'}}
  %y = arith.truncf %x : tensor<?x4xf32> to tensor<?x4xf8E4M3FN>
  return %y : tensor<?x4xf8E4M3FN>
}

// -----

func.func @widen(%x: tensor<?x4xf8E5M2>) -> tensor<?x4xf32> {
  // expected-error @below {{'arith.extf' op expected to compute with f16, bf16, f32 or f64, got 'f8E5M2'}}
  %y = arith.extf %x : tensor<?x4xf8E5M2> to tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @combine(%y: tensor<?x4xf8E4M3FN>, %inverse: tensor<?x1xi32>) -> tensor<?x4xf8E4M3FN> {
  // expected-error @below {{'moe.combine' op expected to compute with f16, bf16, f32 or f64, got 'f8E4M3FN'}}
  %r = moe.combine %y inverse(%inverse) source = plan outs(%y) : (tensor<?x4xf8E4M3FN>, tensor<?x1xi32>, tensor<?x4xf8E4M3FN>) -> tensor<?x4xf8E4M3FN>
  return %r : tensor<?x4xf8E4M3FN>
}

// -----

func.func @product(%x: tensor<?x4xf8E4M3FN>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %offsets: tensor<9xi32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @below {{'moe.grouped_matmul' op expected to compute with f16, bf16, f32 or f64, got 'f8E4M3FN'}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<?x4xf8E4M3FN>, tensor<8x4x4xf32>, tensor<9xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

func.func @moved(%x: tensor<?x4xf8E4M3FN>, %ids: tensor<?x1xi32>) -> (tensor<?x4xf8E4M3FN>, tensor<?x4xf8E4M3FN>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f8E4M3FN
  %n = tensor.dim %x, %c0 : tensor<?x4xf8E4M3FN>
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x1xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x1xi32>)
  %d0 = tensor.empty(%n) : tensor<?x4xf8E4M3FN>
  %d = moe.dispatch %x, %rows, %offsets top_k(1) outs(%d0) : (tensor<?x4xf8E4M3FN>, tensor<?xi32>, tensor<9xi32>, tensor<?x4xf8E4M3FN>) -> tensor<?x4xf8E4M3FN>
  %y0 = tensor.empty(%n) : tensor<?x4xf8E4M3FN>
  %y = linalg.fill ins(%zero : f8E4M3FN) outs(%y0 : tensor<?x4xf8E4M3FN>) -> tensor<?x4xf8E4M3FN>
  return %d, %y : tensor<?x4xf8E4M3FN>, tensor<?x4xf8E4M3FN>
}
