// RUN: moe-opt %s --moe-to-cpu=from=fused -split-input-file -verify-diagnostics

// Each operand has to have the rows that its op's code reads or writes. The
// verifiers see static sizes; these are known when a layer is lowered.

func.func @dispatch(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %d0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected dimension 0 of the destination to have size 2 * T, got T}}
  %d = moe.dispatch %x, %rows, %offsets top_k(2) outs(%d0) : (tensor<?x4xf32>, tensor<?xi32>, tensor<9xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}

// -----

// Slot 2 * T - 1 is that of token 2 * T - 1, of one slot per token.
func.func @dispatch_x(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %n = tensor.dim %rows, %c0 : tensor<?xi32>
  %d0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected dimension 0 of x to have size >= 2 * T, got T}}
  %d = moe.dispatch %x, %rows, %offsets top_k(1) outs(%d0) : (tensor<?x4xf32>, tensor<?xi32>, tensor<9xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = moe.combine %d inverse(%inverse) source = plan outs(%init) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @two_plans(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %others: tensor<?x4xi32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %offsets2, %rows2, %inverse2 = moe.plan %others experts(8) : (tensor<?x4xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x4xi32>)
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %d0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected dimension 0 of the rows to have size >= 4 * T, got 2 * T}}
  %d = moe.dispatch %x, %rows, %offsets2 top_k(2) outs(%d0) : (tensor<?x4xf32>, tensor<?xi32>, tensor<9xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}

// -----

