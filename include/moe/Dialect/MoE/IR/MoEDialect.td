//===- MoEDialect.td - The moe dialect itself -----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_IR_MOEDIALECT_TD
#define MOE_DIALECT_MOE_IR_MOEDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def MoE_Dialect : Dialect {
  let name = "moe";
  let cppNamespace = "::mlir::moe";
  let summary = "Mixture-of-Experts layers: routing, dispatch and expert compute";
  let description = [{
    The dialect describes one Mixture-of-Experts layer from what a model says
    to what will be kernels, in three levels that share their ops:

    * **graph**: `moe.route` turns router logits into the two tensors that
      every later op consumes, the expert ids and the routing weights;
      `moe.experts` holds the body of one expert as ordinary IR.
    * **routed**: `moe.plan` sorts the routed rows by expert once;
      `moe.dispatch`, `moe.grouped_matmul` and `moe.combine` use that plan.
    * **fused**: `moe.gate` is router product and selection in one;
      `moe.grouped_matmul` gathers its rows through the plan, runs an epilogue
      in registers and writes where the next op wants the rows.

    Letters used throughout: `T` tokens (a run-time value), `E` experts, `K`
    slots per token (the k of top-k), `H` hidden width, `F` expert width, `R`
    routed rows, at most `T*K`. An id of -1 means that the slot is absent.

    Numbered constraints (C1, C2, ...) in the descriptions are what the
    verifiers check, under the same numbers.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::tensor::TensorDialect"
  ];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 0;
}

class MoE_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<MoE_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

class MoE_Op<string mnemonic, list<Trait> traits = []>
    : Op<MoE_Dialect, mnemonic, traits>;

#endif // MOE_DIALECT_MOE_IR_MOEDIALECT_TD
