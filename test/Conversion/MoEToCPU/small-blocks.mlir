// Blocks of rows, stretches of the reduction and passes over it so short that a
// small layer has several of each, and several panels to a pass.
//
// RUN: moe-opt %S/Inputs/layer-f32.mlir --pass-pipeline="builtin.module(func.func(moe-select-strategy{small-blocks}))" -o %t.f32.mlir
// RUN: FileCheck %s --input-file=%t.f32.mlir
// RUN: moe-run %t.f32.mlir --engine=cpu --tokens=200 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES
// RUN: moe-opt %S/Inputs/layer-bf16.mlir --pass-pipeline="builtin.module(func.func(moe-select-strategy{small-blocks}))" -o %t.bf16.mlir
// RUN: moe-run %t.bf16.mlir --engine=cpu --tokens=200 --seed=1 --compare=interpreter | FileCheck %s --check-prefix=VALUES

// CHECK:  moe.grouped_matmul {{.*}}k_block = 32, {{.*}}pass_bytes = 1024, pass_panels = 2
// VALUES: 200 of 200 tokens
// VALUES: 0 of {{[0-9]+}} elements outside
