"""./dev bench cpu: see options.py for what it does and measure.py for how."""

import os
import pathlib
import sys
import tempfile
import time

import options

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARGS = options.parse(sys.argv[1:], ROOT / "build/bench")
# Read when PyTorch and the OpenMP runtimes are loaded, so set before. LLVM's
# threads would spin for 200 ms after our call, into the next contender's turn;
# GNU's, the peers', stop by themselves within 10 ms. Everyone's buffers may have
# huge pages.
os.environ["OMP_NUM_THREADS"] = str(ARGS.threads)
os.environ["THP_MEM_ALLOC_ENABLE"] = "1"
os.environ.setdefault("KMP_BLOCKTIME", "20")

import torch  # noqa: E402

import chart  # noqa: E402
import layers  # noqa: E402
import measure  # noqa: E402
import ours  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402

BIN = ROOT / "build/bin"
LIMITS_LIBRARY = ROOT / "build/lib/libmoe_bench_limits.so"


def available_memory():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("expected MemAvailable in /proc/meminfo")


def choose_by_memory(kinds, layer_bytes, available):
    """The peers that fit beside the stacked weights, ours and a tenth of the memory, and those that do not."""
    free = 0.9 * available - 2 * layer_bytes
    chosen, dropped = [], []
    for kind in kinds:
        need = kind.copies * layer_bytes
        if need <= free:
            chosen.append(kind)
            free -= need
        else:
            dropped.append((kind.name, f"needs {need / 1e9:.1f} GB more, {max(0, free) / 1e9:.1f} GB are free"))
    return chosen, dropped


class Layer:
    """All contenders for one layer and type, and the machine's limits over its weights."""

    def __init__(self, name, shape, dtype, folder):
        self.name, self.shape, self.dtype = name, shape, dtype
        self.weights = layers.Weights(shape, dtype)
        self.left_out = []
        self.per_token = {}  # Seconds of the slowest call so far, per token.
        self.gate = ours.Gate(shape, dtype, folder / "gate", BIN, ARGS.cpu)
        self.call = ours.Gate.call(folder / "call", BIN, ARGS.cpu)
        stacked = self.weights.stack()
        self.contenders = [ours.Ours(shape, stacked, dtype, folder, BIN, ARGS.cpu)]
        self.machine = measure.Machine(LIMITS_LIBRARY, ARGS.cpu, self.contenders[0].packed, ARGS.threads)
        print(report.limits_line(name, dtype, ARGS.cpu, self.machine), flush=True)
        self.packing = self.measure_packing(stacked) if ARGS.packing else None
        del self.contenders[0].pack
        kinds = [k for k in peers.PEERS if k.name in ARGS.contenders]
        kinds, dropped = choose_by_memory(kinds, shape.weight_bytes(shape.experts, dtype), available_memory())
        for kind, why in dropped:
            self.leave_out(kind, why)
        for kind in kinds:
            try:
                self.contenders.append(kind(shape, stacked, dtype, folder=folder, threads=ARGS.threads))
            except ImportError as error:
                self.leave_out(kind.name, f"not installed ({error})")
            except NotImplementedError as error:
                self.leave_out(kind.name, str(error))
        for contender in self.contenders:
            if note := getattr(contender, "note", None):
                print(f"{name} {dtype}: {contender.name}: {note}")
        # Whoever reads the stacked weights holds them; otherwise they go now.
        del stacked

    def measure_packing(self, stacked):
        ours_layer = self.contenders[0]
        packs, copies = measure.alternate(ours_layer.pack, lambda: self.machine.copy(stacked), rounds=9)
        size = self.shape.weight_bytes(self.shape.experts, self.dtype)
        result = report.packing(self.name, self.dtype, size, ours_layer.first_pack, packs, copies)
        print(report.packing_line(result), flush=True)
        return result

    def leave_out(self, contender, why):
        self.left_out.append(dict(model=self.name, dtype=self.dtype, contender=contender, why=why))
        print(f"{self.name} {self.dtype}: {contender} is left out: {why}", flush=True)

    def close(self):
        for contender in self.contenders:
            if close := getattr(contender, "close", None):
                close()

    def first_calls(self, x, ids, slot_weights):
        """Checks every contender's output; its function and the seconds of a second call.

        The first call repacks and allocates in some peers. A contender whose
        calls would be too long here, by those with fewer tokens, is left out, and so is a
        peer whose output is wrong; ours being wrong ends the run.
        """
        expected = layers.reference(self.weights, x, ids, slot_weights)
        allowed = layers.tolerance(self.shape, self.dtype)
        runs, first = {}, {}
        for contender in self.contenders:
            name = contender.name
            if name != report.OURS and self.per_token.get(name, 0) * len(x) > ARGS.max_call:
                self.leave_out(name, f"more than {ARGS.max_call} s a call at T = {len(x)}, by fewer tokens")
                continue
            run = contender.prepare(x, ids, slot_weights)
            error = float((run().double() - expected).norm() / expected.norm())
            if not error <= allowed:
                why = f"T = {len(x)}: expected an output within {allowed:.2g} of the exact one, got {error:.2g}"
                if name == report.OURS:
                    raise RuntimeError(f"{name}: {why}")
                self.leave_out(name, why)
                continue
            begin = time.perf_counter()
            run()
            runs[name], first[name] = run, time.perf_counter() - begin
            self.per_token[name] = first[name] / len(x)
        return runs, first

    def measure_cell(self, tokens, routing, seconds, patience):
        ids, slot_weights = layers.route(self.shape, tokens, routing, seed=tokens)
        generator = torch.Generator().manual_seed(2)
        x = torch.randn(tokens, self.shape.hidden, generator=generator).to(layers.DTYPES[self.dtype])
        runs, first = self.first_calls(x, ids, slot_weights)
        names, active = list(runs), len(torch.unique(ids))
        size, flops = self.shape.weight_bytes(active, self.dtype), self.shape.flops(tokens)
        others = {"gate": self.gate.prepare(x), "call": self.call,
                  measure.READING: lambda: self.machine.read_alone(size),
                  measure.ARITHMETIC: lambda: self.machine.compute_alone(self.dtype, flops)}
        for name, run in others.items():
            begin = time.perf_counter()
            run()
            runs[name], first[name] = run, time.perf_counter() - begin
        eviction, rows = measure.Eviction(), x.view(torch.uint8).numpy()
        slices, quiet = measure.series(
            self.machine, lambda limits: sum(report.costs(self.shape, self.dtype, tokens, active, limits)), runs,
            lambda: eviction(rows), first, seconds, patience)
        return self.describe(tokens, routing, active, slices, quiet, names)

    def describe(self, tokens, routing, active, slices, quiet, names):
        floors = [report.floor(self.shape, self.dtype, tokens, active, s.limits)[0] for s in slices]
        summary = report.summarise(slices, floors)
        limits = slices[floors.index(min(floors))].limits
        floor, bound = report.floor(self.shape, self.dtype, tokens, active, limits)
        memory, compute = report.costs(self.shape, self.dtype, tokens, active, limits)
        gate, call = summary["gate"], summary["call"]
        return dict(
            model=self.name, dtype=self.dtype, tokens=tokens, routing=routing, active_experts=active, quiet=quiet,
            limits=dict(limits, cpu=ARGS.cpu, methods=dict(self.machine.methods)), floor_ms=1e3 * floor, bound=bound,
            memory_ms=1e3 * memory, compute_ms=1e3 * compute,
            predicted_ms=1e3 * self.machine.predict(self.dtype, compute, memory),
            contenders={name: summary[name] for name in names}, alone=report.beside_alone(summary),
            gate=dict(min_ms=gate["min_ms"], median_ms=gate["median_ms"],
                      share=gate["min_ms"] / summary[report.OURS]["min_ms"],
                      call_min_ms=call["min_ms"], call_median_ms=call["median_ms"]))


