// RUN: moe-opt %s --test-moe-interpret -o /dev/null | FileCheck %s
// RUN: moe-opt %s --test-moe-interpret=typed -o /dev/null | FileCheck %s

// The ops on routed rows, on values that both precisions agree on. Throughout,
// the ids [[2, 0], [0, -1], [2, 2]] give expert 0 the slots 1 and 2 (of 6),
// expert 2 the slots 0, 4 and 5, and the others none.

// CHECK-LABEL: @plan
// CHECK-NEXT: [0, 2, 2, 5, 5]
// CHECK-NEXT: [1, 2, 0, 4, 5, -1]
// CHECK-NEXT: {{\[}}[2, 0], [1, -1], [3, 4]]
func.func @plan() -> (tensor<5xi32>, tensor<6xi32>, tensor<3x2xi32>) {
  %ids = arith.constant dense<[[2, 0], [0, -1], [2, 2]]> : tensor<3x2xi32>
  %offsets, %rows, %inverse = moe.plan %ids experts(4) : (tensor<3x2xi32>) -> (tensor<5xi32>, tensor<6xi32>, tensor<3x2xi32>)
  return %offsets, %rows, %inverse : tensor<5xi32>, tensor<6xi32>, tensor<3x2xi32>
}

// An id that is no expert's is an absent slot; no token makes an empty plan.
// CHECK-LABEL: @plan_edges
// CHECK-NEXT: [0, 0, 1]
// CHECK-NEXT: [1, -1]
// CHECK-NEXT: [0, 0, 0]
// CHECK-NEXT: []
func.func @plan_edges() -> (tensor<3xi32>, tensor<2xi32>, tensor<3xi32>, tensor<?xi32>) {
  %ids = arith.constant dense<[[2, 1]]> : tensor<1x2xi32>
  %offsets, %rows, %inverse = moe.plan %ids experts(2) : (tensor<1x2xi32>) -> (tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32>)
  %c0 = arith.constant 0 : index
  %none = tensor.empty(%c0) : tensor<?x2xi32>
  %offsets1, %rows1, %inverse1 = moe.plan %none experts(2) : (tensor<?x2xi32>) -> (tensor<3xi32>, tensor<?xi32>, tensor<?x2xi32>)
  return %offsets, %rows, %offsets1, %rows1 : tensor<3xi32>, tensor<2xi32>, tensor<3xi32>, tensor<?xi32>
}

// Rows that nobody may read are NaN.
// CHECK-LABEL: @dispatch
// CHECK-NEXT: {{\[}}[1, 2], [3, 4], [1, 2], [5, 6], [5, 6], [nan, nan]]
// CHECK-NEXT: [1, 3, 1, 5, 5, nan]
func.func @dispatch() -> (tensor<6x2xf32>, tensor<6xf32>) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %x1 = arith.constant dense<[1.0, 3.0, 5.0]> : tensor<3xf32>
  %offsets = arith.constant dense<[0, 2, 2, 5, 5]> : tensor<5xi32>
  %rows = arith.constant dense<[1, 2, 0, 4, 5, -1]> : tensor<6xi32>
  %init = arith.constant dense<7.0> : tensor<6x2xf32>
  %init1 = arith.constant dense<7.0> : tensor<6xf32>
  %y = moe.dispatch %x, %rows, %offsets top_k(2) outs(%init) : (tensor<3x2xf32>, tensor<6xi32>, tensor<5xi32>, tensor<6x2xf32>) -> tensor<6x2xf32>
  %y1 = moe.dispatch %x1, %rows, %offsets top_k(2) outs(%init1) : (tensor<3xf32>, tensor<6xi32>, tensor<5xi32>, tensor<6xf32>) -> tensor<6xf32>
  return %y, %y1 : tensor<6x2xf32>, tensor<6xf32>
}

