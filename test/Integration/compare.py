"""Compares moe-run with transformers on a tiny random model of one family.

usage: compare.py FAMILY DTYPE ENGINE [--seed=N]

For every token count: the ids chosen by moe-run must be those of transformers
or be justified by a gap of the exact keys below the bound on their error; then
the routing of transformers is replayed, and every output must be within the
sum of both implementations' rounding bounds of transformers' and within our
own bound of the exact value (reference.py).
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import torch

import families
import reference

TOKENS = [0, 1, 2, 7, 33, 129]
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def run(*command):
    command = [str(c) for c in command]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")


def fail(what, *numbers):
    sys.exit(" ".join([what, *map(str, numbers)]))


def check_ids(family, layer, x, ours, theirs, dtype):
    """Each id that differs needs a gap of the keys that rounding explains."""
    u_logit = reference.BF16 if dtype == "bf16" and layer.bias is None else 0.0
    keys, bounds = reference.keys(layer, x, u_logit)
    theirs = theirs.astype(np.int64)
    # torch.topk does not say how it orders; ours are by descending key.
    order = np.argsort(-np.take_along_axis(keys, theirs, axis=1), axis=1, kind="stable")
    theirs = np.take_along_axis(theirs, order, axis=1)
    for t, s in np.argwhere(ours != theirs):
        a, b = ours[t, s], theirs[t, s]
        gap, allowed = abs(keys[t, a] - keys[t, b]), bounds[t, a] + bounds[t, b]
        if gap <= allowed:
            continue
        if family.num_groups > 1:
            by_group = np.sort(keys[t].reshape(family.num_groups, -1), axis=1)[:, -2:].sum(axis=1)
            ranked = np.sort(by_group)[::-1]
            if ranked[family.kept_groups - 1] - ranked[family.kept_groups] <= 4 * bounds[t].max():
                continue
        fail(f"token {t}, slot {s}: expected expert {b}, got {a}: the gap of their keys is", gap, "allowed", allowed)


def check_output(layer, x, ids, weights, ours, theirs, dtype):
    u = reference.BF16 if dtype == "bf16" else reference.F32
    exact, bound = reference.forward(layer, x, ids, weights, u, extra_roundings=0)
    _, their_bound = reference.forward(layer, x, ids, weights, u, extra_roundings=ids.shape[1] + 3)
    # vdpbf16ps flushes denormals: an absolute term far below any bound here.
    excess = np.abs(ours - exact) - bound - 1e-30
    if excess.size and not excess.max() <= 0:
        t, n = np.unravel_index(np.argmax(excess), excess.shape)
        fail(f"output ({t}, {n}): expected {exact[t, n]}, got {ours[t, n]}, allowed a difference of", bound[t, n])
    excess = np.abs(ours - theirs) - bound - their_bound - 1e-30
    if excess.size and not excess.max() <= 0:
        t, n = np.unravel_index(np.argmax(excess), excess.shape)
        fail(f"output ({t}, {n}): transformers has {theirs[t, n]}, got {ours[t, n]}, allowed a difference of",
             bound[t, n] + their_bound[t, n])
    return float((np.abs(ours - exact) / bound).max()) if ours.size else 0.0


def compare(name, dtype, engine, seed, skewed, folder):
    family = families.FAMILIES[name]
    model, block = families.make_model(name, DTYPES[dtype], seed, skewed)
    model.save_pretrained(folder)
    layer = reference.Layer(block)
    module = folder / "layer.mlir"
    run("moe-import", folder, f"--layer={family.layer}", "-o", module)
    for tokens in TOKENS:
        generator = torch.Generator().manual_seed(seed + tokens)
        x = torch.randn(tokens, layer.router.shape[1], generator=generator)
        x = (x + (1.0 if skewed else 0.0)).to(DTYPES[dtype])
        if tokens:
            y, ids, weights = families.run_block(block, x)
        else:  # torch.where and one_hot refuse an empty batch in places
            top_k = model.config.num_experts_per_tok
            y, ids, weights = x, torch.zeros(0, top_k, dtype=torch.int32), torch.zeros(0, top_k)
        if skewed and tokens:
            assert (ids == 0).any(dim=1).float().mean() > 0.9, "the routing is not skewed"

        inputs, outputs = folder / "inputs.safetensors", folder / "outputs.safetensors"
        base = ["moe-run", module, f"--engine={engine}", f"--weights={folder}", f"--inputs={inputs}",
                f"--outputs={outputs}"]
        safetensors.torch.save_file({"x": x}, inputs)
        run(*base, "--routing")
        ours = safetensors.torch.load_file(outputs)
        exact_x = x.double().numpy()
        check_ids(family, layer, exact_x, ours["ids"].numpy(), ids.numpy(), dtype)

        safetensors.torch.save_file({"x": x, "ids": ids, "weights": weights}, inputs)
        run(*base)
        ours = safetensors.torch.load_file(outputs)["y"]
        if ours.dtype != x.dtype or ours.shape != x.shape:
            fail("expected an output like x, got", ours.dtype, tuple(ours.shape))
        share = check_output(layer, exact_x, ids.numpy(), weights.double().numpy(), ours.double().numpy(),
                             y.double().numpy(), dtype)
        print(f"{name} {dtype} {engine} {'skewed' if skewed else 'even'} T={tokens}: "
              f"largest error {share:.3f} of the bound")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=families.FAMILIES)
    parser.add_argument("dtype", choices=DTYPES)
    parser.add_argument("engine", choices=["interpreter", "cpu"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for skewed in [False, True]:
        with tempfile.TemporaryDirectory() as folder:
            compare(args.family, args.dtype, args.engine, args.seed, skewed, pathlib.Path(folder))


main()