def measure_layer(name, shape, dtype, packing, cells, left_out, start):
    with tempfile.TemporaryDirectory() as folder:
        layer = Layer(name, shape, dtype, pathlib.Path(folder))
        if layer.packing:
            packing.append(layer.packing)
        for routing in ARGS.routing:
            for tokens in ARGS.tokens:
                patience = 5 * ARGS.seconds
                if ARGS.deadline:
                    left = ARGS.deadline - (time.perf_counter() - start)
                    if left < 3 * ARGS.seconds:
                        print(f"{name} {dtype} {routing} T={tokens}: left out, the time is over")
                        continue
                    patience = min(2 * ARGS.seconds, left / 2)
                cells.append(layer.measure_cell(tokens, routing, ARGS.seconds, patience))
                print(report.cell_line(cells[-1]), flush=True)
        left_out += layer.left_out
        layer.close()


def main():
    start = time.perf_counter()
    if not LIMITS_LIBRARY.exists():
        sys.exit(f"bench: expected a built tree, got no {LIMITS_LIBRARY}")
    packing, cells, left_out = [], [], []
    for name, shape, dtype in options.layers(ARGS):
        measure_layer(name, shape, dtype, packing, cells, left_out, start)
        # After every layer: a run of hours may be stopped.
        settings = dict(cpu=ARGS.cpu, threads=ARGS.threads, seconds=ARGS.seconds, torch=torch.__version__)
        report.write_json(ARGS.json, settings, left_out, packing, cells)
        report.write_whole(ARGS.svg, chart.chart(cells))
    if not cells:
        sys.exit("bench: expected time for a cell at least, got none")
    print("\n".join(report.closing_lines(cells)))
    print(f"wrote {ARGS.json} and {ARGS.svg}")


if __name__ == "__main__":
    main()
