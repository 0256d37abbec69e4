"""From times to fractions of the floor, ratios, means, and lines of a table."""

import json
import math
import os
import statistics

OURS = "moe-mlir"


def costs(shape, dtype, tokens, active, limits):
    """Seconds of reading the active weights and of the arithmetic at these limits."""
    return shape.weight_bytes(active, dtype) / limits["read"], shape.flops(tokens) / limits[dtype]


def floor(shape, dtype, tokens, active, limits):
    """The least seconds that these limits allow, and which of them it is."""
    memory, compute = costs(shape, dtype, tokens, active, limits)
    return max(memory, compute), "memory" if memory >= compute else "compute"


def summarise(slices, floors):
    """Minimum, median and fractions per contender; each slice is held against its own floor."""
    result = {}
    for name in slices[0].times:
        times = [t for s in slices for t in s.times[name]]
        fractions = [f / t for s, f in zip(slices, floors) for t in s.times[name]]
        result[name] = dict(min_ms=1e3 * min(times), median_ms=1e3 * statistics.median(times), fraction=max(fractions),
                            median_fraction=statistics.median(fractions), calls=len(times))
    return result


def beside_alone(summary):
    """Our time against reading and arithmetic, each alone and in turns with us: by minima, and by medians."""
    reading, arithmetic, ours = (summary[name] for name in ("reading", "arithmetic", OURS))
    fractions = {key: max(reading[key], arithmetic[key]) / ours[key] for key in ("min_ms", "median_ms")}
    return dict(reading=reading, arithmetic=arithmetic, fraction=fractions["min_ms"],
                median_fraction=fractions["median_ms"])


def ratio(cell, name):
    """How many times as long as ours a contender takes, by minima."""
    return cell["contenders"][name]["min_ms"] / cell["contenders"][OURS]["min_ms"]


def prediction_error(cell):
    """By what share of our fastest time the predicted one is off."""
    return abs(cell["predicted_ms"] / cell["contenders"][OURS]["min_ms"] - 1)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def limits_line(name, dtype, cpu, machine):
    """The machine's limits before the first cell, and which instructions they are of."""
    limits = [f"{key} {machine.best[key] / 1e9:.1f} {unit} ({machine.methods[key]})"
              for key, unit in dict(f32="GFLOP/s", bf16="GFLOP/s", read="GB/s").items()]
    return f"{name:15} {dtype:4} limits for --cpu={cpu}: {', '.join(limits)}"


def cell_line(cell):
    parts = [f"{cell['model']:15} {cell['dtype']:4} {cell['routing']:7} T={cell['tokens']:<5} "
             f"{cell['bound']:7} floor {cell['floor_ms']:9.3f} ms"]
    for name, c in cell["contenders"].items():
        times = f"{c['min_ms']:.3f} ({c['median_ms']:.3f}) ms, {100 * c['fraction']:.0f} %"
        beside = f"predicted {cell['predicted_ms']:.3f}" if name == OURS else f"x{ratio(cell, name):.2f}"
        parts.append(f"{name} {times}, {beside}")
    alone = cell["alone"]
    parts.append(f"reading alone {alone['reading']['min_ms']:.3f} ({alone['reading']['median_ms']:.3f}) ms, arithmetic "
                 f"{alone['arithmetic']['min_ms']:.3f} ({alone['arithmetic']['median_ms']:.3f}) ms: "
                 f"{100 * alone['fraction']:.0f} % ({100 * alone['median_fraction']:.0f} %)")
    gate = cell["gate"]
    parts.append(f"gate {gate['min_ms']:.3f} ms, {100 * gate['share']:.1f} %; a call alone {gate['call_min_ms']:.3f} ms")
    return " | ".join(parts) + ("" if cell["quiet"] else " | noisy")


def packing(model, dtype, size, first, packs, copies):
    """Times of packing `size` bytes of weights beside copies of as many; the first packing touches the buffer's pages."""
    return dict(model=model, dtype=dtype, bytes=size, first_ms=1e3 * first,
                min_ms=1e3 * min(packs), median_ms=1e3 * statistics.median(packs),
                copy_min_ms=1e3 * min(copies), copy_median_ms=1e3 * statistics.median(copies),
                fraction=min(copies) / min(packs), median_fraction=statistics.median(copies) / statistics.median(packs))


def packing_line(p):
    return (f"{p['model']:15} {p['dtype']:4} packing {p['bytes'] / 1e6:.0f} MB: {p['min_ms']:.1f} ({p['median_ms']:.1f}) ms, "
            f"{p['bytes'] / p['min_ms'] / 1e6:.1f} GB/s, {100 * p['fraction']:.0f} % ({100 * p['median_fraction']:.0f} %) of a "
            f"copy, which takes {p['copy_min_ms']:.1f} ({p['copy_median_ms']:.1f}) ms; the first, with page faults, "
            f"{p['first_ms']:.1f} ms")


def place(cell):
    return f"{cell['model']} {cell['routing']} T={cell['tokens']}"


def closing_lines(cells):
    """Per type our fractions and how well they are predicted, per peer the mean ratio and where it is ahead, over the
    quiet cells alone."""
    quiet = [c for c in cells if c["quiet"]]
    lines = []
    for dtype in sorted({c["dtype"] for c in quiet}):
        of_type = [c for c in quiet if c["dtype"] == dtype]
        fractions = [c["contenders"][OURS]["fraction"] for c in of_type]
        lines.append(f"{dtype}: {OURS} at {100 * geometric_mean(fractions):.0f} % of the floor in the geometric mean of "
                     f"{len(of_type)} cells, {100 * min(fractions):.0f} % in the worst")
        worst = max(of_type, key=prediction_error)
        lines.append(f"{dtype}: predicted times of {OURS} are off by "
                     f"{100 * statistics.median(map(prediction_error, of_type)):.0f} % in the median, by "
                     f"{100 * prediction_error(worst):.0f} % at most ({place(worst)})")
        medians = [c["alone"]["median_fraction"] for c in of_type]
        lines.append(f"{dtype}: {OURS} at {100 * geometric_mean(medians):.0f} % of reading or arithmetic alone in the "
                     f"geometric mean of medians, {100 * min(medians):.0f} % in the worst")
        for name in dict.fromkeys(n for c in of_type for n in c["contenders"] if n != OURS):
            met = [c for c in of_type if name in c["contenders"]]
            ahead = [place(c) for c in met if ratio(c, name) < 1]
            lines.append(f"{dtype}: {name} takes x{geometric_mean([ratio(c, name) for c in met]):.2f} in the geometric "
                         f"mean of {len(met)} cells" + (f"; ahead at {', '.join(ahead)}" if ahead else ""))
    if len(quiet) < len(cells):
        lines.append(f"{len(cells) - len(quiet)} of {len(cells)} cells are noisy, no quiet phase was found: they are "
                     "in no mean, do not quote them")
    return lines


def write_whole(path, text):
    """Under a temporary name, then renamed: whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def write_json(path, settings, left_out, packing, cells):
    write_whole(path, json.dumps(dict(settings=settings, left_out=left_out, packing=packing, cells=cells), indent=1) + "\n")
