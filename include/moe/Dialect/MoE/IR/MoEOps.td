//===- MoEOps.td - Operations of moe --------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_IR_MOEOPS_TD
#define MOE_DIALECT_MOE_IR_MOEOPS_TD

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "moe/Dialect/MoE/IR/MoEAttrs.td"
include "moe/Dialect/MoE/IR/MoEDialect.td"
include "moe/Dialect/MoE/IR/MoEEnums.td"

// Routed and fused ops take tensors, or memrefs once they are bufferised.
class MoE_Buffer<list<Type> elements, list<int> ranks> : AnyTypeOf<[
  TensorRankOf<elements, ranks>, MemRefRankOf<elements, ranks>]>;
def MoE_Float1D : MoE_Buffer<[AnyFloat], [1]>;
def MoE_Float2D : MoE_Buffer<[AnyFloat], [2]>;
def MoE_Float3D : MoE_Buffer<[AnyFloat], [3]>;
def MoE_FloatBuffer : MoE_Buffer<[AnyFloat], [0, 1, 2, 3]>;
def MoE_I32x1D : MoE_Buffer<[I32], [1]>;
def MoE_I32x2D : MoE_Buffer<[I32], [2]>;
def MoE_I1x2D : MoE_Buffer<[I1], [2]>;
def MoE_F32x2D : MoE_Buffer<[F32], [2]>;
def MoE_AnyShaped : AnyTypeOf<[AnyRankedTensor, AnyMemRef]>;

//===----------------------------------------------------------------------===//
// Graph level
//===----------------------------------------------------------------------===//

def MoE_RouteOp : MoE_Op<"route", [
    Pure, AttrSizedOperandSegments,
    InferTypeOpAdaptor,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "selects experts and weights for each token from router logits";
  let description = [{
    Applies `#moe.router` to each row of `logits`: see that attribute for the
    meaning, step by step. The router product that made the logits is ordinary
    IR.

    ```mlir
    %ids, %w = moe.route %logits bias(%b) router<score = sigmoid, top_k = 8>
        : (tensor<?x256xf32>, tensor<256xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>)
    ```

    With `ids` given (router replay) nothing is selected: the result ids are
    those, and only the weights are computed.

    * C1: E is static and at least `top_k`
    * C2: the key bias and the expert scale have E entries
    * C3: the mask has the shape of the logits
    * C4: given ids are `T x top_k`
    * C5: groups divide E, keep at least `top_k` experts, and have at least
      `sum_top` experts each
  }];
  let arguments = (ins
    TensorRankOf<[AnyFloat], [2]>:$logits,
    Optional<TensorRankOf<[AnyFloat], [1]>>:$key_bias,
    Optional<TensorRankOf<[I1], [2]>>:$mask,
    Optional<TensorRankOf<[AnyFloat], [1]>>:$expert_scale,
    Optional<TensorRankOf<[I32], [2]>>:$given_ids,
    MoE_RouterAttr:$router);
  let results = (outs TensorRankOf<[I32], [2]>:$ids, TensorRankOf<[F32], [2]>:$weights);
  let assemblyFormat = [{
    $logits (`bias` `(` $key_bias^ `)`)? (`mask` `(` $mask^ `)`)?
    (`expert_scale` `(` $expert_scale^ `)`)? (`ids` `(` $given_ids^ `)`)?
    `router` `` $router attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getLogits().getType().getDimSize(1); }
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def MoE_ExpertsOp : MoE_Op<"experts", [
    Pure, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"::mlir::moe::YieldOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "applies each token's experts and sums their weighted outputs";
  let description = [{
    The region is the body of ONE expert: it maps the rows of `x` that were
    routed to that expert, with that expert's slice of every parameter, to the
    expert's output rows. Its arguments are the rows (`? x H`), the routing
    weights of those rows (`?`, f32; with `weighting = body` only), and one
    slice per parameter (the parameter without its leading E).

    For token `t` with the present slots `s`:

        y[t] = sum_s weights[t, s] * body_{ids[t, s]}(x[t])

    summed in slot order in f32 and rounded once to the result's element type.
    With `weighting = body` the body has used the weight itself (Llama 4 scales
    the input) and the factor is left out. An absent slot contributes nothing.

    Each op of the body is row-wise (a row of its results depends on the same
    row of its operands only), or parameter-only (on slices and constants
    only); a `linalg.matmul` of rows with one slice is the usual row-wise op.

    * C1: `ids` and `weights` are `T x K`, and `x` is `T x H`; K and H are
      static, and K is at least 1
    * C2: there is a parameter; each has a static shape without a dimension of
      size 0, and all have the same leading E
    * C3: the arguments of the region are as said above
    * C4: one value with rows is yielded, `? x N`, and the result is `T x N`
      with a static N
    * C5: each op of the body is row-wise or parameter-only
  }];
  let arguments = (ins
    TensorRankOf<[AnyFloat], [2]>:$x,
    TensorRankOf<[I32], [2]>:$ids,
    TensorRankOf<[F32], [2]>:$weights,
    Variadic<AnyStaticShapeTensor>:$params,
    DefaultValuedAttr<MoE_WeightingAttr, "::mlir::moe::Weighting::Output">:$weighting);
  let results = (outs TensorRankOf<[AnyFloat], [2]>:$result);
  let regions = (region SizedRegion<1>:$expert);
  let assemblyFormat = [{
    $x `,` $ids `,` $weights (`params` `(` $params^ `)`)?
    (`weighting` `=` `` $weighting^)? attr-dict-with-keyword `:`
    functional-type(operands, results) $expert
  }];
  let extraClassDeclaration = [{
    /// The number of experts, 0 where the op has no parameter to tell it.
    int64_t getNumExperts();
    /// The region's rows argument.
    BlockArgument getRows() { return getBody()->getArgument(0); }
    /// The region's routing weight argument, with `weighting = body`.
    BlockArgument getRowWeights();
    /// The region's slice of parameter `index`.
    BlockArgument getSlice(unsigned index);
  }];
  let hasRegionVerifier = 1;
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def MoE_YieldOp : MoE_Op<"yield", [
    Pure, Terminator, ReturnLike,
    ParentOneOf<["ExpertsOp", "GroupedMatmulOp", "GateOp"]>]> {
  let summary = "ends the region of a moe op";
  let description = "Hands the operands to the op around it, which says how many and of what type.";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ /* yields nothing */ }]>];
}

