// RUN: moe-opt %s -moe-fuse-gate -canonicalize -split-input-file | FileCheck %s
// RUN: moe-opt %s -moe-fuse-gate -split-input-file -o /dev/null --remarks-filter=moe-fusion --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// A rounding, a bias, a constant factor on the way: all in the region.
// REMARK: [[@LINE+28]]:{{.*}} [Passed] moe-fuse-gate {{.*}}"router product and selection are one op"
// CHECK-LABEL: @steps
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xbf16>, %[[R:.*]]: tensor<8x16xbf16> {{.*}}, %[[B:.*]]: tensor<8xf32> {{.*}}, %[[KB:.*]]: tensor<8xf32>)
func.func @steps(%x: tensor<?x16xbf16>, %router: tensor<8x16xbf16> {moe.param = "r"}, %b: tensor<8xf32> {moe.param = "b"}, %kb: tensor<8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  // CHECK-NOT: linalg
  // CHECK: moe.gate %[[X]] weight(%[[R]]) logit_bias(%[[B]]) bias(%[[KB]]) router<score = sigmoid, top_k = 2>
  // CHECK: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32):
  // CHECK-NEXT: %[[Q:.*]] = arith.truncf %[[ACC]] : f32 to bf16
  // CHECK-NEXT: %[[E:.*]] = arith.extf %[[Q]] : bf16 to f32
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[E]], %[[BIAS]] : f32
  // CHECK-NEXT: %[[D:.*]] = arith.mulf %[[S]], %{{.*}} : f32
  // CHECK-NEXT: moe.yield %[[D]]
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : bf16
  %half = arith.constant 0.5 : f32
  %t = tensor.dim %x, %c0 : tensor<?x16xbf16>
  %e = tensor.empty(%t) : tensor<?x8xbf16>
  %f = linalg.fill ins(%zero : bf16) outs(%e : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  %p = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%x, %router : tensor<?x16xbf16>, tensor<8x16xbf16>) outs(%f : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  %wide = arith.extf %p : tensor<?x8xbf16> to tensor<?x8xf32>
  %e2 = tensor.empty(%t) : tensor<?x8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%wide, %b : tensor<?x8xf32>, tensor<8xf32>) outs(%e2 : tensor<?x8xf32>) {
  ^bb0(%zi: f32, %bi: f32, %out: f32):
    %s = arith.addf %zi, %bi : f32
    %d = arith.mulf %s, %half : f32
    linalg.yield %d : f32
  } -> tensor<?x8xf32>
  %i, %w = moe.route %z bias(%kb) router<score = sigmoid, top_k = 2> : (tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
}

// -----

// A router weight that is H x E is transposed; T is static.
// REMARK: [Passed] moe-fuse-gate
// CHECK-LABEL: @transposed
func.func @transposed(%x: tensor<4x16xf32>, %router: tensor<16x8xf32> {moe.param = "r"}) -> (tensor<4x2xi32>, tensor<4x2xf32>) {
  // CHECK: %[[T:.*]] = linalg.transpose
  // CHECK: moe.gate %{{.*}} weight(%[[T]]) {{.*}} -> (tensor<4x2xi32>, tensor<4x2xf32>)
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %z = linalg.matmul ins(%x, %router : tensor<4x16xf32>, tensor<16x8xf32>) outs(%f : tensor<4x8xf32>) -> tensor<4x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<4x8xf32>) -> (tensor<4x2xi32>, tensor<4x2xf32>)
  return %i, %w : tensor<4x2xi32>, tensor<4x2xf32>
}

// -----

// Whatever cannot be absorbed stays, and the gate reads the logits.
// REMARK: [Missed] moe-fuse-gate {{.*}}kept the logits in memory: the logits are not computed here
// CHECK-LABEL: @argument
func.func @argument(%z: tensor<?x8xbf16>) -> tensor<?x2xi32> {
  // CHECK: moe.gate %{{[^ ]*}} router<
  // CHECK: ^bb0(%[[Z:.*]]: bf16):
  // CHECK-NEXT: moe.yield %[[Z]] : bf16
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xbf16>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}

// -----

// REMARK: [Missed] moe-fuse-gate {{.*}}the logits, or a step towards them, have another use
// CHECK-LABEL: @another_use
func.func @another_use(%z: tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x8xf32>) {
  // CHECK: moe.gate %{{[^ ]*}} router<
  %t = math.tanh %z : tensor<?x8xf32>
  %i, %w = moe.route %t router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i, %t : tensor<?x2xi32>, tensor<?x8xf32>
}

// -----

