"""The parts of the CPU benchmark that need no clock: options, routings, references, floors, reports, charts."""

import math
import sys
import types
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

import chart
import fit
import layers
import measure
import options
import report


def parse(*arguments):
    import pathlib

    return options.parse(arguments, pathlib.Path("out"))


@pytest.mark.parametrize("argument, message", [
    ("--models=gpt5", "expected any of olmoe, qwen3-30b-a3b, mixtral, gpt-oss-20b, deepseek-v3-32, got 'gpt5'"),
    ("--tokens=1,0", "expected a positive integer, got '0'"),
    ("--tokens=many", "expected a positive integer, got 'many'"),
    ("--dtypes=f16", "expected any of bf16, f32, got 'f16'"),
    ("--routing=zipf", "expected any of uniform, skewed, worst, got 'zipf'"),
    ("--contenders=vllm", "expected any of moe-mlir, zentorch, torch-loop, onnxruntime, transformers, got 'vllm'"),
    ("--shape=1,2,3", "expected four numbers H,F,E,K, got '1,2,3'"),
    ("--shape=8,8,4,5", "expected K <= E, got K = 5 of E = 4"),
    ("--threads=0", "expected a positive integer, got '0'"),
])
def test_wrong_options(argument, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(argument)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_default_layers():
    dtypes = {}
    for name, _, dtype in options.layers(parse()):
        dtypes.setdefault(name, []).append(dtype)
    assert list(dtypes) == list(options.MODELS)
    assert all(d == (["bf16", "f32"] if n in options.F32_MODELS else ["bf16"]) for n, d in dtypes.items())


def test_chosen_layers():
    assert [(n, d) for n, _, d in options.layers(parse("--quick"))] == [("olmoe", "bf16")]
    assert [(n, d) for n, _, d in options.layers(parse("--model=mixtral", "--dtype=f32"))] == [("mixtral", "f32")]
    (name, shape, dtype), _ = options.layers(parse("--shape=1000,777,24,3"))
    assert (name, shape.hidden, shape.width, shape.experts, shape.top_k, dtype) == ("1000,777,24,3", 1000, 777, 24, 3, "bf16")
    assert "moe-mlir" in parse("--contenders=zentorch").contenders


@pytest.mark.parametrize("kind", options.ROUTINGS)
@pytest.mark.parametrize("tokens", [1, 2, 33])
def test_routing_is_valid(kind, tokens):
    shape = options.MODELS["olmoe"]
    ids, weights = layers.route(shape, tokens, kind, seed=1)
    assert ids.dtype == torch.int32 and ids.shape == weights.shape == (tokens, shape.top_k)
    assert all(len(set(row)) == shape.top_k for row in ids.tolist())
    assert 0 <= ids.min() and ids.max() < shape.experts
    assert torch.allclose(weights.sum(dim=1), torch.ones(tokens))


def test_worst_routing_has_k_experts():
    assert len(torch.unique(layers.route(options.MODELS["olmoe"], 100, "worst", seed=3)[0])) == 8


@pytest.mark.parametrize("model", ["qwen3-30b-a3b", "mixtral", "gpt-oss-20b", "olmoe"])
def test_skew_is_as_stated(model):
    # The exponent comes from one draw of 1000 tokens; others differ by sampling,
    # a few per cent with hundreds of rows for the busiest expert.
    shape = options.MODELS[model]
    ratio = layers.load_ratio(layers.route(shape, 1000, "skewed", seed=7)[0].numpy())
    assert ratio == pytest.approx(shape.skew, rel=0.15)


def test_uniform_routing_has_the_expected_active_experts():
    shape = options.MODELS["qwen3-30b-a3b"]
    expected = shape.experts * (1 - (1 - shape.top_k / shape.experts) ** 16)
    # Of 15 draws the one nearest to their mean, whose deviation is below 4 / sqrt(15).
    assert len(torch.unique(layers.route(shape, 16, "uniform", seed=5)[0])) == pytest.approx(expected, abs=4)


SMALL = options.Shape(24, 10, 6, 2, 1.5)


@pytest.mark.parametrize("dtype", options.DTYPES)
def test_reference(dtype):
    weights = layers.Weights(SMALL, dtype)
    gate_up, down = weights.stack()
    assert all(torch.equal(gate_up[e], weights.expert(e)[0]) and torch.equal(down[e], weights.expert(e)[1])
               for e in range(SMALL.experts))
    assert not torch.equal(gate_up[0], gate_up[1])
    ids, slot_weights = layers.route(SMALL, 5, "uniform", seed=1)
    x = torch.randn(5, 24, generator=torch.Generator().manual_seed(0)).to(layers.DTYPES[dtype])
    expected = np.zeros((5, 24))
    for t in range(5):
        for e, w in zip(ids[t].tolist(), slot_weights[t].tolist()):
            rows = gate_up[e].double().numpy() @ x[t].double().numpy()
            hidden = rows[:10] / (1 + np.exp(-rows[:10])) * rows[10:]
            expected[t] += w * (down[e].double().numpy() @ hidden)
    # Both are sums of the same terms in f64.
    assert np.abs(layers.reference(weights, x, ids, slot_weights).numpy() - expected).max() < 1e-12
    wrong = layers.reference(weights, x, (ids + 1) % 6, slot_weights).numpy()
    assert np.linalg.norm(wrong - expected) / np.linalg.norm(expected) > 10 * layers.tolerance(SMALL, dtype)


def test_floor():
    limits = dict(f32=1e9, bf16=2e9, read=1e9)
    memory = 3 * 3 * 24 * 10 * 2 / 1e9
    assert report.floor(SMALL, "bf16", 1, 3, limits) == (pytest.approx(memory), "memory")
    compute = 6 * 100 * 2 * 24 * 10 / 2e9
    assert report.floor(SMALL, "bf16", 100, 3, limits) == (pytest.approx(compute), "compute")


def reading(value):
    return dict(f32=value, bf16=value, read=value)


def cost(limits):
    return 1 / limits["read"] + 1 / limits["f32"]


def make_slice(before, after, foreign=0.0, alone=None, is_cold=True):
    """`alone` is what reading and arithmetic reach each in their own runs; by default the limits after."""
    alone = alone or after
    times = {measure.READING: [9.0, 1 / alone["read"]], measure.ARITHMETIC: [1 / alone["f32"], 9.0]}
    return measure.Slice(before, after, times, foreign, is_cold)


def test_quiet():
    best = reading(100)
    assert make_slice(reading(95), reading(91)).is_quiet(best, cost)
    assert not make_slice(reading(95), reading(89)).is_quiet(best, cost)
    assert not make_slice(reading(80), reading(80)).is_quiet(best, cost)  # Alike, but slow.
    assert not make_slice(reading(95), reading(95), foreign=0.5).is_quiet(best, cost)


def test_quiet_by_the_limits_that_the_work_meets():
    best = reading(100)
    assert make_slice(best, dict(best, bf16=10)).is_quiet(best, cost)
    assert make_slice(best, dict(best, f32=85)).is_quiet(best, cost)  # Half of the cost.
    assert not make_slice(best, dict(best, f32=75)).is_quiet(best, cost)
    assert make_slice(best, dict(best, f32=75)).disturbance(best, cost) == pytest.approx(1 - 2 / (1 + 1 / 0.75))


def test_quiet_only_if_whole_runs_reach_the_limits_of_windows():
    best = reading(100)
    assert make_slice(best, best, alone=reading(91)).is_quiet(best, cost)
    assert not make_slice(best, best, alone=reading(89)).is_quiet(best, cost)
    assert not make_slice(best, best, alone=dict(best, f32=75)).is_quiet(best, cost)
    assert make_slice(best, best, alone=reading(50)).disturbance(best, cost) == pytest.approx(0.5)
    assert make_slice(best, best, alone=reading(50), is_cold=False).is_quiet(best, cost)  # The limits are a cache's.


def test_busy_seconds():
    ticks = "cpu  100 20 30 4000 50 6 7 8 900 90\ncpu0 1 2 3"
    assert measure.busy_seconds(ticks) == pytest.approx((100 + 20 + 30 + 6 + 7 + 8) / 100)


class FakeMachine:
    """Gives the readings of a list, the last one for ever."""

    def __init__(self, readings):
        self.readings, self.best = list(readings), reading(100)

    def is_cold(self):
        return True

    def read(self):
        return reading(self.readings.pop(0) if len(self.readings) > 1 else self.readings[0])


def run_series(monkeypatch, machine, patience):
    monkeypatch.setattr(measure, "MAX_FOREIGN", 1.0)  # Tests may run beside others.
    calls = []
    runs = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b"), measure.READING: lambda: 1 / 100,
            measure.ARITHMETIC: lambda: 1 / 100}
    slices, quiet = measure.series(machine, cost, runs, lambda: None, dict.fromkeys(runs, 0.0), 0.1, patience)
    return slices, quiet, calls