//===----------------------------------------------------------------------===//
// Routed and fused levels
//===----------------------------------------------------------------------===//

// Traits and declarations that every destination-passing op of moe has.
class MoE_DestinationOp<string mnemonic, list<Trait> traits = []> : MoE_Op<mnemonic, !listconcat([
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>], traits)>;

def MoE_PlanOp : MoE_Op<"plan", [
    InferTypeOpAdaptor,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "sorts the routed rows by expert, once";
  let description = [{
    From ids (`T x K`) three plain tensors of i32:

    * `offsets` (`E + 1`): the rows of expert `e` are `offsets[e]` up to, not
      including, `offsets[e + 1]`; `offsets[E]` is the number of rows R.
    * `rows` (`T*K`): row `r` belongs to slot `s` of token `t` with
      `rows[r] = t*K + s`, ordered by expert, then token, then slot; -1 from R
      on.
    * `inverse` (`T x K`): the row of slot `s` of token `t`, -1 where absent.

    An id outside `0 .. E-1` is an absent slot. `T*K < 2^31` is checked where
    the number is known: at run time.

    On memrefs the three are destinations (`outs`) and there are no results.

    * C1: `1 <= experts < 2^31`
    * C2: K is static and at least 1; where T is static, `T*K < 2^31`
    * C3: on memrefs there are three destinations, of the shapes above, and no
      result; on tensors there is no destination
  }];
  let arguments = (ins MoE_I32x2D:$ids, Variadic<MemRefRankOf<[I32], [1, 2]>>:$outs, I64Attr:$experts);
  let results = (outs Variadic<TensorRankOf<[I32], [1, 2]>>:$results);
  let assemblyFormat = [{
    $ids `experts` `(` $experts `)` (`outs` `(` $outs^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// The three tensors by name; for the tensor form only.
    Value getOffsets() { return getResults()[0]; }
    Value getRows() { return getResults()[1]; }
    Value getInverse() { return getResults()[2]; }
    int64_t getTopK() { return cast<ShapedType>(getIds().getType()).getDimSize(1); }
  }];
  let hasVerifier = 1;
}

def MoE_DispatchOp : MoE_DestinationOp<"dispatch"> {
  let summary = "copies each token's row to its routed rows, in the plan's order";
  let description = [{
    Row `r` of the result is row `rows[r] / top_k` of `x`. Rows from
    `offsets[E]` on are unspecified: nobody reads them, and the reference
    interpreter fills them with NaN to prove it.

    * C1: result and destination have the columns and element type of `x` and
      as many rows as `rows`
    * C2: `top_k >= 1`
    * C3: `x` has a row per token: there are at most `top_k` times as many
      `rows` (fewer where the op was tiled)
  }];
  let arguments = (ins MoE_Buffer<[AnyFloat], [1, 2]>:$x, MoE_I32x1D:$rows, MoE_I32x1D:$offsets,
    I64Attr:$top_k, MoE_Buffer<[AnyFloat], [1, 2]>:$init);
  let results = (outs Optional<TensorRankOf<[AnyFloat], [1, 2]>>:$result);
  let assemblyFormat = [{
    $x `,` $rows `,` $offsets `top_k` `(` $top_k `)` `outs` `(` $init `)` attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let hasVerifier = 1;
}

def MoE_ExpertBroadcastOp : MoE_DestinationOp<"expert_broadcast"> {
  let summary = "gives each routed row its expert's slice of a parameter";
  let description = [{
    Row `r` of the result is `param[e]` for the expert `e` that the row belongs
    to. A bias per expert is one; fusion turns it into an epilogue input. Rows
    from `offsets[E]` on are unspecified.

    * C1: `param` has a static shape, its leading dimension is E, at least 1,
      and `offsets` has `E + 1` entries
    * C2: destination and result are the slice of `param` with a leading
      dimension of rows
  }];
  let arguments = (ins MoE_AnyShaped:$param, MoE_I32x1D:$offsets, MoE_AnyShaped:$init);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $param `,` $offsets `outs` `(` $init `)` attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let hasVerifier = 1;
}

def MoE_GroupedMatmulOp : MoE_DestinationOp<"grouped_matmul", [
    AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"::mlir::moe::YieldOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "one matrix product per expert over that expert's rows";
  let description = [{
    For each row `r` of expert `e` (`offsets[e] <= r < offsets[e + 1]`), each
    weight `i` and column `n`:

        acc_i = sum_k x[source(r), k] * w_i[e, n, k]            (in f32)
        value = epilogue(acc_0, acc_1, ..., epilogue inputs)
        result[place(r), n] = value

    `source = plan` reads row `r` of `x`; `source = token` reads row `t` of
    slot `rows[r] = t*top_k + s`, so no permuted copy is needed. `place = plan`
    writes row `r`; `place = slot` row `t*top_k + s`; `place = token` adds the
    slots of a token in slot order, in f32, then the destination, and rounds
    once: what `moe.combine` means. Rows of the destination that no routed row
    writes keep what they hold, except with `place = plan`, where the rows from
    `offsets[E]` on are unspecified.

    The region computes one element: from an f32 per weight and one scalar per
    epilogue input, of the input's element type, to one scalar. Input `j` is
    read at `epilogue_maps[j](e, r, t, s, n)`: a bias is `(e, n)`, a routing
    weight `(t, s)`, a residual `(t, n)`. Gate and up projections are two
    weights of one op; a dense product is E = 1 with offsets `[0, T]`.

    ```mlir
    %h = moe.grouped_matmul %x weights(%gate, %up) offsets(%offsets) rows(%rows)
        source = token place = plan top_k(8) outs(%init) : (...) -> tensor<?x1024xbf16> {
    ^bb0(%a: f32, %b: f32):
      ...
      moe.yield %h : bf16
    }
    ```

    * C1: there is a weight; all have one element type and one shape,
      `E x N x K`, which is static and without a dimension of size 0
    * C2: `offsets` has `E + 1` entries
    * C3: `x` has K columns
    * C4: `rows`, and with it `top_k >= 1`, is present unless source and place
      are `plan` and no epilogue map uses `t` or `s`
    * C5: `inverse` (`T x top_k`) is present exactly where `place = token`
    * C6: one map per epilogue input, from 5 dimensions, each result a
      dimension or the constant 0, as many as the input has dimensions; where
      a dimension is static on both sides (e, n, s), its extent fits
    * C7: the region has the arguments said above and yields one float scalar:
      f32 with `place = token`, else the element type of the destination
    * C8: the destination has N columns; the result has its type
    * C9: the numbers of rows agree where they are static: of `x` with
      `source = plan` and of the destination with `place = plan`, at most as
      many as `rows` has entries (without `rows`, as `x` has rows); of the
      destination otherwise, one per slot or per token
    * C10: the ops of the region compute integers, floats and indices from such,
      have no side effect and no region, and use nothing from outside the
      region but constants
  }];
  let arguments = (ins
    MoE_Float2D:$x,
    Variadic<MoE_Float3D>:$weights,
    MoE_I32x1D:$offsets,
    Optional<MoE_I32x1D>:$rows,
    Optional<MoE_I32x2D>:$inverse,
    Variadic<MoE_AnyShaped>:$epilogue_inputs,
    MoE_Float2D:$init,
    MoE_RowSourceAttr:$source,
    MoE_PlacementAttr:$place,
    OptionalAttr<I64Attr>:$top_k,
    DefaultValuedAttr<AffineMapArrayAttr, "{}">:$epilogue_maps,
    OptionalAttr<MoE_LoweringConfigAttr>:$lowering_config);
  let results = (outs Optional<TensorRankOf<[AnyFloat], [2]>>:$result);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $x `weights` `(` $weights `)` `offsets` `(` $offsets `)` (`rows` `(` $rows^ `)`)?
    (`inverse` `(` $inverse^ `)`)? (`epilogue_ins` `(` $epilogue_inputs^ `)`)?
    `source` `=` `` $source `place` `=` `` $place (`top_k` `(` $top_k^ `)`)? `outs` `(` $init `)`
    attr-dict-with-keyword `:` functional-type(operands, results) $epilogue
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    ShapedType getWeightType() { return cast<ShapedType>(getWeights()[0].getType()); }
    int64_t getNumExperts() { return getWeightType().getDimSize(0); }
    int64_t getNumColumns() { return getWeightType().getDimSize(1); }
    int64_t getReductionSize() { return getWeightType().getDimSize(2); }
    /// The map of epilogue input `index`, from (e, r, t, s, n).
    AffineMap getEpilogueMap(unsigned index);
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
}

def MoE_CombineOp : MoE_DestinationOp<"combine"> {
  let summary = "sums each token's expert outputs";
  let description = [{
        result[t] = round(sum_s weights[t, s] * y[row(t, s)] + init[t])

    in f32, slots in slot order, then the destination, one rounding to the
    destination's element type; without weights the factor is left out. With
    `source = plan` the row is `inverse[t, s]`; with `source = slot` it is
    `t*K + s`, read only where `inverse[t, s]` is not -1. An absent slot
    contributes nothing, even if the row behind it holds NaN.

    * C1: `inverse`, and `weights` where present, are `T x K`, K static
    * C2: `y` has the columns of the destination and, numbered by slot, `T*K`
      rows
    * C3: the destination has T rows; the result has its type
    * C4: the rows of `y` are numbered by plan or by slot
  }];
  let arguments = (ins
    MoE_Float2D:$y, Optional<MoE_F32x2D>:$weights, MoE_I32x2D:$inverse, MoE_Float2D:$init,
    MoE_PlacementAttr:$source);
  let results = (outs Optional<TensorRankOf<[AnyFloat], [2]>>:$result);
  let assemblyFormat = [{
    $y (`weights` `(` $weights^ `)`)? `inverse` `(` $inverse `)` `source` `=` `` $source
    `outs` `(` $init `)` attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let hasVerifier = 1;
}

def MoE_GateOp : MoE_DestinationOp<"gate", [
    AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"::mlir::moe::YieldOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "router product and selection in one; no T x E tensor in memory";
  let description = [{
    `moe.route` on the logits

        z[t, e] = logit(sum_h x[t, h] * w[e, h])                (in f32)

    where the region maps the sum, an f32, and the entry of the logit bias
    where there is one, to the logit. Without a weight, `x` holds the logits
    themselves (`T x E`) and the region maps one of them.

    ```mlir
    %ids, %w = moe.gate %x weight(%router) router<score = softmax, top_k = 8>
        outs(%ids_init, %w_init) : (...) -> (tensor<?x8xi32>, tensor<?x8xf32>) {
    ^bb0(%acc: f32):
      moe.yield %acc : f32
    }
    ```

    * C1 to C5: those of `moe.route`, for `T x E` logits
    * C6: the weight is `E x H`, static, and `x` has H columns
    * C7: the logit bias has E entries
    * C8: the region takes an f32 (without a weight, the element type of `x`)
      and the bias element where there is one; it yields one float
    * C9: the destinations, and the results, are `T x top_k` of i32 and f32
    * C10: the ops of the region are as in C10 of `moe.grouped_matmul`
  }];
  let arguments = (ins
    MoE_Float2D:$x,
    Optional<MoE_Float2D>:$weight,
    Optional<MoE_Float1D>:$logit_bias,
    Optional<MoE_Float1D>:$key_bias,
    Optional<MoE_I1x2D>:$mask,
    Optional<MoE_Float1D>:$expert_scale,
    Optional<MoE_I32x2D>:$given_ids,
    MoE_I32x2D:$ids_init,
    MoE_F32x2D:$weights_init,
    MoE_RouterAttr:$router,
    OptionalAttr<MoE_LoweringConfigAttr>:$lowering_config);
  let results = (outs Variadic<TensorRankOf<[I32, F32], [2]>>:$results);
  let regions = (region SizedRegion<1>:$logit);
  let assemblyFormat = [{
    $x (`weight` `(` $weight^ `)`)? (`logit_bias` `(` $logit_bias^ `)`)? (`bias` `(` $key_bias^ `)`)?
    (`mask` `(` $mask^ `)`)? (`expert_scale` `(` $expert_scale^ `)`)? (`ids` `(` $given_ids^ `)`)?
    `router` `` $router `outs` `(` $ids_init `,` $weights_init `)`
    attr-dict-with-keyword `:` functional-type(operands, results) $logit
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() {
      return MutableOperandRange(getOperation(), getIdsInitMutable().getOperandNumber(), 2);
    }
    /// The number of experts E.
    int64_t getNumExperts();
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
}

#endif // MOE_DIALECT_MOE_IR_MOEOPS_TD
