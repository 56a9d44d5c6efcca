"""Time of one step from Python, per engine, as a ratio to ONNX Runtime's LSTM/GRU operator fed by NumPy.

    python -m benchmarks.host_step [--overhead] [--json results.json]

One process, one thread, all candidates interleaved in bursts; the ratio is that of the medians of the bursts.
Times are processor time (see ``benchmarks.timing``). The row "reading" is a call that only reads the weights once, in
int8: a limit for a model in integers that lies below it cannot be reached on the machine, whose memory is as fast for
the unit.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.candidates import INTEGER_ENGINES, LITERT, SCHEMES, UNIT, Lineup, integer_row, lineup
from benchmarks.models import MODELS, Model, frames
from benchmarks.overhead import measure_overhead
from benchmarks.reading import reading_step
from benchmarks.report import console, machine, show_missing, show_table, verdict, write_json
from benchmarks.timing import interleaved_us, medians

ENGINES = ("native", "numba", "tflite", "onnxruntime")
TARGETS = {
    "native": {"lstm_64_128": 0.16, "lstm2_128_256": 0.66},
    "numba": {"lstm_64_128": 0.25, "lstm2_128_256": 0.68},
    "tflite": {"lstm_64_128": 0.40, "lstm2_128_256": 0.76},
    "onnxruntime": {"lstm_64_128": 0.75, "lstm2_128_256": 0.90},
    "numba int16x8": {"lstm_64_128": 0.35, "lstm2_128_256": 0.35},
    "native int16x8": {"lstm_64_128": 0.14, "lstm2_128_256": 0.13},
    "numba int8": {"lstm_64_128": 0.35, "lstm2_128_256": 0.35},
    "native int8": {"lstm_64_128": 0.11, "lstm2_128_256": 0.08},
}
"""Largest ratio of ``session.step`` to the unit."""

AGREEMENT = 1e-5
"""Largest difference of an output from the unit's; outputs are of the order of 1."""

INTEGER_ROWS = {integer_row(engine, scheme): scheme for scheme in SCHEMES for engine in INTEGER_ENGINES}
INTEGER_AGREEMENT = {"int16x8": 0.01, "int8": 0.05}
"""The same for integer models, by scheme."""

READING = "reading int8 weights"


def check_agreement(candidates: Lineup, model: Model, steps: int = 50) -> None:
    """Refuse to time candidates that do not compute the same. Raises click.ClickException."""
    outputs = {name: [] for name in candidates.steps}  # type: dict[str, list[Any]]
    for frame in frames(model, steps, seed=1):
        for name, step in candidates.steps.items():
            fed = frame.reshape((1,) * candidates.lead[name] + frame.shape)
            outputs[name].append(np.array(step(fed)).reshape(-1))
    expected = np.array(outputs[UNIT])
    for name, found in outputs.items():
        worst = float(np.abs(np.array(found) - expected).max())
        if not worst <= (INTEGER_AGREEMENT[INTEGER_ROWS[name]] if name in INTEGER_ROWS else AGREEMENT):
            raise click.ClickException(f"{model.name}: {name} differs from the unit by {worst:.2g}")


def measure(model: Model, engines: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Medians (us) and ratios of one model. Candidates that cannot run are in "missing"."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stderr(io.StringIO()):
            candidates = lineup(model, engines, Path(folder))
        check_agreement(candidates, model)
        if any(name in INTEGER_ROWS for name in candidates.steps):
            candidates.steps[READING], candidates.lead[READING] = reading_step(model, Path(folder)), 0
        block = frames(model, 64)
        fed = {n: [f.reshape((1,) * lead + f.shape) for f in block] for n, lead in candidates.lead.items()}
        typical = medians(interleaved_us(candidates.steps, fed, rounds))
    return {
        "title": model.title,
        "us": typical,
        "ratio": {name: us / typical[UNIT] for name, us in typical.items()},
        "missing": candidates.missing,
    }


def show(results: dict[str, Any]) -> None:
    """One table, a column a model; then what is missing."""
    names = [UNIT, *ENGINES, *INTEGER_ROWS, READING, LITERT]
    rows = []
    for name in names:
        cells = [_cell(results[m], m, name) for m in results]
        if any(cells):
            rows.append([name, *(cell or "-" for cell in cells)])
    titles = [f"{results[m]['title']}\nus (ratio)" for m in results]
    show_table(f"One step through session.step, {machine()}", ["engine", *titles], rows)
    console.print(f"{UNIT}, the unit: ONNX Runtime's LSTM or GRU operator with T = 1, fed by NumPy")
    show_missing({name: why for m in results for name, why in results[m]["missing"].items()})


def _cell(result: dict[str, Any], model: str, name: str) -> str:
    if name not in result["us"]:
        return ""
    ratio = result["ratio"][name]
    target = TARGETS.get(name, {}).get(model)
    against = "" if target is None else f"\n{verdict(ratio, target)}"
    return f"{result['us'][name]:.1f} ({ratio:.3f}){against}"


def missed(results: dict[str, Any]) -> list[str]:
    """Targets that the measured engines do not reach, and whether this machine's memory allows them."""
    return [
        f"{engine}, {model}: {results[model]['ratio'][engine]:.3f} > {limit}{_bound(results[model], engine, limit)}"
        for engine, limits in TARGETS.items()
        for model, limit in limits.items()
        if model in results and results[model]["ratio"].get(engine, 0.0) > limit
    ]


def _bound(result: dict[str, Any], engine: str, limit: float) -> str:
    reading = result["ratio"].get(READING, 0.0) if engine in INTEGER_ROWS else 0.0
    return f", but reading the weights alone takes {reading:.3f}" if reading > limit else ""


CHOOSE_ENGINE, CHOOSE_MODEL = click.Choice(ENGINES), click.Choice([m.name for m in MODELS])


@click.command(help=__doc__)
@click.option("--engine", "engines", multiple=True, type=CHOOSE_ENGINE, help="Only these (repeatable).")
@click.option("--model", "names", multiple=True, type=CHOOSE_MODEL, help="Only these (repeatable).")
@click.option("--rounds", default=40, show_default=True, type=click.IntRange(3), help="Bursts of each.")
@click.option("--overhead", is_flag=True, help="Cost of session.step, growth of memory.")
@click.option("--check", is_flag=True, help="Exit with 1 where a target is missed.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(
    engines: tuple[str, ...],
    names: tuple[str, ...],
    rounds: int,
    overhead: bool,
    check: bool,
    json_path: Path | None,
) -> None:
    """See the module."""
    engines = engines or ENGINES
    if overhead:
        results, failures = measure_overhead(engines)
    else:
        results = {m.name: measure(m, engines, rounds) for m in MODELS if not names or m.name in names}
        show(results)
        failures = missed(results)
    write_json({"machine": machine(), "results": results}, json_path)
    for failure in failures:
        console.print(f"target missed: {failure}", style="red", markup=False)
    if check and failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
