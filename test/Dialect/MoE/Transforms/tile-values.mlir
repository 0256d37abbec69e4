// Tiles of rows, columns and tokens compute what the whole op computes: each
// function gives the difference from the op as it was, all zeros.

// RUN: moe-opt %s -transform-interpreter --test-moe-interpret -o /dev/null | FileCheck %s

// Seven rows of three experts, the second of which has none, in tiles of four.
// CHECK-LABEL: @dispatch
// CHECK-NEXT: {{\[}}[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
func.func @dispatch() -> tensor<7x3xf32> {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]]> : tensor<4x3xf32>
  %ids = arith.constant dense<[[2, 0], [0, 2], [2, 0], [-1, 2]]> : tensor<4x2xi32>
  %o, %r, %inv = moe.plan %ids experts(3) : (tensor<4x2xi32>) -> (tensor<4xi32>, tensor<8xi32>, tensor<4x2xi32>)
  %e = tensor.empty() : tensor<8x3xf32>
  %a = moe.dispatch %x, %r, %o top_k(2) outs(%e) : (tensor<4x3xf32>, tensor<8xi32>, tensor<4xi32>, tensor<8x3xf32>) -> tensor<8x3xf32>
  %b = moe.dispatch %x, %r, %o top_k(2) outs(%e) {tile} : (tensor<4x3xf32>, tensor<8xi32>, tensor<4xi32>, tensor<8x3xf32>) -> tensor<8x3xf32>
  %s = arith.subf %a, %b : tensor<8x3xf32>
  %routed = tensor.extract_slice %s[0, 0] [7, 3] [1, 1] : tensor<8x3xf32> to tensor<7x3xf32>
  return %routed : tensor<7x3xf32>
}

// CHECK-LABEL: @product
// CHECK-NEXT: {{\[}}[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
func.func @product() -> tensor<7x3xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [4.0, 5.0], [7.0, 8.0], [10.0, 11.0]]> : tensor<4x2xf32>
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[9.0, 9.0], [9.0, 9.0], [9.0, 9.0]], [[-1.0, 2.0], [-3.0, 4.0], [5.0, -6.0]]]> : tensor<3x3x2xf32>
  %bias = arith.constant dense<[[1.0, 2.0, 3.0], [8.0, 8.0, 8.0], [4.0, 5.0, 6.0]]> : tensor<3x3xf32>
  %ts = arith.constant dense<[[0.5, 2.0], [4.0, 8.0], [16.0, 0.25], [1.0, 3.0]]> : tensor<4x2xf32>
  %ids = arith.constant dense<[[2, 0], [0, 2], [2, 0], [-1, 2]]> : tensor<4x2xi32>
  %o, %r, %inv = moe.plan %ids experts(3) : (tensor<4x2xi32>) -> (tensor<4xi32>, tensor<8xi32>, tensor<4x2xi32>)
  %e = tensor.empty() : tensor<8x3xf32>
  %a = moe.grouped_matmul %x weights(%w) offsets(%o) rows(%r) epilogue_ins(%bias, %ts) source = token place = plan top_k(2) outs(%e)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>, affine_map<(e, r, t, s, n) -> (t, s)>]}
      : (tensor<4x2xf32>, tensor<3x3x2xf32>, tensor<4xi32>, tensor<8xi32>, tensor<3x3xf32>, tensor<4x2xf32>, tensor<8x3xf32>) -> tensor<8x3xf32> {
  ^bb0(%acc: f32, %b: f32, %s: f32):
    %0 = arith.addf %acc, %b : f32
    %1 = arith.mulf %0, %s : f32
    moe.yield %1 : f32
  }
  %t = moe.grouped_matmul %x weights(%w) offsets(%o) rows(%r) epilogue_ins(%bias, %ts) source = token place = plan top_k(2) outs(%e)
      attributes {tile, epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>, affine_map<(e, r, t, s, n) -> (t, s)>]}
      : (tensor<4x2xf32>, tensor<3x3x2xf32>, tensor<4xi32>, tensor<8xi32>, tensor<3x3xf32>, tensor<4x2xf32>, tensor<8x3xf32>) -> tensor<8x3xf32> {
  ^bb0(%acc: f32, %b: f32, %s: f32):
    %0 = arith.addf %acc, %b : f32
    %1 = arith.mulf %0, %s : f32
    moe.yield %1 : f32
  }
  %s = arith.subf %a, %t : tensor<8x3xf32>
  %routed = tensor.extract_slice %s[0, 0] [7, 3] [1, 1] : tensor<8x3xf32> to tensor<7x3xf32>
  return %routed : tensor<7x3xf32>
}