def test_series_rejects_disturbed_slices(monkeypatch):
    slices, quiet, calls = run_series(monkeypatch, FakeMachine([100, 50, 100]), patience=60)
    assert quiet and all(s.after == reading(100) for s in slices)
    assert {"a", "b"} == set(calls) and all(s.times["a"] and s.times["b"] for s in slices)


def test_series_says_when_it_found_no_quiet_phase(monkeypatch):
    slices, quiet, _ = run_series(monkeypatch, FakeMachine([50]), patience=0.3)
    assert not quiet and len(slices) == 1


def test_packing_alternates_with_copies():
    calls = []
    packs, copies = measure.alternate(lambda: calls.append("pack"), lambda: calls.append("copy") or 2.0, 3, settle=0)
    # The last call packs: a copy has overwritten the buffer.
    assert calls == ["copy", "pack"] * 3 and len(packs) == 3 and copies == [2.0] * 3


def test_packing_is_a_fraction_of_a_copy():
    p = report.packing("m", "bf16", 40_000_000, 1.0, packs=[0.004, 0.010, 0.008], copies=[0.003, 0.006, 0.005])
    assert p["fraction"] == pytest.approx(3 / 4) and p["median_fraction"] == pytest.approx(5 / 8)
    assert "40 MB: 4.0 (8.0) ms, 10.0 GB/s, 75 % (62 %) of a copy" in report.packing_line(p)


