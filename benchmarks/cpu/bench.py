"""Measures the routed experts of MoE layers on the CPU: ours and peers, side by side.

Every cell (model, type, tokens, routing) alternates between the contenders and
reports the minimum and the median of each as a fraction of the floor

    max(active weight bytes / read bandwidth, FLOPs / peak)

whose two limits are measured in this process right before and after the series;
a series whose two readings differ by more than 10 % is repeated, and marked if
no quiet phase was found. Peers that are not installed are named and left out.
"""

import argparse
import ctypes
import json
import pathlib
import statistics
import sys
import tempfile
import time

import torch

import contenders
import layers

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Limits:
    """Reads the machine's limits through the runtime library."""

    def __init__(self, threads):
        self.threads = threads
        self.library = ctypes.CDLL(str(ROOT / "build/lib/libmoe_bench_limits.so"))

    def read(self, buffer):
        rates = (ctypes.c_double * 3)()
        size = min(buffer.numel() * buffer.element_size(), 1 << 30)
        self.library.moe_bench_limits(ctypes.c_void_p(buffer.data_ptr()), ctypes.c_size_t(size),
                                      ctypes.c_uint(self.threads), rates)
        return dict(zip(["f32", "bf16", "read"], rates))


def best_of(a, b):
    return {key: max(a[key], b[key]) for key in a}


def change(a, b):
    return max(abs(a[key] - b[key]) / max(a[key], b[key]) for key in a)


def time_alternating(runs, budget):
    """Seconds per call of each, alternating, until the budget is spent (5 rounds at least)."""
    times = {name: [] for name in runs}
    for run in runs.values():
        run()
    start = time.perf_counter()
    rounds = 0
    while rounds < 5 or (time.perf_counter() - start < budget and rounds < 200):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begin)
        rounds += 1
    return times


def check_agreement(outputs, name):
    """All contenders compute the same layer, up to the roundings of their type."""
    reference = outputs["moe-mlir"].float()
    scale = reference.abs().max()
    for other, y in outputs.items():
        difference = (y.float() - reference).abs().max() / scale
        if not difference < (0.05 if name == "bf16" else 1e-4):
            sys.exit(f"expected {other} to agree with moe-mlir, got a difference of {difference:.3g} of the largest output")


def measure_cell(args, limits, built, weights, shape, dtype, tokens, routing):
    ids, slot_weights = layers.route(shape, tokens, routing, seed=tokens)
    x = torch.randn(tokens, shape.hidden, generator=torch.Generator().manual_seed(2)).to(layers.DTYPES[dtype])
    runs = {c.name: c.prepare(x, ids, slot_weights) for c in built}
    check_agreement({name: run().clone() for name, run in runs.items()}, dtype)
    for attempt in range(args.attempts):
        before = limits.read(weights.gate_up)
        times = time_alternating(runs, args.seconds)
        after = limits.read(weights.gate_up)
        quiet = change(before, after) <= 0.1
        if quiet:
            break
    machine = best_of(before, after)
    active = len(torch.unique(ids))
    bytes_time = shape.weight_bytes(active, dtype) / machine["read"]
    flops_time = shape.flops(tokens) / machine[dtype]
    floor = max(bytes_time, flops_time)
    return dict(
        dtype=dtype, tokens=tokens, routing=routing, active_experts=active, quiet=quiet, limits=machine, floor_ms=1e3 * floor,
        bound="memory" if bytes_time >= flops_time else "compute",
        contenders={name: dict(min_ms=1e3 * min(t), median_ms=1e3 * statistics.median(t), fraction=floor / min(t),
                               median_fraction=floor / statistics.median(t)) for name, t in times.items()})


def print_cell(model, cell):
    ours = cell["contenders"]["moe-mlir"]
    parts = [f"{model:15} {cell['dtype']:4} {cell['routing']:7} T={cell['tokens']:<5} {cell['bound']:7} "
             f"floor {cell['floor_ms']:8.2f} ms"]
    for name, c in cell["contenders"].items():
        ratio = "" if name == "moe-mlir" else f" x{c['min_ms'] / ours['min_ms']:.2f}"
        parts.append(f"{name} {100 * c['fraction']:.0f} % ({100 * c['median_fraction']:.0f}){ratio}")
    print(" | ".join(parts) + ("" if cell["quiet"] else " | noisy"), flush=True)


