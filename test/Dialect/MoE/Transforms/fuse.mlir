// The whole way from the graph level to the fused level, on a layer as OLMoE has
// it: one gate, one plan, two products, nothing permuted in memory.

// RUN: moe-opt %s --moe-fuse | FileCheck %s
// RUN: moe-opt %s --moe-fuse --moe-verify-level=level=fused -o /dev/null
// RUN: moe-opt %s --pass-pipeline='builtin.module(func.func(moe-decompose),canonicalize,cse)' | moe-opt --moe-fuse | FileCheck %s
// RUN: moe-opt %s --moe-fuse -o /dev/null --remarks-filter=moe-fusion --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK-NOT: [Missed]
// REMARK: [Passed] moe-fuse-gate
// REMARK-COUNT-2: [Passed] moe-fuse-dispatch
// REMARK: [Passed] moe-fuse-products
// REMARK: [Passed] moe-fuse-combine
// REMARK-NOT: [Missed]

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// CHECK-LABEL: @forward
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xbf16>, %[[R:.*]]: tensor<4x16xbf16> {{.*}}, %[[G:.*]]: tensor<4x32x16xbf16> {{.*}}, %[[U:.*]]: tensor<4x32x16xbf16> {{.*}}, %[[D:.*]]: tensor<4x16x32xbf16>
// CHECK: %[[ROUTING:.*]]:2 = moe.gate %[[X]] weight(%[[R]]) router<score = softmax, top_k = 2>
// CHECK: ^bb0(%[[Z:.*]]: f32):
// CHECK-NEXT: %[[Q:.*]] = arith.truncf %[[Z]]
// CHECK-NEXT: %[[E:.*]] = arith.extf %[[Q]]
// CHECK-NEXT: moe.yield %[[E]]
// CHECK: %[[PLAN:.*]]:3 = moe.plan %[[ROUTING]]#0 experts(4)
// CHECK: %[[H:.*]] = moe.grouped_matmul %[[X]] weights(%[[G]], %[[U]]) offsets(%[[PLAN]]#0) rows(%[[PLAN]]#1) source = token place = plan top_k(2)
// CHECK: moe.yield %{{.*}} : bf16
// CHECK: %[[Y:.*]] = moe.grouped_matmul %[[H]] weights(%[[D]]) offsets(%[[PLAN]]#0) rows(%[[PLAN]]#1) inverse(%[[PLAN]]#2) epilogue_ins(%[[ROUTING]]#1) source = plan place = token top_k(2)
// CHECK: moe.yield %{{.*}} : f32
// CHECK: return %[[Y]]
func.func @forward(%x: tensor<?x16xbf16>,
    %router: tensor<4x16xbf16> {moe.param = "gate.weight"},
    %gate: tensor<4x32x16xbf16> {moe.param = "experts.*.gate_proj.weight"},
    %up: tensor<4x32x16xbf16> {moe.param = "experts.*.up_proj.weight"},
    %down: tensor<4x16x32xbf16> {moe.param = "experts.*.down_proj.weight"}) -> tensor<?x16xbf16> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %x, %c0 : tensor<?x16xbf16>
  %l0 = tensor.empty(%t) : tensor<?x4xf32>
  %l1 = linalg.fill ins(%zero : f32) outs(%l0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %l2 = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%x, %router : tensor<?x16xbf16>, tensor<4x16xbf16>) outs(%l1 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %l3 = arith.truncf %l2 : tensor<?x4xf32> to tensor<?x4xbf16>
  %logits = arith.extf %l3 : tensor<?x4xbf16> to tensor<?x4xf32>
  %ids, %w = moe.route %logits router<score = softmax, top_k = 2> : (tensor<?x4xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %y = moe.experts %x, %ids, %w params(%gate, %up, %down)
      : (tensor<?x16xbf16>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x16xbf16>, tensor<4x32x16xbf16>, tensor<4x16x32xbf16>) -> tensor<?x16xbf16> {
  ^expert(%rows: tensor<?x16xbf16>, %g: tensor<32x16xbf16>, %u: tensor<32x16xbf16>, %d: tensor<16x32xbf16>):
    %c0_0 = arith.constant 0 : index
    %zero_0 = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %r = tensor.dim %rows, %c0_0 : tensor<?x16xbf16>
    %e0 = tensor.empty(%r) : tensor<?x32xf32>
    %f0 = linalg.fill ins(%zero_0 : f32) outs(%e0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %g : tensor<?x16xbf16>, tensor<32x16xbf16>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %b = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%rows, %u : tensor<?x16xbf16>, tensor<32x16xbf16>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %e1 = tensor.empty(%r) : tensor<?x32xbf16>
    %h = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%a, %b : tensor<?x32xf32>, tensor<?x32xf32>) outs(%e1 : tensor<?x32xbf16>) {
    ^bb0(%ga: f32, %ub: f32, %out: bf16):
      %n = arith.negf %ga : f32
      %ex = math.exp %n : f32
      %den = arith.addf %one, %ex : f32
      %s = arith.divf %ga, %den : f32
      %m = arith.mulf %s, %ub : f32
      %q = arith.truncf %m : f32 to bf16
      linalg.yield %q : bf16
    } -> tensor<?x32xbf16>
    %e2 = tensor.empty(%r) : tensor<?x16xf32>
    %f2 = linalg.fill ins(%zero_0 : f32) outs(%e2 : tensor<?x16xf32>) -> tensor<?x16xf32>
    %o = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%h, %d : tensor<?x32xbf16>, tensor<16x32xbf16>) outs(%f2 : tensor<?x16xf32>) -> tensor<?x16xf32>
    moe.yield %o : tensor<?x16xf32>
  }
  return %y : tensor<?x16xbf16>
}