func.func @broadcast(%ids: tensor<?x2xi32>, %bias: tensor<8x4xf32> {moe.param = "bias"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // expected-error @below {{expected dimension 0 of the destination to have size >= 2 * T, got T}}
  %b = moe.expert_broadcast %bias, %offsets outs(%init) : (tensor<8x4xf32>, tensor<9xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %b : tensor<?x4xf32>
}

// -----

func.func @by_plan(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // expected-error @below {{expected dimension 0 of the destination to have size >= 2 * T, got T}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = token place = plan top_k(2) outs(%init)
      : (tensor<?x4xf32>, tensor<8x4x4xf32>, tensor<9xi32>, tensor<?xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

// The verifier lets a destination have fewer rows than the plan.
func.func @by_plan_static(%x: tensor<4x4xf32>, %ids: tensor<4x2xi32>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %init: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<4x2xi32>) -> (tensor<9xi32>, tensor<8xi32>, tensor<4x2xi32>)
  // expected-error @below {{expected dimension 0 of the destination to have size >= 8, got 6}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = token place = plan top_k(2) outs(%init)
      : (tensor<4x4xf32>, tensor<8x4x4xf32>, tensor<9xi32>, tensor<8xi32>, tensor<6x4xf32>) -> tensor<6x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<6x4xf32>
}

// -----

func.func @by_slot(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // expected-error @below {{expected dimension 0 of the destination to have size >= 2 * T, got T}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = token place = slot top_k(2) outs(%init)
      : (tensor<?x4xf32>, tensor<8x4x4xf32>, tensor<9xi32>, tensor<?xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

func.func @product_x(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // expected-error @below {{expected dimension 0 of x to have size >= 2 * T, got T}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = plan place = plan top_k(2) outs(%init)
      : (tensor<?x4xf32>, tensor<8x4x4xf32>, tensor<9xi32>, tensor<?xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

func.func @epilogue(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %scale: tensor<?xf32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // expected-error @below {{expected dimension 0 of epilogue input 0 to have size >= 2 * T, got T}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) epilogue_ins(%scale) source = token place = plan top_k(2) outs(%init)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (r)>]}
      : (tensor<?x4xf32>, tensor<8x4x4xf32>, tensor<9xi32>, tensor<?xi32>, tensor<?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    moe.yield %p : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

// One group whose rows the layer itself counts, twice as many as there are.
func.func @dense(%x: tensor<?x4xf32>, %w: tensor<1x4x4xf32> {moe.param = "w"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0 : i32
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %twice = arith.muli %n, %c2 : index
  %end = arith.index_cast %twice : index to i32
  %offsets = tensor.from_elements %zero, %end : tensor<2xi32>
  // expected-error @below {{expected dimension 0 of x to have size >= 2 * T, got T}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<?x4xf32>, tensor<1x4x4xf32>, tensor<2xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

func.func @combine(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // expected-error @below {{expected dimension 0 of y to have size >= 2 * T, got T}}
  %y = moe.combine %x inverse(%inverse) source = plan outs(%init) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Some columns of the inverse still speak of all rows.
func.func @combine_some(%x: tensor<?x4xf32>, %ids: tensor<?x2xi32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %offsets, %rows, %inverse = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %first = tensor.extract_slice %inverse[0, 0] [%n, 1] [1, 1] : tensor<?x2xi32> to tensor<?x1xi32>
  // expected-error @below {{expected dimension 0 of y to have size >= 2 * T, got T}}
  %y = moe.combine %x inverse(%first) source = plan outs(%init) : (tensor<?x4xf32>, tensor<?x1xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

#id = affine_map<(m, n) -> (m, n)>
func.func @elementwise(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %twice = arith.muli %n, %c2 : index
  %a0 = tensor.empty(%twice) : tensor<?x4xf32>
  %a = linalg.fill ins(%zero : f32) outs(%a0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected dimension 0 of operand 1 to have size 2 * T, got T}}
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %x : tensor<?x4xf32>, tensor<?x4xf32>) outs(%y0 : tensor<?x4xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %sum = arith.addf %p, %q : f32
    linalg.yield %sum : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @slice(%x: tensor<?x4xf32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %y0 = tensor.empty(%n) : tensor<?x4xf32>
  %y1 = linalg.fill ins(%zero : f32) outs(%y0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-error @below {{expected dimension 0 of the source to have size >= T + 1, got T}}
  %y = tensor.insert_slice %x into %y1[1, 0] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @dense_static(%x: tensor<4x4xf32>, %w: tensor<1x4x4xf32> {moe.param = "w"}, %init: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %offsets = arith.constant dense<[0, 8]> : tensor<2xi32>
  // expected-error @below {{expected dimension 0 of x to have size >= 8, got 4}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<4x4xf32>, tensor<1x4x4xf32>, tensor<2xi32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<4x4xf32>
}

// -----

func.func @dispatch_offsets(%x: tensor<?x4xf32>, %rows: tensor<?xi32>, %offsets: tensor<?xi32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @below {{expected offsets of a static size, got 'memref<?xi32>'}}
  %d = moe.dispatch %x, %rows, %offsets top_k(1) outs(%init) : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}

// -----

func.func @broadcast_offsets(%offsets: tensor<?xi32>, %bias: tensor<8x4xf32> {moe.param = "bias"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @below {{expected dimension 0 of the offsets to have size 9, got T}}
  %b = moe.expert_broadcast %bias, %offsets outs(%init) : (tensor<8x4xf32>, tensor<?xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %b : tensor<?x4xf32>
}

// -----

func.func @product_offsets(%x: tensor<?x4xf32>, %offsets: tensor<?xi32>, %w: tensor<8x4x4xf32> {moe.param = "w"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @below {{expected dimension 0 of the offsets to have size 9, got T}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<?x4xf32>, tensor<8x4x4xf32>, tensor<?xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

func.func @past_the_end(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %y0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected dimension 0 of operand 0 to have size >= T + 1, got T}}
  %y = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m + 1, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x4xf32>) outs(%y0 : tensor<?x4xf32>) {
  ^bb0(%p: f32, %out: f32):
    linalg.yield %p : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @strided(%x: tensor<?x7xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x7xf32>
  %y0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected dimension 1 of operand 0 to have size >= 8, got 7}}
  %y = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n * 2 + 1)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x7xf32>) outs(%y0 : tensor<?x4xf32>) {
  ^bb0(%p: f32, %out: f32):
    linalg.yield %p : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @before_the_start(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %y0 = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @below {{expected sizes that are linear in the number of tokens, got another one for dimension 0 of operand 0}}
  %y = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m - 1, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x4xf32>) outs(%y0 : tensor<?x4xf32>) {
  ^bb0(%p: f32, %out: f32):
    linalg.yield %p : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @no_offsets(%x: tensor<?x4xf32>, %rows: tensor<?xi32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %offsets = arith.constant dense<> : tensor<0xi32>
  // expected-error @below {{expected the offsets of an expert at least, got 'memref<0xi32}}
  %d = moe.dispatch %x, %rows, %offsets top_k(1) outs(%init) : (tensor<?x4xf32>, tensor<?xi32>, tensor<0xi32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}