// CHECK-LABEL: @expert_broadcast
// CHECK-NEXT: {{\[}}[0, 1], [0, 1], [4, 5], [4, 5], [4, 5], [nan, nan]]
func.func @expert_broadcast() -> tensor<?x2xf32> {
  %p = arith.constant dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]> : tensor<4x2xf32>
  %offsets = arith.constant dense<[0, 2, 2, 5, 5]> : tensor<5xi32>
  %c6 = arith.constant 6 : index
  %init = tensor.empty(%c6) : tensor<?x2xf32>
  %y = moe.expert_broadcast %p, %offsets outs(%init) : (tensor<4x2xf32>, tensor<5xi32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// 3*.5 + 1*.25 + 10; 2*2 + 20; the NaN behind the absent slot is not read, nor
// is the weight of it.
// CHECK-LABEL: @combine
// CHECK-NEXT: {{\[}}[11.75], [24], [39]]
// CHECK-NEXT: {{\[}}[14], [22], [39]]
func.func @combine() -> (tensor<3x1xf32>, tensor<3x1xf32>) {
  %y = arith.constant dense<[[1.0], [2.0], [3.0], [4.0], [5.0], [0x7FC00000]]> : tensor<6x1xf32>
  %w = arith.constant dense<[[0.5, 0.25], [2.0, 0x7FC00000], [1.0, 1.0]]> : tensor<3x2xf32>
  %inverse = arith.constant dense<[[2, 0], [1, -1], [3, 4]]> : tensor<3x2xi32>
  %init = arith.constant dense<[[10.0], [20.0], [30.0]]> : tensor<3x1xf32>
  %a = moe.combine %y weights(%w) inverse(%inverse) source = plan outs(%init) : (tensor<6x1xf32>, tensor<3x2xf32>, tensor<3x2xi32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %b = moe.combine %y inverse(%inverse) source = plan outs(%init) : (tensor<6x1xf32>, tensor<3x2xi32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  return %a, %b : tensor<3x1xf32>, tensor<3x1xf32>
}

// Absent slots may have no rows behind them.
// CHECK-LABEL: @combine_fewer_rows
// CHECK-NEXT: {{\[}}[13], [20], [31]]
func.func @combine_fewer_rows() -> tensor<3x1xf32> {
  %y = arith.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %inverse = arith.constant dense<[[1, 0], [-1, -1], [-1, 0]]> : tensor<3x2xi32>
  %init = arith.constant dense<[[10.0], [20.0], [30.0]]> : tensor<3x1xf32>
  %a = moe.combine %y inverse(%inverse) source = plan outs(%init) : (tensor<2x1xf32>, tensor<3x2xi32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  return %a : tensor<3x1xf32>
}

// By slot, row t*K + s: 1*.5 + 2*.25 + 10; 3*2 + 20; 5 + 6 + 30.
// CHECK-LABEL: @combine_slots
// CHECK-NEXT: {{\[}}[11], [26], [41]]
func.func @combine_slots() -> tensor<3x1xf32> {
  %y = arith.constant dense<[[1.0], [2.0], [3.0], [0x7FC00000], [5.0], [6.0]]> : tensor<6x1xf32>
  %w = arith.constant dense<[[0.5, 0.25], [2.0, 7.0], [1.0, 1.0]]> : tensor<3x2xf32>
  %inverse = arith.constant dense<[[2, 0], [1, -1], [3, 4]]> : tensor<3x2xi32>
  %init = arith.constant dense<[[10.0], [20.0], [30.0]]> : tensor<3x1xf32>
  %a = moe.combine %y weights(%w) inverse(%inverse) source = slot outs(%init) : (tensor<6x1xf32>, tensor<3x2xf32>, tensor<3x2xi32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  return %a : tensor<3x1xf32>
}

// x rows by token; expert 0 multiplies by (1, 1), expert 2 by (0, 2): slots 1
// and 2 are 3 and 7, slots 0, 4, 5 are 4, 12, 12. By plan, by slot onto 9s, by
// token onto 100s.
// CHECK-LABEL: @grouped_matmul
// CHECK-NEXT: {{\[}}[3], [7], [4], [12], [12], [nan]]
// CHECK-NEXT: {{\[}}[4], [3], [7], [9], [12], [12]]
// CHECK-NEXT: {{\[}}[107], [107], [124]]
func.func @grouped_matmul() -> (tensor<6x1xf32>, tensor<6x1xf32>, tensor<3x1xf32>) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %w = arith.constant dense<[[[1.0, 1.0]], [[50.0, 50.0]], [[0.0, 2.0]], [[50.0, 50.0]]]> : tensor<4x1x2xf32>
  %offsets = arith.constant dense<[0, 2, 2, 5, 5]> : tensor<5xi32>
  %rows = arith.constant dense<[1, 2, 0, 4, 5, -1]> : tensor<6xi32>
  %inverse = arith.constant dense<[[2, 0], [1, -1], [3, 4]]> : tensor<3x2xi32>
  %nine = arith.constant dense<9.0> : tensor<6x1xf32>
  %hundred = arith.constant dense<100.0> : tensor<3x1xf32>
  %a = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = token place = plan top_k(2) outs(%nine)
      : (tensor<3x2xf32>, tensor<4x1x2xf32>, tensor<5xi32>, tensor<6xi32>, tensor<6x1xf32>) -> tensor<6x1xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %b = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) source = token place = slot top_k(2) outs(%nine)
      : (tensor<3x2xf32>, tensor<4x1x2xf32>, tensor<5xi32>, tensor<6xi32>, tensor<6x1xf32>) -> tensor<6x1xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %c = moe.grouped_matmul %x weights(%w) offsets(%offsets) rows(%rows) inverse(%inverse) source = token place = token top_k(2) outs(%hundred)
      : (tensor<3x2xf32>, tensor<4x1x2xf32>, tensor<5xi32>, tensor<6xi32>, tensor<3x2xi32>, tensor<3x1xf32>) -> tensor<3x1xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %a, %b, %c : tensor<6x1xf32>, tensor<6x1xf32>, tensor<3x1xf32>
}

// Two weights and an input by each of (e, n), (t, s), (t, n), (r): for row 0,
// of expert 0 and slot 0 of token 1, 5*1 + 5*2 + .5 + 40 + 300 + 1000; for row
// 1, of expert 1 and slot 1 of token 0, 7*3 + 7*4 + .25 + 20 + 100 + 2000.
// CHECK-LABEL: @epilogue
// CHECK-NEXT: {{\[}}[1355.5], [2169.25]]
func.func @epilogue() -> tensor<2x1xf32> {
  %x = arith.constant dense<[[5.0], [7.0]]> : tensor<2x1xf32>
  %w0 = arith.constant dense<[[[1.0]], [[3.0]]]> : tensor<2x1x1xf32>
  %w1 = arith.constant dense<[[[2.0]], [[4.0]]]> : tensor<2x1x1xf32>
  %offsets = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %rows = arith.constant dense<[2, 1, -1, -1]> : tensor<4xi32>
  %bias = arith.constant dense<[[0.5], [0.25]]> : tensor<2x1xf32>
  %ts = arith.constant dense<[[10.0, 20.0], [40.0, 50.0]]> : tensor<2x2xf32>
  %tn = arith.constant dense<[[100.0], [300.0]]> : tensor<2x1xf32>
  %r = arith.constant dense<[1000.0, 2000.0]> : tensor<2xf32>
  %init = tensor.empty() : tensor<2x1xf32>
  %y = moe.grouped_matmul %x weights(%w0, %w1) offsets(%offsets) rows(%rows) epilogue_ins(%bias, %ts, %tn, %r)
      source = plan place = plan top_k(2) outs(%init)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>, affine_map<(e, r, t, s, n) -> (t, s)>,
                                   affine_map<(e, r, t, s, n) -> (t, n)>, affine_map<(e, r, t, s, n) -> (r)>]}
      : (tensor<2x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<3xi32>, tensor<4xi32>, tensor<2x1xf32>, tensor<2x2xf32>, tensor<2x1xf32>, tensor<2xf32>, tensor<2x1xf32>) -> tensor<2x1xf32> {
  ^bb0(%a: f32, %b: f32, %i0: f32, %i1: f32, %i2: f32, %i3: f32):
    %0 = arith.addf %a, %b : f32
    %1 = arith.addf %0, %i0 : f32
    %2 = arith.addf %1, %i1 : f32
    %3 = arith.addf %2, %i2 : f32
    %4 = arith.addf %3, %i3 : f32
    moe.yield %4 : f32
  }
  return %y : tensor<2x1xf32>
}

// A dense product: one group, no order of rows.
// CHECK-LABEL: @dense
// CHECK-NEXT: {{\[}}[17, 39], [23, 53]]
func.func @dense() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %offsets = arith.constant dense<[0, 2]> : tensor<2xi32>
  %init = tensor.empty() : tensor<2x2xf32>
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<2x2xf32>, tensor<1x2x2xf32>, tensor<2xi32>, tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<2x2xf32>
}

