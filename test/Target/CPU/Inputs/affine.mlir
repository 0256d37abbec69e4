// A layer as the CPU lowering hands it over, small enough to follow by hand:
//   y[t, j] = x[t, j] * scale[j] + bias_0[j] + bias_1[j],   j < 4
// packed is scale, then both biases; each thread adds the biases in its own
// part of the workspace first, so a missing per-thread part would show.
module attributes {
  moe.target_cpu = "x86-64-v3", moe.target_features = "",
  moe.entry_points = [{
    name = "affine",
    inputs = [{name = "x", type = tensor<?x4xf32>}],
    params = [{name = "layer.scale", type = tensor<4xf32>},
              {name = "layer.experts.*.bias", type = tensor<2x4xf32>, per_expert}],
    outputs = [{name = "y", type = tensor<?x4xf32>}],
    packed_size = 48 : i64, workspace_fixed = 64 : i64, workspace_per_token = 0 : i64,
    workspace_per_thread = 64 : i64, top_k = 2 : i64}]
} {
  llvm.func @affine__pack(%params: !llvm.ptr, %packed: !llvm.ptr) attributes {no_unwind} {
    %size = llvm.mlir.constant(16 : i64) : i64
    %scale = llvm.load %params : !llvm.ptr -> !llvm.ptr
    %p1 = llvm.getelementptr %params[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %bias0 = llvm.load %p1 : !llvm.ptr -> !llvm.ptr
    %p2 = llvm.getelementptr %params[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %bias1 = llvm.load %p2 : !llvm.ptr -> !llvm.ptr
    %to1 = llvm.getelementptr %packed[16] : (!llvm.ptr) -> !llvm.ptr, i8
    %to2 = llvm.getelementptr %packed[32] : (!llvm.ptr) -> !llvm.ptr, i8
    "llvm.intr.memcpy"(%packed, %scale, %size) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
    "llvm.intr.memcpy"(%to1, %bias0, %size) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
    "llvm.intr.memcpy"(%to2, %bias1, %size) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
    llvm.return
  }
  llvm.func @omp_get_thread_num() -> i32
  llvm.func @affine__run(%tokens: i64, %inputs: !llvm.ptr, %packed: !llvm.ptr, %outputs: !llvm.ptr,
                         %workspace: !llvm.ptr) attributes {no_unwind} {
    %zero = llvm.mlir.constant(0 : i64) : i64
    %one = llvm.mlir.constant(1 : i64) : i64
    %sixteen = llvm.mlir.constant(16 : i64) : i64
    %x = llvm.load %inputs : !llvm.ptr -> !llvm.ptr
    %y = llvm.load %outputs : !llvm.ptr -> !llvm.ptr
    %scale = llvm.load %packed {alignment = 16} : !llvm.ptr -> vector<4xf32>
    %b0_at = llvm.getelementptr %packed[16] : (!llvm.ptr) -> !llvm.ptr, i8
    %b0 = llvm.load %b0_at {alignment = 16} : !llvm.ptr -> vector<4xf32>
    %b1_at = llvm.getelementptr %packed[32] : (!llvm.ptr) -> !llvm.ptr, i8
    %b1 = llvm.load %b1_at {alignment = 16} : !llvm.ptr -> vector<4xf32>
    omp.parallel {
      %id = llvm.call @omp_get_thread_num() : () -> i32
      %id64 = llvm.sext %id : i32 to i64
      %own = llvm.getelementptr %workspace[%id64, 64] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<64 x i8>
      %bias = llvm.fadd %b0, %b1 : vector<4xf32>
      llvm.store volatile %bias, %own {alignment = 16} : vector<4xf32>, !llvm.ptr
      omp.wsloop {
        omp.loop_nest (%t) : i64 = (%zero) to (%tokens) step (%one) {
          %at = llvm.mul %t, %sixteen : i64
          %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i64) -> !llvm.ptr, i8
          %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i64) -> !llvm.ptr, i8
          %row = llvm.load %from {alignment = 4} : !llvm.ptr -> vector<4xf32>
          %sum = llvm.load %own {alignment = 16} : !llvm.ptr -> vector<4xf32>
          %scaled = llvm.fmul %row, %scale : vector<4xf32>
          %out = llvm.fadd %scaled, %sum : vector<4xf32>
          llvm.store %out, %to {alignment = 4} : vector<4xf32>, !llvm.ptr
          omp.yield
        }
      }
      omp.terminator
    }
    llvm.return
  }
}
