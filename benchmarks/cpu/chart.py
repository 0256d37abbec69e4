"""The cells of uniform routing against the roofline, as SVG.

Both axes are relative to the machine, so one roof fits all cells, whatever the
limits were when each was measured: across, FLOPs per weight byte over the
machine's balance; up, FLOP/s over the peak. Both are logarithmic.
"""

import math

COLOURS = ["#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b"]
WIDTH, HEIGHT, LEFT, TOP = 430, 300, 50, 34
PANEL_WIDTH, PANEL_HEIGHT = WIDTH + 40, HEIGHT + 50


def intensity(cell):
    """Of the floor's two times, compute over memory: 1 at the ridge."""
    return cell["compute_ms"] / cell["memory_ms"]


def share_of_peak(cell, name):
    return cell["compute_ms"] / cell["contenders"][name]["min_ms"]


class Axes:
    """Positions within a panel for values on two logarithmic axes."""

    def __init__(self, xs, ys):
        self.x_low, self.x_high = math.floor(math.log10(min(xs))), max(1, math.ceil(math.log10(max(xs))))
        self.y_low = math.floor(math.log10(min(ys)))

    def x(self, value):
        return LEFT + (WIDTH - LEFT) * (math.log10(value) - self.x_low) / (self.x_high - self.x_low)

    def y(self, value):
        return TOP + (HEIGHT - TOP) * (0.15 - math.log10(value)) / (0.15 - self.y_low)


def grid(axes):
    parts = []
    for power in range(axes.x_low, axes.x_high + 1):
        x = axes.x(10.0**power)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT}" stroke="#eee"/>'
                     f'<text x="{x:.1f}" y="{HEIGHT + 14}" text-anchor="middle">{10.0**power:g}</text>')
    for power in range(axes.y_low, 1):
        y = axes.y(10.0**power)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" stroke="#eee"/>'
                     f'<text x="{LEFT - 4}" y="{y + 4:.1f}" text-anchor="end">{100 * 10.0**power:g} %</text>')
    left, low = 10.0**axes.x_low, 10.0**axes.y_low
    start = (left, left) if left >= low else (low, low)
    roof = [start, (1, 1), (10.0**axes.x_high, 1)]
    parts.append(f'<polyline class="roof" points="{points(axes, roof)}" fill="none" stroke="#444" stroke-width="1.5"/>')
    return parts


def points(axes, values):
    return " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in values)


def panel(title, cells, colours):
    cells = sorted(cells, key=lambda c: c["tokens"])
    names = [n for n in colours if any(n in c["contenders"] for c in cells)]
    axes = Axes([intensity(c) for c in cells], [share_of_peak(c, n) for c in cells for n in c["contenders"]])
    parts = [f'<text x="{LEFT}" y="16" font-weight="bold">{title}</text>', *grid(axes)]
    for name in reversed(names):
        values = [(intensity(c), share_of_peak(c, name)) for c in cells if name in c["contenders"]]
        parts.append(f'<polyline points="{points(axes, values)}" fill="none" stroke="{colours[name]}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="2.5" fill="{colours[name]}"/>' for x, y in values]
    for cell in cells:
        x, y = axes.x(intensity(cell)), axes.y(min(1, intensity(cell)))
        parts.append(f'<text x="{x:.1f}" y="{y - 5:.1f}" text-anchor="middle" font-size="9">{cell["tokens"]}</text>')
    for i, name in enumerate(names):
        parts.append(f'<text x="{LEFT + 84 * i}" y="{HEIGHT + 32}" fill="{colours[name]}">{name}</text>')
    return parts


def chart(cells):
    """One panel per layer and type; empty where no cell has uniform routing."""
    groups = {}
    for cell in cells:
        if cell["routing"] == "uniform":
            groups.setdefault((cell["model"], cell["dtype"]), []).append(cell)
    colours = dict(zip(dict.fromkeys(n for c in cells for n in c["contenders"]), COLOURS))
    parts = []
    for i, ((model, dtype), group) in enumerate(groups.items()):
        x, y = i % 2 * PANEL_WIDTH, i // 2 * PANEL_HEIGHT
        parts += [f'<g transform="translate({x},{y})">', *panel(f"{model} {dtype}", group, colours), "</g>"]
    rows = -(-len(groups) // 2)
    caption = ("Across: FLOPs per weight byte over the machine's balance. Up: FLOP/s over the peak. Numbers on the "
               "roof: tokens. Fastest runs, uniform routing.")
    height = rows * PANEL_HEIGHT + 24
    return (f'<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11" '
            f'width="{2 * PANEL_WIDTH}" height="{height}"><rect width="100%" height="100%" fill="white"/>'
            + "\n".join(parts) + f'<text x="{LEFT}" y="{height - 8}">{caption}</text></svg>\n')
