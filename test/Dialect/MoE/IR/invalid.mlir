// RUN: moe-opt %s -split-input-file -verify-diagnostics

// One case per numbered constraint; functions are named after the rule.

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

// expected-error @below {{expected 1 <= keep <= count, got keep = 9 and count = 8}}
func.func private @groups_c1() attributes {a = #moe.groups<count = 8, keep = 9>}

// -----

// expected-error @below {{expected sum_top >= 1, got 0}}
func.func private @groups_c2() attributes {a = #moe.groups<count = 8, keep = 4, sum_top = 0>}

// -----

// expected-error @below {{expected p >= 1, got 0}}
func.func private @renormalize_c1() attributes {a = #moe.renormalize<p = 0>}

// -----

// expected-error @below {{expected no epsilon with mode = exact, got}}
func.func private @renormalize_c2_exact() attributes {a = #moe.renormalize<epsilon = 1.0e-20>}

// -----

// expected-error @below {{expected an epsilon with mode = add}}
func.func private @renormalize_c2_absent() attributes {a = #moe.renormalize<mode = add>}

// -----

// expected-error @below {{expected a positive, finite epsilon, got}}
func.func private @renormalize_c2_negative() attributes {a = #moe.renormalize<mode = max, epsilon = -1.0>}

// -----

// expected-error @below {{expected top_k >= 1, got 0}}
func.func private @router_c1() attributes {a = #moe.router<score = softmax, top_k = 0>}

// -----

// expected-error @below {{expected a jitter exactly where weight = sparsemixer, got weight = sparsemixer without one}}
func.func private @router_c2_absent() attributes {a = #moe.router<score = none, top_k = 2, key = logit, weight = sparsemixer>}

// -----

// expected-error @below {{expected a jitter exactly where weight = sparsemixer, got weight = score with one}}
func.func private @router_c2_present() attributes {a = #moe.router<score = softmax, top_k = 2, jitter = 0.01>}

// -----

// expected-error @below {{expected a positive, finite jitter, got}}
func.func private @router_c2_negative() attributes {a = #moe.router<score = none, top_k = 2, key = logit, weight = sparsemixer, jitter = -0.01>}

// -----

// expected-error @below {{expected key = logit and no renormalize with weight = sparsemixer}}
func.func private @router_c3() attributes {a = #moe.router<score = softmax, top_k = 2, weight = sparsemixer, jitter = 0.01>}

// -----

// expected-error @below {{expected a finite scale, got}}
func.func private @router_c4() attributes {a = #moe.router<score = softmax, top_k = 2, scale = 1.0e999>}

// -----

// expected-error @below {{expected round_to to be a float type of at most 32 bits, got 'f64'}}
func.func private @router_c5() attributes {a = #moe.router<score = softmax, top_k = 2, round_to = f64>}

// -----

// expected-error @below {{expected key = logit with score = none}}
func.func private @router_c6() attributes {a = #moe.router<score = none, top_k = 2>}

// -----

// expected-error @below {{expected rows of 1 to 65536, got 0}}
func.func private @lowering_config_c1() attributes {a = #moe.lowering_config<rows = 0, columns = 32, row_block = 1>}

// -----

// expected-error @below {{expected row_block of 1 to 65536, got 65537}}
func.func private @lowering_config_c1_most() attributes {a = #moe.lowering_config<rows = 1, columns = 32, row_block = 65537>}

// -----

// expected-error @below {{expected k_block of at least 0, got -1}}
func.func private @lowering_config_c2() attributes {a = #moe.lowering_config<rows = 1, columns = 32, row_block = 1, k_block = -1>}

// -----

// expected-error @below {{expected at most as many panels as rows, got 2 panels and 1 rows}}
func.func private @lowering_config_c3() attributes {a = #moe.lowering_config<rows = 1, columns = 32, panels = 2, row_block = 1>}

// -----

//===----------------------------------------------------------------------===//
// moe.route
//===----------------------------------------------------------------------===//

func.func @route_c1(%l: tensor<?x4xf32>) {
  // expected-error @below {{expected a static number of experts of at least top_k = 8, got 4}}
  moe.route %l router<score = softmax, top_k = 8> : (tensor<?x4xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>)
  return
}

// -----

func.func @route_c1_dynamic(%l: tensor<?x?xf32>) {
  // expected-error @below {{expected a static number of experts of at least top_k = 2, got ?}}
  moe.route %l router<score = softmax, top_k = 2> : (tensor<?x?xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @route_c2_bias(%l: tensor<?x4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{expected the key bias to have shape 4, got 5}}
  moe.route %l bias(%b) router<score = softmax, top_k = 2> : (tensor<?x4xf32>, tensor<5xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @route_c2_scale(%l: tensor<?x4xf32>, %s: tensor<5xf32>) {
  // expected-error @below {{expected the expert scale to have shape 4, got 5}}
  moe.route %l expert_scale(%s) router<score = softmax, top_k = 2> : (tensor<?x4xf32>, tensor<5xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @route_c3(%l: tensor<8x4xf32>, %m: tensor<7x4xi1>) {
  // expected-error @below {{expected the mask to have shape 8x4, got 7x4}}
  moe.route %l mask(%m) router<score = softmax, top_k = 2> : (tensor<8x4xf32>, tensor<7x4xi1>) -> (tensor<8x2xi32>, tensor<8x2xf32>)
  return
}

// -----

func.func @route_c4(%l: tensor<?x4xf32>, %i: tensor<?x3xi32>) {
  // expected-error @below {{expected the given ids to have shape ?x2, got ?x3}}
  moe.route %l ids(%i) router<score = softmax, top_k = 2> : (tensor<?x4xf32>, tensor<?x3xi32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @route_c5_divide(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected the number of groups to divide the 8 experts, got 3}}
  moe.route %l router<score = softmax, top_k = 2, groups = <count = 3, keep = 2>> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @route_c5_keep(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected the kept groups to hold at least top_k = 4 experts, got 2}}
  moe.route %l router<score = softmax, top_k = 4, groups = <count = 4, keep = 1>> : (tensor<?x8xf32>) -> (tensor<?x4xi32>, tensor<?x4xf32>)
  return
}

// -----

func.func @route_c5_sum_top(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected sum_top of at most the group size 2, got 3}}
  moe.route %l router<score = softmax, top_k = 2, groups = <count = 4, keep = 2, sum_top = 3>> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.experts
//===----------------------------------------------------------------------===//

func.func @experts_c1_slots(%x: tensor<?x16xf32>, %ids: tensor<?x0xi32>, %w: tensor<?x0xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected a static number of slots of at least 1, got 0}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x0xi32>, tensor<?x0xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c1_slots_dynamic(%x: tensor<?x16xf32>, %ids: tensor<?x?xi32>, %w: tensor<?x?xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected a static number of slots of at least 1, got ?}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c1_columns(%x: tensor<?x?xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected x to have a static number of columns}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x?xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x?xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x?xf32>
  }
  return
}

// -----

func.func @experts_c1_ids(%x: tensor<8x16xf32>, %ids: tensor<7x2xi32>, %w: tensor<7x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected the ids to have shape 8x?, got 7x2}}
  moe.experts %x, %ids, %w params(%p) : (tensor<8x16xf32>, tensor<7x2xi32>, tensor<7x2xf32>, tensor<4x16xf32>) -> tensor<8x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c1_weights(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x3xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected the weights to have shape ?x2, got ?x3}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x3xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c2_none(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>) {
  // expected-error @below {{expected at least one parameter}}
  moe.experts %x, %ids, %w : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c2_static(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x?xf32>) {
  // expected-error @below {{must be variadic of statically shaped tensor of any type values, but got 'tensor<4x?xf32>'}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x?xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<?xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c2_scalar(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<f32>) {
  // expected-error @below {{expected each parameter to have a leading dimension of experts and no dimension of size 0, got 'tensor<f32>'}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<f32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<f32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c2_empty(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<0x16xf32>) {
  // expected-error @below {{no dimension of size 0, got 'tensor<0x16xf32>'}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<0x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c2_leading(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>, %q: tensor<5x16xf32>) {
  // expected-error @below {{expected all parameters to have the leading dimension 4, got 5}}
  moe.experts %x, %ids, %w params(%p, %q) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>, tensor<5x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>, %c: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c3(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected the region to take ('tensor<?x16xf32>', 'tensor<?xf32>', 'tensor<16xf32>'), got ('tensor<?x16xf32>', 'tensor<16xf32>')}}
  moe.experts %x, %ids, %w params(%p) weighting = body : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c4_type(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected the region to yield one ? x N float tensor}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows, %b : tensor<?x16xf32>, tensor<16xf32>
  }
  return
}

// -----

func.func @experts_c4_static(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected the result to have a static number of columns}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x?xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c4_shape(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected the result to have shape ?x16, got ?x8}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c4_rows(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x8x16xf32>) {
  // expected-error @below {{expected the region to yield a value with rows}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<8x16xf32>):
    %c = tensor.cast %b : tensor<8x16xf32> to tensor<?x16xf32>
    moe.yield %c : tensor<?x16xf32>
  }
  return
}

// -----

// Sums over the rows.
func.func @experts_c5_reduction(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    // expected-note @below {{'linalg.reduce' is neither}}
    %s = linalg.reduce {arith.addf} ins(%rows : tensor<?x16xf32>) outs(%b : tensor<16xf32>) dimensions = [0]
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

// A cast that claims a number of rows holds for one expert alone.
func.func @experts_c5_cast(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    // expected-note @below {{'tensor.cast' is neither}}
    %s = tensor.cast %rows : tensor<?x16xf32> to tensor<3x16xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c5_cast_unranked(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    // expected-note @below {{'tensor.cast' is neither}}
    %s = tensor.cast %rows : tensor<?x16xf32> to tensor<*xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

// The destination of rows must have rows: a parameter has a fixed number.
func.func @experts_c5_destination(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x3x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x3x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<3x16xf32>):
    // expected-note @below {{'linalg.exp' is neither}}
    %s = linalg.exp ins(%rows : tensor<?x16xf32>) outs(%b : tensor<3x16xf32>) -> tensor<3x16xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

// The first r rows of a parameter depend on how many rows there are.
func.func @experts_c5_count_slices_parameter(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x3x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x3x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<3x16xf32>):
    %c0 = arith.constant 0 : index
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    // expected-note @below {{'tensor.extract_slice' is neither}}
    %s = tensor.extract_slice %b[0, 0] [%r, 16] [1, 1] : tensor<3x16xf32> to tensor<?x16xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c5_count_slices_columns(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    // expected-note @below {{'tensor.extract_slice' is neither}}
    %s = tensor.extract_slice %rows[0, %r] [%r, 4] [1, 1] : tensor<?x16xf32> to tensor<?x4xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c5_insert_into_parameter(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x3x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x3x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<3x16xf32>):
    %c0 = arith.constant 0 : index
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    // expected-note @below {{'tensor.insert_slice' is neither}}
    %s = tensor.insert_slice %rows into %b[0, 0] [%r, 16] [1, 1] : tensor<?x16xf32> into tensor<3x16xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

// The number of a row means nothing once all experts' rows are in one tensor.
func.func @experts_c5_index(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    // expected-note @below {{'linalg.generic' is neither}}
    %s = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%rows : tensor<?x16xf32>) {
    ^bb0(%out: f32):
      %i = linalg.index 0 : index
      %j = arith.index_cast %i : index to i32
      %f = arith.sitofp %j : i32 to f32
      linalg.yield %f : f32
    } -> tensor<?x16xf32>
    moe.yield %s : tensor<?x16xf32>
  }
  return
}

// -----

// Rows captured by a region, not passed as an operand.
func.func @experts_c5_capture(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    // expected-note @below {{'linalg.generic' is neither}}
    %s = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%rows : tensor<?x16xf32>) {
    ^bb0(%out: f32):
      %f = tensor.extract %rows[%c0, %c0] : tensor<?x16xf32>
      linalg.yield %f : f32
    } -> tensor<?x16xf32>
    moe.yield %s : tensor<?x16xf32>
  }
  return
}

// -----

func.func @experts_c5_side_effect(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{expected each op of the region to be row-wise or parameter-only}}
  moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %b: tensor<16xf32>):
    // expected-note @below {{'memref.alloc' is neither}}
    %m = memref.alloc() : memref<4xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.plan
//===----------------------------------------------------------------------===//

func.func @plan_c1(%ids: tensor<?x2xi32>) {
  // expected-error @below {{expected 1 <= experts < 2^31, got 0}}
  // expected-error @below {{failed to infer returned types}}
  moe.plan %ids experts(0) : (tensor<?x2xi32>) -> (tensor<1xi32>, tensor<?xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @plan_c1_large(%ids: tensor<?x2xi32>) {
  // expected-error @below {{expected 1 <= experts < 2^31, got 9223372036854775807}}
  // expected-error @below {{failed to infer returned types}}
  moe.plan %ids experts(9223372036854775807) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<?xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @plan_c2_dynamic(%ids: tensor<?x?xi32>) {
  // expected-error @below {{expected a static number of slots of at least 1, got ?}}
  // expected-error @below {{failed to infer returned types}}
  moe.plan %ids experts(4) : (tensor<?x?xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x?xi32>)
  return
}

// -----

func.func @plan_c2_slots(%ids: tensor<4611686018427387904x4xi32>) {
  // expected-error @below {{expected fewer than 2^31 slots, got 4611686018427387904 tokens of 4}}
  // expected-error @below {{failed to infer returned types}}
  moe.plan %ids experts(4) : (tensor<4611686018427387904x4xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<4611686018427387904x4xi32>)
  return
}

// -----

func.func @plan_c3_none(%ids: memref<?x2xi32>) {
  // expected-error @below {{expected three results on tensors, or three destinations on memrefs}}
  moe.plan %ids experts(4) : (memref<?x2xi32>) -> ()
  return
}

// -----

func.func @plan_c3_offsets(%ids: memref<?x2xi32>, %o: memref<4xi32>, %r: memref<?xi32>, %i: memref<?x2xi32>) {
  // expected-error @below {{expected the offsets to have shape 5, got 4}}
  moe.plan %ids experts(4) outs(%o, %r, %i) : (memref<?x2xi32>, memref<4xi32>, memref<?xi32>, memref<?x2xi32>) -> ()
  return
}

// -----

func.func @plan_c3_rows(%ids: memref<8x2xi32>, %o: memref<5xi32>, %r: memref<8xi32>, %i: memref<8x2xi32>) {
  // expected-error @below {{expected the rows to have shape 16, got 8}}
  moe.plan %ids experts(4) outs(%o, %r, %i) : (memref<8x2xi32>, memref<5xi32>, memref<8xi32>, memref<8x2xi32>) -> ()
  return
}

// -----

func.func @plan_c3_inverse(%ids: memref<8x2xi32>, %o: memref<5xi32>, %r: memref<16xi32>, %i: memref<8x3xi32>) {
  // expected-error @below {{expected the inverse to have shape 8x2, got 8x3}}
  moe.plan %ids experts(4) outs(%o, %r, %i) : (memref<8x2xi32>, memref<5xi32>, memref<16xi32>, memref<8x3xi32>) -> ()
  return
}

// -----

//===----------------------------------------------------------------------===//
// What all destination-passing ops demand
//===----------------------------------------------------------------------===//

func.func @destination_mixed(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: memref<?x16xf32>) {
  // expected-error @below {{expected all operands to be tensors, or all to be memrefs}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, memref<?x16xf32>) -> ()
  return
}

// -----

func.func @destination_no_result(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected 1 results, got 0}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> ()
  return
}

// -----

func.func @destination_result_type(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected the result to have the type of its destination, 'tensor<?x16xf32>', got 'tensor<8x16xf32>'}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<8x16xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.dispatch
//===----------------------------------------------------------------------===//

func.func @dispatch_c1_type(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x16xbf16>) {
  // expected-error @below {{expected the destination to have element type 'f32', got 'bf16'}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xbf16>) -> tensor<?x16xbf16>
  return
}

// -----

func.func @dispatch_c1_shape(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the destination to have shape ?x16, got ?x8}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @dispatch_c2(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected top_k >= 1, got 0}}
  moe.dispatch %x, %r, %o top_k(0) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

func.func @dispatch_c3(%x: tensor<8x16xf32>, %r: tensor<17xi32>, %o: tensor<5xi32>, %d: tensor<17x16xf32>) {
  // expected-error @below {{expected at most 16 rows for the tokens of x, got 17}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<8x16xf32>, tensor<17xi32>, tensor<5xi32>, tensor<17x16xf32>) -> tensor<17x16xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.expert_broadcast
//===----------------------------------------------------------------------===//

func.func @expert_broadcast_c1_static(%p: tensor<4x?xf32>, %o: tensor<5xi32>, %d: tensor<?x?xf32>) {
  // expected-error @below {{expected the parameter to have a static shape with a leading dimension of experts, got 'tensor<4x?xf32>'}}
  moe.expert_broadcast %p, %o outs(%d) : (tensor<4x?xf32>, tensor<5xi32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @expert_broadcast_c1_scalar(%p: tensor<f32>, %o: tensor<5xi32>, %d: tensor<?xf32>) {
  // expected-error @below {{expected the parameter to have a static shape with a leading dimension of experts, got 'tensor<f32>'}}
  moe.expert_broadcast %p, %o outs(%d) : (tensor<f32>, tensor<5xi32>, tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @expert_broadcast_c1_offsets(%p: tensor<4x8xf32>, %o: tensor<4xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the offsets to have shape 5, got 4}}
  moe.expert_broadcast %p, %o outs(%d) : (tensor<4x8xf32>, tensor<4xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @expert_broadcast_c2_type(%p: tensor<4x8xf32>, %o: tensor<5xi32>, %d: tensor<?x8xbf16>) {
  // expected-error @below {{expected the destination to have element type 'f32', got 'bf16'}}
  moe.expert_broadcast %p, %o outs(%d) : (tensor<4x8xf32>, tensor<5xi32>, tensor<?x8xbf16>) -> tensor<?x8xbf16>
  return
}

// -----

func.func @expert_broadcast_c2_shape(%p: tensor<4x8xf32>, %o: tensor<5xi32>, %d: tensor<?x9xf32>) {
  // expected-error @below {{expected the destination to have shape ?x8, got ?x9}}
  moe.expert_broadcast %p, %o outs(%d) : (tensor<4x8xf32>, tensor<5xi32>, tensor<?x9xf32>) -> tensor<?x9xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.combine
//===----------------------------------------------------------------------===//

func.func @combine_c1_slots(%y: tensor<?x16xf32>, %i: tensor<?x?xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected a static number of slots}}
  moe.combine %y inverse(%i) source = plan outs(%d) : (tensor<?x16xf32>, tensor<?x?xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

func.func @combine_c1_weights(%y: tensor<?x16xf32>, %w: tensor<?x3xf32>, %i: tensor<?x2xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected the weights to have shape ?x2, got ?x3}}
  moe.combine %y weights(%w) inverse(%i) source = plan outs(%d) : (tensor<?x16xf32>, tensor<?x3xf32>, tensor<?x2xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

func.func @combine_c2_columns(%y: tensor<?x8xf32>, %i: tensor<?x2xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected y to have shape ?x16, got ?x8}}
  moe.combine %y inverse(%i) source = plan outs(%d) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

func.func @combine_c2_slots(%y: tensor<15x16xf32>, %i: tensor<8x2xi32>, %d: tensor<8x16xf32>) {
  // expected-error @below {{expected y to have shape 16x16, got 15x16}}
  moe.combine %y inverse(%i) source = slot outs(%d) : (tensor<15x16xf32>, tensor<8x2xi32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return
}

// -----

func.func @combine_c3(%y: tensor<?x16xf32>, %i: tensor<8x2xi32>, %d: tensor<7x16xf32>) {
  // expected-error @below {{expected the destination to have shape 8x16, got 7x16}}
  moe.combine %y inverse(%i) source = plan outs(%d) : (tensor<?x16xf32>, tensor<8x2xi32>, tensor<7x16xf32>) -> tensor<7x16xf32>
  return
}

// -----

func.func @combine_c4(%y: tensor<?x16xf32>, %i: tensor<?x2xi32>, %d: tensor<?x16xf32>) {
  // expected-error @below {{expected source = plan or slot, got token}}
  moe.combine %y inverse(%i) source = token outs(%d) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.grouped_matmul
//===----------------------------------------------------------------------===//

func.func @grouped_matmul_c1_none(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected at least one weight}}
  moe.grouped_matmul %x weights() offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c1_static(%x: tensor<?x16xf32>, %w0: tensor<4x?x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the weights to have a static shape without a dimension of size 0, got 'tensor<4x?x16xf32>'}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x?x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c1_empty(%x: tensor<?x16xf32>, %w0: tensor<0x8x16xf32>, %o: tensor<1xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the weights to have a static shape without a dimension of size 0, got 'tensor<0x8x16xf32>'}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<0x8x16xf32>, tensor<1xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c1_same(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %w1: tensor<4x8x16xbf16>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected all weights to have the type 'tensor<4x8x16xf32>', got 'tensor<4x8x16xbf16>'}}
  moe.grouped_matmul %x weights(%w0, %w1) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<4x8x16xbf16>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c2(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<4xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the offsets to have shape 5, got 4}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<4xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c3(%x: tensor<?x15xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected x to have shape ?x16, got ?x15}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x15xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c4_source(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected rows, since source, place or an epilogue map speaks of tokens or slots}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = token place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c4_place(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected rows, since source, place or an epilogue map speaks of tokens or slots}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = slot outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c4_map(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<?xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected rows, since source, place or an epilogue map speaks of tokens or slots}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (t)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c4_top_k(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected rows and top_k together}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c4_top_k_positive(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected top_k >= 1, got 0}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) source = plan place = plan top_k(0) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c5_absent(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected inverse exactly where place = token}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) source = plan place = token top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c5_present(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %i: tensor<?x2xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected inverse exactly where place = token}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) inverse(%i) source = plan place = plan top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c5_shape(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %i: tensor<?x3xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the inverse to have shape ?x2, got ?x3}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) inverse(%i) source = plan place = token top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x3xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_number(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<4x8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected 1 epilogue maps, got 0}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_dimensions(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<4x8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected a map (e, r, t, s, n) to the 2 dimensions of epilogue input 0, got affine_map<(d0, d1) -> (d0, d1)>}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, n) -> (e, n)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_results(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<4x8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected a map (e, r, t, s, n) to the 2 dimensions of epilogue input 0, got}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_symbols(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected a map (e, r, t, s, n) to the 1 dimensions of epilogue input 0, got}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n)[a] -> (a)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_expression(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the map of epilogue input 0 to use dimensions and the constant 0 only, got}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (n + 1)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_constant(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the map of epilogue input 0 to use dimensions and the constant 0 only, got}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (1)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_experts(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<3x8xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected dimension 0 of epilogue input 0 to have size 4, got 3}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<3x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_columns(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<4x7xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected dimension 1 of epilogue input 0 to have size 8, got 7}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x7xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c6_slots(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %in0: tensor<?x3xf32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected dimension 1 of epilogue input 0 to have size 2, got 3}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) epilogue_ins(%in0) source = plan place = plan top_k(2) outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (t, s)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x3xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c7_arguments(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %in0: tensor<8xbf16>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the region to take ('f32', 'bf16'), got ('f32', 'f32')}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) epilogue_ins(%in0) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (n)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<8xbf16>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c7_yield(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xbf16>) {
  // expected-error @below {{expected the region to yield one 'bf16'}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xbf16>) -> tensor<?x8xbf16> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c7_yield_token(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %i: tensor<?x2xi32>, %d: tensor<?x8xbf16>) {
  // expected-error @below {{expected the region to yield one 'f32'}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) inverse(%i) source = plan place = token top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>, tensor<?x8xbf16>) -> tensor<?x8xbf16> {
  ^bb0(%a0: f32):
    %q = arith.truncf %a0 : f32 to bf16
    moe.yield %q : bf16
  }
  return
}

// -----

func.func @grouped_matmul_c8(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x9xf32>) {
  // expected-error @below {{expected the destination to have shape ?x8, got ?x9}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x9xf32>) -> tensor<?x9xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c9_source(%x: tensor<7x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<6xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected x to have at most 6 rows, got 7}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) source = plan place = plan top_k(2) outs(%d)
      : (tensor<7x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<6xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c9_plan(%x: tensor<6x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<7x8xf32>) {
  // expected-error @below {{expected the destination to have at most 6 rows, got 7}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<6x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<7x8xf32>) -> tensor<7x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c9_token(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<6xi32>, %i: tensor<4x2xi32>, %d: tensor<4x8xf32>) {
  // expected-error @below {{expected the destination to have 6 slots, got 8}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) inverse(%i) source = plan place = token top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<6xi32>, tensor<4x2xi32>, tensor<4x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @grouped_matmul_c9_slot(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<6xi32>, %d: tensor<8x8xf32>) {
  // expected-error @below {{expected the destination to have 6 slots, got 8}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) rows(%r) source = plan place = slot top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<6xi32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

// A value from outside that is not a constant: it would be an epilogue input.
func.func @grouped_matmul_c10_capture(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>, %s: f32) {
  // expected-error @below {{expected the region to compute numbers from numbers and constants, without side effects or regions}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    // expected-note @below {{'arith.mulf' does not}}
    %m = arith.mulf %a0, %s : f32
    moe.yield %m : f32
  }
  return
}

// -----

// Also where it is yielded.
func.func @grouped_matmul_c10_capture_yield(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>, %s: f32) {
  // expected-error @below {{expected the region to compute numbers from numbers and constants, without side effects or regions}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    // expected-note @below {{'moe.yield' does not}}
    moe.yield %s : f32
  }
  return
}

// -----

// A tensor, though a constant one.
func.func @grouped_matmul_c10_tensor(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the region to compute numbers from numbers and constants, without side effects or regions}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    // expected-note @below {{'arith.constant' does not}}
    %c = arith.constant dense<1.0> : tensor<8xf32>
    moe.yield %a0 : f32
  }
  return
}

// -----

// A side effect.
func.func @grouped_matmul_c10_side_effect(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the region to compute numbers from numbers and constants, without side effects or regions}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    // expected-note @below {{'vector.print' does not}}
    vector.print %a0 : f32
    moe.yield %a0 : f32
  }
  return
}

// -----

// A region.
func.func @grouped_matmul_c10_region(%x: tensor<?x16xf32>, %w0: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) {
  // expected-error @below {{expected the region to compute numbers from numbers and constants, without side effects or regions}}
  moe.grouped_matmul %x weights(%w0) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a0: f32):
    %c = arith.cmpf olt, %a0, %a0 : f32
    // expected-note @below {{'scf.if' does not}}
    %m = scf.if %c -> f32 {
      scf.yield %a0 : f32
    } else {
      scf.yield %a0 : f32
    }
    moe.yield %m : f32
  }
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.gate
//===----------------------------------------------------------------------===//

func.func @gate_c1(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %ii: tensor<?x8xi32>, %wi: tensor<?x8xf32>) {
  // expected-error @below {{expected a static number of experts of at least top_k = 8, got 4}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 8> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x8xi32>, tensor<?x8xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c2(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %kb: tensor<3xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the key bias to have shape 4, got 3}}
  moe.gate %x weight(%w) bias(%kb) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<3xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c3(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %m: tensor<?x3xi1>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the mask to have shape ?x4, got ?x3}}
  moe.gate %x weight(%w) mask(%m) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x3xi1>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c4(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %g: tensor<?x3xi32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the given ids to have shape ?x2, got ?x3}}
  moe.gate %x weight(%w) ids(%g) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x3xi32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c5(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the number of groups to divide the 4 experts, got 3}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 2, groups = <count = 3, keep = 2>> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c6_static(%x: tensor<?x16xf32>, %w: tensor<4x?xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the weight to have a static shape}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x?xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c6_columns(%x: tensor<?x15xf32>, %w: tensor<4x16xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected x to have shape ?x16, got ?x15}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x15xf32>, tensor<4x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c7(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %lb: tensor<3xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the logit bias to have shape 4, got 3}}
  moe.gate %x weight(%w) logit_bias(%lb) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<3xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32, %a1: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c8_arguments(%x: tensor<?x4xbf16>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the region to take ('bf16'), got ('f32')}}
  moe.gate %x router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x4xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

func.func @gate_c8_yield(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected the region to yield one float}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    %c = arith.fptosi %a0 : f32 to i32
    moe.yield %c : i32
  }
  return
}

// -----

func.func @gate_c9(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %ii: tensor<?x3xi32>, %wi: tensor<?x2xf32>) {
  // expected-error @below {{expected each destination to have shape ?x2, got ?x3}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x3xi32>, tensor<?x2xf32>) -> (tensor<?x3xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    moe.yield %a0 : f32
  }
  return
}

// -----

// A value from outside that is not a constant.
func.func @gate_c10(%x: tensor<?x16xf32>, %w: tensor<4x16xf32>, %ii: tensor<?x2xi32>, %wi: tensor<?x2xf32>, %s: f32) {
  // expected-error @below {{expected the region to compute numbers from numbers and constants, without side effects or regions}}
  moe.gate %x weight(%w) router<score = softmax, top_k = 2> outs(%ii, %wi)
      : (tensor<?x16xf32>, tensor<4x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%a0: f32):
    // expected-note @below {{'arith.addf' does not}}
    %c = arith.addf %a0, %s : f32
    moe.yield %c : f32
  }
  return
}

// -----

//===----------------------------------------------------------------------===//
// moe.yield
//===----------------------------------------------------------------------===//

func.func @yield_parent() {
  // expected-error @below {{expects parent op to be one of 'moe.experts, moe.grouped_matmul, moe.gate'}}
  moe.yield
}
