// RUN: moe-opt %s -moe-fuse-epilogue -split-input-file | FileCheck %s
// RUN: moe-opt %s -moe-fuse-epilogue -split-input-file -o /dev/null --remarks-filter=moe-fusion --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// A chain folds in one walk: what reads the product, a bias per expert, a row's
// scale, a constant; then a rounding. A value read twice is one scalar.
// REMARK: [Passed] moe-fuse-epilogue {{.*}}moved 'linalg.generic' into the epilogue
// REMARK: [Passed] moe-fuse-epilogue {{.*}}moved 'arith.mulf' into the epilogue
// REMARK: [Passed] moe-fuse-epilogue {{.*}}moved 'arith.truncf' into the epilogue
// CHECK: #[[EN:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d4)>
// CHECK: #[[R:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1)>
// CHECK-LABEL: @chain
// CHECK-SAME: %[[B:[^ ]*]]: tensor<4x8xf32>, %[[S:[^ ]*]]: tensor<?xf32>
func.func @chain(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %b: tensor<4x8xf32>, %scale: tensor<?xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xbf16> {
  // CHECK: moe.grouped_matmul %{{.*}} epilogue_ins(%[[B]], %[[S]]) source = plan place = plan outs(%{{.*}}) attributes {epilogue_maps = [#[[EN]], #[[R]]]} {{.*}} -> tensor<?x8xbf16>
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[BI:.*]]: f32, %[[SI:.*]]: f32):
  // CHECK: %[[SUM:.*]] = arith.addf %[[ACC]], %[[BI]]
  // CHECK: %[[M:.*]] = arith.mulf %[[SUM]], %[[SI]]
  // CHECK: %[[MAX:.*]] = arith.maximumf %[[M]], %{{.*}}
  // CHECK: %[[SQ:.*]] = arith.mulf %[[MAX]], %[[MAX]]
  // CHECK: %[[Q:.*]] = arith.truncf %[[SQ]] : f32 to bf16
  // CHECK: moe.yield %[[Q]]
  %zero = arith.constant 0.0 : f32
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %bb = moe.expert_broadcast %b, %o outs(%d) : (tensor<4x8xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p, %bb, %scale : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xf32>) outs(%d : tensor<?x8xf32>) {
  ^bb0(%i: f32, %bi: f32, %si: f32, %out: f32):
    %s = arith.addf %i, %bi : f32
    %m = arith.mulf %s, %si : f32
    %r = arith.maximumf %m, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x8xf32>
  %sq = arith.mulf %h, %h : tensor<?x8xf32>
  %q = arith.truncf %sq : tensor<?x8xf32> to tensor<?x8xbf16>
  return %q : tensor<?x8xbf16>
}

// -----