#row = affine_map<(m, n) -> (m)>

// As Llama 4 has it: gate and up interleaved in one parameter, the routing
// weight applied to the input by the body, and a shared expert, which is one
// more grouped product whose output the sum over slots starts from.
// CHECK-LABEL: @body_weight
// CHECK: moe.gate %{{[^ ]*}} router<
// CHECK: %[[H:.*]] = moe.grouped_matmul %{{.*}} weights(%{{.*}}, %{{.*}})
// CHECK: math.tanh
// CHECK: %[[SH:.*]] = moe.grouped_matmul %{{.*}} weights(%{{.*}}) {{.*}} : (tensor<?x16xf32>, tensor<1x16x16xf32>
// CHECK: %[[Y:.*]] = moe.grouped_matmul %[[H]] {{.*}} place = token top_k(1) outs(%[[SH]])
// CHECK: return %[[Y]]
func.func @body_weight(%x: tensor<?x16xf32>, %logits: tensor<?x4xf32>,
    %gu: tensor<4x64x16xf32> {moe.param = "gu"}, %down: tensor<4x16x32xf32> {moe.param = "d"}, %sh: tensor<16x16xf32> {moe.param = "s"}) -> tensor<?x16xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %ids, %w = moe.route %logits router<score = none, key = logit, top_k = 1, weight = sigmoid_selected> : (tensor<?x4xf32>) -> (tensor<?x1xi32>, tensor<?x1xf32>)
  %y = moe.experts %x, %ids, %w params(%gu, %down) weighting = body
      : (tensor<?x16xf32>, tensor<?x1xi32>, tensor<?x1xf32>, tensor<4x64x16xf32>, tensor<4x16x32xf32>) -> tensor<?x16xf32> {
  ^expert(%rows: tensor<?x16xf32>, %rw: tensor<?xf32>, %g_u: tensor<64x16xf32>, %d: tensor<16x32xf32>):
    %c0_0 = arith.constant 0 : index
    %zero_0 = arith.constant 0.0 : f32
    %r = tensor.dim %rows, %c0_0 : tensor<?x16xf32>
    %ex = tensor.empty(%r) : tensor<?x16xf32>
    %xs = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
        ins(%rows, %rw : tensor<?x16xf32>, tensor<?xf32>) outs(%ex : tensor<?x16xf32>) {
    ^bb0(%i: f32, %bi: f32, %out: f32):
      %s = arith.mulf %i, %bi : f32
      linalg.yield %s : f32
    } -> tensor<?x16xf32>
    %g = tensor.extract_slice %g_u[0, 0] [32, 16] [2, 1] : tensor<64x16xf32> to tensor<32x16xf32>
    %u = tensor.extract_slice %g_u[1, 0] [32, 16] [2, 1] : tensor<64x16xf32> to tensor<32x16xf32>
    %e0 = tensor.empty(%r) : tensor<?x32xf32>
    %f0 = linalg.fill ins(%zero_0 : f32) outs(%e0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%xs, %g : tensor<?x16xf32>, tensor<32x16xf32>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %b = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%xs, %u : tensor<?x16xf32>, tensor<32x16xf32>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %t = math.tanh %a : tensor<?x32xf32>
    %h = arith.mulf %t, %b : tensor<?x32xf32>
    %f2 = linalg.fill ins(%zero_0 : f32) outs(%ex : tensor<?x16xf32>) -> tensor<?x16xf32>
    %o = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%h, %d : tensor<?x32xf32>, tensor<16x32xf32>) outs(%f2 : tensor<?x16xf32>) -> tensor<?x16xf32>
    moe.yield %o : tensor<?x16xf32>
  }
  %tt = tensor.dim %x, %c0 : tensor<?x16xf32>
  %es = tensor.empty(%tt) : tensor<?x16xf32>
  %fs = linalg.fill ins(%zero : f32) outs(%es : tensor<?x16xf32>) -> tensor<?x16xf32>
  %s = linalg.matmul ins(%x, %sh : tensor<?x16xf32>, tensor<16x16xf32>) outs(%fs : tensor<?x16xf32>) -> tensor<?x16xf32>
  %st = math.tanh %s : tensor<?x16xf32>
  %res = linalg.add ins(%y, %st : tensor<?x16xf32>, tensor<?x16xf32>) outs(%es : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %res : tensor<?x16xf32>
}
