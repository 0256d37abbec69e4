// RUN: moe-opt %s --test-moe-interpret --split-input-file --verify-diagnostics -o /dev/null

func.func @unsupported_op() -> tensor<2xf32> {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %e = tensor.empty() : tensor<2xf32>
  // expected-error @+1 {{'linalg.softmax' op is not supported by the interpreter}}
  %y = linalg.softmax dimension(0) ins(%x : tensor<2xf32>) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @unsupported_type() -> vector<2xf32> {
  // expected-error @+1 {{'arith.constant' op is not supported by the interpreter for type 'vector<2xf32>'}}
  %x = arith.constant dense<[1.0, 2.0]> : vector<2xf32>
  return %x : vector<2xf32>
}

// -----

func.func @wide_integer() -> i128 {
  %x = arith.constant 1 : i64
  // expected-error @+1 {{'arith.extsi' op is not supported by the interpreter for type 'i128'}}
  %y = arith.extsi %x : i64 to i128
  return %y : i128
}

// -----

func.func @memref() {
  // expected-error @+1 {{'memref.alloc' op is not supported by the interpreter for type 'memref<2xf32>'}}
  %x = memref.alloc() : memref<2xf32>
  return
}

// -----

func.func @unsupported_in_region() -> tensor<2xf32> {
  %e = tensor.empty() : tensor<2xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%e : tensor<2xf32>) {
  ^bb0(%out: f32):
    %true = arith.constant true
    // expected-error @+1 {{'scf.if' op is not supported by the interpreter in a region that computes one element}}
    %0 = scf.if %true -> f32 {
      scf.yield %out : f32
    } else {
      scf.yield %out : f32
    }
    linalg.yield %0 : f32
  } -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

// expected-error @+1 {{'func.func' op expected a body of one block, got 2}}
func.func @blocks() {
  cf.br ^bb1
^bb1:
  return
}

// -----

// expected-error @+1 {{'func.func' op has no body to interpret}}
func.func private @external() -> f32
func.func @call_external() -> f32 {
  %x = call @external() : () -> f32
  return %x : f32
}

// -----

// expected-error @+1 {{'func.func' op expected calls nested at most 100 deep}}
func.func @recursion() -> f32 {
  %x = call @recursion() : () -> f32
  return %x : f32
}

// -----

func.func @division() -> i32 {
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{'arith.divsi' op expected a divisor other than zero}}
  %x = arith.divsi %zero, %zero : i32
  return %x : i32
}

// -----

func.func @shift() -> i32 {
  %a = arith.constant 32 : i32
  // expected-error @+1 {{'arith.shli' op expected a shift by less than 32 bits, got 32}}
  %x = arith.shli %a, %a : i32
  return %x : i32
}

// -----

func.func @affine_division() -> index {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{'affine.apply' op expected a divisor other than zero}}
  %x = affine.apply affine_map<(d0)[s0] -> (d0 floordiv s0)>(%c0)[%c0]
  return %x : index
}

// -----

func.func @rounding_mode() -> bf16 {
  %a = arith.constant 1.0 : f32
  // expected-error @+1 {{'arith.truncf' op expected rounding to nearest even, got upward}}
  %x = arith.truncf %a upward : f32 to bf16
  return %x : bf16
}

// -----

func.func @step() {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{'scf.for' op expected a positive step, got 0}}
  scf.for %i = %c0 to %c0 step %c0 {
  }
  return
}

// -----

func.func @elementwise_shapes() -> tensor<?xf32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %a = tensor.empty(%c1) : tensor<?xf32>
  %b = tensor.empty(%c2) : tensor<?xf32>
  // expected-error @+1 {{'arith.addf' op expected operands of one shape, got 1 and 2}}
  %c = arith.addf %a, %b : tensor<?xf32>
  return %c : tensor<?xf32>
}

// -----

func.func @linalg_shapes() -> tensor<?xf32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %a = tensor.empty(%c1) : tensor<?xf32>
  %b = tensor.empty(%c2) : tensor<?xf32>
  // expected-error @+1 {{'linalg.exp' op expected dimension 0 of operand 1 to have size 1, got 2}}
  %c = linalg.exp ins(%a : tensor<?xf32>) outs(%b : tensor<?xf32>) -> tensor<?xf32>
  return %c : tensor<?xf32>
}

