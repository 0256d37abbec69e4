// RUN: moe-opt %s --moe-pack-parameters --canonicalize --cse | FileCheck %s

// How packing moves a weight: 4 experts, 64 columns in panels of 32, 40 terms.
// Of f32 a panel has 40 units: 2 whole tiles of 16, and an edge.

#config = #moe.lowering_config<rows = 6, columns = 32, row_block = 6>

// Terms side by side: squares are transposed in registers and leave in whole
// lines past the caches. The edge goes element by element. The tiles of all
// experts (4 x 2 x 3) are shared out, not the experts.
// CHECK-LABEL: func.func private @terms__pack_thread
// CHECK-DAG:     %[[TILES:.*]] = arith.constant 24 : index
// CHECK:         arith.muli %arg2, %[[TILES]]
// CHECK:         scf.if
// CHECK-COUNT-2:   func.call @moe_pack_square
// CHECK:         } else {
// CHECK-NOT:       vector
// CHECK:           memref.store
// CHECK:       llvm.call_intrinsic "llvm.x86.sse.sfence"()

// Squares of all weights are one function, of a shuffle an instruction: four
// rounds of 16 rows.
// CHECK-LABEL: func.func private @moe_pack_square
// CHECK-COUNT-16: llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<16xi32>
// CHECK-COUNT-64: vector.shuffle
// CHECK-COUNT-16: llvm.store %{{.*}} {alignment = 64 : i64, nontemporal} : vector<16xi32>, !llvm.ptr
func.func @terms(%x: tensor<?x40xf32>, %offsets: tensor<5xi32>,
    %w: tensor<4x64x40xf32> {moe.param = "w"}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x40xf32>
  %y0 = tensor.empty(%rows) : tensor<?x64xf32>
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x40xf32>, tensor<4x64x40xf32>, tensor<5xi32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x64xf32>
}

// Columns side by side, of bf16: two rows are interleaved. The panel is the
// inner loop: the parameter is read row by row.
// CHECK-LABEL: func.func private @columns__pack_thread
// CHECK:         scf.for
// CHECK:           vector.load %{{.*}} : memref<10240xi16>, vector<16xi16>
// CHECK:           vector.load %{{.*}} : memref<10240xi16>, vector<16xi16>
// CHECK:           vector.interleave %{{.*}} : vector<16xi16>
// CHECK:           nontemporal = true
func.func @columns(%x: tensor<?x40xbf16>, %offsets: tensor<5xi32>,
    %w: tensor<4x40x64xbf16> {moe.param = "w"}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x40xbf16>
  %y0 = tensor.empty(%rows) : tensor<?x64xf32>
  %e = tensor.empty() : tensor<4x64x40xbf16>
  %t = linalg.transpose ins(%w : tensor<4x40x64xbf16>) outs(%e : tensor<4x64x40xbf16>) permutation = [0, 2, 1]
  %y = moe.grouped_matmul %x weights(%t) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x40xbf16>, tensor<4x64x40xbf16>, tensor<5xi32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x64xf32>
}

// Every second column, from the second on: loads of pairs of columns start at
// even entries, so none reaches past the parameter's end.
// CHECK-LABEL: func.func private @interleaved__pack_thread
// CHECK:           vector.load %{{.*}} : memref<20480xi32>, vector<32xi32>
// CHECK:           vector.shuffle %{{.*}} [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31] : vector<32xi32>
func.func @interleaved(%x: tensor<?x40xf32>, %offsets: tensor<5xi32>,
    %w: tensor<4x40x128xf32> {moe.param = "w"}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x40xf32>
  %y0 = tensor.empty(%rows) : tensor<?x64xf32>
  %e = tensor.empty() : tensor<4x64x40xf32>
  %s = tensor.extract_slice %w[0, 0, 1] [4, 40, 64] [1, 1, 2] : tensor<4x40x128xf32> to tensor<4x40x64xf32>
  %t = linalg.transpose ins(%s : tensor<4x40x64xf32>) outs(%e : tensor<4x64x40xf32>) permutation = [0, 2, 1]
  %y = moe.grouped_matmul %x weights(%t) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x40xf32>, tensor<4x64x40xf32>, tensor<5xi32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x64xf32>
}

// Rows of an odd length: the second column is at an even entry in some rows and
// at an odd one in others. No vectors.
// CHECK-LABEL: func.func private @odd__pack_thread
// CHECK-NOT:     vector
// CHECK:       llvm.call_intrinsic "llvm.x86.sse.sfence"()
func.func @odd(%x: tensor<?x40xf32>, %offsets: tensor<5xi32>,
    %w: tensor<4x40x129xf32> {moe.param = "w"}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x40xf32>
  %y0 = tensor.empty(%rows) : tensor<?x64xf32>
  %e = tensor.empty() : tensor<4x64x40xf32>
  %s = tensor.extract_slice %w[0, 0, 1] [4, 40, 64] [1, 1, 2] : tensor<4x40x129xf32> to tensor<4x40x64xf32>
  %t = linalg.transpose ins(%s : tensor<4x40x64xf32>) outs(%e : tensor<4x64x40xf32>) permutation = [0, 2, 1]
  %y = moe.grouped_matmul %x weights(%t) offsets(%offsets) source = plan place = plan outs(%y0) attributes {lowering_config = #config}
      : (tensor<?x40xf32>, tensor<4x64x40xf32>, tensor<5xi32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return %y : tensor<?x64xf32>
}
