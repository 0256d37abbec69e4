// RUN: moe-opt %s -moe-decompose -split-input-file -verify-diagnostics | FileCheck %s

#rk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// The product of rows with a slice takes the whole parameter; a parameter that
// is K x N is transposed, for all experts at once.
// CHECK-LABEL: @product
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xbf16>, %[[IDS:.*]]: tensor<?x2xi32>, %[[W:.*]]: tensor<?x2xf32>, %[[UP:.*]]: tensor<4x32x16xbf16>, %[[DOWN:.*]]: tensor<4x32x16xbf16>)
func.func @product(%x: tensor<?x16xbf16>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x32x16xbf16>, %down: tensor<4x32x16xbf16>) -> tensor<?x16xbf16> {
  // CHECK: %[[PLAN:.*]]:3 = moe.plan %[[IDS]] experts(4)
  // CHECK: %[[XS:.*]] = moe.dispatch %[[X]], %[[PLAN]]#1, %[[PLAN]]#0 top_k(2)
  // CHECK: %[[A:.*]] = moe.grouped_matmul %[[XS]] weights(%[[UP]]) offsets(%[[PLAN]]#0) source = plan place = plan
  // CHECK:   ^bb0(%[[ACC:.*]]: f32):
  // CHECK:   %[[Q:.*]] = arith.truncf %[[ACC]] : f32 to bf16
  // CHECK:   moe.yield %[[Q]]
  // CHECK: %[[H:.*]] = math.tanh %[[A]] : tensor<?x32xbf16>
  // CHECK: %[[DT:.*]] = linalg.transpose ins(%[[DOWN]] : tensor<4x32x16xbf16>) outs(%{{.*}} : tensor<4x16x32xbf16>) permutation = [0, 2, 1]
  // CHECK: %[[O:.*]] = moe.grouped_matmul %[[H]] weights(%[[DT]]) {{.*}} -> tensor<?x16xf32>
  // CHECK: %[[INIT:.*]] = linalg.fill
  // CHECK: %[[Y:.*]] = moe.combine %[[O]] weights(%[[W]]) inverse(%[[PLAN]]#2) source = plan outs(%[[INIT]])
  // CHECK: return %[[Y]]
  %y = moe.experts %x, %ids, %w params(%up, %down) : (tensor<?x16xbf16>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x16xbf16>, tensor<4x32x16xbf16>) -> tensor<?x16xbf16> {
  ^bb0(%rows: tensor<?x16xbf16>, %u: tensor<32x16xbf16>, %d: tensor<32x16xbf16>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %zeroh = arith.constant 0.0 : bf16
    %r = tensor.dim %rows, %c0 : tensor<?x16xbf16>
    %e0 = tensor.empty(%r) : tensor<?x32xbf16>
    %f0 = linalg.fill ins(%zeroh : bf16) outs(%e0 : tensor<?x32xbf16>) -> tensor<?x32xbf16>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xbf16>, tensor<32x16xbf16>) outs(%f0 : tensor<?x32xbf16>) -> tensor<?x32xbf16>
    %h = math.tanh %a : tensor<?x32xbf16>
    %e1 = tensor.empty(%r) : tensor<?x16xf32>
    %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x16xf32>) -> tensor<?x16xf32>
    %o = linalg.matmul ins(%h, %d : tensor<?x32xbf16>, tensor<32x16xbf16>) outs(%f1 : tensor<?x16xf32>) -> tensor<?x16xf32>
    moe.yield %o : tensor<?x16xf32>
  }
  return %y : tensor<?x16xbf16>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Parameter-only ops run on whole parameters: strided slices (one of them with
// bounds that are computed in the body), transposes, generics.
// CHECK-LABEL: @lift
// CHECK-SAME: %[[GU:[^ ]*]]: tensor<4x64x16xf32>, %[[D:[^ ]*]]: tensor<4x32x16xf32>, %[[S:[^ ]*]]: tensor<4x16xf32>)
func.func @lift(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gu: tensor<4x64x16xf32>, %down: tensor<4x32x16xf32>, %scale: tensor<4x16xf32>) -> tensor<?x16xf32> {
  // CHECK: %[[G:.*]] = tensor.extract_slice %[[GU]][0, 0, 0] [4, 32, 16] [1, 2, 1] : tensor<4x64x16xf32> to tensor<4x32x16xf32>
  // CHECK: %[[ONE:.*]] = arith.constant 1 : index
  // CHECK: %[[U:.*]] = tensor.extract_slice %[[GU]][0, %[[ONE]], 0] [4, 32, 16] [1, 2, 1]
  // CHECK: moe.grouped_matmul %{{.*}} weights(%[[G]])
  // CHECK: moe.grouped_matmul %{{.*}} weights(%[[U]])
  // CHECK: %[[DT:.*]] = linalg.generic
  // CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[D]] : tensor<4x32x16xf32>)
  // CHECK: %[[DS:.*]] = linalg.generic
  // CHECK-SAME: ins(%[[DT]], %[[S]] : tensor<4x16x32xf32>, tensor<4x16xf32>)
  // CHECK: %[[DA:.*]] = math.absf %[[DS]] : tensor<4x16x32xf32>
  // CHECK: moe.grouped_matmul %{{.*}} weights(%[[DA]])
  %y = moe.experts %x, %ids, %w params(%gu, %down, %scale) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x16xf32>, tensor<4x32x16xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %g_u: tensor<64x16xf32>, %d: tensor<32x16xf32>, %s: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %g = tensor.extract_slice %g_u[0, 0] [32, 16] [2, 1] : tensor<64x16xf32> to tensor<32x16xf32>
    %c1 = arith.constant 1 : index
    %u = tensor.extract_slice %g_u[%c1, 0] [32, 16] [2, 1] : tensor<64x16xf32> to tensor<32x16xf32>
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    %e0 = tensor.empty(%r) : tensor<?x32xf32>
    %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %g : tensor<?x16xf32>, tensor<32x16xf32>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %b = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xf32>, tensor<32x16xf32>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %h = arith.mulf %a, %b : tensor<?x32xf32>
    %te = tensor.empty() : tensor<16x32xf32>
    %dt = linalg.transpose ins(%d : tensor<32x16xf32>) outs(%te : tensor<16x32xf32>) permutation = [1, 0]
    %ds = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
        ins(%dt, %s : tensor<16x32xf32>, tensor<16xf32>) outs(%te : tensor<16x32xf32>) {
    ^bb0(%di: f32, %si: f32, %out: f32):
      %m = arith.mulf %di, %si : f32
      linalg.yield %m : f32
    } -> tensor<16x32xf32>
    %da = math.absf %ds : tensor<16x32xf32>
    %e1 = tensor.empty(%r) : tensor<?x16xf32>
    %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x16xf32>) -> tensor<?x16xf32>
    %o = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%h, %da : tensor<?x32xf32>, tensor<16x32xf32>) outs(%f1 : tensor<?x16xf32>) -> tensor<?x16xf32>
    moe.yield %o : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// A constant that meets a parameter is spread over the experts.