def chart(results, path):
    """Fraction of the floor over tokens, one small chart per model and type, as SVG."""
    width, height, left, top = 360, 200, 45, 30
    colours = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728"]
    groups = {}
    for model, cell in results:
        if cell["routing"] == "uniform":
            groups.setdefault((model, cell["dtype"]), []).append(cell)
    parts = []
    for i, ((model, dtype), cells) in enumerate(groups.items()):
        cells.sort(key=lambda c: c["tokens"])
        dx, dy = (i % 2) * (width + 40), (i // 2) * (height + 70)
        xs = [left + (width - left) * j / max(1, len(cells) - 1) for j in range(len(cells))]
        parts.append(f'<g transform="translate({dx},{dy})"><text x="{left}" y="18">{model} {dtype}: fraction of the floor</text>')
        for value in (0, 0.25, 0.5, 0.75, 1):
            y = top + (1 - value) * (height - top)
            parts.append(f'<line x1="{left}" y1="{y}" x2="{width}" y2="{y}" stroke="#ddd"/>'
                         f'<text x="5" y="{y + 4}">{int(100 * value)} %</text>')
        for x, cell in zip(xs, cells):
            parts.append(f'<text x="{x - 8}" y="{height + 16}">{cell["tokens"]}</text>')
        for colour, name in zip(colours, cells[0]["contenders"]):
            points = " ".join(f'{x},{top + (1 - min(1.1, c["contenders"][name]["fraction"])) * (height - top)}'
                              for x, c in zip(xs, cells))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for j, (colour, name) in enumerate(zip(colours, cells[0]["contenders"])):
            parts.append(f'<text x="{left + 105 * j}" y="{height + 36}" fill="{colour}">{name}</text>')
        parts.append("</g>")
    rows = -(-len(groups) // 2)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11" '
                    f'width="{2 * (width + 40)}" height="{rows * (height + 70)}">' + "".join(parts) + "</svg>\n")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench cpu", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help=f"comma-separated, of {', '.join(layers.MODELS)} (default: all)")
    parser.add_argument("--shape", help="H,F,E,K of another layer, instead of the models")
    parser.add_argument("--tokens", help="comma-separated token counts")
    parser.add_argument("--dtypes", default="bf16,f32")
    parser.add_argument("--routing", default="uniform,skewed,worst")
    parser.add_argument("--cpu", default="native", help="as moe-compile takes it")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="OLMoE in bf16 at four token counts, within 3 minutes")
    parser.add_argument("--no-peers", action="store_true")
    args = parser.parse_args()
    if args.shape:
        args.shapes = {args.shape: layers.Shape(*map(int, args.shape.split(",")))}
    else:
        names = (args.models or ("olmoe" if args.quick else ",".join(layers.MODELS))).split(",")
        args.shapes = {name: layers.MODELS[name] for name in names}
    args.tokens = [int(t) for t in (args.tokens or ("1,16,64,256" if args.quick else "1,4,16,64,128,256,512,2048")).split(",")]
    args.dtypes = ["bf16"] if args.quick else args.dtypes.split(",")
    args.routing = ["uniform"] if args.quick else args.routing.split(",")
    args.seconds = 3 if args.quick else 8
    args.attempts = 2 if args.quick else 5
    return args


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    limits = Limits(args.threads)
    results = []
    for model, shape in args.shapes.items():
        for dtype in args.dtypes:
            weights = layers.Weights(shape, dtype)
            built = []
            with tempfile.TemporaryDirectory() as folder:
                for kind in contenders.CONTENDERS[: 1 if args.no_peers else None]:
                    try:
                        built.append(kind(shape, weights, dtype, folder=folder, bin_dir=ROOT / "build/bin", cpu=args.cpu))
                    except ImportError as error:
                        print(f"{kind.name}: not installed ({error})")
                for routing in args.routing:
                    for tokens in args.tokens:
                        cell = measure_cell(args, limits, built, weights, shape, dtype, tokens, routing)
                        results.append((model, cell))
                        print_cell(model, cell)
            del built, weights
    out = ROOT / "build/bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "cpu.json").write_text(json.dumps([dict(model=m, **c) for m, c in results], indent=1))
    chart(results, out / "cpu.svg")
    print(f"wrote {out / 'cpu.json'} and {out / 'cpu.svg'}")


main()