def test_limits_line_names_the_cpu_and_what_was_measured():
    machine = types.SimpleNamespace(best=dict(f32=2e11, bf16=2e11, read=3e10),
                                    methods=dict(f32="fma", bf16="no bf16", read="loads"))
    assert report.limits_line("m", "f32", "haswell", machine).endswith(
        "f32  limits for --cpu=haswell: f32 200.0 GFLOP/s (fma), bf16 200.0 GFLOP/s (no bf16), read 30.0 GB/s (loads)")


def fake_library(readings, cpus):
    """A library whose moe_bench_limits gives readings in turn, each (rate, method) for all three limits."""
    def limits(cpu, buffer, size, threads, rates, methods):
        cpus.append(cpu)
        rate, method = readings.pop(0)
        rates[:], methods[:] = [rate] * 3, [method] * 3
        return rate > 0

    others = {f"moe_bench_{name}": types.SimpleNamespace() for name in ("copy", "flops", "predict", "read")}
    return types.SimpleNamespace(moe_bench_limits=limits, **others)


def test_machine_reads_limits_of_its_cpu(monkeypatch):
    cpus = []
    readings = [(2.0, b"first"), (5.0, b"best"), (3.0, b"other"), (0.0, b"")]
    monkeypatch.setattr(measure.ctypes, "CDLL", lambda path: fake_library(readings, cpus))
    machine = measure.Machine("library", "haswell", torch.empty(1), threads=2)
    assert cpus == [b"haswell"] * 3
    assert machine.best == dict(f32=5.0, bf16=5.0, read=5.0) and set(machine.methods.values()) == {"best"}
    with pytest.raises(RuntimeError, match="expected the name of a CPU with AVX2 and FMA, got 'haswell'"):
        machine.read()


def cell(tokens, ours_ms, peer_ms, quiet=True, routing="uniform"):
    entry = lambda ms: dict(min_ms=ms, median_ms=ms, fraction=1 / ms, median_fraction=1 / ms)
    return dict(model="m", dtype="bf16", routing=routing, tokens=tokens, quiet=quiet, floor_ms=1.0, bound="memory",
                memory_ms=1.0, compute_ms=0.01 * tokens, predicted_ms=1.5,
                alone=report.beside_alone(dict(reading=entry(1.2), arithmetic=entry(0.5), **{report.OURS: entry(ours_ms)})),
                contenders={"moe-mlir": entry(ours_ms), "peer": entry(peer_ms)},
                gate=dict(min_ms=0.1, median_ms=0.1, share=0.1 / ours_ms, call_min_ms=0.07, call_median_ms=0.08))


def test_summary_holds_each_slice_against_its_own_floor():
    slices = [types.SimpleNamespace(times=dict(a=[2.0, 4.0])), types.SimpleNamespace(times=dict(a=[3.0]))]
    a = report.summarise(slices, [1.0, 2.0])["a"]
    assert (a["min_ms"], a["median_ms"], a["calls"]) == (2000, 3000, 3)
    assert a["fraction"] == pytest.approx(2 / 3) and a["median_fraction"] == pytest.approx(1 / 2)


def test_beside_alone():
    entry = lambda low, middle: dict(min_ms=low, median_ms=middle)
    alone = report.beside_alone(dict(reading=entry(6, 9), arithmetic=entry(4, 12), **{report.OURS: entry(8, 16)}))
    assert (alone["fraction"], alone["median_fraction"]) == (6 / 8, 12 / 16)


