// RUN: moe-opt %s --test-moe-interpret -o /dev/null | FileCheck %s
// RUN: moe-opt %s --test-moe-interpret=typed -o /dev/null | FileCheck %s

// Row by column; then row by row, added to a destination.
// CHECK-LABEL: @matmul
// CHECK-NEXT: {{\[}}[11, 14], [25, 30]]
// CHECK-NEXT: {{\[}}[107, 216], [317, 436]]
func.func @matmul() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xbf16>
  %b = arith.constant dense<[[3.0, 2.0], [4.0, 6.0]]> : tensor<2x2xbf16>
  %zero = arith.constant 0.0 : f32
  %init = arith.constant dense<[[100.0, 200.0], [300.0, 400.0]]> : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  %c = linalg.matmul ins(%a, %b : tensor<2x2xbf16>, tensor<2x2xbf16>) outs(%f : tensor<2x2xf32>) -> tensor<2x2xf32>
  %t = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%a, %b : tensor<2x2xbf16>, tensor<2x2xbf16>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %c, %t : tensor<2x2xf32>, tensor<2x2xf32>
}

// CHECK-LABEL: @batch_matmul
// CHECK-NEXT: {{\[}}{{\[}}[11]], {{\[}}[39]]]
func.func @batch_matmul() -> tensor<2x1x1xf32> {
  %a = arith.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %b = arith.constant dense<[[[3.0], [4.0]], [[5.0], [6.0]]]> : tensor<2x2x1xf32>
  %f = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %c = linalg.batch_matmul ins(%a, %b : tensor<2x1x2xf32>, tensor<2x2x1xf32>) outs(%f : tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  return %c : tensor<2x1x1xf32>
}

// An integer product, and one with a body that is no plain sum of products:
// the largest of a * b.
// CHECK-LABEL: @other_products
// CHECK-NEXT: {{\[}}[11]]
// CHECK-NEXT: [8]
func.func @other_products() -> (tensor<1x1xi32>, tensor<1xf32>) {
  %a = arith.constant dense<[[1, 2]]> : tensor<1x2xi8>
  %b = arith.constant dense<[[3], [4]]> : tensor<2x1xi8>
  %i = arith.constant dense<0> : tensor<1x1xi32>
  %c = linalg.matmul ins(%a, %b : tensor<1x2xi8>, tensor<2x1xi8>) outs(%i : tensor<1x1xi32>) -> tensor<1x1xi32>
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = arith.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %z = arith.constant dense<0.0> : tensor<1xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %y : tensor<2xf32>, tensor<2xf32>) outs(%z : tensor<1xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %0 = arith.mulf %p, %q : f32
    %1 = arith.maximumf %0, %out : f32
    linalg.yield %1 : f32
  } -> tensor<1xf32>
  return %c, %m : tensor<1x1xi32>, tensor<1xf32>
}

// x[j, i] + 10 i + k, with a captured scalar and tensor, and two results.
// CHECK-LABEL: @generic
// CHECK-NEXT: {{\[}}[101, 103], [112, 114]]
// CHECK-NEXT: {{\[}}[7, 7], [8, 8]]
func.func @generic() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %table = arith.constant dense<[7.0, 8.0]> : tensor<2xf32>
  %k = arith.constant 100.0 : f32
  %ten = arith.constant 10.0 : f32
  %e = tensor.empty() : tensor<2x2xf32>
  %y:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x2xf32>) outs(%e, %e : tensor<2x2xf32>, tensor<2x2xf32>) {
  ^bb0(%in: f32, %out: f32, %out1: f32):
    %i = linalg.index 0 : index
    %ii = arith.index_cast %i : index to i32
    %fi = arith.sitofp %ii : i32 to f32
    %0 = arith.mulf %fi, %ten : f32
    %1 = arith.addf %in, %0 : f32
    %2 = arith.addf %1, %k : f32
    %t = tensor.extract %table[%i] : tensor<2xf32>
    linalg.yield %2, %t : f32, f32
  } -> (tensor<2x2xf32>, tensor<2x2xf32>)
  return %y#0, %y#1 : tensor<2x2xf32>, tensor<2x2xf32>
}

// CHECK-LABEL: @named
// CHECK-NEXT: {{\[}}[1, 3], [2, 4]]
// CHECK-NEXT: {{\[}}[1, 1], [2, 2]]
// CHECK-NEXT: [3, 7]
// CHECK-NEXT: {{\[}}[-1, -2], [-3, -4]]
// CHECK-NEXT: {{\[}}[2, 4], [6, 8]]
func.func @named() -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %v = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %zero = arith.constant dense<0.0> : tensor<2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %t = linalg.transpose ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) permutation = [1, 0]
  %b = linalg.broadcast ins(%v : tensor<2xf32>) outs(%e : tensor<2x2xf32>) dimensions = [1]
  %r = linalg.reduce { arith.addf } ins(%x : tensor<2x2xf32>) outs(%zero : tensor<2xf32>) dimensions = [1]
  %n = linalg.negf ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  %a = linalg.add ins(%x, %x : tensor<2x2xf32>, tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %t, %b, %r, %n, %a : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// Indices that are sums: a convolution of (1, 2, 3, 4) with (1, 10).
// CHECK-LABEL: @convolution
// CHECK-NEXT: [21, 32, 43]
func.func @convolution() -> tensor<3xf32> {
  %x = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w = arith.constant dense<[1.0, 10.0]> : tensor<2xf32>
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %y = linalg.conv_1d ins(%x, %w : tensor<4xf32>, tensor<2xf32>) outs(%zero : tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// Reading what nobody wrote shows.
// CHECK-LABEL: @uninitialised
// CHECK-NEXT: {{\[}}[nan]]
// CHECK-NEXT: [-2147483648]
func.func @uninitialised() -> (tensor<1x1xf32>, tensor<1xi32>) {
  %a = arith.constant dense<1.0> : tensor<1x1xf32>
  %e = tensor.empty() : tensor<1x1xf32>
  %c = linalg.matmul ins(%a, %a : tensor<1x1xf32>, tensor<1x1xf32>) outs(%e : tensor<1x1xf32>) -> tensor<1x1xf32>
  %i = tensor.empty() : tensor<1xi32>
  return %c, %i : tensor<1x1xf32>, tensor<1xi32>
}

// No row, and no term.
// CHECK-LABEL: @empty
// CHECK-NEXT: []
// CHECK-NEXT: {{\[}}[5, 5]]
func.func @empty() -> (tensor<?x2xf32>, tensor<1x2xf32>) {
  %c0 = arith.constant 0 : index
  %a = tensor.empty(%c0) : tensor<?x3xf32>
  %b = arith.constant dense<1.0> : tensor<3x2xf32>
  %e = tensor.empty(%c0) : tensor<?x2xf32>
  %c = linalg.matmul ins(%a, %b : tensor<?x3xf32>, tensor<3x2xf32>) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
  %p = tensor.empty() : tensor<1x0xf32>
  %q = tensor.empty() : tensor<0x2xf32>
  %five = arith.constant dense<5.0> : tensor<1x2xf32>
  %d = linalg.matmul ins(%p, %q : tensor<1x0xf32>, tensor<0x2xf32>) outs(%five : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %c, %d : tensor<?x2xf32>, tensor<1x2xf32>
}
