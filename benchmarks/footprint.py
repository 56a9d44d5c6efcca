"""What importing the runtime costs over NumPy, and the memory of a process that runs a model.

    python -m benchmarks.footprint [--json results.json]

Each figure is the median of several fresh processes with a warm file cache and compiled bytecode.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.candidates import write_artifact
from benchmarks.models import MODELS, Model, step_program
from benchmarks.report import console, machine, show_missing, show_table, verdict, write_json
from edgernn.errors import EdgeRNNError
from edgernn.runtime.engines import ENGINES

MAX_IMPORT_MS, MAX_IMPORT_MB, MAX_NATIVE_MB = 60.0, 12.0, 45.0
MODEL = next(m for m in MODELS if m.name == "lstm_40_64")

PROBE = """
import json, sys, time
import numpy
def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(key))
before, start = status("VmRSS"), time.perf_counter()
{body}
print(json.dumps({{
    "ms": (time.perf_counter() - start) * 1e3, "mb": status("VmRSS") - before, "peak_mb": status("VmHWM"),
}}))
"""
"""What a process runs: time (ms) and resident memory (MB) of ``body`` over NumPy, and the peak (MB)."""

IMPORT = "import edgernn.runtime"
STEPS = """
from edgernn.runtime import load
session = load({path!r}, engine={engine!r})
frame = numpy.zeros(session.inputs[0].shape, numpy.float32)
for _ in range(1000):
    session.step(frame)
"""


def run_probe(body: str, cache: Path) -> dict[str, float]:
    """The figures of one process. Raises click.ClickException with what it wrote to standard error."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(cache)
    command = [sys.executable, "-c", PROBE.format(body=body)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stderr.strip().splitlines()[-1])
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def probe(body: str, cache: Path, runs: int) -> dict[str, float]:
    """Medians over ``runs`` processes, after one that fills the caches."""
    run_probe(body, cache)
    results = [run_probe(body, cache) for _ in range(runs)]
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


def measure(model: Model, runs: int) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Figures of the import and of each engine, and why others are missing."""
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name), Path(name) / "cache"
        results = {"nothing": probe("", cache, runs), "import": probe(IMPORT, cache, runs)}
        for engine in ENGINES:
            try:
                path = write_artifact(step_program(model), engine, folder)
                body = STEPS.format(path=str(path), engine=engine)
                results[engine] = probe(body, cache, runs)
            except (EdgeRNNError, ImportError, click.ClickException) as error:
                missing[engine] = str(error).splitlines()[0]
    return results, missing


def limits(results: dict[str, dict[str, float]]) -> list[tuple[str, float, float]]:
    """What is limited, the value and the limit."""
    found = [
        ("import edgernn.runtime over NumPy, ms", results["import"]["ms"], MAX_IMPORT_MS),
        ("import edgernn.runtime over NumPy, MB", results["import"]["mb"], MAX_IMPORT_MB),
    ]
    if "native" in results:
        peak = results["native"]["peak_mb"]
        found.append(("peak of a process that steps a native model, MB", peak, MAX_NATIVE_MB))
    return found


def show(results: dict[str, dict[str, float]], missing: dict[str, str]) -> None:
    """A row a process, then the limits."""
    labels = {"nothing": "NumPy alone", "import": IMPORT}
    rows: list[list[str]] = [
        [labels.get(name, f"load and 1000 steps, {name}"), *(f"{r[k]:.1f}" for k in ("ms", "mb", "peak_mb"))]
        for name, r in results.items()
    ]
    columns = ["process", "ms over NumPy", "MB over NumPy", "peak MB"]
    show_table(f"Footprint, {MODEL.title}, {machine()}", columns, rows)
    for what, value, limit in limits(results):
        console.print(f"{what}: {value:.1f} {verdict(value, limit)}")
    show_missing(missing)


@click.command(help=__doc__)
@click.option("--runs", default=7, show_default=True, type=click.IntRange(1), help="Processes a figure.")
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is exceeded.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(runs: int, check: bool, json_path: Path | None) -> None:
    """See the module."""
    results, missing = measure(MODEL, runs)
    show(results, missing)
    everything: dict[str, Any] = {"machine": machine(), "results": results, "missing": missing}
    write_json(everything, json_path)
    if check and any(value > limit for _, value, limit in limits(results)):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
