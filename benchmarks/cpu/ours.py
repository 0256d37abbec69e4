"""Our compiled layer, through its C interface, and its gate alone."""

import ctypes
import json
import subprocess
import time

import torch

import options


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


CODES = {torch.float32: (2, 32), torch.bfloat16: (4, 16), torch.int32: (0, 32)}


def dl_tensors(tensors):
    """DLTensors of contiguous torch tensors; the result keeps their shapes alive."""
    array = (DLTensor * len(tensors))()
    array.shapes = []
    for entry, tensor in zip(array, tensors):
        shape = (ctypes.c_int64 * tensor.dim())(*tensor.shape)
        array.shapes.append(shape)
        code, bits = CODES[tensor.dtype]
        entry.data, entry.device_type, entry.ndim = tensor.data_ptr(), 1, tensor.dim()
        entry.code, entry.bits, entry.lanes = code, bits, 1
        entry.shape = ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64))
    return array


def aligned_buffer(size, alignment=2 << 20):
    """A buffer of bytes that starts at an aligned address."""
    owner = torch.empty(size + alignment, dtype=torch.uint8)
    start = -owner.data_ptr() % alignment
    return owner[start: start + size]


def run_tool(*command):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} exited with {result.returncode}\n{result.stderr}")


class Library:
    """One entry point of a compiled library, with its parameters packed."""

    def __init__(self, path, name, params):
        library = ctypes.CDLL(str(path))
        self.functions = {f: getattr(library, f"{name}_{f}")
                          for f in ("packed_size", "pack", "workspace_size", "run", "last_error")}
        self.functions["packed_size"].restype = self.functions["workspace_size"].restype = ctypes.c_size_t
        self.functions["last_error"].restype = ctypes.c_char_p
        self.packed = aligned_buffer(self.functions["packed_size"]())
        self.pack(params)

    def pack(self, params):
        self.check(self.functions["pack"](dl_tensors(params), ctypes.c_size_t(len(params)),
                                          ctypes.c_void_p(self.packed.data_ptr())))

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.functions["last_error"]().decode())

    def prepare(self, inputs, outputs):
        """A function that runs the layer on these tensors."""
        workspace = aligned_buffer(self.functions["workspace_size"](ctypes.c_int64(inputs[0].shape[0])))
        ins, outs = dl_tensors(inputs), dl_tensors(outputs)
        arguments = (ins, ctypes.c_size_t(len(inputs)), ctypes.c_void_p(self.packed.data_ptr()), outs,
                     ctypes.c_size_t(len(outputs)), ctypes.c_void_p(workspace.data_ptr()))

        def run():
            # The closure holds the tensors: the library sees their addresses alone.
            _ = inputs, workspace
            self.check(self.functions["run"](*arguments))
            return outputs

        return run


def config(shape, dtype):
    """A configuration that moe-import turns into a layer of this shape."""
    return json.dumps(dict(
        model_type="olmoe", hidden_size=shape.hidden, intermediate_size=shape.width, num_experts=shape.experts,
        num_experts_per_tok=shape.top_k, num_hidden_layers=1, norm_topk_prob=False, hidden_act="silu",
        torch_dtype={"bf16": "bfloat16", "f32": "float32"}[dtype]))


class Ours:
    """The layer with its routing made an input (`moe-replay-routing`): everyone gets the same ids."""

    name = "moe-mlir"
    copies = 1

    def __init__(self, shape, stacked, dtype, folder, bin_dir, cpu):
        (folder / "config.json").write_text(config(shape, dtype))
        run_tool(bin_dir / "moe-import", folder / "config.json", "-o", folder / "layer.mlir")
        run_tool(bin_dir / "moe-opt", folder / "layer.mlir", "--moe-replay-routing", "--canonicalize",
                 "-o", folder / "replay.mlir")
        run_tool(bin_dir / "moe-compile", folder / "replay.mlir", "--target=cpu", f"--cpu={cpu}", "--emit=lib",
                 "-o", folder / "liblayer.so")
        gate_up, down = stacked
        # The layer's own router is not used, but stays a parameter.
        router = torch.zeros(shape.experts, shape.hidden, dtype=down.dtype)
        gates, ups = [w[: shape.width] for w in gate_up], [w[shape.width:] for w in gate_up]
        params = [router, *gates, *ups, *down]
        begin = time.perf_counter()
        self.library = Library(folder / "liblayer.so", "forward", params)
        self.first_pack = time.perf_counter() - begin
        self.packed = self.library.packed
        # Holds the stacked weights, so only as long as packing is measured.
        self.pack = lambda: self.library.pack(params)

    def prepare(self, x, ids, weights):
        run = self.library.prepare([x, ids, weights], [torch.empty_like(x)])
        return lambda: run()[0]


GATE = """
func.func @gate(%x: tensor<?x{H}x{T}>, %router: tensor<{E}x{H}x{T}> {{moe.param = "router"}})
    -> (tensor<?x{K}xi32> {{moe.name = "ids"}}, tensor<?x{K}xf32> {{moe.name = "weights"}}) {{
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x{H}x{T}>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%tokens) : tensor<?x{E}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x{E}xf32>) -> tensor<?x{E}xf32>
  %logits = linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %router : tensor<?x{H}x{T}>, tensor<{E}x{H}x{T}>) outs(%init : tensor<?x{E}xf32>) -> tensor<?x{E}xf32>
  %ids, %weights = moe.route %logits router<score = softmax, top_k = {K}>
      : (tensor<?x{E}xf32>) -> (tensor<?x{K}xi32>, tensor<?x{K}xf32>)
  return %ids, %weights : tensor<?x{K}xi32>, tensor<?x{K}xf32>
}}
"""


class Gate:
    """Router product, softmax and top-k alone.

    In the layer it shares a call and a parallel region with the experts; alone it
    pays for its own, so its share is an upper bound. A gate with next to nothing to
    do says how much that is (`call`): 0.1 of the 0.15 ms of OLMoE's gate at T = 1 on
    two cores of a Sapphire Rapids. Half of that is a thread that went to sleep during
    the eviction and is woken, half is code that the eviction left cold (Python's,
    ctypes', ours): one thread takes 0.05 ms, and calls in a row 0.003 ms. Every
    contender pays for it, the layer and the peers too, so it is taken off nobody's
    time, but printed beside the gate's. Several calls in a row would hide it, but
    they would also find the router in the caches.
    """

    def __init__(self, shape, dtype, folder, bin_dir, cpu):
        folder.mkdir()
        source = GATE.format(H=shape.hidden, E=shape.experts, K=shape.top_k, T=dtype)
        (folder / "gate.mlir").write_text(source)
        run_tool(bin_dir / "moe-compile", folder / "gate.mlir", "--target=cpu", f"--cpu={cpu}", "--emit=lib",
                 "-o", folder / "libgate.so")
        self.top_k = shape.top_k
        generator = torch.Generator().manual_seed(3)
        router = torch.randn(shape.experts, shape.hidden, generator=generator) * shape.hidden**-0.5
        self.library = Library(folder / "libgate.so", "gate",
                               [router.to({"bf16": torch.bfloat16, "f32": torch.float32}[dtype])])

    @staticmethod
    def call(folder, bin_dir, cpu):
        """A function that runs one token through a gate of two experts and 16 terms: 64 FLOPs."""
        gate = Gate(options.Shape(16, 16, 2, 1, 1.0), "f32", folder, bin_dir, cpu)
        return gate.prepare(torch.ones(1, 16))

    def prepare(self, x):
        return self.library.prepare([x], [torch.empty(len(x), self.top_k, dtype=torch.int32),
                                          torch.empty(len(x), self.top_k)])
