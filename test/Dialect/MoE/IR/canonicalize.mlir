// RUN: moe-opt %s -canonicalize -split-input-file | FileCheck %s

// Groups that are all kept restrict nothing.
// CHECK-LABEL: @vacuous_groups
func.func @vacuous_groups(%l: tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  // CHECK: moe.route %{{.*}} router<score = softmax, top_k = 2>
  %i, %w = moe.route %l router<score = softmax, top_k = 2, groups = <count = 4, keep = 4>> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
}

// -----

// CHECK-LABEL: @kept_groups
func.func @kept_groups(%l: tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  // CHECK: groups = <count = 4, keep = 3>
  %i, %w = moe.route %l router<score = softmax, top_k = 2, groups = <count = 4, keep = 3>> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
}

// -----

// CHECK-LABEL: @full_mask
func.func @full_mask(%l: tensor<8x8xf32>) -> (tensor<8x2xi32>, tensor<8x2xf32>) {
  %m = arith.constant dense<true> : tensor<8x8xi1>
  // CHECK: moe.route %{{[^ ]*}} router<
  %i, %w = moe.route %l mask(%m) router<score = softmax, top_k = 2> : (tensor<8x8xf32>, tensor<8x8xi1>) -> (tensor<8x2xi32>, tensor<8x2xf32>)
  return %i, %w : tensor<8x2xi32>, tensor<8x2xf32>
}

// -----

// CHECK-LABEL: @empty_mask
func.func @empty_mask(%l: tensor<8x8xf32>) -> (tensor<8x2xi32>, tensor<8x2xf32>) {
  %m = arith.constant dense<false> : tensor<8x8xi1>
  // CHECK: moe.route %{{.*}} mask(
  %i, %w = moe.route %l mask(%m) router<score = softmax, top_k = 2> : (tensor<8x8xf32>, tensor<8x8xi1>) -> (tensor<8x2xi32>, tensor<8x2xf32>)
  return %i, %w : tensor<8x2xi32>, tensor<8x2xf32>
}

// -----

