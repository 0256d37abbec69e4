// RUN: moe-opt %s --test-moe-interpret -o /dev/null | FileCheck %s --check-prefixes=CHECK,EXACT
// RUN: moe-opt %s --test-moe-interpret=typed -o /dev/null | FileCheck %s --check-prefixes=CHECK,TYPED

// 1 + 2^-9 rounds to 1 in bf16.
// CHECK-LABEL: @truncf
// EXACT-NEXT: [1.00195]
// TYPED-NEXT: [1]
func.func @truncf() -> tensor<1xbf16> {
  %x = arith.constant dense<1.001953125> : tensor<1xf32>
  %y = arith.truncf %x : tensor<1xf32> to tensor<1xbf16>
  return %y : tensor<1xbf16>
}

// 1 + 2^-24 - 1: a scalar operation rounds.
// CHECK-LABEL: @scalar
// EXACT-NEXT: 5.96046e-08
// TYPED-NEXT: 0
func.func @scalar() -> f32 {
  %one = arith.constant 1.0 : f32
  %small = arith.constant 5.9604644775390625e-08 : f32
  %sum = arith.addf %one, %small : f32
  %difference = arith.subf %sum, %one : f32
  return %difference : f32
}

// (1, 2^-24, 2^-24) . (1, 1, 1): a contraction rounds once, to 1 + 2^-23. Step
// by step it would stay at 1, as the reduction does that is none.
// CHECK-LABEL: @contraction
// CHECK-NEXT: [1.19209e-07]
// EXACT-NEXT: [1.19209e-07]
// TYPED-NEXT: [0]
func.func @contraction() -> (tensor<1xf32>, tensor<1xf32>) {
  %minus = arith.constant dense<-1.0> : tensor<1xf32>
  %one = arith.constant dense<1.0> : tensor<1xf32>
  %zero = arith.constant dense<0.0> : tensor<1xf32>
  %a = arith.constant dense<[[1.0, 5.9604644775390625e-08, 5.9604644775390625e-08]]> : tensor<1x3xf32>
  %b = arith.constant dense<1.0> : tensor<3xf32>
  %dot = linalg.matvec ins(%a, %b : tensor<1x3xf32>, tensor<3xf32>) outs(%zero : tensor<1xf32>) -> tensor<1xf32>
  %d = arith.subf %dot, %one : tensor<1xf32>
  %sum = linalg.reduce { arith.addf } ins(%a : tensor<1x3xf32>) outs(%zero : tensor<1xf32>) dimensions = [1]
  %s = arith.subf %sum, %one : tensor<1xf32>
  return %d, %s : tensor<1xf32>, tensor<1xf32>
}

// The logits differ in f32 and are equal in bf16: a tie, which the lowest id
// wins in both modes. The same values off the path to a key are exact.
// CHECK-LABEL: @key_path
// CHECK-NEXT: {{\[}}[0]]
// EXACT-NEXT: {{\[}}[1, 1.00195]]
// TYPED-NEXT: {{\[}}[1, 1]]
func.func @key_path() -> (tensor<1x1xi32>, tensor<1x2xbf16>) {
  %x = arith.constant dense<[[1.0, 1.001953125]]> : tensor<1x2xf32>
  %z = arith.truncf %x : tensor<1x2xf32> to tensor<1x2xbf16>
  %y = arith.truncf %x : tensor<1x2xf32> to tensor<1x2xbf16>
  %ids, %w = moe.route %z router<score = none, top_k = 1, key = logit> : (tensor<1x2xbf16>) -> (tensor<1x1xi32>, tensor<1x1xf32>)
  return %ids, %y : tensor<1x1xi32>, tensor<1x2xbf16>
}