def test_a_run_may_time_itself():
    assert set(measure.burst(lambda: 2.5, lambda: None, 1.0, 0.0)) == {2.5}
    assert measure.burst(lambda: torch.zeros(1), lambda: None, 1.0, 0.0)[0] < 1.0


def test_arithmetic_alone_is_of_the_method_that_gave_the_limit():
    machine = measure.Machine.__new__(measure.Machine)
    asked = []
    machine.library = types.SimpleNamespace(moe_bench_flops=lambda *a: asked.append(a[0]))
    machine.threads, machine.methods = 2, dict(f32="fma", bf16="no bf16 dot product, f32 limit")
    machine.best = dict(f32=5.0, bf16=5.0)
    machine.compute_alone("bf16", 1e9)
    machine.methods["bf16"], machine.best["bf16"] = "tiles", 9.0
    machine.compute_alone("bf16", 1e9)
    assert asked == [b"fma", b"tiles"]


def test_closing_lines():
    lines = report.closing_lines([cell(1, 2, 4), cell(4, 2, 1), cell(16, 1, 100, quiet=False)])
    assert lines[0] == "bf16: moe-mlir at 50 % of the floor in the geometric mean of 2 cells, 50 % in the worst"
    assert lines[2] == ("bf16: moe-mlir at 60 % of reading or arithmetic alone in the geometric mean of medians, 60 % "
                        "in the worst")
    assert lines[3] == "bf16: peer takes x1.00 in the geometric mean of 2 cells; ahead at m uniform T=4"
    assert lines[4].startswith("1 of 3 cells are noisy")


def test_closing_lines_say_how_good_predictions_are():
    # All are predicted to take 1.5 ms.
    lines = report.closing_lines([cell(1, 1, 9), cell(4, 2, 9), cell(16, 3, 9), cell(64, 100, 9, quiet=False)])
    assert lines[1] == ("bf16: predicted times of moe-mlir are off by 50 % in the median, by 50 % at most "
                        "(m uniform T=1)")
    assert "by 25 % in the median" in report.closing_lines([cell(4, 2, 9)])[1]


def fitted_cell(memory, compute, method):
    """As long as kernels take that reach 60 % of the peak and hide 75 %."""
    compute_taken = compute / 0.6
    taken = max(memory, compute_taken) + 0.25 * min(memory, compute_taken)
    return dict(dtype="bf16", memory_ms=memory, compute_ms=compute, contenders={"moe-mlir": dict(min_ms=taken)},
                limits=dict(methods=dict(bf16=method, f32="vfmadd231ps, 512 bits")))


def test_fit():
    predict = lambda e, o, compute, memory: max(compute / e, memory) + (1 - o) * min(compute / e, memory)
    cells = [fitted_cell(memory, compute, "") for memory in (1.0, 3.0) for compute in (0.1, 1.0, 5.0)]
    assert fit.fit(cells, predict) == (0.6, 0.75)
    assert [fit.kind(fitted_cell(1, 1, m)) for m in ("tdpbf16ps, 16 x 16 x 32", "vdpbf16ps, 512 bits")] == ["tiles", "others"]


def test_line_marks_noise():
    assert report.cell_line(cell(1, 2, 4, quiet=False)).endswith("| noisy")
    assert "moe-mlir 2.000 (2.000) ms, 50 %, predicted 1.500 |" in report.cell_line(cell(1, 2, 4))
    assert report.cell_line(cell(1, 2, 4)).endswith(
        "peer 4.000 (4.000) ms, 25 %, x2.00 | reading alone 1.200 (1.200) ms, arithmetic 0.500 (0.500) ms: 60 % (60 %) | "
        "gate 0.100 ms, 5.0 %; a call alone 0.070 ms")


def test_chart():
    svg = ElementTree.fromstring(chart.chart([cell(1, 2, 4), cell(64, 2, 40), cell(64, 2, 4, routing="worst")]))
    name = "{http://www.w3.org/2000/svg}"
    assert svg.tag == name + "svg"
    assert len(svg.findall(f".//{name}g")) == 1
    assert len(svg.findall(f".//{name}circle")) == 4
    roof = svg.find(f".//{name}polyline[@class='roof']").get("points").split()
    ys = [float(p.split(",")[1]) for p in roof]
    assert ys[1] == ys[2] < ys[0]
    assert all(math.isfinite(float(v)) for p in roof for v in p.split(","))
    assert all(float(c.get("cy")) >= ys[1] for c in svg.findall(f".//{name}circle"))


def test_whole_files(tmp_path):
    report.write_json(tmp_path / "a" / "cpu.json", {}, [], [], [cell(1, 2, 4)])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["cpu.json"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