// -----

func.func @linalg_bounds() -> tensor<3xf32> {
  %c3 = arith.constant 3 : index
  %a = tensor.empty(%c3) : tensor<?xf32>
  %w = arith.constant dense<1.0> : tensor<2xf32>
  %b = tensor.empty() : tensor<3xf32>
  // expected-error @+1 {{'linalg.conv_1d' op expected dimension 0 of operand 0 to hold indices 0 to 3, got size 3}}
  %c = linalg.conv_1d ins(%a, %w : tensor<?xf32>, tensor<2xf32>) outs(%b : tensor<3xf32>) -> tensor<3xf32>
  return %c : tensor<3xf32>
}

// -----

func.func @cast() -> tensor<2xf32> {
  %c1 = arith.constant 1 : index
  %a = tensor.empty(%c1) : tensor<?xf32>
  // expected-error @+1 {{'tensor.cast' op expected the source to have shape 2, got 1}}
  %b = tensor.cast %a : tensor<?xf32> to tensor<2xf32>
  return %b : tensor<2xf32>
}

// -----

func.func @extract() -> f32 {
  %c1 = arith.constant 1 : index
  %a = tensor.empty(%c1) : tensor<?xf32>
  // expected-error @+1 {{'tensor.extract' op expected an element of a tensor of shape 1, got index (1)}}
  %b = tensor.extract %a[%c1] : tensor<?xf32>
  return %b : f32
}

// -----

func.func @slice() -> tensor<?xf32> {
  %c2 = arith.constant 2 : index
  %a = tensor.empty(%c2) : tensor<?xf32>
  // expected-error @+1 {{'tensor.extract_slice' op expected a slice within dimension 0 of size 2, got 2 elements from 1 with stride 1}}
  %b = tensor.extract_slice %a[1] [%c2] [1] : tensor<?xf32> to tensor<?xf32>
  return %b : tensor<?xf32>
}

// -----

func.func @expand() -> tensor<?x2xf32> {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %a = tensor.empty(%c3) : tensor<?xf32>
  // expected-error @+1 {{'tensor.expand_shape' op expected dimensions 0 to 1 of the result to have product 3, got 2}}
  %b = tensor.expand_shape %a [[0, 1]] output_shape [%c1, 2] : tensor<?xf32> into tensor<?x2xf32>
  return %b : tensor<?x2xf32>
}

// -----

func.func @negative_size() -> tensor<?xf32> {
  %m1 = arith.constant -1 : index
  // expected-error @+1 {{'tensor.empty' op expected non-negative dimensions and less than 2^60 bytes, got a -1 tensor of f64}}
  %a = tensor.empty(%m1) : tensor<?xf32>
  return %a : tensor<?xf32>
}

// -----

func.func @given_id() -> tensor<1x2xi32> {
  %z = arith.constant dense<0.0> : tensor<1x4xf32>
  %given = arith.constant dense<[[-1, 4]]> : tensor<1x2xi32>
  // expected-error @+1 {{'moe.route' op expected given ids of -1 to 3, got 4 for token 0, slot 1}}
  %ids, %w = moe.route %z ids(%given) router<score = softmax, top_k = 2> : (tensor<1x4xf32>, tensor<1x2xi32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %ids : tensor<1x2xi32>
}

// -----

func.func @mask_shape() -> tensor<?x2xi32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %z = tensor.empty(%c1) : tensor<?x4xf32>
  %m = tensor.empty(%c2) : tensor<?x4xi1>
  // expected-error @+1 {{'moe.route' op expected the mask to have shape 1x4, got 2x4}}
  %ids, %w = moe.route %z mask(%m) router<score = softmax, top_k = 2> : (tensor<?x4xf32>, tensor<?x4xi1>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %ids : tensor<?x2xi32>
}

// -----

// 2^28 tokens of 8 slots.
func.func @many_slots() -> tensor<9xi32> {
  %static = arith.constant dense<0> : tensor<268435456x8xi32>
  %ids = tensor.cast %static : tensor<268435456x8xi32> to tensor<?x8xi32>
  // expected-error @+1 {{'moe.plan' op expected fewer than 2^31 slots, got 268435456 tokens of 8}}
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x8xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x8xi32>)
  return %offsets : tensor<9xi32>
}