// Dispatched rows of a tensor by token, and a routing weight seen as a vector
// over slots, are read where they come from.
// CHECK: #[[TN:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d4)>
// CHECK: #[[TS:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d3)>
// CHECK-LABEL: @dispatched
// CHECK-SAME: %[[RES:[^ ]*]]: tensor<?x8xf32>, %[[W:[^ ]*]]: tensor<?x2xf32>
func.func @dispatched(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<4x8x16xf32>, %res: tensor<?x8xf32>, %wt: tensor<?x2xf32>, %d: tensor<?x8xf32>, %dw: tensor<?xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[PLAN:.*]]:3 = moe.plan
  // CHECK: moe.grouped_matmul {{.*}} rows(%[[PLAN]]#1) epilogue_ins(%[[RES]], %[[W]]) source = plan place = plan top_k(2) outs(%{{.*}}) attributes {epilogue_maps = [#[[TN]], #[[TS]]]}
  %o, %r, %inv = moe.plan %ids experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %rs = moe.dispatch %res, %r, %o top_k(2) outs(%d) : (tensor<?x8xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %flat = tensor.collapse_shape %wt [[0, 1]] : tensor<?x2xf32> into tensor<?xf32>
  %rw = moe.dispatch %flat, %r, %o top_k(1) outs(%dw) : (tensor<?xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?xf32>) -> tensor<?xf32>
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p, %rs, %rw : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xf32>) outs(%d : tensor<?x8xf32>) {
  ^bb0(%i: f32, %ri: f32, %si: f32, %out: f32):
    %m = arith.mulf %i, %si : f32
    %s = arith.addf %m, %ri : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-epilogue {{.*}}left 'math.tanh' out of the epilogue: a product's result has another use
// CHECK-LABEL: @another_use
// CHECK: math.tanh %{{.*}} : tensor
func.func @another_use(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = math.tanh %p : tensor<?x8xf32>
  return %h, %p : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Another read of the product, at other places, cannot be in its epilogue.
// REMARK: [Missed] moe-fuse-epilogue {{.*}}a product is read at another place than the result's
// CHECK-LABEL: @transposed_read
// CHECK: moe.grouped_matmul
// CHECK: linalg.generic
func.func @transposed_read(%x: tensor<8x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<8x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n, m)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p, %p : tensor<8x8xf32>, tensor<8x8xf32>) outs(%d : tensor<8x8xf32>) {
  ^bb0(%i: f32, %j: f32, %out: f32):
    %s = arith.addf %i, %j : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %h : tensor<8x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-epilogue {{.*}}a product is in another block
// CHECK-LABEL: @branch
// CHECK: scf.if
// CHECK: math.tanh %{{.*}} : tensor
func.func @branch(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<?x8xf32>, %c: i1) -> tensor<?x8xf32> {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %y = scf.if %c -> tensor<?x8xf32> {
    %h = math.tanh %p : tensor<?x8xf32>
    scf.yield %h : tensor<?x8xf32>
  } else {
    scf.yield %d : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-epilogue {{.*}}the consumer's result is not a matrix of floats
// CHECK-LABEL: @compare
// CHECK: arith.cmpf {{.*}} : tensor
func.func @compare(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xi1> {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = arith.cmpf olt, %p, %p : tensor<?x8xf32>
  return %h : tensor<?x8xi1>
}

// -----

// REMARK: [Missed] moe-fuse-epilogue {{.*}}an operand is a scalar that is not constant
// CHECK-LABEL: @scalar
func.func @scalar(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<?x8xf32>, %s: f32) -> tensor<?x8xf32> {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> ()>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p, %s : tensor<?x8xf32>, f32) outs(%d : tensor<?x8xf32>) {
  ^bb0(%i: f32, %si: f32, %out: f32):
    %m = arith.mulf %i, %si : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-epilogue {{.*}}an operand is indexed by more than a dimension
func.func @index_sum(%x: tensor<4x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<4x8xf32>, %v: tensor<11xf32>) -> tensor<4x8xf32> {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<4x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m + n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p, %v : tensor<4x8xf32>, tensor<11xf32>) outs(%d : tensor<4x8xf32>) {
  ^bb0(%i: f32, %vi: f32, %out: f32):
    %m = arith.mulf %i, %vi : f32
    linalg.yield %m : f32
  } -> tensor<4x8xf32>
  return %h : tensor<4x8xf32>
}

// -----

// Elements that are not numbers.
// CHECK-LABEL: @vectors
// CHECK: moe.grouped_matmul
// CHECK: linalg.generic
func.func @vectors(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<?x8xf32>, %c: tensor<?x8xvector<2xf32>>) -> tensor<?x8xf32> {
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p, %c : tensor<?x8xf32>, tensor<?x8xvector<2xf32>>) outs(%d : tensor<?x8xf32>) {
  ^bb0(%i: f32, %ci: vector<2xf32>, %out: f32):
    %s = vector.extract %ci[0] : f32 from vector<2xf32>
    %m = arith.mulf %i, %s : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}

// -----

// A second plan's rows cannot enter an epilogue of the first.
// REMARK: [Missed] moe-fuse-epilogue {{.*}}an operand belongs to another plan
func.func @other_plan(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %rows: tensor<?xi32>, %w: tensor<4x8x16xf32>, %res: tensor<?x8xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %o, %r, %inv = moe.plan %ids experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) rows(%rows) source = token place = plan top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %rs = moe.dispatch %res, %r, %o top_k(2) outs(%d) : (tensor<?x8xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %h = arith.addf %p, %rs : tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}

// -----

// A body that reads memory, or has control flow, is no epilogue.
// CHECK-LABEL: @not_scalar
// CHECK: moe.grouped_matmul
// CHECK: linalg.generic
func.func @not_scalar(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %w: tensor<4x8x16xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %table = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %p = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<?x8xf32>) outs(%d : tensor<?x8xf32>) {
  ^bb0(%i: f32, %out: f32):
    %s = tensor.extract %table[%c0] : tensor<2xf32>
    %m = arith.mulf %i, %s : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}
