// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// RUN: moe-opt %s --emit-bytecode | moe-opt | FileCheck %s

// CHECK-LABEL: @route
func.func @route(%logits: tensor<?x64xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>) {
  // CHECK: moe.route %{{.*}} router<score = softmax, top_k = 8> : (tensor<?x64xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>)
  %ids, %w = moe.route %logits router<score = softmax, top_k = 8> : (tensor<?x64xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>)
  return %ids, %w : tensor<?x8xi32>, tensor<?x8xf32>
}

// CHECK-LABEL: @route_deepseek
func.func @route_deepseek(%logits: tensor<?x256xf32>, %b: tensor<256xf32>, %mask: tensor<?x256xi1>, %s: tensor<256xf32>, %given: tensor<?x8xi32>) -> tensor<?x8xf32> {
  // CHECK: moe.route %{{[^)]*}} bias(%{{[^)]*}}) mask(%{{[^)]*}}) expert_scale(%{{[^)]*}}) ids(%{{[^)]*}})
  // CHECK-SAME: router<score = sigmoid, top_k = 8, groups = <count = 8, keep = 4, sum_top = 2, fill = zero>
  // CHECK-SAME: renormalize = <mode = add, epsilon = 1.0e-20>, scale = 2.5, round_to = bf16>
  %ids, %w = moe.route %logits bias(%b) mask(%mask) expert_scale(%s) ids(%given)
    router<score = sigmoid, top_k = 8, groups = <count = 8, keep = 4, sum_top = 2, fill = zero>,
     renormalize = <mode = add, epsilon = 1.0e-20>, scale = 2.5, round_to = bf16>
    : (tensor<?x256xf32>, tensor<256xf32>, tensor<?x256xi1>, tensor<256xf32>, tensor<?x8xi32>) -> (tensor<?x8xi32>, tensor<?x8xf32>)
  return %w : tensor<?x8xf32>
}

// CHECK-LABEL: @experts
func.func @experts(%x: tensor<?x16xbf16>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x32x16xbf16>, %down: tensor<4x16x32xbf16>) -> tensor<?x16xbf16> {
  // CHECK: moe.experts %{{.*}}, %{{.*}}, %{{.*}} params(%{{.*}}, %{{.*}})
  // CHECK: ^bb0(%[[ROWS:.*]]: tensor<?x16xbf16>
  %y = moe.experts %x, %ids, %w params(%up, %down)
      : (tensor<?x16xbf16>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x16xbf16>, tensor<4x16x32xbf16>) -> tensor<?x16xbf16> {
  ^expert(%rows: tensor<?x16xbf16>, %u: tensor<32x16xbf16>, %d: tensor<16x32xbf16>):
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %r = tensor.dim %rows, %c0 : tensor<?x16xbf16>
    %e0 = tensor.empty(%r) : tensor<?x32xf32>
    %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %a = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%rows, %u : tensor<?x16xbf16>, tensor<32x16xbf16>) outs(%f0 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %h = arith.truncf %a : tensor<?x32xf32> to tensor<?x32xbf16>
    %e1 = tensor.empty(%r) : tensor<?x16xf32>
    %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x16xf32>) -> tensor<?x16xf32>
    %o = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%h, %d : tensor<?x32xbf16>, tensor<16x32xbf16>) outs(%f1 : tensor<?x16xf32>) -> tensor<?x16xf32>
    // CHECK: moe.yield
    moe.yield %o : tensor<?x16xf32>
  }
  return %y : tensor<?x16xbf16>
}

