// RUN: moe-opt %s -transform-interpreter -canonicalize -cse -split-input-file -verify-diagnostics | FileCheck %s

// A tile of rows sees offsets that are counted from where it starts.
// CHECK-LABEL: @dispatch
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[R:.*]]: tensor<?xi32>, %[[O:.*]]: tensor<5xi32>, %[[D:.*]]: tensor<?x16xf32>)
func.func @dispatch(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // CHECK: scf.for %[[I:[^ ]*]] = {{.*}} iter_args(%[[ACC:.*]] = %[[D]])
  // CHECK: scf.for %[[J:[^ ]*]] = {{.*}} iter_args(%[[ACC2:.*]] = %[[ACC]])
  // CHECK: %[[SIZE:.*]] = affine.min
  // CHECK-DAG: %[[XT:.*]] = tensor.extract_slice %[[X]][0, %[[J]]] [%{{.*}}, 8] [1, 1]
  // CHECK-DAG: %[[RT:.*]] = tensor.extract_slice %[[R]][%[[I]]] [%[[SIZE]]] [1]
  // CHECK-DAG: %[[DT:.*]] = tensor.extract_slice %[[ACC2]][%[[I]], %[[J]]] [%[[SIZE]], 8] [1, 1]
  // CHECK-DAG: %[[SUB:.*]] = arith.subi %[[O]], %{{.*}} : tensor<5xi32>
  // CHECK-DAG: %[[MAX:.*]] = arith.maxsi %[[SUB]], %{{.*}} : tensor<5xi32>
  // CHECK-DAG: %[[MIN:.*]] = arith.minsi %[[MAX]], %{{.*}} : tensor<5xi32>
  // CHECK: %[[T:.*]] = moe.dispatch %[[XT]], %[[RT]], %[[MIN]] top_k(2) outs(%[[DT]])
  // CHECK: tensor.insert_slice %[[T]] into %[[ACC2]][%[[I]], %[[J]]] [%[[SIZE]], 8] [1, 1]
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return %xs : tensor<?x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.dispatch"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l:2 = transform.structured.tile_using_for %op tile_sizes [4, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Columns only: rows, offsets and the plan are the op's own.
// CHECK-LABEL: @dispatch_columns
// CHECK-SAME: %[[R:[^ ]*]]: tensor<?xi32>, %[[O:[^ ]*]]: tensor<5xi32>
func.func @dispatch_columns(%x: tensor<?x16xf32>, %r: tensor<?xi32>, %o: tensor<5xi32>, %d: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // CHECK: scf.for
  // CHECK-NOT: arith.subi
  // CHECK: moe.dispatch %{{.*}}, %[[R]], %[[O]]
  %xs = moe.dispatch %x, %r, %o top_k(2) outs(%d) : (tensor<?x16xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return %xs : tensor<?x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.dispatch"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %op tile_sizes [0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Weights and epilogue inputs follow the columns, x and row inputs the rows.
// CHECK-LABEL: @product
// CHECK-SAME: (%[[X:.*]]: tensor<6x16xf32>, %[[W:.*]]: tensor<4x8x16xf32>, %[[O:.*]]: tensor<5xi32>, %[[B:.*]]: tensor<4x8xf32>, %[[S:.*]]: tensor<6xf32>, %[[D:.*]]: tensor<6x8xf32>)
func.func @product(%x: tensor<6x16xf32>, %w: tensor<4x8x16xf32>, %o: tensor<5xi32>, %b: tensor<4x8xf32>, %s: tensor<6xf32>, %d: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // CHECK: scf.for %[[I:[^ ]*]] = {{.*}}
  // CHECK: scf.for %[[J:[^ ]*]] = {{.*}} iter_args(%[[ACC:.*]] =
  // CHECK-DAG: %[[XT:.*]] = tensor.extract_slice %[[X]][%[[I]], 0] [3, 16] [1, 1]
  // CHECK-DAG: %[[WT:.*]] = tensor.extract_slice %[[W]][0, %[[J]], 0] [4, 4, 16] [1, 1, 1]
  // CHECK-DAG: %[[BT:.*]] = tensor.extract_slice %[[B]][0, %[[J]]] [4, 4] [1, 1]
  // CHECK-DAG: %[[ST:.*]] = tensor.extract_slice %[[S]][%[[I]]] [3] [1]
  // CHECK-DAG: %[[OT:.*]] = arith.minsi
  // CHECK-DAG: %[[DT:.*]] = tensor.extract_slice %[[ACC]][%[[I]], %[[J]]] [3, 4] [1, 1]
  // CHECK: moe.grouped_matmul %[[XT]] weights(%[[WT]]) offsets(%[[OT]]) epilogue_ins(%[[BT]], %[[ST]]) source = plan place = plan outs(%[[DT]])
  // CHECK-SAME: -> tensor<3x4xf32>
  %y = moe.grouped_matmul %x weights(%w) offsets(%o) epilogue_ins(%b, %s) source = plan place = plan outs(%d)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>, affine_map<(e, r, t, s, n) -> (r)>]}
      : (tensor<6x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<4x8xf32>, tensor<6xf32>, tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%acc: f32, %bi: f32, %si: f32):
    %0 = arith.addf %acc, %bi : f32
    %1 = arith.mulf %0, %si : f32
    moe.yield %1 : f32
  }
  return %y : tensor<6x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.grouped_matmul"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l:2 = transform.structured.tile_using_for %op tile_sizes [3, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Rows that are scattered to tokens stay together: one loop, over columns.
// CHECK-LABEL: @placed_by_token
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[W:.*]]: tensor<4x8x16xf32>, %[[O:.*]]: tensor<5xi32>, %[[R:.*]]: tensor<?xi32>, %[[I:.*]]: tensor<?x2xi32>,
func.func @placed_by_token(%x: tensor<?x16xf32>, %w: tensor<4x8x16xf32>, %o: tensor<5xi32>, %r: tensor<?xi32>, %i: tensor<?x2xi32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: scf.for %[[J:[^ ]*]] = {{.*}} iter_args(%[[ACC:.*]] =
  // CHECK-DAG: %[[WT:.*]] = tensor.extract_slice %[[W]][0, %[[J]], 0] [4, 4, 16] [1, 1, 1]
  // CHECK-DAG: %[[DT:.*]] = tensor.extract_slice %[[ACC]][0, %[[J]]] [%{{.*}}, 4] [1, 1]
  // CHECK: moe.grouped_matmul %[[X]] weights(%[[WT]]) offsets(%[[O]]) rows(%[[R]]) inverse(%[[I]]) source = plan place = token top_k(2) outs(%[[DT]])
  %y = moe.grouped_matmul %x weights(%w) offsets(%o) rows(%r) inverse(%i) source = plan place = token top_k(2) outs(%d)
      : (tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<?x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.grouped_matmul"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %op tile_sizes [4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Rows by plan stay whole, rows by slot are K per token.
// CHECK-LABEL: @combine_plan
// CHECK-SAME: (%[[Y:.*]]: tensor<?x16xf32>, %[[W:.*]]: tensor<8x2xf32>, %[[I:.*]]: tensor<8x2xi32>
func.func @combine_plan(%y: tensor<?x16xf32>, %w: tensor<8x2xf32>, %i: tensor<8x2xi32>, %d: tensor<8x16xf32>) -> tensor<8x16xf32> {
  // CHECK: scf.for %[[T:[^ ]*]] = {{.*}}
  // CHECK: scf.for %[[N:[^ ]*]] = {{.*}}
  // CHECK-DAG: %[[YT:.*]] = tensor.extract_slice %[[Y]][0, %[[N]]] [%{{.*}}, 8] [1, 1]
  // CHECK-DAG: %[[WT:.*]] = tensor.extract_slice %[[W]][%[[T]], 0] [2, 2] [1, 1]
  // CHECK-DAG: %[[IT:.*]] = tensor.extract_slice %[[I]][%[[T]], 0] [2, 2] [1, 1]
  // CHECK: moe.combine %[[YT]] weights(%[[WT]]) inverse(%[[IT]]) source = plan {{.*}} -> tensor<2x8xf32>
  %r = moe.combine %y weights(%w) inverse(%i) source = plan outs(%d) : (tensor<?x16xf32>, tensor<8x2xf32>, tensor<8x2xi32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return %r : tensor<8x16xf32>
}
// CHECK-LABEL: @combine_slot
// CHECK-SAME: (%[[Y:.*]]: tensor<16x16xf32>,
func.func @combine_slot(%y: tensor<16x16xf32>, %i: tensor<8x2xi32>, %d: tensor<8x16xf32>) -> tensor<8x16xf32> {
  // CHECK: scf.for %[[T:[^ ]*]] = {{.*}}
  // CHECK: scf.for %[[N:[^ ]*]] = {{.*}}
  // CHECK: %[[FIRST:.*]] = affine.apply
  // CHECK: tensor.extract_slice %[[Y]][%[[FIRST]], %[[N]]] [4, 8] [1, 1]
  // CHECK: moe.combine {{.*}} source = slot
  %r = moe.combine %y inverse(%i) source = slot outs(%d) : (tensor<16x16xf32>, tensor<8x2xi32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return %r : tensor<8x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.combine"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l:2 = transform.structured.tile_using_for %op tile_sizes [2, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The gate: tokens; what belongs to experts stays whole.
// CHECK-LABEL: @gate
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[W:.*]]: tensor<8x16xf32>, %[[B:.*]]: tensor<8xf32>, %[[M:.*]]: tensor<?x8xi1>,
func.func @gate(%x: tensor<?x16xf32>, %w: tensor<8x16xf32>, %b: tensor<8xf32>, %m: tensor<?x8xi1>, %i0: tensor<?x2xi32>, %w0: tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  // CHECK: %{{.*}}:2 = scf.for %[[T:[^ ]*]] = {{.*}} iter_args(%[[IA:.*]] = %{{.*}}, %[[WA:.*]] = %{{.*}})
  // CHECK-DAG: %[[XT:.*]] = tensor.extract_slice %[[X]][%[[T]], 0] [%[[S:.*]], 16] [1, 1]
  // CHECK-DAG: %[[MT:.*]] = tensor.extract_slice %[[M]][%[[T]], 0] [%[[S]], 8] [1, 1]
  // CHECK-DAG: %[[IT:.*]] = tensor.extract_slice %[[IA]][%[[T]], 0] [%[[S]], 2] [1, 1]
  // CHECK-DAG: %[[WT:.*]] = tensor.extract_slice %[[WA]][%[[T]], 0] [%[[S]], 2] [1, 1]
  // CHECK: moe.gate %[[XT]] weight(%[[W]]) bias(%[[B]]) mask(%[[MT]]) router<score = softmax, top_k = 2> outs(%[[IT]], %[[WT]])
  %i, %wt = moe.gate %x weight(%w) bias(%b) mask(%m) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x16xf32>, tensor<8x16xf32>, tensor<8xf32>, tensor<?x8xi1>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %i, %wt : tensor<?x2xi32>, tensor<?x2xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.gate"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %op tile_sizes [4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A producer's tile is computed where the consumer's tile wants it: both
// products of an expert over one block of rows.
// CHECK-LABEL: @fuse_producer
func.func @fuse_producer(%x: tensor<?x16xf32>, %u: tensor<1x32x16xf32>, %v: tensor<1x16x32xf32>, %o: tensor<2xi32>, %h0: tensor<?x32xf32>, %d: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // CHECK: scf.for
  // CHECK: %[[H:.*]] = moe.grouped_matmul {{.*}} -> tensor<?x32xf32>
  // CHECK: moe.grouped_matmul %[[H]] {{.*}} -> tensor<?x16xf32>
  %h = moe.grouped_matmul %x weights(%u) offsets(%o) source = plan place = plan outs(%h0) : (tensor<?x16xf32>, tensor<1x32x16xf32>, tensor<2xi32>, tensor<?x32xf32>) -> tensor<?x32xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %y = moe.grouped_matmul %h weights(%v) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x32xf32>, tensor<1x16x32xf32>, tensor<2xi32>, tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<?x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %ops = transform.structured.match ops{["moe.grouped_matmul"]} in %m : (!transform.any_op) -> !transform.any_op
    %p, %c = transform.split_handle %ops : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %t, %l = transform.structured.fuse %c tile_sizes [4, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The shape of a weight is static, so a tile of it is.
func.func @uneven_columns(%x: tensor<?x16xf32>, %w: tensor<1x8x16xf32>, %o: tensor<2xi32>, %d: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected tiles that divide the 8 columns}}
  // expected-error @below {{to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %y = moe.grouped_matmul %x weights(%w) offsets(%o) source = plan place = plan outs(%d) : (tensor<?x16xf32>, tensor<1x8x16xf32>, tensor<2xi32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<?x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.grouped_matmul"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %op tile_sizes [0, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// On memrefs there is nothing to put a tile into.
func.func @memref(%x: memref<?x16xf32>, %r: memref<?xi32>, %o: memref<5xi32>, %d: memref<?x16xf32>) {
  // expected-error @below {{to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  moe.dispatch %x, %r, %o top_k(2) outs(%d) : (memref<?x16xf32>, memref<?xi32>, memref<5xi32>, memref<?x16xf32>) -> ()
  return
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %op = transform.structured.match ops{["moe.dispatch"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %op tile_sizes [4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
