// Two dense products with a hidden row of HIDDEN between them, and a result of
// f32; and one of a single product.
#rows = affine_map<(m, n, k) -> (m, k)>
#columns = affine_map<(m, n, k) -> (n, k)>
#result = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
func.func @forward(%x: tensor<?x64xbf16>, %up: tensor<256x64xbf16> {moe.param = "up"},
    %down: tensor<8x256xbf16> {moe.param = "down"}, %direct: tensor<8x64xbf16> {moe.param = "direct"})
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x64xbf16>
  %p0 = tensor.empty(%n) : tensor<?x256xf32>
  %p1 = linalg.fill ins(%zero : f32) outs(%p0 : tensor<?x256xf32>) -> tensor<?x256xf32>
  %products = linalg.matmul indexing_maps = [#rows, #columns, #result]
      ins(%x, %up : tensor<?x64xbf16>, tensor<256x64xbf16>) outs(%p1 : tensor<?x256xf32>) -> tensor<?x256xf32>
  %h0 = tensor.empty(%n) : tensor<?x256xHIDDEN>
  %h = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%products : tensor<?x256xf32>) outs(%h0 : tensor<?x256xHIDDEN>) {
  ^bb0(%p: f32, %out: HIDDEN):
    %rounded = arith.truncf %p : f32 to HIDDEN
    linalg.yield %rounded : HIDDEN
  } -> tensor<?x256xHIDDEN>
  %y0 = tensor.empty(%n) : tensor<?x8xf32>
  %y1 = linalg.fill ins(%zero : f32) outs(%y0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = linalg.matmul indexing_maps = [#rows, #columns, #result]
      ins(%h, %down : tensor<?x256xHIDDEN>, tensor<8x256xbf16>) outs(%y1 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z0 = tensor.empty(%n) : tensor<?x8xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%z0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = linalg.matmul indexing_maps = [#rows, #columns, #result]
      ins(%x, %direct : tensor<?x64xbf16>, tensor<8x64xbf16>) outs(%z1 : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}