// CHECK-LABEL: @constant
func.func @constant(%x: tensor<?x2xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x2x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[C:.*]] = arith.constant dense<{{.*}}> : tensor<2x2xf32>
  // CHECK: %[[B:.*]] = linalg.broadcast ins(%[[C]] : tensor<2x2xf32>) outs(%{{.*}} : tensor<4x2x2xf32>) dimensions = [0]
  // CHECK: arith.addf %{{.*}}, %[[B]] : tensor<4x2x2xf32>
  %y = moe.experts %x, %ids, %w params(%p) : (tensor<?x2xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x2x2xf32>) -> tensor<?x2xf32> {
  ^bb0(%rows: tensor<?x2xf32>, %u: tensor<2x2xf32>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %c = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    %s = arith.addf %u, %c : tensor<2x2xf32>
    %r = tensor.dim %rows, %c0 : tensor<?x2xf32>
    %e0 = tensor.empty(%r) : tensor<?x2xf32>
    %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x2xf32>) -> tensor<?x2xf32>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %s : tensor<?x2xf32>, tensor<2x2xf32>) outs(%f0 : tensor<?x2xf32>) -> tensor<?x2xf32>
    moe.yield %a : tensor<?x2xf32>
  }
  return %y : tensor<?x2xf32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// A bias is a row per expert; what a product is added to is added after it.
