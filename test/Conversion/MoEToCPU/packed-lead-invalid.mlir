// A kernel that decodes bf16 loads from 2 bytes before the first weight.
//
// RUN: moe-opt %s --convert-moe-to-cpu -verify-diagnostics

module {
  memref.global "private" constant @g : memref<2xi32> = dense<[0,4]>
  func.func @f(%x: memref<4x32xf32>, %p: memref<?xi8>, %y: memref<4x16xf32>)
    attributes {moe.entry_point = {name = "f", inputs = [{}], params = [], outputs = [{}], packed_size = 1024 : i64}} {
    %c0 = arith.constant 0 : index
    %v = memref.view %p[%c0][] : memref<?xi8> to memref<512xbf16>
    %w = builtin.unrealized_conversion_cast %v : memref<512xbf16> to memref<1x16x32xbf16, affine_map<(e, n, k) -> ((e * 256 + (n floordiv 16) * 256 + (k floordiv 2) * 16 + n mod 16) * 2 + k mod 2)>>
    %off = memref.get_global @g : memref<2xi32>
    // expected-error @below {{expected weights of bf16 to be packed from byte 64 on, got 0}}
    moe.grouped_matmul %x weights(%w) offsets(%off) source = plan place = plan outs(%y)
      attributes {lowering_config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>}
      : (memref<4x32xf32>, memref<1x16x32xbf16, affine_map<(e, n, k) -> ((e * 256 + (n floordiv 16) * 256 + (k floordiv 2) * 16 + n mod 16) * 2 + k mod 2)>>, memref<2xi32>, memref<4x16xf32>) -> () {
    ^bb0(%a: f32):
      moe.yield %a : f32
    }
    return
  }
}
