"""The classifier in integers: python -m examples.spoken_digits.integers [--output DIR] [--recordings N]

Accuracy on the held-out recordings, streamed frame by frame, for float32 and int16x8.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import edgernn
from edgernn.errors import EdgeRNNError
from examples.spoken_digits import data, scoring
from examples.spoken_digits.calibration import spread
from examples.spoken_digits.model import trained
from examples.spoken_digits.scoring import Score

SCHEMES = ("float32", "int16x8")
FORMATS = (".ern", ".so")


@dataclass(frozen=True)
class Row:
    """One artifact on the held-out recordings. ``sqnr_db`` is that of its scores on calibration recordings."""

    scheme: str
    engine: str
    size_bytes: int
    state_bytes: int
    sqnr_db: float | None
    score: Score


def measure(folder: Path, recordings: int) -> list[Row]:
    """Export each scheme, prove it, and stream the held-out recordings through it.

    Raises EdgeRNNError, for one UsageError where the recordings are not installed.
    """
    known, held_out = data.train_and_held_out()
    held_out = held_out.take(np.linspace(0, len(held_out) - 1, min(recordings, len(held_out))).astype(int))
    expected = scoring.pytorch_scores(trained(), held_out)
    float_model = edgernn.convert(trained(), inputs=f"1,T,{data.COEFFICIENTS}")
    calibration = [{float_model.interface.inputs[0].name: frames} for frames in spread(known).frames]
    rows = []
    for scheme in SCHEMES:
        model = float_model if scheme == "float32" else float_model.quantize(calibration, scheme)
        for suffix in FORMATS:
            path = folder / f"spoken_digits_{scheme}{suffix}"
            report = model.save(path, calibration=calibration)
            with edgernn.load(path) as session:
                score = scoring.stream(session, held_out, expected)
                rows.append(
                    Row(
                        scheme,
                        session.engine,
                        path.stat().st_size,
                        session.state_bytes,
                        report.outputs[0].sqnr_db,
                        score,
                    )
                )
    return rows


def show(rows: list[Row], recordings: int) -> None:
    """Print the table."""
    table = Table(title=f"Spoken digits: {recordings} held-out recordings, one frame at a time",
                  title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)  # fmt: skip
    for name in ("scheme", "engine"):
        table.add_column(name)
    for name in ("accuracy", "agrees with\nPyTorch", "SQNR\ndB", "µs a step\n(median)", "file", "state"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        sqnr = "exact" if row.sqnr_db is None else f"{row.sqnr_db:.1f}"
        table.add_row(
            row.scheme, row.engine, f"{row.score.accuracy:.2%}", f"{row.score.agreement:.2%}", sqnr,
            f"{row.score.step_us:.2f}", f"{row.size_bytes / 1024:.1f} KiB", f"{row.state_bytes} B",
        )  # fmt: skip
    console = Console(highlight=False)
    (console if console.width >= 100 else Console(highlight=False, width=100)).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser("integers", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/integers"), help="folder for the artifacts")
    parser.add_argument("--recordings", type=int, default=600)
    options = parser.parse_args(arguments)
    try:
        rows = measure(options.output, options.recordings)
    except EdgeRNNError as error:
        print(f"integers: {error}", file=sys.stderr)
        return error.exit_code
    show(rows, min(options.recordings, 600))
    return 0


if __name__ == "__main__":
    sys.exit(main())
