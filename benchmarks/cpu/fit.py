"""Fits KernelModel (lib/Analysis/LayerCost.cpp) to JSON files of ./dev bench cpu: what kernels reach of the peak, and
how much of the shorter of computing and reading hides behind the longer.

    python3 benchmarks/cpu/fit.py build/bench/cpu.json ...

Cells without a quiet phase count, too: each has the limits that were measured beside it.
"""

import ctypes
import itertools
import json
import math
import pathlib
import statistics
import sys

import report

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "build/lib/libmoe_bench_limits.so"


def kind(cell):
    """The kernels that KernelModel tells apart; what the limit was measured with is what they multiply with."""
    return "tiles" if cell["limits"]["methods"][cell["dtype"]].startswith("tdpbf16ps") else "others"


def ratios(cells, predict, constants):
    """Predicted over measured times."""
    return [predict(*constants, c["compute_ms"], c["memory_ms"]) / c["contenders"][report.OURS]["min_ms"] for c in cells]


def fit(cells, predict):
    """(efficiency, overlap) with the least mean error; a median alone would see the cells that only read."""
    grid = itertools.product([n / 100 for n in range(5, 101)], [n / 20 for n in range(21)])
    return min(grid, key=lambda c: sum(abs(math.log(r)) for r in ratios(cells, predict, c)))


def main():
    cells = [c for path in sys.argv[1:] for c in json.loads(pathlib.Path(path).read_text())["cells"]]
    if not cells:
        sys.exit("fit: expected JSON files of ./dev bench cpu with at least one cell")
    predict = ctypes.CDLL(str(LIBRARY)).moe_bench_predict_with
    predict.restype, predict.argtypes = ctypes.c_double, [ctypes.c_double] * 4
    for name in sorted({kind(c) for c in cells}):
        chosen = [c for c in cells if kind(c) == name]
        efficiency, overlap = fit(chosen, predict)
        errors = [abs(r - 1) for r in ratios(chosen, predict, (efficiency, overlap))]
        print(f"{name}: efficiency {efficiency:.2f}, overlap {overlap:.2f}, off by {100 * statistics.median(errors):.0f} % "
              f"in the median of {len(chosen)} cells, by {100 * max(errors):.0f} % at most")


if __name__ == "__main__":
    main()
