"""The shapes, routings and weights that the CPU benchmark runs."""

import dataclasses
import json

import numpy as np
import torch


@dataclasses.dataclass(frozen=True)
class Shape:
    """The routed experts of a layer: SwiGLU of width F on H, E experts, K per token."""

    hidden: int
    width: int
    experts: int
    top_k: int

    def config(self, dtype):
        """A configuration that moe-import turns into a layer of this shape."""
        return json.dumps(dict(
            model_type="olmoe", hidden_size=self.hidden, intermediate_size=self.width, num_experts=self.experts,
            num_experts_per_tok=self.top_k, num_hidden_layers=1, norm_topk_prob=False, hidden_act="silu",
            torch_dtype={"bf16": "bfloat16", "f32": "float32"}[dtype]))

    def weight_bytes(self, active, dtype):
        return active * 3 * self.hidden * self.width * {"bf16": 2, "f32": 4}[dtype]

    def flops(self, tokens):
        return 6 * tokens * self.top_k * self.hidden * self.width


MODELS = {
    "olmoe": Shape(2048, 1024, 64, 8),
    "qwen3-30b-a3b": Shape(2048, 768, 128, 8),
    "mixtral": Shape(4096, 14336, 8, 2),
    "gpt-oss-20b": Shape(2880, 2880, 32, 4),
    "deepseek-v3-32": Shape(7168, 2048, 32, 8),
}
DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}


class Weights:
    """Random weights as transformers stores them: gate and up in one tensor."""

    def __init__(self, shape, dtype):
        generator = torch.Generator().manual_seed(1)
        make = lambda n, k: torch.empty(shape.experts, n, k, dtype=DTYPES[dtype]).normal_(
            std=k**-0.5, generator=generator)
        self.gate_up = make(2 * shape.width, shape.hidden)
        self.down = make(shape.hidden, shape.width)

    def per_expert(self):
        """Gate, up and down of every expert, in the order of moe-import's parameters."""
        width = self.down.shape[2]
        gates = [w[:width] for w in self.gate_up]
        ups = [w[width:] for w in self.gate_up]
        return gates + ups + list(self.down)


def route(shape, tokens, kind, seed):
    """ids (T x K, distinct in a row) and weights; the number of active experts is held near its expectation.

    `skewed` draws experts by a Zipf law whose exponent gives about ten times
    the mean load to the busiest of 128 experts, what traces of prompts show;
    `worst` sends every token to the same K experts.
    """
    rng = np.random.default_rng(seed)
    if kind == "worst":
        ids = np.tile(np.arange(shape.top_k), (tokens, 1))
    else:
        weight = 1.0 / np.arange(1, shape.experts + 1) ** (0.9 if kind == "skewed" else 0.0)
        draw = lambda: np.argsort(rng.gumbel(size=(tokens, shape.experts)) + np.log(weight), axis=1)[:, -shape.top_k:]
        candidates = [draw() for _ in range(15)]
        active = [len(np.unique(c)) for c in candidates]
        ids = candidates[int(np.argmin(np.abs(np.array(active) - np.mean(active))))]
    weights = rng.dirichlet(np.ones(shape.top_k), size=tokens)
    return torch.tensor(ids, dtype=torch.int32), torch.tensor(weights, dtype=torch.float32)
