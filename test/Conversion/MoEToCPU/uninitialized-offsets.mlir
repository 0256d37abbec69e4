// Offsets of which no values are known are trusted.
//
// RUN: moe-opt %s --convert-moe-to-cpu | FileCheck %s
// CHECK: call @moe_kernel_f32_

module {
  memref.global "private" constant @g : memref<2xi32> = uninitialized
  func.func @f(%x: memref<4x4xf32>, %p: memref<?xi8>, %y: memref<4x4xf32>)
    attributes {moe.entry_point = {name = "f", inputs = [{}], params = [], outputs = [{}], packed_size = 128 : i64}} {
    %c64 = arith.constant 64 : index
    %v = memref.view %p[%c64][] : memref<?xi8> to memref<64xf32>
    %w = builtin.unrealized_conversion_cast %v : memref<64xf32> to memref<1x4x4xf32, affine_map<(e, n, k) -> (e * 64 + (n floordiv 16) * 64 + k * 16 + n mod 16)>>
    %off = memref.get_global @g : memref<2xi32>
    moe.grouped_matmul %x weights(%w) offsets(%off) source = plan place = plan outs(%y)
      attributes {lowering_config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>}
      : (memref<4x4xf32>, memref<1x4x4xf32, affine_map<(e, n, k) -> (e * 64 + (n floordiv 16) * 64 + k * 16 + n mod 16)>>, memref<2xi32>, memref<4x4xf32>) -> () {
    ^bb0(%a: f32):
      moe.yield %a : f32
    }
    return
  }
}
