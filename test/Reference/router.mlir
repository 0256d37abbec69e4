// RUN: moe-opt %s --test-moe-interpret -o /dev/null | FileCheck %s

// Each axis of #moe.router on rows small enough to work out by hand. The
// logits log 1, log 2, log 3, log 4 have the softmax .1, .2, .3, .4.

// CHECK-LABEL: @softmax
// CHECK-NEXT: {{\[}}[3, 2]]
// CHECK-NEXT: {{\[}}[0.4, 0.3]]
func.func @softmax() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<1x4xf32>
  %ids, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %ids, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// sigmoid(log 3) = 3/4; the bias of the key is in no weight.
// CHECK-LABEL: @sigmoid_bias
// CHECK-NEXT: {{\[}}[3, 0]]
// CHECK-NEXT: {{\[}}[0.25, 0.5]]
func.func @sigmoid_bias() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %z = arith.constant dense<[[0.0, 0.0, 1.09861231, -1.09861231]]> : tensor<1x4xf32>
  %b = arith.constant dense<[0.0, 0.0, -1.0, 1.0]> : tensor<4xf32>
  %ids, %w = moe.route %z bias(%b) router<score = sigmoid, top_k = 2> : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %ids, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// log(1 + exp(log(e^4 - 1))) = 4.
// CHECK-LABEL: @sqrt_softplus
// CHECK-NEXT: {{\[}}[1, 2, 0]]
// CHECK-NEXT: {{\[}}[31.6228, 2, 0.832555]]
func.func @sqrt_softplus() -> (tensor<1x3xi32>, tensor<1x3xf32>) {
  %z = arith.constant dense<[[0.0, 1000.0, 3.98151493]]> : tensor<1x3xf32>
  %ids, %w = moe.route %z router<score = sqrt_softplus, top_k = 3> : (tensor<1x3xf32>) -> (tensor<1x3xi32>, tensor<1x3xf32>)
  return %ids, %w : tensor<1x3xi32>, tensor<1x3xf32>
}

// Ranked by logit plus bias, weighed by score.
// CHECK-LABEL: @logit_key
// CHECK-NEXT: {{\[}}[0, 3]]
// CHECK-NEXT: {{\[}}[0.1, 0.4]]
func.func @logit_key() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<1x4xf32>
  %b = arith.constant dense<[9.0, 0.0, 0.0, 0.0]> : tensor<4xf32>
  %ids, %w = moe.route %z bias(%b) router<score = softmax, top_k = 2, key = logit> : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %ids, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// CHECK-LABEL: @ties
// CHECK-NEXT: {{\[}}[0, 1, 2], [1, 3, 0]]
func.func @ties() -> tensor<2x3xi32> {
  %z = arith.constant dense<[[7.0, 7.0, 7.0, 7.0], [-0.0, 1.0, 0.0, 1.0]]> : tensor<2x4xf32>
  %ids, %w = moe.route %z router<score = none, top_k = 3, key = logit> : (tensor<2x4xf32>) -> (tensor<2x3xi32>, tensor<2x3xf32>)
  return %ids : tensor<2x3xi32>
}

// A key of NaN ranks as -inf; its weight is NaN. One NaN makes all of a
// softmax NaN.
// CHECK-LABEL: @nan
// CHECK-NEXT: {{\[}}[3, 2, 1, 0]]
// CHECK-NEXT: {{\[}}[0.952574, 0.880797, 0.731059, nan]]
// CHECK-NEXT: {{\[}}[0, 1]]
// CHECK-NEXT: {{\[}}[nan, nan]]
func.func @nan() -> (tensor<1x4xi32>, tensor<1x4xf32>, tensor<1x2xi32>, tensor<1x2xf32>) {
  %z = arith.constant dense<[[0x7FC00000, 1.0, 2.0, 3.0]]> : tensor<1x4xf32>
  %ids, %w = moe.route %z router<score = sigmoid, top_k = 4> : (tensor<1x4xf32>) -> (tensor<1x4xi32>, tensor<1x4xf32>)
  %ids1, %w1 = moe.route %z router<score = softmax, top_k = 2> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %ids, %w, %ids1, %w1 : tensor<1x4xi32>, tensor<1x4xf32>, tensor<1x2xi32>, tensor<1x2xf32>
}

// CHECK-LABEL: @infinity
// CHECK-NEXT: {{\[}}[0, 3, 2, 1]]
// CHECK-NEXT: {{\[}}[1, 0.731059, 0.5, 0]]
func.func @infinity() -> (tensor<1x4xi32>, tensor<1x4xf32>) {
  %z = arith.constant dense<[[0x7F800000, 0xFF800000, 0.0, 1.0]]> : tensor<1x4xf32>
  %ids, %w = moe.route %z router<score = sigmoid, top_k = 4> : (tensor<1x4xf32>) -> (tensor<1x4xi32>, tensor<1x4xf32>)
  return %ids, %w : tensor<1x4xi32>, tensor<1x4xf32>
}

