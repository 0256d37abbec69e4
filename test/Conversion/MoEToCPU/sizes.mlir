// Sizes that the lowering accepts: what it cannot know is trusted, and a buffer
// that is smaller than a multiple of T has room for that multiple.
//
// RUN: moe-opt %s --split-input-file --moe-to-cpu="from=fused cpu=x86-64-v3" | FileCheck %s

// Offsets from data.
// CHECK-LABEL: llvm.func @data__run(
func.func @data(%x: tensor<?x4xf32>, %counts: tensor<1xi32>, %w: tensor<1x4x4xf32> {moe.param = "w"}, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i32
  %end = tensor.extract %counts[%c0] : tensor<1xi32>
  %offsets = tensor.from_elements %zero, %end : tensor<2xi32>
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<?x4xf32>, tensor<1x4x4xf32>, tensor<2xi32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<?x4xf32>
}

// -----

// Constant offsets whose values are not at hand.
// CHECK-LABEL: llvm.func @resource__run(
func.func @resource(%x: tensor<4x4xf32>, %w: tensor<1x4x4xf32> {moe.param = "w"}, %init: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %offsets = arith.constant dense_resource<off> : tensor<2xi32>
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%init)
      : (tensor<4x4xf32>, tensor<1x4x4xf32>, tensor<2xi32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %y : tensor<4x4xf32>
}
{-#
  dialect_resources: {
    builtin: {
      off: "0x040000000000000004000000"
    }
  }
#-}

// -----

// Every second column, as far as there are some.
// CHECK-LABEL: llvm.func @strided__run(
func.func @strided(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %y0 = tensor.empty(%n) : tensor<?x4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n * 2 + 1)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x8xf32>) outs(%y0 : tensor<?x4xf32>) {
  ^bb0(%p: f32, %out: f32):
    linalg.yield %p : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Buffers of T - 3 and of T rows of 16 KiB, each aligned to a cache line.
// CHECK: workspace_fixed = 192 : i64
// CHECK-SAME: workspace_per_token = 32768 : i64
// CHECK-LABEL: llvm.func @less__run(
#id = affine_map<(m, n) -> (m, n)>
func.func @less(%x: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %n = tensor.dim %x, %c0 : tensor<?x4096xf32>
  %m = arith.subi %n, %c3 : index
  %a0 = tensor.empty(%m) : tensor<?x4096xf32>
  %s = tensor.extract_slice %x[3, 0] [%m, 4096] [1, 1] : tensor<?x4096xf32> to tensor<?x4096xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<?x4096xf32>) outs(%a0 : tensor<?x4096xf32>) {
  ^bb0(%p: f32, %out: f32):
    %sum = arith.addf %p, %p : f32
    linalg.yield %sum : f32
  } -> tensor<?x4096xf32>
  %y = tensor.insert_slice %a into %x[0, 0] [%m, 4096] [1, 1] : tensor<?x4096xf32> into tensor<?x4096xf32>
  return %y : tensor<?x4096xf32>
}
