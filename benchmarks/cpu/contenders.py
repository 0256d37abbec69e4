"""Who runs the layer: our compiled library, and peers that PyPI offers.

A contender is built once from the weights and gives a function of
(x, ids, weights) that returns the layer's output. Peers without a router of
their own get the ids, and so do we (`moe-replay-routing`): like with like.
"""

import ctypes
import os
import pathlib
import subprocess

import torch


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
    """A buffer of bytes at an aligned address, as (owner, address)."""
    owner = torch.zeros(size + alignment, dtype=torch.uint8)
    return owner, -(-owner.data_ptr() // alignment) * alignment


class Ours:
    name = "moe-mlir"

    def __init__(self, shape, weights, dtype, folder, bin_dir, cpu):
        self.library = self.compile(shape, dtype, pathlib.Path(folder), pathlib.Path(bin_dir), cpu)
        # The layer's own router is not used, but stays a parameter.
        router = torch.zeros(shape.experts, shape.hidden, dtype=weights.down.dtype)
        params = [router, *weights.per_expert()]
        size = self.library.forward_packed_size()
        self.packed_owner, self.packed = aligned_buffer(size)
        self.check(self.library.forward_pack(dl_tensors(params), ctypes.c_size_t(len(params)),
                                             ctypes.c_void_p(self.packed)))

    @staticmethod
    def compile(shape, dtype, folder, bin_dir, cpu):
        (folder / "config.json").write_text(shape.config(dtype))
        layer, replay, library = folder / "layer.mlir", folder / "replay.mlir", folder / "liblayer.so"
        run = lambda *command: subprocess.run(list(map(str, command)), check=True)
        run(bin_dir / "moe-import", folder / "config.json", "-o", layer)
        run(bin_dir / "moe-opt", layer, "--moe-replay-routing", "--canonicalize", "-o", replay)
        run(bin_dir / "moe-compile", replay, "--target=cpu", f"--cpu={cpu}", "--emit=lib", "-o", library)
        # PyTorch has put another OpenMP runtime into the global scope, whose
        # omp_get_thread_num knows nothing of our library's threads.
        library = ctypes.CDLL(str(library), mode=os.RTLD_LOCAL | os.RTLD_DEEPBIND)
        library.forward_packed_size.restype = ctypes.c_size_t
        library.forward_workspace_size.restype = ctypes.c_size_t
        library.forward_last_error.restype = ctypes.c_char_p
        return library

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.library.forward_last_error().decode())

    def prepare(self, x, ids, weights):
        self.workspace_owner, workspace = aligned_buffer(
            self.library.forward_workspace_size(ctypes.c_int64(x.shape[0])))
        y = torch.empty_like(x)
        inputs, outputs = dl_tensors([x, ids, weights]), dl_tensors([y])
        arguments = (inputs, ctypes.c_size_t(3), ctypes.c_void_p(self.packed), outputs, ctypes.c_size_t(1),
                     ctypes.c_void_p(workspace))

        def run():
            self.check(self.library.forward_run(*arguments))
            return y

        return run


class TorchLoop:
    """One product per expert and matrix; in bf16 prepacked by oneDNN, where it supports the CPU."""

    name = "torch loop"

    def __init__(self, shape, weights, dtype, **_):
        self.width, self.weights = shape.width, weights
        self.prepacked = None
        if dtype == "bf16" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
            pack = torch.ops.mkldnn._reorder_linear_weight
            self.prepacked = [(pack(g), pack(d)) for g, d in zip(weights.gate_up, weights.down)]

    def linear(self, x, e, which):
        if self.prepacked:
            return torch.ops.mkldnn._linear_pointwise(x, self.prepacked[e][which], None, "none", [], "")
        return torch.nn.functional.linear(x, (self.weights.gate_up, self.weights.down)[which][e])

    def prepare(self, x, ids, weights):
        def run():
            y = torch.zeros(x.shape, dtype=torch.float32)
            for e in torch.unique(ids).tolist():
                tokens, slots = torch.where(ids == e)
                gate, up = self.linear(x[tokens], e, 0).chunk(2, dim=-1)
                out = self.linear(torch.nn.functional.silu(gate) * up, e, 1)
                y.index_add_(0, tokens, out * weights[tokens, slots, None])
            return y.to(x.dtype)

        return run


class TransformersGrouped:
    """transformers' grouped_mm experts, what a PyTorch user gets."""

    name = "transformers grouped_mm"

    def __init__(self, shape, weights, dtype, **_):
        import transformers
        from transformers.models.olmoe import modeling_olmoe

        config = transformers.OlmoeConfig(
            hidden_size=shape.hidden, intermediate_size=shape.width, num_experts=shape.experts,
            num_experts_per_tok=shape.top_k, experts_implementation="grouped_mm")
        with torch.device("meta"):
            self.experts = modeling_olmoe.OlmoeExperts(config)
        self.experts.gate_up_proj = torch.nn.Parameter(weights.gate_up, requires_grad=False)
        self.experts.down_proj = torch.nn.Parameter(weights.down, requires_grad=False)

    def prepare(self, x, ids, weights):
        ids = ids.long()

        def run():
            with torch.no_grad():
                return self.experts(x, ids, weights.to(x.dtype))

        return run


CONTENDERS = [Ours, TorchLoop, TransformersGrouped]