// Rows too, of experts with three, none and four, in tiles of two.
// CHECK-LABEL: @rows
// CHECK-NEXT: {{\[}}[0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]]
func.func @rows() -> tensor<7x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [4.0, 5.0], [7.0, 8.0], [10.0, 11.0], [-1.0, 3.0], [0.5, 0.0], [2.0, -2.0]]> : tensor<7x2xf32>
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[9.0, 9.0], [9.0, 9.0]], [[-1.0, 2.0], [-3.0, 4.0]]]> : tensor<3x2x2xf32>
  %scale = arith.constant dense<[1.0, 2.0, 4.0, 8.0, 0.5, 0.25, 3.0]> : tensor<7xf32>
  %o = arith.constant dense<[0, 3, 3, 7]> : tensor<4xi32>
  %e = tensor.empty() : tensor<7x2xf32>
  %a = moe.grouped_matmul %x weights(%w) offsets(%o) epilogue_ins(%scale) source = plan place = plan outs(%e)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (r)>]}
      : (tensor<7x2xf32>, tensor<3x2x2xf32>, tensor<4xi32>, tensor<7xf32>, tensor<7x2xf32>) -> tensor<7x2xf32> {
  ^bb0(%acc: f32, %s: f32):
    %0 = arith.mulf %acc, %s : f32
    moe.yield %0 : f32
  }
  %b = moe.grouped_matmul %x weights(%w) offsets(%o) epilogue_ins(%scale) source = plan place = plan outs(%e)
      attributes {rows, epilogue_maps = [affine_map<(e, r, t, s, n) -> (r)>]}
      : (tensor<7x2xf32>, tensor<3x2x2xf32>, tensor<4xi32>, tensor<7xf32>, tensor<7x2xf32>) -> tensor<7x2xf32> {
  ^bb0(%acc: f32, %s: f32):
    %0 = arith.mulf %acc, %s : f32
    moe.yield %0 : f32
  }
  %s = arith.subf %a, %b : tensor<7x2xf32>
  return %s : tensor<7x2xf32>
}

// CHECK-LABEL: @combine
// CHECK-NEXT: {{\[}}[0, 0, 0], [0, 0, 0], [0, 0, 0]]
func.func @combine() -> tensor<3x3xf32> {
  %y = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [1.5, 2.5, 3.5], [0.0, 1.0, 0.0], [2.0, 2.0, 2.0]]> : tensor<6x3xf32>
  %w = arith.constant dense<[[0.5, 2.0], [4.0, 8.0], [16.0, 0.25]]> : tensor<3x2xf32>
  %inv = arith.constant dense<[[0, 3], [-1, 1], [2, 4]]> : tensor<3x2xi32>
  %d = arith.constant dense<10.0> : tensor<3x3xf32>
  %a = moe.combine %y weights(%w) inverse(%inv) source = plan outs(%d) : (tensor<6x3xf32>, tensor<3x2xf32>, tensor<3x2xi32>, tensor<3x3xf32>) -> tensor<3x3xf32>
  %b = moe.combine %y weights(%w) inverse(%inv) source = plan outs(%d) {tile} : (tensor<6x3xf32>, tensor<3x2xf32>, tensor<3x2xi32>, tensor<3x3xf32>) -> tensor<3x3xf32>
  %s = arith.subf %a, %b : tensor<3x3xf32>
  return %s : tensor<3x3xf32>
}

// CHECK-LABEL: @gate
// CHECK-NEXT: {{\[}}[0, 0], [0, 0], [0, 0]]
// CHECK-NEXT: {{\[}}[0, 0], [0, 0], [0, 0]]
func.func @gate() -> (tensor<3x2xi32>, tensor<3x2xf32>) {
  %x = arith.constant dense<[[1.0, 2.0], [4.0, -5.0], [-7.0, 8.0]]> : tensor<3x2xf32>
  %r = arith.constant dense<[[0.5, 0.25], [-1.0, 1.0], [0.125, -0.5], [0.0, 1.0]]> : tensor<4x2xf32>
  %mask = arith.constant dense<[[true, true, true, true], [true, false, true, true], [false, true, true, true]]> : tensor<3x4xi1>
  %ie = tensor.empty() : tensor<3x2xi32>
  %we = tensor.empty() : tensor<3x2xf32>
  %ia, %wa = moe.gate %x weight(%r) mask(%mask) router<score = none, top_k = 2, key = logit> outs(%ie, %we) : (tensor<3x2xf32>, tensor<4x2xf32>, tensor<3x4xi1>, tensor<3x2xi32>, tensor<3x2xf32>) -> (tensor<3x2xi32>, tensor<3x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %ib, %wb = moe.gate %x weight(%r) mask(%mask) router<score = none, top_k = 2, key = logit> outs(%ie, %we) attributes {tile} : (tensor<3x2xf32>, tensor<4x2xf32>, tensor<3x4xi1>, tensor<3x2xi32>, tensor<3x2xf32>) -> (tensor<3x2xi32>, tensor<3x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %i = arith.subi %ia, %ib : tensor<3x2xi32>
  %w = arith.subf %wa, %wb : tensor<3x2xf32>
  return %i, %w : tensor<3x2xi32>, tensor<3x2xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %d = transform.structured.match ops{["moe.dispatch"]} attributes{tile} in %m : (!transform.any_op) -> !transform.any_op
    %dt, %dl:2 = transform.structured.tile_using_for %d tile_sizes [4, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %p = transform.structured.match ops{["moe.grouped_matmul"]} attributes{tile} in %m : (!transform.any_op) -> !transform.any_op
    %pt, %pl = transform.structured.tile_using_for %p tile_sizes [0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %r = transform.structured.match ops{["moe.grouped_matmul"]} attributes{rows} in %m : (!transform.any_op) -> !transform.any_op
    %rt, %rl:2 = transform.structured.tile_using_for %r tile_sizes [2, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %c = transform.structured.match ops{["moe.combine"]} attributes{tile} in %m : (!transform.any_op) -> !transform.any_op
    %ct, %cl = transform.structured.tile_using_for %c tile_sizes [0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %g = transform.structured.match ops{["moe.gate"]} attributes{tile} in %m : (!transform.any_op) -> !transform.any_op
    %gt, %gl = transform.structured.tile_using_for %g tile_sizes [2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
