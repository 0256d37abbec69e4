//===- Passes.td - From fused moe to CPU loops ----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_CONVERSION_MOETOCPU_PASSES_TD
#define MOE_CONVERSION_MOETOCPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def MoESelectStrategy : Pass<"moe-select-strategy", "func::FuncOp"> {
  let summary = "chooses how products are tiled for a CPU";
  let description = [{
    Attaches `#moe.lowering_config` to every `moe.grouped_matmul` and
    `moe.gate` that has none: the register tile and the panel width that the
    CPU's registers allow, the rows that share a pass over an expert's weights,
    the stretch of the reduction that stays in the first cache, how far the
    weights are prefetched, and how many bytes of rows stay in the second cache. Nothing is rewritten.

    `cpu` is native (default) or LLVM's name of an x86-64 CPU with AVX2 and FMA.
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", /*default=*/"\"native\"", "CPU to choose for">,
    Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"0",
           "width of vectors, 0 for the CPU's; for testing">,
    Option<"bf16Dot", "bf16-dot", "bool", /*default=*/"false",
           "choose for pairwise products of bf16 even if the CPU has none; for testing">,
    Option<"smallBlocks", "small-blocks", "bool", /*default=*/"false",
           "cut rows and reductions so short that small layers have several parts; for testing">
  ];
  let dependentDialects = ["::mlir::moe::MoEDialect"];
}

def MoESplitTokenPlacement : Pass<"moe-split-token-placement", "func::FuncOp"> {
  let summary = "writes slots, then sums them: place = token in two steps";
  let description = [{
    A `moe.grouped_matmul` with `place = token` becomes one with `place = slot`
    into rows of f32 and a `moe.combine` with one writer per token: the meaning
    that `place = token` is defined by.
  }];
  let dependentDialects = ["::mlir::moe::MoEDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def MoEPackParameters : Pass<"moe-pack-parameters", "ModuleOp"> {
  let summary = "moves the parameters of a layer into one packed buffer";
  let description = [{
    For each function that has a body and tensors as arguments, with parameters
    marked by `moe.param`:

    * every weight of a `moe.grouped_matmul` or `moe.gate` is followed through
      slices, transposes and changes of shape to its parameter, and given a
      place in the packed buffer in panels as the op's `lowering_config` says;
      its new type's layout map tells where each element lies;
    * every other use of a parameter, or of such a move of one, becomes a
      row-major copy in the packed buffer;
    * `@NAME__pack(params, packed)` is added, which fills that buffer;
    * the function takes its inputs, the packed buffer and its results'
      destinations as memrefs, in that order, and returns nothing.

    A weight that is anything but moved entries of one parameter is an error.
    So is a result with a dynamic size that is not known to be the number of
    tokens, as the dynamic sizes of the arguments are.
  }];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::omp::OpenMPDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def ConvertMoEToCPU : Pass<"convert-moe-to-cpu", "ModuleOp"> {
  let summary = "lowers bufferised layers to loops over threads, tasks and tiles";
  let description = [{
    Each function that `moe-pack-parameters` prepared and bufferisation
    lowered becomes `@NAME__run(tokens, inputs, packed, outputs, workspace)`:
    one parallel region, in which every thread runs `@NAME__thread`, the ops in
    phases with a barrier between two phases. Temporary buffers become offsets
    in the workspace, or in the thread's part of it. See docs/cpu-lowering.md.

    `vector-bits`, `bf16-dot` and `tiles` say what the kernels use; with `emulate-dot`
    the pairwise product is spelt out with ordinary vector ops, so that its
    tiles can be run on any CPU.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"256", "width of vectors">,
    Option<"bf16Dot", "bf16-dot", "bool", /*default=*/"false", "use pairwise products of bf16">,
    Option<"emulateDot", "emulate-dot", "bool", /*default=*/"false",
           "spell pairwise products out; for testing">,
    Option<"tiles", "tiles", "bool", /*default=*/"false", "multiply bf16 in tiles (AMX-BF16)">
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::omp::OpenMPDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mlir::x86vector::X86VectorDialect"
  ];
}

def MoEExpandMath : Pass<"moe-expand-math"> {
  let summary = "turns math functions into arithmetic on whole vectors";
  let description = [{
    exp, tanh, log, erf and their like become polynomials (accurate to a few
    units in the last place of f32), rounding to bf16 integer arithmetic unless
    `native-bf16` says that the CPU has an instruction for it.
  }];
  let options = [
    Option<"nativeBF16", "native-bf16", "bool", /*default=*/"false",
           "keep conversions to bf16 as they are">
  ];
  let dependentDialects = ["::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def MoESetTargetCPU : Pass<"moe-set-target-cpu", "ModuleOp"> {
  let summary = "writes the CPU and its features on the module and its functions";
  let options = [
    Option<"cpu", "cpu", "std::string", /*default=*/"\"native\"", "CPU to generate code for">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // MOE_CONVERSION_MOETOCPU_PASSES_TD
