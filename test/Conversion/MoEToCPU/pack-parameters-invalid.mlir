// RUN: moe-opt %s --moe-pack-parameters -split-input-file -verify-diagnostics

#config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>
func.func @computed_weight(%x: tensor<?x6xf32>, %offsets: tensor<2xi32>, %w: tensor<1x8x6xbf16> {moe.param = "w"}, %y0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-note @below {{got one that depends on 'arith.extf'}}
  %wide = arith.extf %w : tensor<1x8x6xbf16> to tensor<1x8x6xf32>
  // expected-error @below {{expected a weight that is a parameter, or slices, transposes and changes of shape of one}}
  %y = moe.grouped_matmul %x weights(%wide) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x6xf32>, tensor<1x8x6xf32>, tensor<2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

func.func @no_config(%x: tensor<?x6xf32>, %offsets: tensor<2xi32>, %w: tensor<1x8x6xf32> {moe.param = "w"}, %y0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected a lowering_config: run moe-select-strategy first}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%y0)
      : (tensor<?x6xf32>, tensor<1x8x6xf32>, tensor<2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

#config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>
func.func @wide_weight(%x: tensor<?x6xf64>, %offsets: tensor<2xi32>, %w: tensor<1x8x6xf64> {moe.param = "w"}, %y0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected weights of f32 or bf16, got 'f64'}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x6xf64>, tensor<1x8x6xf64>, tensor<2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

#config = #moe.lowering_config<rows = 6, columns = 15, row_block = 6>
func.func @odd_columns(%x: tensor<?x6xf32>, %offsets: tensor<2xi32>, %w: tensor<1x8x6xf32> {moe.param = "w"}, %v: tensor<1x8x6xf32> {moe.param = "v"}, %y0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected columns of the lowering_config to be a multiple of the number of weights, 2, got 15}}
  %y = moe.grouped_matmul %x weights(%w, %v) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x6xf32>, tensor<1x8x6xf32>, tensor<1x8x6xf32>, tensor<2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%p: f32, %q: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

#config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>
func.func @across_experts(%x: tensor<?x6xf32>, %offsets: tensor<2xi32>, %w: tensor<2x4x6xf32> {moe.param = "e.*.w"}, %y0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %all = tensor.collapse_shape %w [[0, 1], [2]] : tensor<2x4x6xf32> into tensor<8x6xf32>
  %one = tensor.expand_shape %all [[0, 1], [2]] output_shape [1, 8, 6] : tensor<8x6xf32> into tensor<1x8x6xf32>
  // expected-error @below {{expected the slices of each expert to come from its own tensor of parameter 'e.*.w'}}
  %y = moe.grouped_matmul %x weights(%one) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x6xf32>, tensor<1x8x6xf32>, tensor<2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

func.func @slots(%x: tensor<?x6xf32>) -> (tensor<?x6xf32>, tensor<2x?xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x6xf32>
  %slots = arith.muli %tokens, %c2 : index
  %y = tensor.empty(%slots) : tensor<2x?xf32>
  // expected-error @below {{expected the dynamic sizes of results to be the number of tokens T, got 2 * T in dimension 1 of result 1}}
  return %x, %y : tensor<?x6xf32>, tensor<2x?xf32>
}

// -----

func.func @fewer(%x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x6xf32>
  %fewer = arith.subi %tokens, %c1 : index
  %y = tensor.extract_slice %x[1, 0] [%fewer, 6] [1, 1] : tensor<?x6xf32> to tensor<?x6xf32>
  // expected-error @below {{expected the dynamic sizes of results to be the number of tokens T, got T - 1 in dimension 0 of result 0}}
  return %y : tensor<?x6xf32>
}

// -----

func.func @half(%x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x6xf32>
  %half = arith.divui %tokens, %c2 : index
  %y = tensor.extract_slice %x[0, 0] [%half, 6] [1, 1] : tensor<?x6xf32> to tensor<?x6xf32>
  // expected-error @below {{expected the dynamic sizes of results to be the number of tokens T, got an unknown one in dimension 0 of result 0}}
  return %y : tensor<?x6xf32>
}

// -----

func.func @cast(%x: tensor<4x6xf32>) -> tensor<?x6xf32> {
  %y = tensor.cast %x : tensor<4x6xf32> to tensor<?x6xf32>
  // expected-error @below {{expected the dynamic sizes of results to be the number of tokens T, got 4 in dimension 0 of result 0}}
  return %y : tensor<?x6xf32>
}
