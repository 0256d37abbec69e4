// RUN: moe-opt %s --test-moe-interpret -o /dev/null | FileCheck %s
// RUN: moe-opt %s --test-moe-interpret=typed -o /dev/null | FileCheck %s

// CHECK-LABEL: @elements
// CHECK-NEXT: 3
// CHECK-NEXT: {{\[}}[1, 2], [3, 9]]
// CHECK-NEXT: [1, 3]
// CHECK-NEXT: {{\[}}[3, 3]]
// CHECK-NEXT: 2
// CHECK-NEXT: 2
func.func @elements() -> (f32, tensor<2x2xf32>, tensor<2xf32>, tensor<?x2xf32>, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %nine = arith.constant 9.0 : f32
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %a = tensor.extract %x[%c1, %c0] : tensor<2x2xf32>
  %b = tensor.insert %nine into %x[%c1, %c1] : tensor<2x2xf32>
  %one = tensor.extract %x[%c0, %c0] : tensor<2x2xf32>
  %c = tensor.from_elements %one, %a : tensor<2xf32>
  %d = tensor.splat %a[%c1] : tensor<?x2xf32>
  %y = tensor.cast %x : tensor<2x2xf32> to tensor<?x2xf32>
  %dim = tensor.dim %y, %c0 : tensor<?x2xf32>
  %rank = tensor.rank %x : tensor<2x2xf32>
  return %a, %b, %c, %d, %dim, %rank : f32, tensor<2x2xf32>, tensor<2xf32>, tensor<?x2xf32>, index, index
}

// CHECK-LABEL: @slices
// CHECK-NEXT: {{\[}}[2], [6]]
// CHECK-NEXT: [5, 7]
// CHECK-NEXT: {{\[}}[9, 2, 9, 4], [5, 6, 7, 8]]
// CHECK-NEXT: {{\[}}[1, 2, 3, 4], [5, 9, 9, 8]]
func.func @slices() -> (tensor<2x1xf32>, tensor<2xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %n = arith.constant dense<9.0> : tensor<2xf32>
  %c1 = arith.constant 1 : index
  %a = tensor.extract_slice %x[0, %c1] [2, 1] [1, 1] : tensor<2x4xf32> to tensor<2x1xf32>
  %b = tensor.extract_slice %x[%c1, 0] [1, 2] [1, 2] : tensor<2x4xf32> to tensor<2xf32>
  %c = tensor.insert_slice %n into %x[0, 0] [1, 2] [1, 2] : tensor<2xf32> into tensor<2x4xf32>
  %d = tensor.insert_slice %n into %x[%c1, 1] [1, 2] [1, 1] : tensor<2xf32> into tensor<2x4xf32>
  return %a, %b, %c, %d : tensor<2x1xf32>, tensor<2xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// The reshapes of a strided slice and of a transpose see through the view.
// CHECK-LABEL: @reshapes
// CHECK-NEXT: {{\[}}{{\[}}[1, 3]], {{\[}}[5, 7]]]
// CHECK-NEXT: [1, 5, 2, 6, 3, 7, 4, 8]
// CHECK-NEXT: {{\[}}[1, 2, 3, 4], [5, 6, 7, 8], [5, 6, 7, 8], [1, 2, 3, 4]]
func.func @reshapes() -> (tensor<2x1x2xf32>, tensor<8xf32>, tensor<4x4xf32>) {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %a = tensor.extract_slice %x[0, 0] [2, 2] [1, 2] : tensor<2x4xf32> to tensor<2x2xf32>
  %b = tensor.expand_shape %a [[0], [1, 2]] output_shape [2, 1, 2] : tensor<2x2xf32> into tensor<2x1x2xf32>
  %e = tensor.empty() : tensor<4x2xf32>
  %t = linalg.transpose ins(%x : tensor<2x4xf32>) outs(%e : tensor<4x2xf32>) permutation = [1, 0]
  %c = tensor.collapse_shape %t [[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
  %row0 = tensor.extract_slice %x[0, 0] [1, 4] [1, 1] : tensor<2x4xf32> to tensor<1x4xf32>
  %row1 = tensor.extract_slice %x[1, 0] [1, 4] [1, 1] : tensor<2x4xf32> to tensor<1x4xf32>
  %d = tensor.concat dim(0) %x, %row1, %row0 : (tensor<2x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  return %b, %c, %d : tensor<2x1x2xf32>, tensor<8xf32>, tensor<4x4xf32>
}

// CHECK-LABEL: @regions
// CHECK-NEXT: {{\[}}[0, 1], [10, 11]]
// CHECK-NEXT: {{\[}}[0, 0, 0], [5, 6, 0]]
func.func @regions() -> (tensor<?x2xindex>, tensor<2x3xf32>) {
  %c2 = arith.constant 2 : index
  %c10 = arith.constant 10 : index
  %zero = arith.constant 0.0 : f32
  %a = tensor.generate %c2 {
  ^bb0(%i: index, %j: index):
    %0 = arith.muli %i, %c10 : index
    %1 = arith.addi %0, %j : index
    tensor.yield %1 : index
  } : tensor<?x2xindex>
  %x = arith.constant dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %b = tensor.pad %x low[1, 0] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<1x2xf32> to tensor<2x3xf32>
  return %a, %b : tensor<?x2xindex>, tensor<2x3xf32>
}