// Through a call, a loop and a gate's region.
func.func private @round(%x: tensor<1x2xf32>) -> tensor<1x2xbf16> {
  %z = arith.truncf %x : tensor<1x2xf32> to tensor<1x2xbf16>
  return %z : tensor<1x2xbf16>
}
func.func private @choose(%z: tensor<1x2xbf16>) -> tensor<1x1xi32> {
  %ids, %w = moe.route %z router<score = none, top_k = 1, key = logit> : (tensor<1x2xbf16>) -> (tensor<1x1xi32>, tensor<1x1xf32>)
  return %ids : tensor<1x1xi32>
}
// CHECK-LABEL: @key_path_calls
// CHECK-NEXT: {{\[}}[0]]
// CHECK-NEXT: {{\[}}[0]]
func.func @key_path_calls() -> (tensor<1x1xi32>, tensor<1x1xi32>) {
  %x = arith.constant dense<[[1.0, 1.001953125]]> : tensor<1x2xf32>
  %z = call @round(%x) : (tensor<1x2xf32>) -> tensor<1x2xbf16>
  %ids = call @choose(%z) : (tensor<1x2xbf16>) -> tensor<1x1xi32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %init = arith.constant dense<0.0> : tensor<1x2xbf16>
  %l = scf.for %i = %c0 to %c1 step %c1 iter_args(%unused = %init) -> tensor<1x2xbf16> {
    %r = arith.truncf %x : tensor<1x2xf32> to tensor<1x2xbf16>
    scf.yield %r : tensor<1x2xbf16>
  }
  %ie = tensor.empty() : tensor<1x1xi32>
  %we = tensor.empty() : tensor<1x1xf32>
  %ids1, %w1 = moe.gate %l router<score = none, top_k = 1, key = logit> outs(%ie, %we)
      : (tensor<1x2xbf16>, tensor<1x1xi32>, tensor<1x1xf32>) -> (tensor<1x1xi32>, tensor<1x1xf32>) {
  ^bb0(%v: bf16):
    moe.yield %v : bf16
  }
  return %ids, %ids1 : tensor<1x1xi32>, tensor<1x1xi32>
}

// sigmoid(20) and sigmoid(30) are both 1 in f32, a tie; the weight 1 - 2e-9 of
// exact mode shows in the second result.
// CHECK-LABEL: @saturated_score
// CHECK-NEXT: {{\[}}[0]]
// EXACT-NEXT: {{\[}}[2.06115e-09]]
// TYPED-NEXT: {{\[}}[0]]
func.func @saturated_score() -> (tensor<1x1xi32>, tensor<1x1xf32>) {
  %z = arith.constant dense<[[20.0, 30.0]]> : tensor<1x2xf32>
  %one = arith.constant dense<1.0> : tensor<1x1xf32>
  %ids, %w = moe.route %z router<score = sigmoid, top_k = 1> : (tensor<1x2xf32>) -> (tensor<1x1xi32>, tensor<1x1xf32>)
  %d = arith.subf %one, %w : tensor<1x1xf32>
  return %ids, %d : tensor<1x1xi32>, tensor<1x1xf32>
}

// CHECK-LABEL: @round_to
// EXACT-NEXT: {{\[}}[0.3]]
// TYPED-NEXT: {{\[}}[0.300781]]
func.func @round_to() -> tensor<1x1xf32> {
  %z = arith.constant dense<[[0.0, 0.693147182, 1.09861231, 1.38629436]]> : tensor<1x4xf32>
  %given = arith.constant dense<2> : tensor<1x1xi32>
  %ids, %w = moe.route %z ids(%given) router<score = softmax, top_k = 1, round_to = bf16> : (tensor<1x4xf32>, tensor<1x1xi32>) -> (tensor<1x1xi32>, tensor<1x1xf32>)
  return %w : tensor<1x1xf32>
}

// Slots are summed in f32, in order: 2^24 + 1 - 2^24.
// CHECK-LABEL: @slot_sum
// EXACT-NEXT: {{\[}}[1]]
// TYPED-NEXT: {{\[}}[0]]
func.func @slot_sum() -> tensor<1x1xf32> {
  %y = arith.constant dense<[[16777216.0], [1.0], [-16777216.0]]> : tensor<3x1xf32>
  %inverse = arith.constant dense<[[0, 1, 2]]> : tensor<1x3xi32>
  %zero = arith.constant dense<0.0> : tensor<1x1xf32>
  %s = moe.combine %y inverse(%inverse) source = plan outs(%zero) : (tensor<3x1xf32>, tensor<1x3xi32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %s : tensor<1x1xf32>
}
