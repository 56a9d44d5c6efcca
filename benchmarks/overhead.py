"""What ``session.step`` costs over the engine's own call, and whether memory grows with steps."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.candidates import open_engine
from benchmarks.models import Model, frames, step_program
from benchmarks.report import show_missing, show_table, verdict
from benchmarks.timing import interleaved_us
from edgernn.errors import EdgeRNNError
from edgernn.runtime.session import Session

MODEL = Model("lstm_64_8", "lstm", 64, 8)
"""Small, so that the difference stands out from the step; frames as wide as those of the larger models."""

MAX_OVERHEAD_US = 1.5
MAX_GROWTH_KIB = 256.0
WARM_STEPS, STEPS = 20_000, 100_000


def measure_overhead(engines: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Overhead (us) and growth (KiB) of each engine, printed and returned, and the limits exceeded."""
    results: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for engine in engines:
        with tempfile.TemporaryDirectory() as folder:
            try:
                opened = open_engine(step_program(MODEL), engine, Path(folder))
            except (EdgeRNNError, ImportError) as error:
                missing[engine] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            session = Session(opened)
            own, through, added = overhead_us(opened.single(), session.step)
            grown = growth_kib(session.step)
            results[engine] = {"own_us": own, "step_us": through, "overhead_us": added, "growth_kib": grown}
    _show(results, missing)
    return results, [
        f"{engine}: {name} is {values[name]:.2f}, the limit {limit}"
        for engine, values in results.items()
        for name, limit in (("overhead_us", MAX_OVERHEAD_US), ("growth_kib", MAX_GROWTH_KIB))
        if values[name] > limit
    ]


def overhead_us(own: Callable[[Any], Any], through: Callable[[Any], Any]) -> tuple[float, float, float]:
    """Medians of both ways, and of their difference within each round."""
    steps, block = {"own": own, "through": through}, frames(MODEL, 64)
    times = interleaved_us(steps, dict.fromkeys(steps, block), rounds=200, burst_us=1000.0)
    added = [t - o for o, t in zip(times["own"], times["through"], strict=True)]
    return statistics.median(times["own"]), statistics.median(times["through"]), statistics.median(added)


def growth_kib(step: Callable[[Any], Any]) -> float:
    """Growth of the resident memory over STEPS steps, after WARM_STEPS."""
    source = itertools.cycle(frames(MODEL, 64))
    for frame in itertools.islice(source, WARM_STEPS):
        step(frame)
    before = resident_kib()
    for frame in itertools.islice(source, STEPS):
        step(frame)
    return resident_kib() - before


def resident_kib() -> float:
    """Resident memory of this process (Linux)."""
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmRSS"))
    return float(line.split()[1])


def _show(results: dict[str, Any], missing: dict[str, str]) -> None:
    rows = [
        [
            engine, f"{r['own_us']:.2f}", f"{r['step_us']:.2f}",
            f"{r['overhead_us']:.2f} {verdict(r['overhead_us'], MAX_OVERHEAD_US)}",
            f"{r['growth_kib']:.0f} {verdict(r['growth_kib'], MAX_GROWTH_KIB)}",
        ]
        for engine, r in results.items()
    ]  # fmt: skip
    columns = ["engine", "own call, us", "session.step, us", "difference, us", f"KiB in {STEPS} steps"]
    show_table(f"Cost of a session, {MODEL.title}", columns, rows)
    show_missing(missing)
