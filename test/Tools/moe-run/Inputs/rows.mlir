func.func @forward(%offsets: tensor<3xi32> {moe.name = "offsets"}, %x: tensor<?x3xf32> {moe.name = "x"},
    %w: tensor<2x5x3xf32> {moe.param = "w"}) -> tensor<?x5xf32> {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x3xf32>
  %y0 = tensor.empty(%tokens) : tensor<?x5xf32>
  %y = moe.grouped_matmul %x weights(%w) offsets(%offsets) source = plan place = plan outs(%y0)
      : (tensor<?x3xf32>, tensor<2x5x3xf32>, tensor<3xi32>, tensor<?x5xf32>) -> tensor<?x5xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return %y : tensor<?x5xf32>
}
