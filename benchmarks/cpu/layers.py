"""Weights and routings of the layers that the CPU benchmark runs, and what they should compute."""

import functools

import numpy as np
import torch

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
UNIT_ROUNDOFF = {"bf16": 2.0**-8, "f32": 2.0**-24}


class Weights:
    """Random weights, made anew whenever asked for: nobody has to keep them.

    The matrices are stretches of one block of normal numbers, each from a random
    place on, so two experts differ in every row.
    """

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, DTYPES[dtype]
        self.block = torch.randn((1 << 22) + 1, generator=torch.Generator().manual_seed(1))
        self.starts = np.random.default_rng(1).integers(len(self.block), size=(shape.experts, 2))

    def _fill(self, out, e, which):
        scaled = self._scaled(out.shape[1])
        flat, start = out.view(-1), int(self.starts[e, which])
        done = 0
        while done < len(flat):
            part = scaled[start: start + len(flat) - done]
            flat[done: done + len(part)] = part
            done, start = done + len(part), 0
        return out

    @functools.lru_cache(maxsize=2)
    def _scaled(self, terms):
        return (self.block * terms**-0.5).to(self.dtype)

    def expert(self, e):
        """Gate and up in one matrix (2F x H), and down (H x F), of one expert."""
        s = self.shape
        return (self._fill(torch.empty(2 * s.width, s.hidden, dtype=self.dtype), e, 0),
                self._fill(torch.empty(s.hidden, s.width, dtype=self.dtype), e, 1))

    def stack(self):
        """All experts as transformers stores them: E x 2F x H and E x H x F."""
        s = self.shape
        gate_up = torch.empty(s.experts, 2 * s.width, s.hidden, dtype=self.dtype)
        down = torch.empty(s.experts, s.hidden, s.width, dtype=self.dtype)
        for e in range(s.experts):
            self._fill(gate_up[e], e, 0)
            self._fill(down[e], e, 1)
        return gate_up, down


def reference(weights, x, ids, slot_weights):
    """The layer's output in f64 from the weights as rounded to their type."""
    y = torch.zeros(x.shape, dtype=torch.float64)
    for e in torch.unique(ids).tolist():
        gate_up, down = (w.double() for w in weights.expert(e))
        tokens, slots = torch.where(ids == e)
        gate, up = (x[tokens].double() @ gate_up.T).chunk(2, dim=-1)
        out = (torch.nn.functional.silu(gate) * up) @ down.T
        y.index_add_(0, tokens, out * slot_weights[tokens, slots, None].double())
    return y


def tolerance(shape, dtype):
    """The largest credible error of an output, relative in the 2-norm.

    At most 16 roundings to the type lie on the way (rows, both products,
    activation, routing weights, a sum over slots in that type); they are
    independent, so four unit roundoffs. Sums are in f32, their error grows with
    the square root of the terms. A wrong expert or weight costs about 1/K.
    """
    terms = max(shape.hidden, shape.width)
    return 4 * UNIT_ROUNDOFF[dtype] + terms**0.5 * UNIT_ROUNDOFF["f32"]


def draw(experts, top_k, tokens, exponent, rng):
    """`top_k` distinct experts per token; the r-th most popular has weight r^-exponent."""
    keys = rng.gumbel(size=(tokens, experts)) - exponent * np.log(np.arange(1, experts + 1))
    return np.argpartition(keys, experts - top_k, axis=1)[:, experts - top_k:]


def load_ratio(ids):
    """Rows of the busiest expert over the mean of those that have any."""
    rows = np.unique(ids, return_counts=True)[1]
    return rows.max() / rows.mean()


@functools.lru_cache
def zipf_exponent(experts, top_k, skew):
    """The exponent with which about 1000 tokens, a prompt, load the busiest expert `skew` times the mean."""
    low, high = 0.0, 4.0
    for _ in range(16):
        middle = (low + high) / 2
        ratio = load_ratio(draw(experts, top_k, 1000, middle, np.random.default_rng(0)))
        low, high = (middle, high) if ratio < skew else (low, middle)
    return low


def route(shape, tokens, kind, seed):
    """ids (T x K, distinct in a row) and weights that sum to one.

    Of 15 draws the one with the most usual number of active experts is taken: the
    fewest would make a cell cheap. Which experts are popular is random.
    """
    rng = np.random.default_rng(seed)
    if kind == "worst":
        ids = np.tile(np.arange(shape.top_k), (tokens, 1))
    else:
        exponent = zipf_exponent(shape.experts, shape.top_k, shape.skew) if kind == "skewed" else 0.0
        draws = [draw(shape.experts, shape.top_k, tokens, exponent, rng) for _ in range(15)]
        active = np.array([len(np.unique(d)) for d in draws])
        ids = draws[int(np.argmin(np.abs(active - active.mean())))]
    ids = rng.permutation(shape.experts)[ids]
    weights = rng.dirichlet(np.full(shape.top_k, 4.0), size=tokens)
    return torch.tensor(ids, dtype=torch.int32), torch.tensor(weights, dtype=torch.float32)
