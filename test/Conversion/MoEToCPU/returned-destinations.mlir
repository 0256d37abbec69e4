// RUN: moe-opt %s --moe-pack-parameters | FileCheck %s

// A caller's memory takes no place of a buffer whose earlier contents are a
// result as well.
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME:    %{{.*}}: memref<?x6xf32>, %{{.*}}: memref<?xi8>, %[[Y:.*]]: memref<?x6xf32>, %[[Z:.*]]: memref<?x6xf32>)
func.func @in_place(%x: tensor<?x6xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>) {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x6xf32>
  %y0 = tensor.empty(%rows) : tensor<?x6xf32>
  // CHECK: %[[EXP:.*]] = linalg.exp
  %y = linalg.exp ins(%x : tensor<?x6xf32>) outs(%y0 : tensor<?x6xf32>) -> tensor<?x6xf32>
  // CHECK: %[[LOG:.*]] = linalg.log
  %z = linalg.log ins(%x : tensor<?x6xf32>) outs(%y : tensor<?x6xf32>) -> tensor<?x6xf32>
  // CHECK: bufferization.materialize_in_destination %[[LOG]] in writable %[[Y]]
  // CHECK: bufferization.materialize_in_destination %[[EXP]] in restrict writable %[[Z]]
  return %z, %y : tensor<?x6xf32>, tensor<?x6xf32>
}