// Excluded experts come last, and then by id.
// CHECK-LABEL: @mask
// CHECK-NEXT: {{\[}}[2, 0], [2, 1], [0, 1]]
func.func @mask() -> tensor<3x2xi32> {
  %z = arith.constant dense<[[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]> : tensor<3x3xf32>
  %m = arith.constant dense<[[false, false, true], [false, true, true], [false, false, false]]> : tensor<3x3xi1>
  %ids, %w = moe.route %z mask(%m) router<score = none, top_k = 2, key = logit> : (tensor<3x3xf32>, tensor<3x3xi1>) -> (tensor<3x2xi32>, tensor<3x2xf32>)
  return %ids : tensor<3x2xi32>
}

// Groups {0, 1} and {2, 3}: by their maximum 5 > 3; by the sum 5 < 6.
// CHECK-LABEL: @groups
// CHECK-NEXT: {{\[}}[0, 1]]
// CHECK-NEXT: {{\[}}[2, 3]]
func.func @groups() -> (tensor<1x2xi32>, tensor<1x2xi32>) {
  %z = arith.constant dense<[[5.0, 0.0, 3.0, 3.0]]> : tensor<1x4xf32>
  %a, %w = moe.route %z router<score = none, top_k = 2, key = logit, groups = <count = 2, keep = 1>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %b, %w1 = moe.route %z router<score = none, top_k = 2, key = logit, groups = <count = 2, keep = 1, sum_top = 2>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %a, %b : tensor<1x2xi32>, tensor<1x2xi32>
}

// A tie keeps the lower group.
// CHECK-LABEL: @group_tie
// CHECK-NEXT: {{\[}}[1, 0]]
func.func @group_tie() -> tensor<1x2xi32> {
  %z = arith.constant dense<[[1.0, 3.0, 3.0, 2.0]]> : tensor<1x4xf32>
  %a, %w = moe.route %z router<score = none, top_k = 2, key = logit, groups = <count = 2, keep = 1>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %a : tensor<1x2xi32>
}

// With fill = zero an expert of a discarded group beats a negative key of the
// kept one, unless the mask excludes it.
// CHECK-LABEL: @group_fill
// CHECK-NEXT: {{\[}}[0, 1]]
// CHECK-NEXT: {{\[}}[0, 2]]
// CHECK-NEXT: {{\[}}[0, 3]]
func.func @group_fill() -> (tensor<1x2xi32>, tensor<1x2xi32>, tensor<1x2xi32>) {
  %z = arith.constant dense<[[5.0, -1.0, 3.0, -2.0]]> : tensor<1x4xf32>
  %m = arith.constant dense<[[true, true, false, true]]> : tensor<1x4xi1>
  %a, %w = moe.route %z router<score = none, top_k = 2, key = logit, groups = <count = 2, keep = 1>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %b, %w1 = moe.route %z router<score = none, top_k = 2, key = logit, groups = <count = 2, keep = 1, fill = zero>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %c, %w2 = moe.route %z mask(%m) router<score = none, top_k = 2, key = logit, groups = <count = 2, keep = 1, fill = zero>> : (tensor<1x4xf32>, tensor<1x4xi1>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %a, %b, %c : tensor<1x2xi32>, tensor<1x2xi32>, tensor<1x2xi32>
}

// 3/7 and 4/7; sigmoid(log 4) = 4/5; and 1.
// CHECK-LABEL: @weight_sources
// CHECK-NEXT: {{\[}}[0.571429, 0.428571]]
// CHECK-NEXT: {{\[}}[0.8, 0.75]]
// CHECK-NEXT: {{\[}}[1, 1]]
func.func @weight_sources() -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<1x4xf32>
  %a, %wa = moe.route %z router<score = none, top_k = 2, key = logit, weight = softmax_selected> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %b, %wb = moe.route %z router<score = none, top_k = 2, key = logit, weight = sigmoid_selected> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %c, %wc = moe.route %z router<score = softmax, top_k = 2, weight = one> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %wa, %wb, %wc : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}

// Slot 0 of the first row: nothing is close to 2. Slot 1: .99 is within 2 % of
// 1, so 1 / (1 + exp(-.01)). Zeros are close to zeros: 1/4, then 1/3.
// CHECK-LABEL: @sparsemixer
// CHECK-NEXT: {{\[}}[3, 0], [0, 1], [1, 0]]
// CHECK-NEXT: {{\[}}[1, 0.5025], [0.25, 0.333333], [1, 1]]
func.func @sparsemixer() -> (tensor<3x2xi32>, tensor<3x2xf32>) {
  %z = arith.constant dense<[[1.0, 0.99, 0.5, 2.0], [0.0, 0.0, 0.0, 0.0], [-2.0, -1.0, -3.0, -4.0]]> : tensor<3x4xf32>
  %ids, %w = moe.route %z router<score = none, top_k = 2, key = logit, weight = sparsemixer, jitter = 0.01> : (tensor<3x4xf32>) -> (tensor<3x2xi32>, tensor<3x2xf32>)
  return %ids, %w : tensor<3x2xi32>, tensor<3x2xf32>
}

// .4 and .3 by their sum .7, by their norm .5, by .7 + .3, by max(.7, 1.4) and
// by max(.7, .1).
// CHECK-LABEL: @renormalize
// CHECK-NEXT: {{\[}}[0.571429, 0.428571]]
// CHECK-NEXT: {{\[}}[0.8, 0.6]]
// CHECK-NEXT: {{\[}}[0.4, 0.3]]
// CHECK-NEXT: {{\[}}[0.285714, 0.214286]]
// CHECK-NEXT: {{\[}}[0.571429, 0.428571]]
func.func @renormalize() -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<1x4xf32>
  %a, %wa = moe.route %z router<score = softmax, top_k = 2, renormalize = <>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %b, %wb = moe.route %z router<score = softmax, top_k = 2, renormalize = <p = 2>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %c, %wc = moe.route %z router<score = softmax, top_k = 2, renormalize = <mode = add, epsilon = 0.3>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %d, %wd = moe.route %z router<score = softmax, top_k = 2, renormalize = <mode = max, epsilon = 1.4>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  %e, %we = moe.route %z router<score = softmax, top_k = 2, renormalize = <mode = max, epsilon = 0.1>> : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %wa, %wb, %wc, %wd, %we : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}

