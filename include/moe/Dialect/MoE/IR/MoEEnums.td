//===- MoEEnums.td - Choices that attributes of moe name ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_IR_MOEENUMS_TD
#define MOE_DIALECT_MOE_IR_MOEENUMS_TD

include "mlir/IR/EnumAttr.td"
include "moe/Dialect/MoE/IR/MoEDialect.td"

class MoE_I32Enum<string name, string summary, list<I32EnumCase> cases>
    : I32Enum<name, summary, cases> {
  let cppNamespace = "::mlir::moe";
}

def MoE_Score : MoE_I32Enum<"Score", "score of an expert, a function of the logits", [
  I32EnumCase<"None", 0, "none">,
  I32EnumCase<"Softmax", 1, "softmax">,
  I32EnumCase<"Sigmoid", 2, "sigmoid">,
  I32EnumCase<"SqrtSoftplus", 3, "sqrt_softplus">
]>;

def MoE_SelectionKey : MoE_I32Enum<"SelectionKey", "what experts are ranked by", [
  I32EnumCase<"Score", 0, "score">,
  I32EnumCase<"Logit", 1, "logit">
]>;

def MoE_GroupFill : MoE_I32Enum<"GroupFill", "key of the experts in a group that was not kept", [
  I32EnumCase<"NegInf", 0, "neg_inf">,
  I32EnumCase<"Zero", 1, "zero">
]>;

def MoE_WeightSource : MoE_I32Enum<"WeightSource", "where a selected expert's weight comes from", [
  I32EnumCase<"Score", 0, "score">,
  I32EnumCase<"SoftmaxSelected", 1, "softmax_selected">,
  I32EnumCase<"SigmoidSelected", 2, "sigmoid_selected">,
  I32EnumCase<"One", 3, "one">,
  I32EnumCase<"SparseMixer", 4, "sparsemixer">
]>;

def MoE_RenormalizeMode : MoE_I32Enum<"RenormalizeMode", "how the divisor treats a small sum", [
  I32EnumCase<"Exact", 0, "exact">,
  I32EnumCase<"Add", 1, "add">,
  I32EnumCase<"Max", 2, "max">
]>;

def MoE_Weighting : MoE_I32Enum<"Weighting", "who applies the routing weight", [
  I32EnumCase<"Output", 0, "output">,
  I32EnumCase<"Body", 1, "body">
]>;
def MoE_WeightingAttr : EnumAttr<MoE_Dialect, MoE_Weighting, "weighting">;

def MoE_RowSource : MoE_I32Enum<"RowSource", "how the rows of an operand are numbered", [
  I32EnumCase<"Plan", 0, "plan">,
  I32EnumCase<"Token", 1, "token">
]>;
def MoE_RowSourceAttr : EnumAttr<MoE_Dialect, MoE_RowSource, "row_source">;

def MoE_Placement : MoE_I32Enum<"Placement", "where a row of the result goes", [
  I32EnumCase<"Plan", 0, "plan">,
  I32EnumCase<"Slot", 1, "slot">,
  I32EnumCase<"Token", 2, "token">
]>;
def MoE_PlacementAttr : EnumAttr<MoE_Dialect, MoE_Placement, "placement">;

#endif // MOE_DIALECT_MOE_IR_MOEENUMS_TD