// With ids given nothing is ranked; the expert scale still enters the weights.
// CHECK-LABEL: @given_ids
func.func @given_ids(%l: tensor<?x8xf32>, %b: tensor<8xf32>, %m: tensor<?x8xi1>, %s: tensor<8xf32>, %g: tensor<?x2xi32>) -> tensor<?x2xf32> {
  // CHECK: moe.route %{{[^ ]*}} expert_scale(%{{.*}}) ids(%{{.*}}) router<
  %i, %w = moe.route %l bias(%b) mask(%m) expert_scale(%s) ids(%g) router<score = softmax, top_k = 2>
    : (tensor<?x8xf32>, tensor<8xf32>, tensor<?x8xi1>, tensor<8xf32>, tensor<?x2xi32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %w : tensor<?x2xf32>
}

// -----

// The gate's router is the same rule.
// CHECK-LABEL: @gate
func.func @gate(%x: tensor<?x16xf32>, %r: tensor<8x16xf32>, %b: tensor<8xf32>, %g: tensor<?x2xi32>, %i0: tensor<?x2xi32>, %w0: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: moe.gate %{{[^ ]*}} weight(%{{[^ ]*}}) ids(%{{.*}}) router<score = softmax, top_k = 2> outs
  %i, %w = moe.gate %x weight(%r) bias(%b) ids(%g) router<score = softmax, top_k = 2, groups = <count = 4, keep = 4>> outs(%i0, %w0)
    : (tensor<?x16xf32>, tensor<8x16xf32>, tensor<8xf32>, tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %w : tensor<?x2xf32>
}

// -----

// A parameter that is used once, one that is passed twice, one that is not used.
// CHECK-LABEL: @experts_params
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[I:.*]]: tensor<?x2xi32>, %[[W:.*]]: tensor<?x2xf32>, %[[P:.*]]: tensor<4x8xf32>, %{{.*}}: tensor<4x3xf32>)
func.func @experts_params(%x: tensor<?x8xf32>, %i: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x8xf32>, %unused: tensor<4x3xf32>) -> tensor<?x8xf32> {
  // CHECK: moe.experts %[[X]], %[[I]], %[[W]] params(%[[P]])
  // CHECK: ^bb0(%[[ROWS:.*]]: tensor<?x8xf32>, %[[S:.*]]: tensor<8xf32>):
  // CHECK: linalg.generic {{.*}} ins(%[[S]], %[[S]] :
  %y = moe.experts %x, %i, %w params(%p, %unused, %p) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8xf32>, tensor<4x3xf32>, tensor<4x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x8xf32>, %a: tensor<8xf32>, %b: tensor<3xf32>, %c: tensor<8xf32>):
    %o = linalg.generic {indexing_maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
        ins(%a, %c : tensor<8xf32>, tensor<8xf32>) outs(%rows : tensor<?x8xf32>) {
    ^bb0(%ai: f32, %ci: f32, %ri: f32):
      %s = arith.addf %ai, %ri : f32
      %t = arith.mulf %s, %ci : f32
      linalg.yield %t : f32
    } -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// One parameter stays: it says how many experts there are.
// CHECK-LABEL: @experts_last_param
func.func @experts_last_param(%x: tensor<?x8xf32>, %i: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x8xf32>, %q: tensor<4x3xf32>) -> tensor<?x8xf32> {
  // CHECK: moe.experts {{.*}} params(%{{[^,]*}}) :
  %y = moe.experts %x, %i, %w params(%p, %q) : (tensor<?x8xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8xf32>, tensor<4x3xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x8xf32>, %a: tensor<8xf32>, %b: tensor<3xf32>):
    moe.yield %rows : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// A weight passed twice is one product; of epilogue inputs, equal ones with
// equal maps are one, and unused ones none.
// CHECK-LABEL: @grouped_matmul
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[W:.*]]: tensor<4x8x16xf32>, %[[O:.*]]: tensor<5xi32>, %[[B:.*]]: tensor<4x8xf32>,
func.func @grouped_matmul(%x: tensor<?x16xf32>, %w: tensor<4x8x16xf32>, %o: tensor<5xi32>, %b: tensor<4x8xf32>, %unused: tensor<8xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: moe.grouped_matmul %[[X]] weights(%[[W]]) offsets(%[[O]]) epilogue_ins(%[[B]])
  // CHECK: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32):
  // CHECK: arith.mulf %[[ACC]], %[[ACC]]
  // CHECK: arith.addf %{{.*}}, %[[BIAS]]
  // CHECK: arith.addf %{{.*}}, %[[BIAS]]
  %y = moe.grouped_matmul %x weights(%w, %w) offsets(%o) epilogue_ins(%b, %unused, %b) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>, affine_map<(e, r, t, s, n) -> (n)>, affine_map<(e, r, t, s, n) -> (e, n)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: f32, %c: f32, %b0: f32, %u: f32, %b1: f32):
    %m = arith.mulf %a, %c : f32
    %s = arith.addf %m, %b0 : f32
    %t = arith.addf %s, %b1 : f32
    moe.yield %t : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

// One weight stays, even if the region does not use it: it gives the shape.
// CHECK-LABEL: @grouped_matmul_last_weight
func.func @grouped_matmul_last_weight(%x: tensor<?x16xf32>, %w: tensor<4x8x16xf32>, %o: tensor<5xi32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: moe.grouped_matmul %{{.*}} weights(%{{.*}})
  %c = arith.constant 1.0 : f32
  %y = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: f32):
    moe.yield %c : f32
  }
  return %y : tensor<?x8xf32>
}

// -----

// Equal inputs that are read at different places stay apart.
// CHECK-LABEL: @different_maps
func.func @different_maps(%x: tensor<?x8xf32>, %w: tensor<8x8x8xf32>, %o: tensor<9xi32>, %b: tensor<8x8xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: epilogue_ins(%[[B:.*]], %[[B]])
  %y = moe.grouped_matmul %x weights(%w) offsets(%o) epilogue_ins(%b, %b) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>, affine_map<(e, r, t, s, n) -> (n, e)>]}
      : (tensor<?x8xf32>, tensor<8x8x8xf32>, tensor<9xi32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: f32, %b0: f32, %b1: f32):
    %s = arith.addf %a, %b0 : f32
    %t = arith.addf %s, %b1 : f32
    moe.yield %t : f32
  }
  return %y : tensor<?x8xf32>
}
