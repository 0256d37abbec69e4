"""One MoE layer in f64, with a bound on what rounding can do to it.

The bound is a running error analysis, not a fitted tolerance: for a sum of n
products accumulated in f32 in any order, the computed value differs from the
exact one by at most gamma(n) * sum |a_i b_i| (Higham, Accuracy and Stability of
Numerical Algorithms, section 3.1), and every later operation carries the error
of its inputs on and adds its own rounding.
"""

import numpy as np

F32 = 2.0**-24  # unit roundoff
BF16 = 2.0**-8


def gamma(n):
    return n * F32 / (1 - n * F32)


def silu(a):
    return a / (1 + np.exp(-np.clip(a, -700, 700)))


class Layer:
    """The weights of one block, as f64 arrays of exactly the stored values."""

    def __init__(self, block):
        get = lambda tensor: tensor.detach().double().numpy()
        gate_up = get(block.experts.gate_up_proj)
        self.gate, self.up = np.split(gate_up, 2, axis=1)
        self.down = get(block.experts.down_proj)
        self.router = get(block.gate.weight)
        self.bias = get(block.gate.e_score_correction_bias) if hasattr(block.gate, "e_score_correction_bias") else None
        shared = getattr(block, "shared_experts", None)
        self.shared = None
        if shared is not None:
            self.shared = [get(m.weight) for m in (shared.gate_proj, shared.up_proj, shared.down_proj)]


def mlp(x, gate, up, down, u, steps):
    """SwiGLU of rows `x` in f64, and the bound on the error of computing it.

    `u` is the unit roundoff of the type that intermediate results are rounded
    to and `steps` how many such roundings a value of the hidden layer meets.
    """
    a, b = x @ gate.T, x @ up.T
    da = gamma(x.shape[1]) * (np.abs(x) @ np.abs(gate).T) + (steps - 1) * u * np.abs(a)
    db = gamma(x.shape[1]) * (np.abs(x) @ np.abs(up).T) + (steps - 1) * u * np.abs(b)
    h = silu(a) * b
    # |silu'| <= 1.1; a handful of f32 roundings in silu and the product.
    dh = 1.1 * da * np.abs(b) + (np.abs(silu(a)) + 1.1 * da) * db + (8 * F32 + steps * u) * np.abs(h)
    y = h @ down.T
    dy = (dh + gamma(h.shape[1]) * np.abs(h)) @ np.abs(down).T
    return y, dy


def forward(layer, x, ids, weights, u_hidden, extra_roundings):
    """The layer's output for a given routing, and its bound.

    `extra_roundings` is how many times an implementation rounds more often
    than ours to the model's type on the way of one expert's output, our own
    being none: 0 for us; PyTorch in bf16 rounds products, activations, expert
    outputs, weighted outputs and each partial sum.
    """
    steps = 1 + (2 if extra_roundings else 0)
    y, dy = np.zeros_like(x), np.zeros_like(x)
    magnitude = np.zeros_like(x)
    for e in range(layer.gate.shape[0]):
        tokens, slots = np.nonzero(ids == e)
        if tokens.size == 0:
            continue
        out, bound = mlp(x[tokens], layer.gate[e], layer.up[e], layer.down[e], u_hidden, steps)
        w = weights[tokens, slots][:, None]
        np.add.at(y, tokens, w * out)
        np.add.at(dy, tokens, np.abs(w) * (bound + 2 * F32 * np.abs(out)))
        np.add.at(magnitude, tokens, np.abs(w) * (np.abs(out) + bound))
    if layer.shared is not None:
        out, bound = mlp(x, *layer.shared, u_hidden, steps)
        y += out
        dy += bound + u_hidden * (np.abs(out) + bound)
        magnitude += np.abs(out) + bound
    # The sum over slots, then the roundings of the sum.
    dy += gamma(ids.shape[1] + 1) * magnitude + extra_roundings * u_hidden * magnitude
    # The result is rounded once (twice with a shared expert added in its type).
    return y, dy + 2 * u_hidden * (np.abs(y) + dy)


def keys(layer, x, u_logit):
    """The selection keys in f64 and a bound on their error."""
    z = x @ layer.router.T
    dz = gamma(x.shape[1]) * (np.abs(x) @ np.abs(layer.router).T) + 1.01 * u_logit * np.abs(z)
    if layer.bias is None:
        # Softmax keeps the order of the logits.
        return z, dz
    score = 1 / (1 + np.exp(-z))
    # |sigmoid'| <= 1/4; a few f32 roundings of a value of at most 1.
    return score + layer.bias, dz / 4 + 8 * F32 * (1 + np.abs(layer.bias))
