// RUN: moe-opt %s -moe-fuse-dispatch -split-input-file | FileCheck %s
// RUN: moe-opt %s -moe-fuse-dispatch -split-input-file -o /dev/null --remarks-filter=moe-fusion --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// Two products gather their rows; the copy is gone.
// REMARK-COUNT-2: [Passed] moe-fuse-dispatch {{.*}}rows are gathered by the product
// CHECK-LABEL: @two_products
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %{{.*}}: tensor<?x2xi32>, %[[U:.*]]: tensor<4x8x16xf32>, %[[G:.*]]: tensor<4x8x16xf32>
func.func @two_products(%x: tensor<?x16xf32>, %i: tensor<?x2xi32>, %u: tensor<4x8x16xf32>, %g: tensor<4x8x16xf32>, %d: tensor<?x16xf32>, %p0: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: %[[PLAN:.*]]:3 = moe.plan
  // CHECK-NOT: moe.dispatch
  // CHECK: moe.grouped_matmul %[[X]] weights(%[[U]]) offsets(%[[PLAN]]#0) rows(%[[PLAN]]#1) source = token place = plan top_k(2)
  // CHECK: moe.grouped_matmul %[[X]] weights(%[[G]]) offsets(%[[PLAN]]#0) rows(%[[PLAN]]#1) source = token place = plan top_k(2)
  %o, %r, %inv = moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %a = moe.grouped_matmul %xs weights(%u) offsets(%o) source = plan place = plan outs(%p0) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %b = moe.grouped_matmul %xs weights(%g) offsets(%o) rows(%r) source = plan place = plan top_k(2) outs(%p0) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %a, %b : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// A copy that something else reads stays.
// REMARK: [Passed] moe-fuse-dispatch
// CHECK-LABEL: @other_use
func.func @other_use(%x: tensor<?x16xf32>, %i: tensor<?x2xi32>, %u: tensor<4x8x16xf32>, %d: tensor<?x16xf32>, %p0: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x16xf32>) {
  // CHECK: moe.dispatch
  // CHECK: source = token
  %o, %r, %inv = moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %a = moe.grouped_matmul %xs weights(%u) offsets(%o) source = plan place = plan outs(%p0) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %a, %xs : tensor<?x8xf32>, tensor<?x16xf32>
}

// -----

// REMARK: [Missed] moe-fuse-dispatch {{.*}}kept the dispatched copy of rows: it follows another plan
// CHECK-LABEL: @other_plan
func.func @other_plan(%x: tensor<?x16xf32>, %i: tensor<?x2xi32>, %j: tensor<?x2xi32>, %u: tensor<4x8x16xf32>, %d: tensor<?x16xf32>, %p0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[XS:.*]] = moe.dispatch
  // CHECK: moe.grouped_matmul %[[XS]] {{.*}} source = plan
  %o, %r, %inv = moe.plan %i experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %o2, %r2, %inv2 = moe.plan %j experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %a = moe.grouped_matmul %xs weights(%u) offsets(%o2) source = plan place = plan outs(%p0) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %a : tensor<?x8xf32>
}

// -----

// The same rows, read with another number of slots per token.
// REMARK: [Missed] moe-fuse-dispatch {{.*}}it follows another plan
// CHECK-LABEL: @other_slots
func.func @other_slots(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %u: tensor<4x8x16xf32>, %t: tensor<?xf32>, %d: tensor<?x16xf32>, %p0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: source = plan
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %a = moe.grouped_matmul %xs weights(%u) offsets(%o) rows(%r) epilogue_ins(%t) source = plan place = plan top_k(4) outs(%p0)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (t)>]}
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32, %ti: f32):
    %s = arith.mulf %acc, %ti : f32
    moe.yield %s : f32
  }
  return %a : tensor<?x8xf32>
}
