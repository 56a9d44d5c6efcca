"""Deploy the spoken-digit classifier to every format, and stream real recordings through every engine.

    python -m examples.spoken_digits.demo [--output DIR] [--recordings N] [--drift-steps N] [--json]

Nothing is trained: the weights are those that `train.py` wrote. Two models as people publish them
(examples/ecosystem) are exported in the same way, with new weights. Exit code: 0 when every artifact
agrees with PyTorch on every installed engine, 1 when one does not, 2 when the demo cannot run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import edgernn
from edgernn.cli.common.progress import Bar
from edgernn.errors import EdgeRNNError, UsageError
from examples.common import footprint
from examples.common.deploy import Checks, Deployment, deploy
from examples.common.footprint import Footprint
from examples.ecosystem import forecaster, sentiment
from examples.spoken_digits import data, scoring, tables
from examples.spoken_digits.data import Recordings
from examples.spoken_digits.model import trained
from examples.spoken_digits.scoring import Score

FOLDER = Path("build/demo")
MARKER = ".edgernn-demo"
CALIBRATION_RECORDINGS = 32
ECOSYSTEM = {"sentiment LSTM": sentiment, "GRU forecaster": forecaster}


@dataclass
class EngineRow:
    """One engine on the held-out recordings."""

    engine: str
    file: str
    size_bytes: int
    score: Score
    footprint: Footprint
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether decisions are PyTorch's, and scores as close as validation asks for."""
        return self.score.agreement == 1.0 and self.score.max_error <= self.tolerance


@dataclass
class Outcome:
    """All that the demo found."""

    recordings: int
    frames: int
    pytorch_accuracy: float
    numpy_mb: float
    digits: Deployment
    rows: list[EngineRow]
    ecosystem: dict[str, Deployment]
    reports: dict[str, Path]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing disagrees with PyTorch."""
        deployments = [self.digits, *self.ecosystem.values()]
        return bool(self.rows) and all(r.agrees for r in self.rows) and all(d.passed for d in deployments)


def run(folder: Path, recordings: int, drift_steps: int, progress: Any) -> Outcome:
    """Export, stream, measure; ``folder`` is made anew.

    Raises:
        UsageError: the recordings are not installed, or the folder holds something else.
    """
    known, held_out = data.train_and_held_out()
    held_out = held_out.take(np.linspace(0, len(held_out) - 1, min(recordings, len(held_out))).astype(int))
    clean(folder)
    digits = deploy_digits(folder / "spoken_digits", known, drift_steps, progress)
    expected = scoring.pytorch_scores(trained(), held_out)
    rows = engine_rows(digits, held_out, expected, progress)
    ecosystem = {name: deploy_fresh(folder, module, progress) for name, module in ECOSYSTEM.items()}
    reports = {"spoken digits": digits.write_report(f"random, {CALIBRATION_RECORDINGS} training recordings")}
    reports |= {name: deployment.write_report("random") for name, deployment in ecosystem.items()}
    return Outcome(
        len(held_out), sum(map(len, held_out.frames)), scoring.share_right(expected, held_out.labels),
        footprint.of_numpy_alone(), digits, rows, ecosystem, reports,
    )  # fmt: skip


def clean(folder: Path) -> None:
    """An empty folder; one that the demo did not make is left alone.

    Raises:
        UsageError: the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise UsageError(f"{folder} was not made by this demo and is not empty; name another with --output")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()


def deploy_digits(folder: Path, known: Recordings, drift_steps: int, progress: Any) -> Deployment:
    """The classifier in every format, proved on random input and on training recordings."""
    folder.mkdir()
    model = edgernn.convert(trained(), inputs=f"1,T,{data.COEFFICIENTS}")
    port = model.interface.inputs[0].name
    calibration = [{port: frames} for frames in known.frames[:CALIBRATION_RECORDINGS]]
    return deploy(model, folder, Checks(calibration, drift_steps, progress))


def deploy_fresh(folder: Path, module: Any, progress: Any) -> Deployment:
    """A model of the ecosystem with new weights in every format, proved on random input."""
    model = edgernn.convert(module.fresh(), inputs=module.INPUTS)
    target = folder / model.name
    target.mkdir()
    return deploy(model, target, Checks(progress=progress))


def engine_rows(digits: Deployment, held_out: Recordings, expected: Any, progress: Any) -> list[EngineRow]:
    """Stream the recordings through every engine, then load each in fresh processes."""
    frames_file = digits.folder / "frames.npy"
    np.save(frames_file, held_out.frames[0])
    tolerance = min((output.tolerance for report in digits.reports for output in report.outputs), default=0.0)
    rows = []
    for number, (engine, path) in enumerate(pairs := digits.runnable()):
        progress(f"{engine}: stream {len(held_out)} recordings", number, len(pairs))
        with edgernn.load(path, engine) as session:
            score = scoring.stream(session, held_out, expected)
        measured = footprint.measure(path, engine, frames_file)
        rows.append(EngineRow(engine, path.name, path.stat().st_size, score, measured, tolerance))
    return rows


def plain(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON-ready values."""
    engines = [asdict(row) | {"agrees": row.agrees} for row in outcome.rows]
    ecosystem = {
        name: {
            "written": [path.name for path in found.written.values()],
            "max_error": tables.worst(found),
            "missing": found.missing,
            "refused": found.refused,
        }
        for name, found in outcome.ecosystem.items()
    }
    return {
        "passed": outcome.passed,
        "recordings": outcome.recordings,
        "frames": outcome.frames,
        "pytorch_accuracy": outcome.pytorch_accuracy,
        "numpy_mb": outcome.numpy_mb,
        "engines": engines,
        "missing": outcome.digits.missing,
        "refused": outcome.digits.refused,
        "ecosystem": ecosystem,
        "reports": {name: str(path) for name, path in outcome.reports.items()},
        "seconds": round(outcome.seconds, 1),
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("demo", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--output", type=Path, default=FOLDER, metavar="DIR", help="where everything goes")
    add("--recordings", type=int, default=600, metavar="N", help="held-out recordings to stream")
    add("--drift-steps", type=int, default=100_000, metavar="N", help="length of the stream without reset")
    add("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if options.recordings < 1 or options.drift_steps < 0:
        parser.error("--recordings is at least 1, --drift-steps at least 0")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and print what it found."""
    options = parse(arguments)
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr), Bar() as bar:
            outcome = run(options.output, options.recordings, options.drift_steps, bar)
    except EdgeRNNError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    outcome.seconds = time.perf_counter() - start
    if options.json:
        print(json.dumps(plain(outcome), indent=2))
    else:
        tables.show(outcome)
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main())