// CHECK-LABEL: @bias
// CHECK-SAME: %[[U:[^ ]*]]: tensor<4x8x16xf32>, %[[B:[^ ]*]]: tensor<4x8xf32>)
func.func @bias(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x8x16xf32>, %b: tensor<4x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[PLAN:.*]]:3 = moe.plan
  // CHECK: %[[ROWS:.*]] = moe.expert_broadcast %[[B]], %[[PLAN]]#0 outs(%{{.*}}) : {{.*}} -> tensor<?x8xf32>
  // CHECK: %[[BIAS:.*]] = linalg.generic {{.*}} ins(%[[ROWS]] : tensor<?x8xf32>)
  // CHECK: %[[P:.*]] = moe.grouped_matmul %{{.*}} weights(%[[U]])
  // CHECK: %[[SUM:.*]] = arith.addf %[[BIAS]], %[[P]]
  // CHECK: moe.combine %[[SUM]]
  %y = moe.experts %x, %ids, %w params(%up, %b) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8x16xf32>, tensor<4x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<8x16xf32>, %bias: tensor<8xf32>):
    %c0 = arith.constant 0 : index
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    %e0 = tensor.empty(%r) : tensor<?x8xf32>
    %bb = linalg.broadcast ins(%bias : tensor<8xf32>) outs(%e0 : tensor<?x8xf32>) dimensions = [0]
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xf32>, tensor<8x16xf32>) outs(%bb : tensor<?x8xf32>) -> tensor<?x8xf32>
    moe.yield %a : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// The weight that the body applies itself: a row of its own, and none in combine.
// CHECK-LABEL: @body_weight
// CHECK-SAME: %[[W:[^ ]*]]: tensor<?x2xf32>
func.func @body_weight(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) -> tensor<?x16xf32> {
  // CHECK: %[[PLAN:.*]]:3 = moe.plan
  // CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[W]] {{\[\[}}0, 1]]
  // CHECK: %[[RW:.*]] = moe.dispatch %[[FLAT]], %[[PLAN]]#1, %[[PLAN]]#0 top_k(1) {{.*}} -> tensor<?xf32>
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[RW]] :
  // CHECK: moe.combine %{{[^ ]*}} inverse(
  %y = moe.experts %x, %ids, %w params(%p) weighting = body : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %rw: tensor<?xf32>, %u: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    %e0 = tensor.empty(%r) : tensor<?x16xf32>
    %h = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
        ins(%rows, %rw : tensor<?x16xf32>, tensor<?xf32>) outs(%e0 : tensor<?x16xf32>) {
    ^bb0(%i: f32, %s: f32, %out: f32):
      %m = arith.mulf %i, %s : f32
      linalg.yield %m : f32
    } -> tensor<?x16xf32>
    moe.yield %h : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// An expert of several products, as LoRA deltas are: each is grouped.
// CHECK-LABEL: @low_rank
func.func @low_rank(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x8x16xf32>, %a: tensor<4x2x16xf32>, %b: tensor<4x8x2xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[XS:.*]] = moe.dispatch
  // CHECK: %[[P:.*]] = moe.grouped_matmul %[[XS]] {{.*}} -> tensor<?x8xf32>
  // CHECK: %[[L:.*]] = moe.grouped_matmul %[[XS]] {{.*}} -> tensor<?x2xf32>
  // CHECK: %[[D:.*]] = moe.grouped_matmul %[[L]] {{.*}} -> tensor<?x8xf32>
  // CHECK: arith.addf %[[P]], %[[D]]
  %y = moe.experts %x, %ids, %w params(%up, %a, %b) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8x16xf32>, tensor<4x2x16xf32>, tensor<4x8x2xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<8x16xf32>, %la: tensor<2x16xf32>, %lb: tensor<8x2xf32>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    %e0 = tensor.empty(%r) : tensor<?x8xf32>
    %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x8xf32>) -> tensor<?x8xf32>
    %p = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xf32>, tensor<8x16xf32>) outs(%f0 : tensor<?x8xf32>) -> tensor<?x8xf32>
    %e1 = tensor.empty(%r) : tensor<?x2xf32>
    %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x2xf32>) -> tensor<?x2xf32>
    %l = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %la : tensor<?x16xf32>, tensor<2x16xf32>) outs(%f1 : tensor<?x2xf32>) -> tensor<?x2xf32>
    %d = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%l, %lb : tensor<?x2xf32>, tensor<8x2xf32>) outs(%f0 : tensor<?x8xf32>) -> tensor<?x8xf32>
    %s = arith.addf %p, %d : tensor<?x8xf32>
    moe.yield %s : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// A static number of tokens; parts of rows put together.
