// RUN: moe-opt %s -moe-fuse-products -split-input-file | FileCheck %s
// RUN: moe-opt %s -moe-fuse-products -split-input-file -o /dev/null --remarks-filter=moe-fusion --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// Gate and up: one op of two weights, whose epilogue is what joined them. The
// epilogues the products had come first.
// REMARK: [Passed] moe-fuse-products {{.*}}joined 2 products over the same rows
// CHECK-LABEL: @gate_up
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[O:.*]]: tensor<5xi32>, %[[G:.*]]: tensor<4x8x16xf32>, %[[U:.*]]: tensor<4x8x16xf32>, %[[B:.*]]: tensor<4x8xf32>,
func.func @gate_up(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %g: tensor<4x8x16xf32>, %u: tensor<4x8x16xf32>, %b: tensor<4x8xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: moe.grouped_matmul %[[X]] weights(%[[G]], %[[U]]) offsets(%[[O]]) epilogue_ins(%[[B]])
  // CHECK: ^bb0(%[[A0:.*]]: f32, %[[A1:.*]]: f32, %[[BIAS:.*]]: f32):
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[A1]], %[[BIAS]]
  // CHECK-NEXT: %[[M:.*]] = arith.mulf %[[A0]], %[[S]]
  // CHECK-NEXT: moe.yield %[[M]]
  // CHECK-NOT: moe.grouped_matmul
  %a = moe.grouped_matmul %x weights(%g) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %c = moe.grouped_matmul %x weights(%u) offsets(%o) epilogue_ins(%b) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>]} : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32, %bi: f32):
    %s = arith.addf %acc, %bi : f32
    moe.yield %s : f32
  }
  %h = arith.mulf %a, %c : tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-products {{.*}}left 2 products apart: the products differ in rows, plan or shape
// CHECK-LABEL: @other_plan
// CHECK-COUNT-2: moe.grouped_matmul
func.func @other_plan(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %o2: tensor<5xi32>, %g: tensor<4x8x16xf32>, %u: tensor<4x8x16xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = moe.grouped_matmul %x weights(%g) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %c = moe.grouped_matmul %x weights(%u) offsets(%o2) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = arith.mulf %a, %c : tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-products {{.*}}a product's result has another use
// CHECK-LABEL: @another_use
// CHECK-COUNT-2: moe.grouped_matmul
func.func @another_use(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %g: tensor<4x8x16xf32>, %u: tensor<4x8x16xf32>, %d: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %a = moe.grouped_matmul %x weights(%g) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %c = moe.grouped_matmul %x weights(%u) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = arith.mulf %a, %c : tensor<?x8xf32>
  return %h, %c : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Inside and outside of a loop.
// REMARK: [Missed] moe-fuse-products {{.*}}a product is in another block
// CHECK-LABEL: @loop
// CHECK: moe.grouped_matmul
// CHECK: scf.for
// CHECK: moe.grouped_matmul
func.func @loop(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %g: tensor<4x8x16xf32>, %u: tensor<4x8x16xf32>, %d: tensor<?x8xf32>, %lb: index) -> tensor<?x8xf32> {
  %a = moe.grouped_matmul %x weights(%g) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %y = scf.for %i = %lb to %lb step %lb iter_args(%h0 = %d) -> tensor<?x8xf32> {
    %c = moe.grouped_matmul %x weights(%u) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
    ^bb0(%acc: f32):
      moe.yield %acc : f32
    }
    %h = arith.mulf %a, %c : tensor<?x8xf32>
    scf.yield %h : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// REMARK: [Missed] moe-fuse-products {{.*}}the products have different rows
// CHECK-LABEL: @different_slots
func.func @different_slots(%x: tensor<?x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %g: tensor<4x8x16xf32>, %u: tensor<4x8x16xf32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = moe.grouped_matmul %x weights(%g) offsets(%o) rows(%r) source = token place = plan top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %c = moe.grouped_matmul %x weights(%u) offsets(%o) rows(%r) source = token place = plan top_k(4) outs(%d) : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %h = arith.mulf %a, %c : tensor<?x8xf32>
  return %h : tensor<?x8xf32>
}
