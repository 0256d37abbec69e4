// Columns of rows that are copied: a slice that is a result, and one
// that is written into other rows.

// RUN: moe-run %s --tokens=5 --compare=interpreter | FileCheck %s
// CHECK: 0 of 15 elements outside the tolerance
// CHECK: 0 of 40 elements outside the tolerance

func.func @forward(%x: tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
  %even = tensor.extract_slice %x[0, 1] [%tokens, 3] [1, 2] : tensor<?x8xf32> to tensor<?x3xf32>
  %filled = tensor.insert_slice %even into %x[0, 5] [%tokens, 3] [1, 1] : tensor<?x3xf32> into tensor<?x8xf32>
  return %even, %filled : tensor<?x3xf32>, tensor<?x8xf32>
}
