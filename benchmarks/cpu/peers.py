"""What PyPI offers to run the same layer.

A peer is built once from the stacked weights and gives, for (x, ids, weights), a
function without arguments that returns the layer's output. `copies` is how many
copies of the layer's weights it keeps, in their type; `keeps_stack` says that it
reads the stacked weights themselves. ImportError means: not installed;
NotImplementedError: not for this type or CPU.
"""

import torch


class Zentorch:
    """AMD's fused MoE, `torch.ops.zentorch.zentorch_fused_moe`; it repacks and caches weights at first use."""

    name = "zentorch"
    copies = 3  # Its own copy, as it may repack in place, and caches for few and many rows.
    keeps_stack = False

    def __init__(self, shape, stacked, dtype, **_):
        import zentorch  # noqa: F401  Registers the op.

        self.run_moe = torch.ops.zentorch.zentorch_fused_moe
        torch.ops.zentorch.zentorch_flush_moe_weight_cache()
        self.gate_up, self.down = (w.clone() for w in stacked)

    def prepare(self, x, ids, weights):
        y = torch.empty_like(x)

        def run():
            self.run_moe(y, x, self.gate_up, self.down, None, None, weights, ids, False, "silu")
            return y

        return run

    def close(self):
        torch.ops.zentorch.zentorch_flush_moe_weight_cache()


class TorchLoop:
    """A loop over the active experts with weights that oneDNN has prepacked, plain where it cannot (bf16 on AVX2)."""

    name = "torch-loop"
    copies = 1
    keeps_stack = False

    def __init__(self, shape, stacked, dtype, **_):
        pack = torch.ops.mkldnn._reorder_linear_weight
        self.is_packed = dtype == "f32" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
        self.note = "oneDNN-prepacked" if self.is_packed else "not prepacked: oneDNN refuses this type on this CPU"
        self.experts = list(zip(*((pack(m) for m in w) if self.is_packed else w for w in stacked)))

    def linear(self, x, weight):
        if self.is_packed:
            return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return torch.nn.functional.linear(x, weight)

    def prepare(self, x, ids, weights):
        def run():
            y = torch.zeros(x.shape, dtype=torch.float32)
            for e in torch.unique(ids).tolist():
                tokens, slots = torch.where(ids == e)
                gate_up, down = self.experts[e]
                gate, up = self.linear(x[tokens], gate_up).chunk(2, dim=-1)
                out = self.linear(torch.nn.functional.silu(gate) * up, down)
                y.index_add_(0, tokens, out * weights[tokens, slots, None])
            return y.to(x.dtype)

        return run


class TransformersGrouped:
    """transformers' grouped_mm experts, what a PyTorch user gets."""

    name = "transformers"
    copies = 0
    keeps_stack = True

    def __init__(self, shape, stacked, dtype, **_):
        import transformers
        from transformers.models.olmoe import modeling_olmoe

        config = transformers.OlmoeConfig(
            hidden_size=shape.hidden, intermediate_size=shape.width, num_experts=shape.experts,
            num_experts_per_tok=shape.top_k, experts_implementation="grouped_mm")
        with torch.device("meta"):
            self.experts = modeling_olmoe.OlmoeExperts(config)
        self.experts.gate_up_proj = torch.nn.Parameter(stacked[0], requires_grad=False)
        self.experts.down_proj = torch.nn.Parameter(stacked[1], requires_grad=False)

    def prepare(self, x, ids, weights):
        ids, weights = ids.long(), weights.to(x.dtype)

        def run():
            with torch.no_grad():
                return self.experts(x, ids, weights)

        return run


class OnnxRuntime:
    """ONNX Runtime's contributed MoE op, f32 alone.

    It routes by itself, softmax over all experts and top-k, and gets logits that
    give the ids and weights: its time includes that selection.
    """

    name = "onnxruntime"
    copies = 2  # Gate and up interleaved, and what the session prepacks.
    keeps_stack = False

    def __init__(self, shape, stacked, dtype, folder, threads, **_):
        if dtype != "f32":
            raise NotImplementedError("its MoE op has no bf16 on CPUs")
        import onnx  # noqa: F401
        import onnxruntime

        gate_up, down = stacked
        gate_up = gate_up.unflatten(1, (2, shape.width)).transpose(1, 2).flatten(1, 2).contiguous()
        self.tensors = dict(gate_up=gate_up, down=down.clone())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(t.numpy()) for name, t in self.tensors.items()}
        for name, value in self.values.items():
            options.add_initializer(name, value)
        (folder / "external").touch()  # Named by the model, never read: the tensors are handed over.
        (folder / "moe.onnx").write_bytes(self.model(shape).SerializeToString())
        self.session = onnxruntime.InferenceSession(str(folder / "moe.onnx"), options,
                                                    providers=["CPUExecutionProvider"])
        self.experts = shape.experts

    def model(self, shape):
        from onnx import TensorProto, helper

        node = helper.make_node(
            "MoE", ["x", "logits", "gate_up", "", "down"], ["y"], domain="com.microsoft", k=shape.top_k,
            activation_type="swiglu", swiglu_fusion=1, activation_alpha=1.0, activation_beta=0.0, swiglu_limit=1e30,
            normalize_routing_weights=0)
        value = lambda name, columns: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["tokens", columns])
        initializers = []
        for name, tensor in self.tensors.items():
            proto = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=tensor.shape,
                                data_location=TensorProto.EXTERNAL)
            location = proto.external_data.add()
            location.key, location.value = "location", "external"
            initializers.append(proto)
        graph = helper.make_graph([node], "moe", [value("x", shape.hidden), value("logits", shape.experts)],
                                  [value("y", shape.hidden)], initializer=initializers)
        return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20),
                                                                      helper.make_opsetid("com.microsoft", 1)])

    def prepare(self, x, ids, weights):
        logits = torch.full((len(x), self.experts), -1e4).scatter_(1, ids.long(), weights.log())
        inputs = dict(x=x.numpy(), logits=logits.numpy())
        return lambda: torch.from_numpy(self.session.run(None, inputs)[0])


PEERS = [Zentorch, TorchLoop, OnnxRuntime, TransformersGrouped]
