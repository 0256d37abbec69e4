// What the bug does not need is removed, by a pass that is tried and kept as long
// as the test script finds the bug: a function that is not used, and an op whose
// results are not.

// RUN: moe-reduce %s -opt-reduction-pass='opt-pass=symbol-dce test=%S/Inputs/has-plan.sh' | FileCheck %s --check-prefix=FUNC
// RUN: moe-reduce %s -opt-reduction-pass='opt-pass=canonicalize test=%S/Inputs/has-plan.sh' | FileCheck %s --check-prefix=OP

// FUNC-NOT: @without
// FUNC: @with
// FUNC: moe.plan
// OP: @without
// OP-NOT: moe.route
// OP: moe.plan

func.func private @without(%l: tensor<?x8xf32>) {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

func.func @with(%ids: tensor<?x2xi32>, %l: tensor<?x8xf32>) -> tensor<9xi32> {
  %i, %w = moe.route %l router<score = softmax, top_k = 2> : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %o, %r, %inv = moe.plan %ids experts(8) : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?xi32>, tensor<?x2xi32>)
  return %o : tensor<9xi32>
}
