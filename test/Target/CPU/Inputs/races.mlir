// Two layers whose threads all write the first 32 bytes of y: one with a vector
// of AVX2, one by copying the first 32 bytes of x.
module attributes {
  moe.target_cpu = "x86-64-v3", moe.target_features = "",
  moe.entry_points = [
    {name = "vectors", inputs = [{name = "x", type = tensor<8xf32>}], params = [],
     outputs = [{name = "y", type = tensor<8xf32>}], packed_size = 0 : i64,
     workspace_fixed = 0 : i64, workspace_per_token = 0 : i64, workspace_per_thread = 0 : i64, top_k = 1 : i64},
    {name = "copies", inputs = [{name = "x", type = tensor<8xf32>}], params = [],
     outputs = [{name = "y", type = tensor<8xf32>}], packed_size = 0 : i64,
     workspace_fixed = 0 : i64, workspace_per_token = 0 : i64, workspace_per_thread = 0 : i64, top_k = 1 : i64}]
} {
  llvm.func @vectors__pack(%params: !llvm.ptr, %packed: !llvm.ptr) {
    llvm.return
  }
  llvm.func @vectors__run(%tokens: i64, %inputs: !llvm.ptr, %packed: !llvm.ptr, %outputs: !llvm.ptr,
                          %workspace: !llvm.ptr) {
    %x = llvm.load %inputs : !llvm.ptr -> !llvm.ptr
    %y = llvm.load %outputs : !llvm.ptr -> !llvm.ptr
    omp.parallel {
      %vector = llvm.load %x {alignment = 4} : !llvm.ptr -> vector<8xf32>
      llvm.store %vector, %y {alignment = 4} : vector<8xf32>, !llvm.ptr
      omp.terminator
    }
    llvm.return
  }
  llvm.func @copies__pack(%params: !llvm.ptr, %packed: !llvm.ptr) {
    llvm.return
  }
  llvm.func @copies__run(%tokens: i64, %inputs: !llvm.ptr, %packed: !llvm.ptr, %outputs: !llvm.ptr,
                         %workspace: !llvm.ptr) {
    %x = llvm.load %inputs : !llvm.ptr -> !llvm.ptr
    %y = llvm.load %outputs : !llvm.ptr -> !llvm.ptr
    %size = llvm.mlir.constant(32 : i64) : i64
    omp.parallel {
      "llvm.intr.memcpy"(%y, %x, %size) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
      omp.terminator
    }
    llvm.return
  }
}