// Scale, then the expert's entry: .4 * 2.5 * 40.
// CHECK-LABEL: @scales
// CHECK-NEXT: {{\[}}[40, 22.5]]
func.func @scales() -> tensor<1x2xf32> {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<1x4xf32>
  %s = arith.constant dense<[10.0, 20.0, 30.0, 40.0]> : tensor<4xf32>
  %ids, %w = moe.route %z expert_scale(%s) router<score = softmax, top_k = 2, scale = 2.5> : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %w : tensor<1x2xf32>
}

// Given ids: nothing is chosen, -1 weighs 0 and is left out of the norm.
// CHECK-LABEL: @given
// CHECK-NEXT: {{\[}}[2, -1], [0, 3], [-1, -1]]
// CHECK-NEXT: {{\[}}[1, 0], [0.2, 0.8], [0, 0]]
// CHECK-NEXT: {{\[}}[1, 0], [0.2, 0.8], [0, 0]]
func.func @given() -> (tensor<3x2xi32>, tensor<3x2xf32>, tensor<3x2xf32>) {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436], [0.0, 0.693147182, 1.09861231, 1.38629436], [0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<3x4xf32>
  %given = arith.constant dense<[[2, -1], [0, 3], [-1, -1]]> : tensor<3x2xi32>
  %ids, %w = moe.route %z ids(%given) router<score = softmax, top_k = 2, renormalize = <>> : (tensor<3x4xf32>, tensor<3x2xi32>) -> (tensor<3x2xi32>, tensor<3x2xf32>)
  %ids1, %w1 = moe.route %z ids(%given) router<score = none, top_k = 2, key = logit, weight = softmax_selected> : (tensor<3x4xf32>, tensor<3x2xi32>) -> (tensor<3x2xi32>, tensor<3x2xf32>)
  return %ids, %w, %w1 : tensor<3x2xi32>, tensor<3x2xf32>, tensor<3x2xf32>
}

// The product x w^T = (1*1 + 2*3, 1*2 + 2*0), plus a bias, in the region; and
// logits as they are.
// CHECK-LABEL: @gate
// CHECK-NEXT: {{\[}}[1]]
// CHECK-NEXT: {{\[}}[8]]
// CHECK-NEXT: {{\[}}[0]]
// CHECK-NEXT: {{\[}}[-1]]
func.func @gate() -> (tensor<1x1xi32>, tensor<1x1xf32>, tensor<1x1xi32>, tensor<1x1xf32>) {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 3.0], [2.0, 0.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[0.0, 6.0]> : tensor<2xf32>
  %ie = tensor.empty() : tensor<1x1xi32>
  %we = tensor.empty() : tensor<1x1xf32>
  %ids, %weights = moe.gate %x weight(%w) logit_bias(%b) router<score = none, top_k = 1, key = logit> outs(%ie, %we)
      : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x1xi32>, tensor<1x1xf32>) -> (tensor<1x1xi32>, tensor<1x1xf32>) {
  ^bb0(%acc: f32, %bias: f32):
    %z = arith.addf %acc, %bias : f32
    moe.yield %z : f32
  }
  %ids1, %weights1 = moe.gate %x router<score = none, top_k = 1, key = logit> outs(%ie, %we)
      : (tensor<1x2xf32>, tensor<1x1xi32>, tensor<1x1xf32>) -> (tensor<1x1xi32>, tensor<1x1xf32>) {
  ^bb0(%z: f32):
    %n = arith.negf %z : f32
    moe.yield %n : f32
  }
  return %ids, %weights, %ids1, %weights1 : tensor<1x1xi32>, tensor<1x1xf32>, tensor<1x1xi32>, tensor<1x1xf32>
}

// No token: no row.
// CHECK-LABEL: @no_token
// CHECK-NEXT: []
func.func @no_token() -> tensor<?x2xi32> {
  %c0 = arith.constant 0 : index
  %z = tensor.empty(%c0) : tensor<?x4xf32>
  %ids, %w = moe.route %z router<score = softmax, top_k = 2> : (tensor<?x4xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return %ids : tensor<?x2xi32>
}
