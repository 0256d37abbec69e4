// A scalar that every thread computes for itself and an epilogue reads: each
// has its own, also where the epilogue is part of a kernel of tiles. In the
// shared workspace it would take a cache line more.
//
// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=sapphirerapids" | FileCheck %s
// CHECK: workspace_fixed = 1600 : i64

#e = affine_map<(e, r, t, s, n) -> (t, s)>
#one = affine_map<(e, r, t, s, n) -> (0)>
func.func @forward(%x: tensor<?x64xbf16>, %scale: tensor<1xf32>, %router: tensor<8x64xbf16> {moe.param = "router"}, %gate: tensor<8x48x64xbf16> {moe.param = "e.*.gate"}, %up: tensor<8x48x64xbf16> {moe.param = "e.*.up"}, %down: tensor<8x64x48xbf16> {moe.param = "down"}) -> tensor<?x64xbf16> {
  %c0 = arith.constant 0 : index
  %ck = arith.constant 2 : index
  %T = tensor.dim %x, %c0 : tensor<?x64xbf16>
  %TK = arith.muli %T, %ck : index
  %i0 = tensor.empty(%T) : tensor<?x2xi32>
  %w0 = tensor.empty(%T) : tensor<?x2xf32>
  %ids, %w = moe.gate %x weight(%router) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (tensor<?x64xbf16>, tensor<8x64xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %off, %r, %inv = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %h0 = tensor.empty(%TK) : tensor<?x48xbf16>
  %h = moe.grouped_matmul %x weights(%gate, %up) offsets(%off) rows(%r) source = token place = plan top_k(2) outs(%h0)
      : (tensor<?x64xbf16>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>, tensor<9xi32>, tensor<?xi32>, tensor<?x48xbf16>) -> tensor<?x48xbf16> {
  ^bb0(%a: f32, %b: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %a : f32
    %ex = math.exp %n : f32
    %d = arith.addf %one, %ex : f32
    %s = arith.divf %a, %d : f32
    %p = arith.mulf %s, %b : f32
      %q = arith.truncf %p : f32 to bf16
      moe.yield %q : bf16
  }
  %zero = arith.constant 0.0 : bf16
  %y00 = tensor.empty(%T) : tensor<?x64xbf16>
  %y0 = linalg.fill ins(%zero : bf16) outs(%y00 : tensor<?x64xbf16>) -> tensor<?x64xbf16>
  %factor = tensor.extract %scale[%c0] : tensor<1xf32>
  %square = arith.mulf %factor, %factor : f32
  %own = tensor.from_elements %square : tensor<1xf32>
  %y = moe.grouped_matmul %h weights(%down) offsets(%off) rows(%r) inverse(%inv) epilogue_ins(%w, %own)
      source = plan place = token top_k(2) outs(%y0) attributes {epilogue_maps = [#e, #one]}
      : (tensor<?x48xbf16>, tensor<8x64x48xbf16>, tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<1xf32>, tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  ^bb0(%o: f32, %wt: f32, %f: f32):
    %p = arith.mulf %o, %wt : f32
    %m = arith.mulf %p, %f : f32
    moe.yield %m : f32
  }
  return %y : tensor<?x64xbf16>
}
