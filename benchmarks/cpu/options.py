"""What ./dev bench cpu is asked to measure: options, and the layers and cells they name.

Knows nothing of PyTorch: the number of threads has to be in the environment
before the OpenMP runtimes are loaded.
"""

import argparse
import dataclasses
import os
import pathlib

TOKENS = [1, 4, 16, 64, 128, 256, 512, 2048]
DTYPES = ["bf16", "f32"]
ROUTINGS = ["uniform", "skewed", "worst"]
CONTENDERS = ["moe-mlir", "zentorch", "torch-loop", "onnxruntime", "transformers"]
ELEMENT_BYTES = {"bf16": 2, "f32": 4}


@dataclasses.dataclass(frozen=True)
class Shape:
    """The routed experts of a layer: SwiGLU of width F on H, E experts, K per token.

    `skew` is the busiest expert's rows over the mean of the active experts in
    skewed routing.
    """

    hidden: int
    width: int
    experts: int
    top_k: int
    skew: float

    def weight_bytes(self, active, dtype):
        return active * 3 * self.hidden * self.width * ELEMENT_BYTES[dtype]

    def flops(self, tokens):
        return 6 * tokens * self.top_k * self.hidden * self.width


def unmeasured_skew(experts, top_k):
    """Seven tenths of the largest possible, E/K: between what traces of Mixtral, GPT-OSS and Qwen3 show."""
    return max(1.0, 0.7 * experts / top_k)


# The skews of prompts in published traces; OLMoE and the DeepSeek slice have none.
MODELS = {
    "olmoe": Shape(2048, 1024, 64, 8, unmeasured_skew(64, 8)),
    "qwen3-30b-a3b": Shape(2048, 768, 128, 8, 11.0),
    "mixtral": Shape(4096, 14336, 8, 2, 2.3),
    "gpt-oss-20b": Shape(2880, 2880, 32, 4, 6.5),
    "deepseek-v3-32": Shape(7168, 2048, 32, 8, unmeasured_skew(32, 8)),
}
F32_MODELS = ["olmoe", "qwen3-30b-a3b"]


def number(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got '{text}'")
    return value


def numbers(text):
    return [number(part) for part in text.split(",")]


def names(known):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"expected any of {', '.join(known)}, got '{name}'")
        return chosen

    return parse


def shape(text):
    parts = numbers(text)
    if len(parts) != 4:
        raise argparse.ArgumentTypeError(f"expected four numbers H,F,E,K, got '{text}'")
    if parts[3] > parts[2]:
        raise argparse.ArgumentTypeError(f"expected K <= E, got K = {parts[3]} of E = {parts[2]}")
    return Shape(*parts, unmeasured_skew(parts[2], parts[3]))


DESCRIPTION = """\
Measures the routed experts of MoE layers on the CPU: ours and peers, side by side.

Every cell (model, type, tokens, routing) alternates between the contenders. The
floor of a cell is

    max(active weight bytes / read bandwidth, FLOPs / peak)

and its two limits are measured in this process around every slice of a series;
slices outside a quiet phase of the machine are repeated. The peak is that of the
instructions that --cpu has; peers are not told of it and use all that the machine
has, so they may be above 100 %. Reading as many bytes and doing as many FLOPs, each
alone, take turns with the contenders; the share that the longer one is of our time
is stated by minima (and medians), also for a machine that is never quiet. Beside our
time is the one that moe-compile --report predicts from the same limits. Everyone
gets ids and routing weights; our gate is timed apart, and beside it a call that has
nothing to do, which is a part of every time. Peers that are not installed, or that
memory has no room for, are named and left out.
"""
EXAMPLES = """\
examples:
  ./dev bench cpu --quick
  ./dev bench cpu --models=olmoe,mixtral --dtypes=bf16 --tokens=1,64,512 --routing=uniform
  ./dev bench cpu --shape=1000,777,24,3 --contenders=moe-mlir,zentorch
"""


def make_parser(output_folder):
    parser = argparse.ArgumentParser(prog="./dev bench cpu", description=DESCRIPTION, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    layers = parser.add_mutually_exclusive_group()
    layers.add_argument("--models", "--model", type=names(MODELS), metavar="NAME,...",
                        help=f"of {', '.join(MODELS)} (default: all)")
    layers.add_argument("--shape", type=shape, metavar="H,F,E,K", help="another layer instead of the models")
    parser.add_argument("--tokens", type=numbers, metavar="T,...", help=f"default: {','.join(map(str, TOKENS))}")
    parser.add_argument("--dtypes", "--dtype", type=names(DTYPES), metavar="TYPE,...",
                        help=f"default: bf16, and f32 for {' and '.join(F32_MODELS)} and for a shape")
    parser.add_argument("--routing", type=names(ROUTINGS), metavar="KIND,...",
                        help="uniform: every expert as likely; skewed: as in traces of real prompts; "
                        "worst: all tokens to the same K experts (default: all three)")
    parser.add_argument("--contenders", type=names(CONTENDERS), metavar="NAME,...", default=CONTENDERS,
                        help=f"of {', '.join(CONTENDERS)}; moe-mlir always takes part (default: all)")
    parser.add_argument("--cpu", default="native", metavar="NAME",
                        help="for which our code and the limits are, as moe-compile takes it (default: %(default)s)")
    parser.add_argument("--threads", type=number, default=len(os.sched_getaffinity(0)),
                        help="default: all cores, here %(default)s")
    parser.add_argument("--seconds", type=number, metavar="N", help="of accepted measurements per cell (default: 8)")
    parser.add_argument("--packing", action="store_true",
                        help="also time the packing of the weights, beside copies of as many bytes")
    parser.add_argument("--quick", action="store_true",
                        help="one model (OLMoE), bf16, uniform, four token counts, unless said otherwise; "
                        "ends within 3 minutes, cells that do not fit are left out")
    parser.add_argument("--json", type=pathlib.Path, default=output_folder / "cpu.json", metavar="FILE",
                        help="default: build/bench/cpu.json")
    parser.add_argument("--svg", type=pathlib.Path, default=output_folder / "cpu.svg", metavar="FILE",
                        help="default: build/bench/cpu.svg")
    return parser


def parse(arguments, output_folder):
    args = make_parser(output_folder).parse_args(arguments)
    if "moe-mlir" not in args.contenders:
        args.contenders = ["moe-mlir", *args.contenders]
    args.tokens = args.tokens or ([1, 16, 64, 256] if args.quick else TOKENS)
    args.routing = args.routing or (["uniform"] if args.quick else ROUTINGS)
    args.seconds = args.seconds or (4 if args.quick else 8)
    args.max_call = 4 if args.quick else 60
    args.deadline = 150 if args.quick else None
    return args


def layers(args):
    """(name, shape, dtype) of every layer to measure, in order."""
    if args.shape:
        s = args.shape
        chosen = {f"{s.hidden},{s.width},{s.experts},{s.top_k}": s}
    else:
        chosen = {name: MODELS[name] for name in args.models or (["olmoe"] if args.quick else MODELS)}
    result = []
    for name, s in chosen.items():
        default = ["bf16"] if args.quick or (name in MODELS and name not in F32_MODELS) else DTYPES
        result += [(name, s, dtype) for dtype in args.dtypes or default]
    return result
