// RUN: moe-opt %s --moe-to-cpu="from=fused to=tiled cpu=x86-64-v3" | FileCheck %s
// RUN: sed '/^\/\/ Half/,$d' %s | moe-run - --tokens=33 --threads=3 --compare=interpreter | FileCheck %s --check-prefix=RUN33
// RUN33: 0 of 2112 elements outside the tolerance

// A thread has the rows of its own tokens in one op and in the next, and needs
// no barrier between them, unless the next one reads other rows: here those of
// the second half of %pairs.

#rows = affine_map<(t, n) -> (t, n)>
#columns = affine_map<(t, n) -> (n)>

// CHECK-LABEL: func.func private @other_rows__thread
// CHECK:         math.exp
// CHECK:         omp.barrier
// CHECK:         linalg.mul
// CHECK-NOT:     omp.barrier
// CHECK:         return
func.func @other_rows(%x: tensor<?x64xf32>, %bias: tensor<64xf32> {moe.param = "bias"}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %T = tensor.dim %x, %c0 : tensor<?x64xf32>
  %T2 = arith.muli %T, %c2 : index
  %pairs0 = tensor.empty(%T2) : tensor<?x64xf32>
  %pairs = linalg.generic {indexing_maps = [#columns, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%bias : tensor<64xf32>) outs(%pairs0 : tensor<?x64xf32>) {
  ^bb0(%b: f32, %out: f32):
    %e = math.exp %b : f32
    linalg.yield %e : f32
  } -> tensor<?x64xf32>
  %half = tensor.extract_slice %pairs[%T, 0] [%T, 64] [1, 1] : tensor<?x64xf32> to tensor<?x64xf32>
  %y0 = tensor.empty(%T) : tensor<?x64xf32>
  %y = linalg.mul ins(%x, %half : tensor<?x64xf32>, tensor<?x64xf32>) outs(%y0 : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Half of the columns, and one of each token's two rows, belong to the token.

// CHECK-LABEL: func.func private @own_rows__thread
// CHECK:         math.exp
// CHECK-NOT:     omp.barrier
// CHECK:         linalg.mul
// CHECK-NOT:     omp.barrier
// CHECK:         return
func.func @own_rows(%x: tensor<?x32xf32>, %bias: tensor<64xf32> {moe.param = "other_bias"}) -> tensor<?x32xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %T = tensor.dim %x, %c0 : tensor<?x32xf32>
  %T2 = arith.muli %T, %c2 : index
  %pairs0 = tensor.empty(%T2) : tensor<?x64xf32>
  %pairs = linalg.generic {indexing_maps = [#columns, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%bias : tensor<64xf32>) outs(%pairs0 : tensor<?x64xf32>) {
  ^bb0(%b: f32, %out: f32):
    %e = math.exp %b : f32
    linalg.yield %e : f32
  } -> tensor<?x64xf32>
  %left = tensor.extract_slice %pairs[0, 0] [%T2, 32] [1, 1] : tensor<?x64xf32> to tensor<?x32xf32>
  %by_token = tensor.expand_shape %left [[0, 1], [2]] output_shape [%T, 2, 32] : tensor<?x32xf32> into tensor<?x2x32xf32>
  %second = tensor.extract_slice %by_token[0, 1, 0] [%T, 1, 32] [1, 1, 1] : tensor<?x2x32xf32> to tensor<?x32xf32>
  %y0 = tensor.empty(%T) : tensor<?x32xf32>
  %y = linalg.mul ins(%x, %second : tensor<?x32xf32>, tensor<?x32xf32>) outs(%y0 : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