// -----

func.func @offsets() -> tensor<2x1xf32> {
  %p = arith.constant dense<0.0> : tensor<2x1xf32>
  %offsets = arith.constant dense<[0, 3, 2]> : tensor<3xi32>
  %c2 = arith.constant 2 : index
  %init = tensor.empty(%c2) : tensor<?x1xf32>
  // expected-error @+1 {{'moe.expert_broadcast' op expected offset 1 to be 0 to 2, got 3}}
  %y = moe.expert_broadcast %p, %offsets outs(%init) : (tensor<2x1xf32>, tensor<3xi32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %z = tensor.cast %y : tensor<?x1xf32> to tensor<2x1xf32>
  return %z : tensor<2x1xf32>
}

// -----

func.func @first_offset() -> tensor<?x1xf32> {
  %p = arith.constant dense<0.0> : tensor<1x1xf32>
  %offsets = arith.constant dense<[1, 2]> : tensor<2xi32>
  %c2 = arith.constant 2 : index
  %init = tensor.empty(%c2) : tensor<?x1xf32>
  // expected-error @+1 {{'moe.expert_broadcast' op expected offsets from 0 on, got 1}}
  %y = moe.expert_broadcast %p, %offsets outs(%init) : (tensor<1x1xf32>, tensor<2xi32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

func.func @rows() -> tensor<2x1xf32> {
  %x = arith.constant dense<0.0> : tensor<2x1xf32>
  %offsets = arith.constant dense<[0, 2]> : tensor<2xi32>
  %rows = arith.constant dense<[0, 2]> : tensor<2xi32>
  // expected-error @+1 {{'moe.dispatch' op expected rows of 0 to 1, got 2}}
  %y = moe.dispatch %x, %rows, %offsets top_k(1) outs(%x) : (tensor<2x1xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}

// -----

func.func @inverse() -> tensor<1x1xf32> {
  %y = arith.constant dense<0.0> : tensor<1x1xf32>
  %inverse = arith.constant dense<[[1]]> : tensor<1x1xi32>
  // expected-error @+1 {{'moe.combine' op expected inverse of -1 to 0, got 1}}
  %z = moe.combine %y inverse(%inverse) source = plan outs(%y) : (tensor<1x1xf32>, tensor<1x1xi32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %z : tensor<1x1xf32>
}

// -----

func.func @grouped_rows() -> tensor<?x1xf32> {
  %c1 = arith.constant 1 : index
  %x = tensor.empty(%c1) : tensor<?x1xf32>
  %w = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %offsets = arith.constant dense<[0, 2]> : tensor<2xi32>
  %rows = arith.constant dense<[0, 1]> : tensor<2xi32>
  // expected-error @+1 {{'moe.grouped_matmul' op expected x to have a row 1, got 1 rows}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = token place = plan top_k(1) outs(%x)
      : (tensor<?x1xf32>, tensor<1x1x1xf32>, tensor<2xi32>, tensor<2xi32>, tensor<?x1xf32>) -> tensor<?x1xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<?x1xf32>
}

// -----

func.func @grouped_input() -> tensor<2x1xf32> {
  %c1 = arith.constant 1 : index
  %x = arith.constant dense<0.0> : tensor<2x1xf32>
  %w = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %offsets = arith.constant dense<[0, 2]> : tensor<2xi32>
  %scale = tensor.empty(%c1) : tensor<?xf32>
  // expected-error @+1 {{'moe.grouped_matmul' op expected epilogue input 0 to have an element (1), got shape 1}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) epilogue_ins(%scale) source = plan place = plan outs(%x)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (r)>]}
      : (tensor<2x1xf32>, tensor<1x1x1xf32>, tensor<2xi32>, tensor<?xf32>, tensor<2x1xf32>) -> tensor<2x1xf32> {
  ^bb0(%acc: f32, %s: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<2x1xf32>
}