// Two routers of the same logits.
// REMARK-COUNT-2: [Missed] moe-fuse-gate {{.*}}the logits, or a step towards them, have another use
// CHECK-LABEL: @two_routes
func.func @two_routes(%z: tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x1xi32>) {
  // CHECK-COUNT-2: moe.gate
  %t = math.tanh %z : tensor<?x8xf32>
  %i, %w = moe.route %t router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %j, %v = moe.route %t router<score = sigmoid, top_k = 1> : (tensor<?x8xf32>) -> (tensor<?x1xi32>, tensor<?x1xf32>)
  return %i, %j : tensor<?x2xi32>, tensor<?x1xi32>
}

// -----

// The product must not move into the loop.
// REMARK: [Missed] moe-fuse-gate {{.*}}the logits are computed in another block
// CHECK-LABEL: @loop
func.func @loop(%z: tensor<?x8xf32>, %i0: tensor<?x2xi32>, %n: index) -> tensor<?x2xi32> {
  // CHECK: math.tanh
  // CHECK: scf.for
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %t = math.tanh %z : tensor<?x8xf32>
  %r = scf.for %k = %c0 to %n step %c1 iter_args(%given = %i0) -> tensor<?x2xi32> {
    %i, %w = moe.route %t router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
    scf.yield %i : tensor<?x2xi32>
  }
  return %r : tensor<?x2xi32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// A weight that some other op makes: not a parameter.
// REMARK: [Missed] moe-fuse-gate {{.*}}the router weight is no parameter
func.func @no_parameter(%x: tensor<?x16xf32>, %router: tensor<8x16xf32>, %f: tensor<?x8xf32>) -> tensor<?x2xi32> {
  %zero = arith.constant 0.0 : f32
  %g = linalg.fill ins(%zero : f32) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%x, %router : tensor<?x16xf32>, tensor<8x16xf32>) outs(%g : tensor<?x8xf32>) -> tensor<?x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// REMARK: [Missed] moe-fuse-gate {{.*}}the product adds to something
func.func @adds(%x: tensor<?x16xf32>, %router: tensor<8x16xf32> {moe.param = "r"}, %f: tensor<?x8xf32>) -> tensor<?x2xi32> {
  %z = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%x, %router : tensor<?x16xf32>, tensor<8x16xf32>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}

// -----

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// REMARK: [Missed] moe-fuse-gate {{.*}}the product's result is wider than 32 bits
func.func @wide(%x: tensor<?x16xf64>, %router: tensor<8x16xf64> {moe.param = "r"}, %f: tensor<?x8xf64>) -> tensor<?x2xi32> {
  %zero = arith.constant 0.0 : f64
  %g = linalg.fill ins(%zero : f64) outs(%f : tensor<?x8xf64>) -> tensor<?x8xf64>
  %z = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%x, %router : tensor<?x16xf64>, tensor<8x16xf64>) outs(%g : tensor<?x8xf64>) -> tensor<?x8xf64>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf64>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}

// -----

// Factors that are rounded in the product feed the selection: the rounding
// must not be dropped, so the op is no product here.
// REMARK: [Missed] moe-fuse-gate {{.*}}an op between product and selection is not element-wise
func.func @rounded_factor(%x: tensor<?x16xf32>, %router: tensor<8x16xbf16> {moe.param = "r"}, %f: tensor<?x8xf32>) -> tensor<?x2xi32> {
  %zero = arith.constant 0.0 : f32
  %g = linalg.fill ins(%zero : f32) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %router : tensor<?x16xf32>, tensor<8x16xbf16>) outs(%g : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: bf16, %acc: f32):
    %q = arith.truncf %a : f32 to bf16
    %m = arith.mulf %q, %b : bf16
    %e = arith.extf %m : bf16 to f32
    %s = arith.addf %acc, %e : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}

// -----

// REMARK: [Missed] moe-fuse-gate {{.*}}the logits mix two tensors
func.func @mix(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>) -> tensor<?x2xi32> {
  %z = arith.addf %a, %b : tensor<?x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}

// -----

// REMARK: [Missed] moe-fuse-gate {{.*}}the logits do not come from a product
func.func @constants(%x: tensor<4x8xf32>) -> tensor<4x2xi32> {
  %c = arith.constant dense<1.0> : tensor<4x8xf32>
  %z = math.exp %c : tensor<4x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<4x8xf32>) -> (tensor<4x2xi32>, tensor<4x2xf32>)
  return %i : tensor<4x2xi32>
}

// -----

// REMARK: [Missed] moe-fuse-gate {{.*}}there is more than one logit bias, or it is no parameter
func.func @bias_no_parameter(%a: tensor<?x8xf32>, %b: tensor<8xf32>) -> tensor<?x2xi32> {
  %z = linalg.generic {indexing_maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<8xf32>) outs(%a : tensor<?x8xf32>) {
  ^bb0(%bi: f32, %zi: f32):
    %s = arith.addf %zi, %bi : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  %i, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %i : tensor<?x2xi32>
}