// CHECK-LABEL: @routed
func.func @routed(%x: tensor<?x16xbf16>, %ids: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<4x16x16xbf16>, %b: tensor<4x16xf32>,
    %d0: tensor<?x16xbf16>, %d1: tensor<?x16xf32>, %y0: tensor<?x16xbf16>) -> tensor<?x16xbf16> {
  // CHECK: %[[OFF:.*]]:3 = moe.plan %{{.*}} experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %off, %r, %inv = moe.plan %ids experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // CHECK: moe.dispatch %{{.*}}, %[[OFF]]#1, %[[OFF]]#0 top_k(2) outs(%{{.*}})
  %xs = moe.dispatch %x, %r, %off top_k(2) outs(%d0) : (tensor<?x16xbf16>, tensor<?xi32>, tensor<5xi32>, tensor<?x16xbf16>) -> tensor<?x16xbf16>
  // CHECK: moe.expert_broadcast
  %bias = moe.expert_broadcast %b, %off outs(%d1) : (tensor<4x16xf32>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  // CHECK: moe.grouped_matmul %{{.*}} weights(%{{.*}}) offsets(%[[OFF]]#0) source = plan place = plan outs(%{{.*}})
  %o = moe.grouped_matmul %xs weights(%up) offsets(%off) source = plan place = plan outs(%bias)
      : (tensor<?x16xbf16>, tensor<4x16x16xbf16>, tensor<5xi32>, tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  // CHECK: moe.combine %{{.*}} weights(%{{.*}}) inverse(%[[OFF]]#2) source = plan outs(%{{.*}})
  %y = moe.combine %o weights(%w) inverse(%inv) source = plan outs(%y0)
      : (tensor<?x16xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<?x16xbf16>) -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}

// CHECK-LABEL: @fused
func.func @fused(%x: tensor<?x16xbf16>, %router: tensor<4x16xbf16>, %gate: tensor<4x32x16xbf16>, %up: tensor<4x32x16xbf16>, %down: tensor<4x16x32xbf16>,
    %i0: tensor<?x2xi32>, %w0: tensor<?x2xf32>, %h0: tensor<?x32xbf16>, %y0: tensor<?x16xbf16>) -> tensor<?x16xbf16> {
  // CHECK: moe.gate %{{.*}} weight(%{{.*}}) router<score = softmax, top_k = 2> outs(%{{.*}}, %{{.*}})
  %ids, %w = moe.gate %x weight(%router) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x16xbf16>, tensor<4x16xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %off, %r, %inv = moe.plan %ids experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  // CHECK: moe.grouped_matmul %{{.*}} weights(%{{.*}}, %{{.*}}) offsets(%{{.*}}) rows(%{{.*}}) source = token place = plan top_k(2)
  // CHECK-SAME: lowering_config = #moe.lowering_config<rows = 12, columns = 32, panels = 2, row_block = 144>
  %h = moe.grouped_matmul %x weights(%gate, %up) offsets(%off) rows(%r) source = token place = plan top_k(2) outs(%h0)
      attributes {lowering_config = #moe.lowering_config<rows = 12, columns = 32, panels = 2, row_block = 144>}
      : (tensor<?x16xbf16>, tensor<4x32x16xbf16>, tensor<4x32x16xbf16>, tensor<5xi32>, tensor<?xi32>, tensor<?x32xbf16>) -> tensor<?x32xbf16> {
  ^bb0(%a: f32, %b: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.truncf %m : f32 to bf16
    moe.yield %t : bf16
  }
  // CHECK: moe.grouped_matmul %{{.*}} inverse(%{{.*}}) epilogue_ins(%{{.*}}) source = plan place = token top_k(2) outs(%{{.*}}) attributes {epilogue_maps = [#{{.*}}]}
  %y = moe.grouped_matmul %h weights(%down) offsets(%off) rows(%r) inverse(%inv) epilogue_ins(%w)
      source = plan place = token top_k(2) outs(%y0) attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (t, s)>]}
      : (tensor<?x32xbf16>, tensor<4x16x32xbf16>, tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x16xbf16>) -> tensor<?x16xbf16> {
  ^bb0(%o: f32, %wt: f32):
    %m = arith.mulf %o, %wt : f32
    moe.yield %m : f32
  }
  return %y : tensor<?x16xbf16>
}
