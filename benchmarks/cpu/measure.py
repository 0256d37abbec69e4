"""Times contenders in quiet phases of the machine, between readings of its limits.

A shared machine is slow for seconds at a time. A series is therefore cut into
slices; each has a reading of the limits right before and right after, and counts
only if what the measured work costs at both is near what it costs at the best that
this layer has seen (how fast tiles are says nothing about f32), and if no other
process had more than a few per cent of the processors: threads that spin at a
barrier for one that does not run make peers look a hundred times too slow.

Others may still slow the machine down for some milliseconds in ten. The limits are
the best of windows of about ten milliseconds, which long calls then cannot reach.
So the cell's reading and its arithmetic, each alone, take turns with the contenders,
too: they see the same machine for as long, and a slice counts only if they, too,
take about what they cost at the best limits.
"""

import ctypes
import os
import pathlib
import time

import numpy as np

TOLERANCE = 0.1  # In a quiet phase the work costs more than at the best limits by at most this share.
MAX_FOREIGN = 0.05  # Of the processors' time, used by others.
SETTLE = 0.05  # Seconds until the threads of the one before have stopped spinning (20 ms at most, see bench.py).
BURST = 0.2  # Seconds of one contender's calls before it is the next one's turn.
LIMITS = ["f32", "bf16", "read"]  # In the order of moe_bench_limits.
READING, ARITHMETIC = "reading", "arithmetic"  # The runs that do a cell's work and nothing else.


