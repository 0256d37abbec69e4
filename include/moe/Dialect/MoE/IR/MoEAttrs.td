//===- MoEAttrs.td - Attributes of moe ------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_IR_MOEATTRS_TD
#define MOE_DIALECT_MOE_IR_MOEATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "moe/Dialect/MoE/IR/MoEDialect.td"
include "moe/Dialect/MoE/IR/MoEEnums.td"

// An optional number, printed with the fewest digits that read back the same.
def MoE_OptionalNumber : OptionalParameter<"::mlir::FloatAttr"> {
  let parser = "::mlir::moe::detail::parseNumber($_parser)";
  let printer = "::mlir::moe::detail::printNumber($_printer, $_self)";
}

def MoE_GroupsAttr : MoE_Attr<"Groups", "groups"> {
  let summary = "restricts the selection to the best groups of experts";
  let description = [{
    The `E` experts form `count` groups of `E / count` neighbours. The score of
    a group is the sum of its `sum_top` largest selection keys, added from the
    largest on (`sum_top = 1` is the maximum, DeepSeek-V2; 2 is DeepSeek-V3).
    The `keep` groups with the largest scores stay, ties going to the lowest
    group; the keys of all other experts become `fill`. A fill of `zero` (as
    several public implementations have it) lets a discarded expert win over a
    kept one whose key is negative.

    * C1: `1 <= keep <= count`
    * C2: `sum_top >= 1`
  }];
  let parameters = (ins
    "int64_t":$count, "int64_t":$keep,
    DefaultValuedParameter<"int64_t", "1">:$sum_top,
    DefaultValuedParameter<"::mlir::moe::GroupFill", "::mlir::moe::GroupFill::NegInf">:$fill
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MoE_RenormalizeAttr : MoE_Attr<"Renormalize", "renormalize"> {
  let summary = "divides the selected weights by their norm";
  let description = [{
    With `n = (sum_s |w_s|^p)^(1/p)` over the present slots, in slot order, the
    weights are divided by `n` (`exact`), `n + epsilon` (`add`) or
    `max(n, epsilon)` (`max`).

    * C1: `p >= 1`
    * C2: an epsilon that is positive and finite, with `add` and `max` alone
  }];
  let parameters = (ins
    DefaultValuedParameter<"::mlir::moe::RenormalizeMode", "::mlir::moe::RenormalizeMode::Exact">:$mode,
    MoE_OptionalNumber:$epsilon,
    DefaultValuedParameter<"int64_t", "1">:$p
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MoE_RouterAttr : MoE_Attr<"Router", "router"> {
  let summary = "a routing rule: from the logits of one token to ids and weights";
  let description = [{
    One rule, shared by `moe.route` and `moe.gate`. For the logits `z` of one
    token, all in f32 (f64 in the interpreter's exact mode):

    1. `s = score(z)`: `none` (s = z), `softmax` over all E, `sigmoid`, or
       `sqrt_softplus`, the root of `log(1 + exp(z))` (DeepSeek-V4).
    2. `key = s` or `z` as `key` says, plus the key bias where there is one.
       The bias never enters a weight (DeepSeek-V3). A key that is NaN becomes
       -inf; then the key of an expert that the mask excludes becomes -inf.
    3. `groups`, where present, restrict the choice (see `#moe.groups`); an
       excluded expert stays at -inf whatever the fill.
    4. The ids are the `top_k` experts with the largest keys, in descending
       order of key, ties (-inf among them) going to the lowest id; they are
       always distinct. With given ids this step takes those instead; an id of
       -1 is an absent slot, of weight 0.
    5. The weight of slot `s` with expert `e`: `score` takes `s[e]`;
       `softmax_selected` the softmax over the logits of the present slots;
       `sigmoid_selected` the sigmoid of `z[e]`; `one` is 1; `sparsemixer`
       (PhiMoE) is the softmax at `e` over the experts not chosen in an earlier
       slot, without those for which `(z[e] - z) / max(|z|, z[e])` is more than
       `2 * jitter`.
    6. `renormalize`, where present, divides the weights by their norm.
    7. The weights are multiplied by `scale`, then by the expert scale's entry
       for the expert, where there is one (Gemma 4).
    8. `round_to`, where present, rounds the weights to that type. They are
       handed on as f32 in any case.

    NaN in a logit replaces a key only: a weight computed from NaN is NaN.

    * C1: `top_k >= 1`
    * C2: the sparsemixer has a `jitter` that is positive and finite, and
      nothing else has one
    * C3: the sparsemixer ranks logits (`key = logit`) and is not renormalised
    * C4: `scale` is finite
    * C5: `round_to` is a float type of at most 32 bits
    * C6: with `score = none`, `key = logit` (score and logit are then the same
      thing, and one spelling is enough)
  }];
  let parameters = (ins
    "::mlir::moe::Score":$score,
    "int64_t":$top_k,
    DefaultValuedParameter<"::mlir::moe::SelectionKey", "::mlir::moe::SelectionKey::Score">:$key,
    OptionalParameter<"::mlir::moe::GroupsAttr">:$groups,
    DefaultValuedParameter<"::mlir::moe::WeightSource", "::mlir::moe::WeightSource::Score">:$weight,
    MoE_OptionalNumber:$jitter,
    OptionalParameter<"::mlir::moe::RenormalizeAttr">:$renormalize,
    MoE_OptionalNumber:$scale,
    OptionalParameter<"::mlir::Type">:$round_to
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The scale, 1 where none is given.
    double getScaleValue() const;
  }];
}

def MoE_LoweringConfigAttr : MoE_Attr<"LoweringConfig", "lowering_config"> {
  let summary = "how an op is tiled; written by a cost model, a test or a user";
  let description = [{
    The lowering only reads this attribute, it never chooses.

    * `rows`, `columns`: the register tile, in rows of the operand and columns
      of the result, all weights of the op together. These columns are a panel
      of the packed weights.
    * `panels`: a block of more than `rows` rows is multiplied in tiles of
      `rows / panels` rows and as many panels instead, in stretches as much
      shorter than `k_block`, unless it takes passes or AMX multiplies it.
    * `row_block`: rows that share one pass over an expert's weights.
    * `k_block`: length of the stretch of the reduction that stays in the
      nearest cache; 0 for the whole of it.
    * `prefetch`: bytes by which a single row tile prefetches the weights (of
      several tiles each prefetches its share of the next stretch); 0 for none.
    * `pass_bytes`: bytes of a row block and a panel that stay in the second
      cache. If they are more, they are multiplied in passes of half as many,
      each a part of the reduction: all panels of a group add what they have of
      it before the next part; 0 for one pass.
    * `pass_panels`: panels of such a group. Their sums are kept from pass to
      pass, and each pass reads its part of the rows once for all of them.

    * C1: `rows`, `columns`, `panels`, `row_block` and `pass_panels` are from 1 to
      65536
    * C2: `k_block`, `prefetch` and `pass_bytes` are not negative
    * C3: `panels` are at most `rows`
  }];
  let parameters = (ins
    "int64_t":$rows, "int64_t":$columns,
    DefaultValuedParameter<"int64_t", "1">:$panels,
    "int64_t":$row_block,
    DefaultValuedParameter<"int64_t", "0">:$k_block,
    DefaultValuedParameter<"int64_t", "0">:$prefetch,
    DefaultValuedParameter<"int64_t", "0">:$pass_bytes,
    DefaultValuedParameter<"int64_t", "1">:$pass_panels
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // MOE_DIALECT_MOE_IR_MOEATTRS_TD