// Expert e multiplies by p[e] = 1, 10, 100, 1000: token 0 is 2*.5*100 + 2*.25,
// token 1 is 3*2*1, token 2 goes to expert 2 twice. Then with the weight in the
// body, which squares it. The absent slot's weight is not read.
// CHECK-LABEL: @experts
// CHECK-NEXT: {{\[}}[100.5], [6], [800]]
// CHECK-NEXT: {{\[}}[50.125], [12], [800]]
func.func @experts() -> (tensor<3x1xf32>, tensor<3x1xf32>) {
  %x = arith.constant dense<[[2.0], [3.0], [4.0]]> : tensor<3x1xf32>
  %ids = arith.constant dense<[[2, 0], [0, -1], [2, 2]]> : tensor<3x2xi32>
  %w = arith.constant dense<[[0.5, 0.25], [2.0, 0x7FC00000], [1.0, 1.0]]> : tensor<3x2xf32>
  %p = arith.constant dense<[[[1.0]], [[10.0]], [[100.0]], [[1000.0]]]> : tensor<4x1x1xf32>
  %a = moe.experts %x, %ids, %w params(%p)
      : (tensor<3x1xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x1x1xf32>) -> tensor<3x1xf32> {
  ^expert(%rows: tensor<?x1xf32>, %slice: tensor<1x1xf32>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %r = tensor.dim %rows, %c0 : tensor<?x1xf32>
    %e = tensor.empty(%r) : tensor<?x1xf32>
    %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x1xf32>) -> tensor<?x1xf32>
    %o = linalg.matmul ins(%rows, %slice : tensor<?x1xf32>, tensor<1x1xf32>) outs(%f : tensor<?x1xf32>) -> tensor<?x1xf32>
    moe.yield %o : tensor<?x1xf32>
  }
  %b = moe.experts %x, %ids, %w params(%p) weighting = body
      : (tensor<3x1xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x1x1xf32>) -> tensor<3x1xf32> {
  ^expert(%rows: tensor<?x1xf32>, %v: tensor<?xf32>, %slice: tensor<1x1xf32>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %r = tensor.dim %rows, %c0 : tensor<?x1xf32>
    %e = tensor.empty(%r) : tensor<?x1xf32>
    %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x1xf32>) -> tensor<?x1xf32>
    %o = linalg.matmul ins(%rows, %slice : tensor<?x1xf32>, tensor<1x1xf32>) outs(%f : tensor<?x1xf32>) -> tensor<?x1xf32>
    %s = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
        ins(%o, %v : tensor<?x1xf32>, tensor<?xf32>) outs(%e : tensor<?x1xf32>) {
    ^bb0(%in: f32, %wt: f32, %out: f32):
      %m = arith.mulf %in, %wt : f32
      %n = arith.mulf %m, %wt : f32
      linalg.yield %n : f32
    } -> tensor<?x1xf32>
    moe.yield %s : tensor<?x1xf32>
  }
  return %a, %b : tensor<3x1xf32>, tensor<3x1xf32>
}

