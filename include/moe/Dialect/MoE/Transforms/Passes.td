//===- Passes.td - Passes over moe ----------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_TRANSFORMS_PASSES_TD
#define MOE_DIALECT_MOE_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

class MoE_FuncPass<string name> : Pass<name, "::mlir::func::FuncOp"> {
  let dependentDialects = [
    "::mlir::moe::MoEDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"
  ];
}

def MoEDecomposePass : MoE_FuncPass<"moe-decompose"> {
  let summary = "from the graph level to the routed level: makes every step of moe.experts visible";
  let description = [{
    Replaces each `moe.experts` by the plan of its routing, the dispatch of its
    rows, its body run on the rows of all experts at once, and the combine of
    its outputs. In the body

    * the product of rows with a slice of a parameter becomes a
      `moe.grouped_matmul` with the whole parameter;
    * other row-wise ops stay as they are, on more rows; a slice of a parameter
      that they use is spread over the rows by `moe.expert_broadcast`;
    * parameter-only ops are run on whole parameters.

    Expects the graph level, guarantees the routed level; `moe.route` and the
    IR around it stay. An op of a body that is none of the above is an error.

    ```mlir
    // before
    %y = moe.experts %x, %ids, %w params(%up) : (...) -> tensor<?x32xf32> {
    ^bb0(%rows: tensor<?x16xf32>, %u: tensor<32x16xf32>):
      %o = linalg.matmul ... ins(%rows, %u) ...
      moe.yield %o : tensor<?x32xf32>
    }
    // after
    %offsets, %rows, %inverse = moe.plan %ids experts(4) : ...
    %xs = moe.dispatch %x, %rows, %offsets top_k(2) outs(...) : ...
    %o = moe.grouped_matmul %xs weights(%up) offsets(%offsets) ...
    %y = moe.combine %o weights(%w) inverse(%inverse) source = plan outs(...) : ...
    ```
  }];
}

def MoEFuseGatePass : MoE_FuncPass<"moe-fuse-gate"> {
  let summary = "turns router product, logit arithmetic and selection into one moe.gate";
  let description = [{
    `moe.route` on the product of rows with a router weight becomes `moe.gate`;
    element-wise ops between the two (a rounding, a logit bias, a soft cap)
    move into its region. What cannot be absorbed stays in front of a
    `moe.gate` without a weight, with a remark that says why; so no `moe.route`
    is left.
  }];
}

def MoEFuseDispatchPass : MoE_FuncPass<"moe-fuse-dispatch"> {
  let summary = "lets moe.grouped_matmul gather its rows itself";
  let description = [{
    A `moe.grouped_matmul` that reads a `moe.dispatch` reads the tokens through
    the plan instead (`source = token`): no permuted copy of rows is made.
  }];
}

def MoEGroupDensePass : MoE_FuncPass<"moe-group-dense"> {
  let summary = "makes a dense product with a parameter a moe.grouped_matmul of one group";
  let description = [{
    A `linalg` matrix product of rows with a parameter (a shared expert, a
    dense branch) is a grouped product with E = 1 and offsets `[0, T]`; from
    here on it is fused and lowered like one. Runs after `moe-fuse-gate`, which
    wants the router's product for itself.
  }];
}

def MoEFuseProductsPass : MoE_FuncPass<"moe-fuse-products"> {
  let summary = "joins products over the same rows that one op consumes (gate and up)";
  let description = [{
    Two or more `moe.grouped_matmul` over the same rows whose results meet in
    one element-wise op become one with several weights: rows are read once,
    and the op that joined the products becomes the epilogue.
  }];
}

def MoEFuseEpiloguePass : MoE_FuncPass<"moe-fuse-epilogue"> {
  let summary = "moves element-wise consumers of a product into its epilogue";
  let description = [{
    Activation, bias, row scale, rounding: an element-wise op whose rows come
    from one `moe.grouped_matmul`, used by nothing else, moves into that op's
    region. A per-expert parameter, a routing weight or a residual that it
    reads becomes an epilogue input.
  }];
}

def MoEFuseCombinePass : MoE_FuncPass<"moe-fuse-combine"> {
  let summary = "lets the last product weigh and place its rows, and adds branches on the way";
  let description = [{
    `moe.combine` of a `moe.grouped_matmul` becomes `place = token` with the
    routing weight in the epilogue. The sum of the result with a shared
    expert's output or a residual becomes the destination that the sum starts
    from: one rounding instead of two.
  }];
}

def MoEVerifyLevelPass : Pass<"moe-verify-level", "::mlir::func::FuncOp"> {
  let summary = "checks that a function holds no op of another level";
  let description = [{
    Ends a level: names the first op that should not be there. `graph` admits
    `moe.route` and `moe.experts`; `routed` admits `moe.route`, `moe.plan`,
    `moe.dispatch`, `moe.expert_broadcast`, `moe.grouped_matmul` and
    `moe.combine`; `fused` admits `moe.gate` in place of `moe.route`. Upstream
    tensor, linalg, arith, math, affine and func ops are at home on all.
  }];
  let options = [
    Option<"level", "level", "::mlir::moe::Level", "::mlir::moe::Level::Fused", "the level to check",
      [{::llvm::cl::values(
        clEnumValN(::mlir::moe::Level::Graph, "graph", "what the model says"),
        clEnumValN(::mlir::moe::Level::Routed, "routed", "every step visible"),
        clEnumValN(::mlir::moe::Level::Fused, "fused", "what will be kernels"))}]>
  ];
}

def MoEReplayRoutingPass : Pass<"moe-replay-routing", "::mlir::func::FuncOp"> {
  let summary = "makes the routing an input of the function";
  let description = [{
    Appends two inputs, named `ids` (`T x K`, i32) and `weights` (`T x K`,
    f32), and uses them in place of the function's one `moe.route` (or
    `moe.gate`): a routing recorded elsewhere is replayed. The router's own
    product is dead then. An error where the function has no router or more
    than one.
  }];
}

def MoEExposeRoutingPass : Pass<"moe-expose-routing", "::mlir::func::FuncOp"> {
  let summary = "makes the routing a result of the function";
  let description = [{
    Appends two results, named `ids` and `weights`: those of the function's one
    `moe.route` (or `moe.gate`). An error where the function has no router or
    more than one.
  }];
}

#endif // MOE_DIALECT_MOE_TRANSFORMS_PASSES_TD
