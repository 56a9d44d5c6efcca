"""Third-party models: error of the float stream, metric in integers, and what a step costs on a board.

    python -m benchmarks.third_party [--model NAME ...] [--scheme int16x8] [--json FILE]

The error is the largest difference between the stream and the original's own output, over all engines. The board is the
first of BOARDS whose memory the integer model fits; what the tool says of the others is printed below the table. A step
of a model of whole segments is a segment of the most frames.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.report import show_missing, show_table, write_json
from benchmarks.third_party.dgaintel import Dgaintel
from benchmarks.third_party.fastgrnn import FastGrnn
from benchmarks.third_party.g2p import G2pEncoder
from benchmarks.third_party.g2pm import G2pM
from benchmarks.third_party.guitar import TubeScreamerGru, TubeScreamerLstm
from benchmarks.third_party.model import (
    Array,
    ThirdParty,
    engines,
    largest_error,
    load,
    originals,
    peak,
    quantized,
    score,
)
from benchmarks.third_party.nsnet2 import Nsnet2
from benchmarks.third_party.resemblyzer import Resemblyzer
from benchmarks.third_party.rtneural import RtNeuralGru, RtNeuralLstm
from benchmarks.third_party.silero import SileroLayers, SileroOnnx, SileroSequence
from benchmarks.third_party.sleepecg import SleepEcg
from edgernn.api import Model
from edgernn.boards.catalog import load_board
from edgernn.boards.profile import Frames, Job, Profile, profile, way_to
from edgernn.boards.verify.streams import TOO_SMALL
from edgernn.errors import BoardError, EdgeRNNError, OutputError, ValidationError
from edgernn.quant import SCHEMES
from edgernn.runtime import Session
from edgernn.runtime.segment import SegmentSession

MODELS: tuple[type[ThirdParty], ...] = (
    SileroLayers, SileroOnnx, SileroSequence, Resemblyzer, Nsnet2, Dgaintel, G2pEncoder, TubeScreamerLstm,
    TubeScreamerGru, RtNeuralLstm, RtNeuralGru, FastGrnn, SleepEcg, G2pM,
)  # fmt: skip
BOARDS = ("nucleo-f446re", "nucleo-h743zi", "mps2-an500")
STEPS = 4


@dataclass
class Row:
    """One model. ``metric`` is None where the proof refuses the integers; costs are of a step on ``board``."""

    title: str
    error: float
    metric: float | None = None
    what: str = ""
    board: str = ""
    core: str = ""
    ram_bytes: int = 0
    flash_bytes: int = 0
    instructions: float = 0.0


def measure(given: ThirdParty, scheme: str, folder: Path, notes: dict[str, str]) -> Row:
    """A row; ``notes`` gets what could not be done, and why."""
    model, wanted = given.convert(), originals(given)
    row = Row(given.title, float_error(model, given, wanted, folder), what=given.metric)
    try:
        integers = quantized(model, given, scheme)
        path = folder / f"{given.name}_{scheme}.so"
        integers.save(path)
    except ValidationError as error:
        notes[f"{given.name} in {scheme}"] = str(error).splitlines()[0].rpartition("/")[2]
        return row
    with load(path) as session:
        row.metric = score(session, given, wanted)
        steps, frames = profiled(session, given)
    np.save(folder / "frames.npy", frames)
    artifact = folder / f"{given.name}_{scheme}.ern"
    integers.save(artifact)
    cost(row, given, artifact, folder, steps, notes)
    return row


def profiled(session: Session, given: ThirdParty) -> tuple[int, Array]:
    """Number of steps whose costs are counted, and their frames: a segment is one step of the most frames."""
    frames = given.test()[0]
    if isinstance(session, SegmentSession):
        return 1, np.resize(frames, (session.max_frames, *frames.shape[1:]))
    return STEPS, frames[:STEPS]


def float_error(model: Model, given: ThirdParty, wanted: Sequence[Array], folder: Path) -> float:
    """Over all engines, relative to the peak of outputs above 1."""
    errors = []
    for engine, suffix in engines(given).items():
        path = folder / f"{given.name}{suffix}"
        if not path.exists():
            model.save(path)
        with load(path, engine) as session:
            errors.append(largest_error(session, given, wanted))
    return max(errors) / peak(wanted)


def cost(row: Row, given: ThirdParty, artifact: Path, folder: Path, steps: int, notes: dict[str, str]) -> None:
    """Fill in a step on the first board that the model fits."""
    for name in BOARDS:
        board = load_board(name)
        source = Frames((str(folder / "frames.npy"),), steps)
        try:
            found = profile(Job(artifact, board, way_to(board), source, folder), lambda *_: None)
        except (BoardError, OutputError) as error:
            reason = next((line for line in str(error).splitlines() if any(words in line for words in TOO_SMALL)), None)
            if reason is None:
                raise
            notes[f"{given.name} on {name}"] = reason.strip()
            continue
        row.board, row.core = board.id, board.core.name
        fill(row, found)
        return


def fill(row: Row, found: Profile) -> None:
    """Copy the figures."""
    row.flash_bytes = found.flash.total if found.flash else 0
    row.ram_bytes = found.ram.total if found.ram else 0
    row.instructions = found.instructions.median if found.instructions else 0.0


def cells(row: Row) -> list[str]:
    """As they stand in the table."""
    metric = "refused" if row.metric is None else f"{row.metric:.5g}"
    costs = [f"{row.ram_bytes / 1024:.1f}", f"{row.flash_bytes / 1024:.0f}", f"{row.instructions / 1000:,.1f}"]
    return [row.title, f"{row.error:.1e}", metric, row.what, row.board, *(costs if row.board else [""] * 3)]


@click.command(help=__doc__)
@click.option("--model", "names", multiple=True, type=click.Choice([m.name for m in MODELS]))
@click.option("--scheme", type=click.Choice(list(SCHEMES)), default="int16x8", show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(names: tuple[str, ...], scheme: str, json_path: Path | None) -> None:
    """See the module."""
    rows: list[Row] = []
    notes: dict[str, str] = {}
    for kind in (m for m in MODELS if not names or m.name in names):
        missing = [p.install for p in kind.packages if not p.installed]
        if missing:
            notes[kind.name] = "; ".join(missing)
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows.append(measure(kind(), scheme, Path(folder), notes))
            except EdgeRNNError as error:
                notes[kind.name] = str(error).splitlines()[0]
    columns = ["model", "max error", scheme, "metric", "board", "RAM KiB", "flash KiB", "1000 instr."]
    show_table("Third-party models", columns, map(cells, rows))
    show_missing(notes)
    write_json({"scheme": scheme, "rows": [asdict(row) for row in rows], "notes": notes}, json_path)


if __name__ == "__main__":
    main()