// CHECK-LABEL: @static_tokens
func.func @static_tokens(%x: tensor<8x16xf32>, %ids: tensor<8x2xi32>, %w: tensor<8x2xf32>, %p: tensor<4x16xf32>) -> tensor<8x16xf32> {
  // CHECK: moe.plan %{{.*}} experts(4) : (tensor<8x2xi32>) -> (tensor<5xi32>, tensor<16xi32>, tensor<8x2xi32>)
  // CHECK: %[[XS:.*]] = moe.dispatch
  // CHECK: %[[HALF:.*]] = tensor.extract_slice %[[XS]][0, 8] [%[[R:.*]], 8] [1, 1]
  // CHECK: tensor.insert_slice %[[HALF]] into %[[XS]][0, 0] [%[[R]], 8] [1, 1]
  // CHECK: moe.combine {{.*}} -> tensor<8x16xf32>
  %y = moe.experts %x, %ids, %w params(%p) : (tensor<8x16xf32>, tensor<8x2xi32>, tensor<8x2xf32>, tensor<4x16xf32>) -> tensor<8x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    %half = tensor.extract_slice %rows[0, 8] [%r, 8] [1, 1] : tensor<?x16xf32> to tensor<?x8xf32>
    %both = tensor.insert_slice %half into %rows[0, 0] [%r, 8] [1, 1] : tensor<?x8xf32> into tensor<?x16xf32>
    moe.yield %both : tensor<?x16xf32>
  }
  return %y : tensor<8x16xf32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Columns that the body's types leave open are known from the parameter.
// CHECK-LABEL: @dynamic_columns
func.func @dynamic_columns(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x8x16xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[P:.*]] = moe.grouped_matmul {{.*}} -> tensor<?x8xf32>
  // CHECK: tensor.cast %[[P]] : tensor<?x8xf32> to tensor<?x?xf32>
  %y = moe.experts %x, %ids, %w params(%up) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8x16xf32>) -> tensor<?x8xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<8x16xf32>):
    %c0 = arith.constant 0 : index
    %c8 = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    %r = tensor.dim %rows, %c0 : tensor<?x16xf32>
    %e0 = tensor.empty(%r, %c8) : tensor<?x?xf32>
    %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xf32>, tensor<8x16xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
    moe.yield %a : tensor<?x?xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Sums in f64 are not what moe.grouped_matmul makes: the product stays.
// CHECK-LABEL: @wide
// CHECK-NOT: moe.grouped_matmul
// CHECK: linalg.generic {{.*}}reduction
func.func @wide(%x: tensor<?x16xf64>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x8x16xf64>) -> tensor<?x8xf64> {
  %y = moe.experts %x, %ids, %w params(%up) : (tensor<?x16xf64>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x8x16xf64>) -> tensor<?x8xf64> {
  ^bb0(%rows: tensor<?x16xf64>, %u: tensor<8x16xf64>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f64
    %r = tensor.dim %rows, %c0 : tensor<?x16xf64>
    %e0 = tensor.empty(%r) : tensor<?x8xf64>
    %f0 = linalg.fill ins(%zero : f64) outs(%e0 : tensor<?x8xf64>) -> tensor<?x8xf64>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xf64>, tensor<8x16xf64>) outs(%f0 : tensor<?x8xf64>) -> tensor<?x8xf64>
    moe.yield %a : tensor<?x8xf64>
  }
  return %y : tensor<?x8xf64>
}

// -----

// Parameter-only, but not known how to run on all experts at once.
func.func @not_liftable(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) -> tensor<?x16xf32> {
  // expected-error @below {{cannot be decomposed}}
  %y = moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    // expected-note @below {{'tensor.extract' is not supported on a slice of a parameter}}
    %s = tensor.extract %u[%c0] : tensor<16xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// A slice that is captured by a region is not an operand that can be spread.
func.func @captured(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) -> tensor<?x16xf32> {
  // expected-error @below {{cannot be decomposed}}
  %y = moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<16xf32>):
    %c0 = arith.constant 0 : index
    // expected-note @below {{'linalg.generic' is not supported on a slice of a parameter}}
    %o = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%rows : tensor<?x16xf32>) {
    ^bb0(%out: f32):
      %s = tensor.extract %u[%c0] : tensor<16xf32>
      %m = arith.mulf %out, %s : f32
      linalg.yield %m : f32
    } -> tensor<?x16xf32>
    moe.yield %o : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// A parameter-only tensor whose size the types leave open.
func.func @dynamic_parameter(%x: tensor<?x16xf32>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %p: tensor<4x16xf32>) -> tensor<?x16xf32> {
  // expected-error @below {{cannot be decomposed}}
  %y = moe.experts %x, %ids, %w params(%p) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%rows: tensor<?x16xf32>, %u: tensor<16xf32>):
    %c16 = arith.constant 16 : index
    %e = tensor.empty(%c16) : tensor<?xf32>
    // expected-note @below {{'linalg.exp' is not supported on a slice of a parameter}}
    %s = linalg.exp ins(%u : tensor<16xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    moe.yield %rows : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}
