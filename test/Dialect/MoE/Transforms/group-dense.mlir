// RUN: moe-opt %s -moe-group-dense -split-input-file | FileCheck %s
// RUN: moe-opt %s -moe-group-dense -split-input-file -o /dev/null --remarks-filter=moe-fusion --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

#rk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Two products of the same rows share their offsets; a matrix that is K x N is
// transposed, and rounding is the epilogue's.
// REMARK-COUNT-2: [Passed] moe-group-dense {{.*}}a dense product is a grouped product of one group
// CHECK-LABEL: @shared_expert
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xbf16>, %[[U:.*]]: tensor<8x16xbf16> {{.*}}, %[[D:.*]]: tensor<16x8xbf16>
func.func @shared_expert(%x: tensor<?x16xbf16>, %u: tensor<8x16xbf16> {moe.param = "u"}, %g: tensor<16x8xbf16> {moe.param = "g"}) -> (tensor<?x8xf32>, tensor<?x8xbf16>) {
  // CHECK: %[[T:.*]] = tensor.dim %[[X]]
  // CHECK: %[[T32:.*]] = arith.index_cast %[[T]] : index to i32
  // CHECK: %[[O:.*]] = tensor.from_elements %{{.*}}, %[[T32]] : tensor<2xi32>
  // CHECK: %[[UG:.*]] = tensor.expand_shape %[[U]] {{.*}} into tensor<1x8x16xbf16>
  // CHECK: %[[A:.*]] = moe.grouped_matmul %[[X]] weights(%[[UG]]) offsets(%[[O]]) source = plan place = plan
  // CHECK: %[[DT:.*]] = linalg.transpose ins(%[[D]]
  // CHECK: %[[DG:.*]] = tensor.expand_shape %[[DT]]
  // CHECK: %[[B:.*]] = moe.grouped_matmul %[[X]] weights(%[[DG]]) offsets(%[[O]])
  // CHECK: arith.truncf
  // CHECK: return %[[A]], %[[B]]
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %zeroh = arith.constant 0.0 : bf16
  %t = tensor.dim %x, %c0 : tensor<?x16xbf16>
  %e = tensor.empty(%t) : tensor<?x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %a = linalg.matmul indexing_maps = [#rk, #nk, #mn] ins(%x, %u : tensor<?x16xbf16>, tensor<8x16xbf16>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %eh = tensor.empty(%t) : tensor<?x8xbf16>
  %fh = linalg.fill ins(%zeroh : bf16) outs(%eh : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  %b = linalg.matmul ins(%x, %g : tensor<?x16xbf16>, tensor<16x8xbf16>) outs(%fh : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  return %a, %b : tensor<?x8xf32>, tensor<?x8xbf16>
}

// -----

// Parameters among themselves: packing's business, no product of rows.
// CHECK-LABEL: @parameters
// CHECK-NOT: moe.grouped_matmul
func.func @parameters(%a: tensor<4x16xf32> {moe.param = "a"}, %b: tensor<16x8xf32> {moe.param = "b"}) -> tensor<4x8xf32> {
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %p = linalg.matmul ins(%a, %b : tensor<4x16xf32>, tensor<16x8xf32>) outs(%zero : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// -----

// REMARK: [Missed] moe-group-dense {{.*}}left a dense product as it is: its matrix is not a parameter
func.func @no_parameter(%x: tensor<4x16xf32>, %b: tensor<16x8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %p = linalg.matmul ins(%x, %b : tensor<4x16xf32>, tensor<16x8xf32>) outs(%zero : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// -----

// A region that captures rows makes the matrix depend on them.
// REMARK: [Missed] moe-group-dense {{.*}}its matrix is not a parameter
func.func @captures_rows(%x: tensor<4x16xf32>, %b: tensor<16x8xf32> {moe.param = "b"}) -> tensor<4x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%b : tensor<16x8xf32>) {
  ^bb0(%bi: f32):
    %s = tensor.extract %x[%c0, %c0] : tensor<4x16xf32>
    %q = arith.mulf %bi, %s : f32
    linalg.yield %q : f32
  } -> tensor<16x8xf32>
  %p = linalg.matmul ins(%x, %m : tensor<4x16xf32>, tensor<16x8xf32>) outs(%zero : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// -----

// REMARK: [Missed] moe-group-dense {{.*}}its matrix is empty
func.func @empty(%x: tensor<4x0xf32>, %b: tensor<0x8xf32> {moe.param = "b"}) -> tensor<4x8xf32> {
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %p = linalg.matmul ins(%x, %b : tensor<4x0xf32>, tensor<0x8xf32>) outs(%zero : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// -----

// REMARK: [Missed] moe-group-dense {{.*}}its result is wider than 32 bits
func.func @wide(%x: tensor<4x16xf64>, %b: tensor<16x8xf64> {moe.param = "b"}) -> tensor<4x8xf64> {
  %zero = arith.constant dense<0.0> : tensor<4x8xf64>
  %p = linalg.matmul ins(%x, %b : tensor<4x16xf64>, tensor<16x8xf64>) outs(%zero : tensor<4x8xf64>) -> tensor<4x8xf64>
  return %p : tensor<4x8xf64>
}

// -----

// REMARK: [Missed] moe-group-dense {{.*}}it adds to something
func.func @adds(%x: tensor<4x16xf32>, %b: tensor<16x8xf32> {moe.param = "b"}, %d: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %p = linalg.matmul ins(%x, %b : tensor<4x16xf32>, tensor<16x8xf32>) outs(%d : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// -----

// An integer product is left alone, and is no matrix product of this dialect.
// CHECK-LABEL: @integers
// CHECK-NOT: moe.grouped_matmul
func.func @integers(%x: tensor<4x16xi8>, %b: tensor<16x8xi8> {moe.param = "b"}) -> tensor<4x8xi32> {
  %zero = arith.constant dense<0> : tensor<4x8xi32>
  %p = linalg.matmul ins(%x, %b : tensor<4x16xi8>, tensor<16x8xi8>) outs(%zero : tensor<4x8xi32>) -> tensor<4x8xi32>
  return %p : tensor<4x8xi32>
}
