// Results that are the destination of another op as well, or a view of one:
// each has the values that it had when it was made.

// RUN: sed 's/RESULTS/%z, %w/; s/TYPES/PAIR, PAIR/; s/PAIR/tensor<?x2xf32>/g' %s | moe-run - --tokens=3 --compare=interpreter | FileCheck %s --check-prefixes=CHECK,THIRD
// RUN: sed 's/RESULTS/%w, %z/; s/TYPES/PAIR, PAIR/; s/PAIR/tensor<?x2xf32>/g' %s | moe-run - --tokens=3 --compare=interpreter | FileCheck %s --check-prefixes=CHECK,THIRD
// --compare returns the gate's results, too.
// RUN: sed 's/RESULTS/%z/; s/TYPES/PAIR/; s/PAIR/tensor<?x2xf32>/g' %s | moe-run - --tokens=3 --compare=interpreter | FileCheck %s
// By way of an element-wise op on tensors, which is given an operand as destination.
// RUN: sed 's/RESULTS/%add, %z, %w/; s/TYPES/PAIR, PAIR, PAIR/; s/PAIR/tensor<?x2xf32>/g' %s | moe-run - --tokens=3 --compare=interpreter | FileCheck %s --check-prefixes=CHECK,THIRD,FOURTH

// CHECK: 0 of 6 elements outside the tolerance
// CHECK: 0 of 6 elements outside the tolerance
// THIRD: 0 of 6 elements outside the tolerance
// FOURTH: 0 of 6 elements outside the tolerance

func.func @forward(%x: PAIR, %router: tensor<4x2xf32> {moe.param = "router"},
    %up: tensor<4x2x2xf32> {moe.param = "up"}) -> (TYPES) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = tensor.dim %x, %c0 : PAIR
  %slots = arith.muli %tokens, %c2 : index
  %i0 = tensor.empty(%tokens) : tensor<?x2xi32>
  %w0 = tensor.empty(%tokens) : PAIR
  %ids, %w = moe.gate %x weight(%router) router<score = softmax, top_k = 2> outs(%i0, %w0)
      : (PAIR, tensor<4x2xf32>, tensor<?x2xi32>, PAIR) -> (tensor<?x2xi32>, PAIR) {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %offsets, %rows, %inverse = moe.plan %ids experts(4) : (tensor<?x2xi32>) -> (tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
  %h0 = tensor.empty(%slots) : PAIR
  %h = moe.grouped_matmul %x weights(%up) offsets(%offsets) rows(%rows) source = token place = plan top_k(2) outs(%h0)
      : (PAIR, tensor<4x2x2xf32>, tensor<5xi32>, tensor<?xi32>, PAIR) -> PAIR {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  // The sum starts from the routing weights.
  %z = moe.combine %h inverse(%inverse) source = plan outs(%w) : (PAIR, tensor<?x2xi32>, PAIR) -> PAIR
  %add = arith.addf %z, %w : PAIR
  return RESULTS : TYPES
}
