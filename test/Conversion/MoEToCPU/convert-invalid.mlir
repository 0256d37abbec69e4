// RUN: not moe-opt %s --convert-moe-to-cpu=vector-bits=128 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not moe-opt %s --convert-moe-to-cpu="vector-bits=256 bf16-dot" 2>&1 | FileCheck %s --check-prefix=DOT
// RUN: not moe-opt %s --convert-moe-to-cpu=tiles 2>&1 | FileCheck %s --check-prefix=TILES
// RUN: not moe-opt %s --convert-moe-to-cpu 2>&1 | FileCheck %s --check-prefix=PACKED

// BITS: error: expected vector-bits 256 or 512, got 128
// DOT: error: expected vector-bits 512 with bf16-dot, got 256
// TILES: error: expected vector-bits 512 with tiles, got 256
// PACKED: error: 'moe.grouped_matmul' op expected weights packed in panels of 16 columns

func.func @forward(%x: memref<?x6xf32>, %offsets: memref<2xi32>, %packed: memref<?xi8>, %w: memref<1x8x6xf32>, %y: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "forward", inputs = [{}, {}], params = [], outputs = [{}, {}], packed_size = 0 : i64}} {
  moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%y)
      attributes {lowering_config = #moe.lowering_config<rows = 6, columns = 16, row_block = 6>}
      : (memref<?x6xf32>, memref<1x8x6xf32>, memref<2xi32>, memref<?x8xf32>) -> () {
  ^bb0(%p: f32):
    moe.yield %p : f32
  }
  return
}