class Machine:
    """Reads the limits through the runtime library, and knows the best readings so far.

    They are limits of the instructions that code for `cpu` may use; `methods` says which gave the best.
    """

    def __init__(self, library, cpu, buffer, threads):
        self.library = ctypes.CDLL(str(library))
        for name in ("copy", "flops", "read"):
            getattr(self.library, f"moe_bench_{name}").restype = ctypes.c_double
        self.library.moe_bench_limits.restype = ctypes.c_bool
        self.library.moe_bench_predict.restype = ctypes.c_double
        self.cpu, self.buffer, self.threads, self.best, self.methods = cpu, buffer, threads, {}, {}
        for _ in range(3):
            self.read()

    def read(self):
        """f32 and bf16 FLOP/s, and bytes/s of reading the buffer."""
        rates, methods = (ctypes.c_double * 3)(), (ctypes.c_char_p * 3)()
        if not self.library.moe_bench_limits(self.cpu.encode(), ctypes.c_void_p(self.buffer.data_ptr()),
                                             ctypes.c_size_t(self.buffer.numel()), ctypes.c_uint(self.threads), rates,
                                             methods):
            raise RuntimeError(f"expected the name of a CPU with AVX2 and FMA, got '{self.cpu}'")
        reading = dict(zip(LIMITS, rates))
        self.methods |= {key: m.decode() for key, m in zip(LIMITS, methods) if reading[key] > self.best.get(key, 0)}
        self.best = highest(self.best, reading)
        return reading

    def is_cold(self):
        """Whether the buffer is too large for a cache to hold much of it from one reading to the next."""
        return self.buffer.numel() >= 2 * last_level_cache()

    def predict(self, dtype, compute, memory):
        """Seconds that our code should take where the floor's two times are these."""
        return self.library.moe_bench_predict(self.cpu.encode(), ctypes.c_bool(dtype == "bf16"),
                                              ctypes.c_double(compute), ctypes.c_double(memory))

    def compute_alone(self, dtype, flops):
        """Seconds of so many FLOPs of the type, with nothing else to do."""
        # Without an instruction for bf16 its limit is that of f32.
        key = "f32" if self.best[dtype] == self.best["f32"] else dtype
        return self.library.moe_bench_flops(self.methods[key].encode(), ctypes.c_double(flops),
                                            ctypes.c_uint(self.threads))

    def read_alone(self, size):
        """Seconds of reading the first `size` bytes of the buffer."""
        return self.library.moe_bench_read(self.methods["read"].encode(), ctypes.c_void_p(self.buffer.data_ptr()),
                                           ctypes.c_size_t(size), ctypes.c_uint(self.threads))

    def copy(self, sources):
        """Seconds of copying the tensors into the buffer, one after the other, in the fastest way."""
        seconds, start = 0.0, self.buffer.data_ptr()
        for source in sources:
            size = source.numel() * source.element_size()
            seconds += self.library.moe_bench_copy(ctypes.c_void_p(start), ctypes.c_void_p(source.data_ptr()),
                                                   ctypes.c_size_t(size), ctypes.c_uint(self.threads))
            start += -(-size // 64) * 64
        return seconds


def alternate(pack, copy, rounds, settle=SETTLE):
    """Seconds of `rounds` calls of `pack`, and what as many of `copy` returned, in turns; `pack` has the last word."""
    packs, copies = [], []
    for _ in range(rounds):
        time.sleep(settle)
        copies.append(copy())
        begin = time.perf_counter()
        pack()
        packs.append(time.perf_counter() - begin)
    return packs, copies


def highest(a, b):
    return {key: max(a.get(key, 0), b[key]) for key in b}


def slowdown(reading, best, cost):
    """By what share of itself the cost of the work at these limits exceeds that at the best ones."""
    return excess(cost(reading), best, cost)


def excess(seconds, best, cost):
    """By what share of itself a time exceeds the cost of the work at the best limits."""
    return 1 - cost(best) / seconds


def last_level_cache():
    sizes = pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max([int(s.read_text().strip().rstrip("K")) << 10 for s in sizes], default=32 << 20)


class Eviction:
    """Reads twice the last level cache, then the rows: weights are cold before a call and rows are not,
    as in a model whose other layers have run in between."""

    def __init__(self):
        self.words = np.ones(2 * last_level_cache() // 8, dtype=np.uint64)

    def __call__(self, rows):
        return self.words.max() + rows.max()


def busy_seconds(stat):
    """Processor seconds that were not idle, stolen ones included, from the text of /proc/stat."""
    user, nice, system, idle, iowait, *others = map(int, stat.split("\n", 1)[0].split()[1:])
    return (user + nice + system + sum(others[:3])) / os.sysconf("SC_CLK_TCK")


class ForeignTime:
    """The share of the processors' time that others have used since this was made."""

    def __init__(self):
        self.start = self.now()

    @staticmethod
    def now():
        return time.perf_counter(), busy_seconds(pathlib.Path("/proc/stat").read_text()), time.process_time()

    def share(self):
        wall, busy, own = (b - a for a, b in zip(self.start, self.now()))
        return max(0.0, busy - own) / (wall * os.cpu_count())


class Slice:
    """Times of all contenders between two readings of the limits. `is_cold` says whether these are of memory, as the
    runs are that do the work alone, and not of a cache that holds the weights."""

    def __init__(self, before, after, times, foreign, is_cold):
        self.before, self.after, self.times, self.foreign, self.is_cold = before, after, times, foreign, is_cold
        self.limits = highest(before, after)

    def slowdown(self, best, cost):
        shares = [slowdown(reading, best, cost) for reading in (self.before, self.after)]
        if self.is_cold:
            shares.append(excess(min(self.times[READING]) + min(self.times[ARITHMETIC]), best, cost))
        return max(shares)

    def is_quiet(self, best, cost):
        return self.slowdown(best, cost) <= TOLERANCE and self.foreign <= MAX_FOREIGN

    def disturbance(self, best, cost):
        return max(self.slowdown(best, cost), self.foreign)


def burst(run, evict, first, seconds):
    """Times of consecutive calls, at least one; a short one is run once before, to wake its threads.

    A run that returns seconds has timed itself.
    """
    if first < BURST:
        run()
    times = []
    start = time.perf_counter()
    while not times or time.perf_counter() - start + times[-1] < seconds:
        evict()
        begin = time.perf_counter()
        result = run()
        elapsed = time.perf_counter() - begin
        times.append(result if isinstance(result, float) else elapsed)
    return times


def time_slice(machine, runs, evict, first, seconds, before):
    """Rounds of bursts, each contender's turn in an order that rotates, for about that long.

    Who has used a fair share of the slice sits out the later rounds: a slow peer
    gets fewer calls, not the others.
    """
    times, used, names = {name: [] for name in runs}, dict.fromkeys(runs, 0.0), list(runs)
    share, rounds = seconds / len(runs), 0
    foreign = ForeignTime()
    while any(used[name] < share for name in runs):
        for name in names[rounds % len(names):] + names[: rounds % len(names)]:
            if used[name] >= share:
                continue
            time.sleep(SETTLE)
            begin = time.perf_counter()
            times[name] += burst(runs[name], evict, first[name], min(BURST, share))
            used[name] += time.perf_counter() - begin
        rounds += 1
    time.sleep(SETTLE)
    return Slice(before, machine.read(), times, foreign.share(), machine.is_cold())


def series(machine, cost, runs, evict, first, seconds, patience):
    """Slices in quiet phases with about `seconds` of measurements together.

    `cost` says how long the work takes at given limits; READING and ARITHMETIC are runs that do it. Gives up after
    `patience` seconds. Returns the accepted slices and True, or, where there is none, the least disturbed one and False.
    """
    start = time.perf_counter()
    slices, accepted = [], 0.0
    before = machine.read()
    while accepted < seconds:
        elapsed = time.perf_counter() - start
        if slices and elapsed > patience:
            break
        if slowdown(before, machine.best, cost) > TOLERANCE and elapsed < patience / 2:
            time.sleep(0.2)
            before = machine.read()
            continue
        begin = time.perf_counter()
        current = time_slice(machine, runs, evict, first, min(2.0, seconds), before)
        slices.append(current)
        before = current.after
        if current.is_quiet(machine.best, cost):
            accepted += time.perf_counter() - begin
    # The best may have risen since a slice was taken.
    quiet = [s for s in slices if s.is_quiet(machine.best, cost)]
    if quiet:
        return quiet, True
    return [min(slices, key=lambda s: s.disturbance(machine.best, cost))], False