// All slots absent, and no token at all.
// CHECK-LABEL: @no_rows
// CHECK-NEXT: {{\[}}[0, 0]]
// CHECK-NEXT: []
func.func @no_rows() -> (tensor<1x2xf32>, tensor<?x2xf32>) {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %ids = arith.constant dense<[[-1, -1]]> : tensor<1x2xi32>
  %w = arith.constant dense<[[1.0, 1.0]]> : tensor<1x2xf32>
  %p = arith.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %a = moe.experts %x, %ids, %w params(%p) : (tensor<1x2xf32>, tensor<1x2xi32>, tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x2xf32> {
  ^expert(%rows: tensor<?x2xf32>, %slice: tensor<1xf32>):
    moe.yield %rows : tensor<?x2xf32>
  }
  %c0 = arith.constant 0 : index
  %x0 = tensor.empty(%c0) : tensor<?x2xf32>
  %ids0 = tensor.empty(%c0) : tensor<?x2xi32>
  %w0 = tensor.empty(%c0) : tensor<?x2xf32>
  %b = moe.experts %x0, %ids0, %w0 params(%p) : (tensor<?x2xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<2x1xf32>) -> tensor<?x2xf32> {
  ^expert(%rows: tensor<?x2xf32>, %slice: tensor<1xf32>):
    moe.yield %rows : tensor<?x2xf32>
  }
  return %a, %b : tensor<1x2xf32>, tensor<?x2xf32>
}
