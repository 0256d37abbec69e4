// RUN: moe-opt %s --moe-pack-parameters | FileCheck %s

// The layout of a packed weight: 64 f32 rows of two panels of 16 columns.
// CHECK-DAG: #[[UP:.*]] = affine_map<(d0, d1, d2) -> (d0 * 192 + (d1 floordiv 8) * 96 + d2 * 16 + d1 mod 8)>
// CHECK-DAG: #[[DOWN:.*]] = affine_map<(d0, d1, d2) -> (d0 * 192 + (d1 floordiv 8) * 96 + d2 * 16 + d1 mod 8 + 8)>

#config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>

// CHECK-LABEL: func.func @forward(
// CHECK-SAME:    %[[X:.*]]: memref<?x6xf32>, %[[OFFSETS:.*]]: memref<5xi32>, %[[PACKED:.*]]: memref<?xi8>, %[[Y:.*]]: memref<?x12xf32>)
// CHECK-SAME:    moe.entry_point = {inputs = [{name = "x", type = tensor<?x6xf32>}, {name = "arg1", type = tensor<5xi32>}], name = "forward"
// CHECK-SAME:      outputs = [{name = "y", type = tensor<?x12xf32>}], packed_size = 3328 : i64
// CHECK-SAME:      params = [{name = "both", type = tensor<4x24x6xf32>}, {name = "e.*.bias", per_expert, type = tensor<4x12xf32>}]
func.func @forward(%x: tensor<?x6xf32>, %offsets: tensor<5xi32>,
    %both: tensor<4x24x6xf32> {moe.param = "both"},
    %bias: tensor<4x12xf32> {moe.param = "e.*.bias"}) -> tensor<?x12xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x6xf32>
  %y0 = tensor.empty(%rows) : tensor<?x12xf32>
  // CHECK-DAG: builtin.unrealized_conversion_cast %{{.*}} : memref<768xf32> to memref<4x12x6xf32, #[[UP]]>
  // CHECK-DAG: builtin.unrealized_conversion_cast %{{.*}} : memref<768xf32> to memref<4x12x6xf32, #[[DOWN]]>
  // CHECK-DAG: memref.view %[[PACKED]][%{{.*}}][] : memref<?xi8> to memref<4x12xf32>
  // CHECK-NOT: tensor.extract_slice
  %a = tensor.extract_slice %both[0, 0, 0] [4, 12, 6] [1, 2, 1] : tensor<4x24x6xf32> to tensor<4x12x6xf32>
  %b = tensor.extract_slice %both[0, 1, 0] [4, 12, 6] [1, 2, 1] : tensor<4x24x6xf32> to tensor<4x12x6xf32>
  // CHECK: moe.grouped_matmul
  %y = moe.grouped_matmul %x weights(%a, %b) offsets(%offsets) epilogue_ins(%bias) source = plan place = plan outs(%y0)
      attributes {epilogue_maps = [affine_map<(e, r, t, s, n) -> (e, n)>], lowering_config = #config}
      : (tensor<?x6xf32>, tensor<4x12x6xf32>, tensor<4x12x6xf32>, tensor<5xi32>, tensor<4x12xf32>, tensor<?x12xf32>) -> tensor<?x12xf32> {
  ^bb0(%p: f32, %q: f32, %c: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %m, %c : f32
    moe.yield %s : f32
  }
  // CHECK: bufferization.materialize_in_destination %{{.*}} in restrict writable %[[Y]]
  return %y : tensor<?x12xf32>
}

// CHECK: func.func private @forward__pack_thread
// CHECK: func.func @forward__pack(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK: omp.parallel
