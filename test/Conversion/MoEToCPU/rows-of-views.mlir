// RUN: moe-opt %s --convert-moe-to-cpu | FileCheck %s

// Rows that are not the tokens': the first thread writes all of them.

// CHECK-LABEL: func.func private @shifted__thread(
// CHECK-SAME:    %[[THREAD:[^ ]*]]: index, %{{[^ ]*}}: index) attributes
// CHECK:         %[[FIRST:.*]] = arith.cmpi eq, %[[THREAD]],
// CHECK:         scf.if %[[FIRST]] {
// CHECK-NEXT:      linalg.exp ins(%subview : {{.*}}) outs(%subview_0 : {{.*}})
// CHECK-NEXT:    }
// CHECK-NEXT:    return
func.func @shifted(%x: memref<?x8xf32>, %packed: memref<?xi8>, %y: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "shifted", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %T = memref.dim %x, %c0 : memref<?x8xf32>
  %less = arith.subi %T, %c1 : index
  %from = memref.subview %x[1, 0] [%less, 8] [1, 1] : memref<?x8xf32> to memref<?x8xf32, strided<[8, 1], offset: 8>>
  %to = memref.subview %y[1, 0] [%less, 8] [1, 1] : memref<?x8xf32> to memref<?x8xf32, strided<[8, 1], offset: 8>>
  linalg.exp ins(%from : memref<?x8xf32, strided<[8, 1], offset: 8>>) outs(%to : memref<?x8xf32, strided<[8, 1], offset: 8>>)
  return
}
