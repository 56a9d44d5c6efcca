"""A trained model in float and in integers: its score, how its answers differ, what errors do over a long stream."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import edgernn
from edgernn.api import Model
from edgernn.errors import EdgeRNNError, UnsupportedOpError
from edgernn.quant import SCHEMES, weights8
from edgernn.runtime import Session
from edgernn.runtime.segment import SegmentSession
from edgernn.runtime.seq2seq import Seq2SeqSession
from edgernn.validation.results import ArtifactReport
from examples.common.task import Answer, Frames, Task, answers, whole

FLOAT = "float32"
DRIFT_STEPS = 20_000
FORMATS = (".so", ".ern")


@dataclass(frozen=True)
class Row:
    """One scheme on the held-out data, one frame at a time.

    trained     the file of the weights
    score       in the unit of the task
    difference  of the score from that of float32: in points where it is a share, else in percent of it
    agreement   percent of the sequences with the same decision as float32; None where the answer is no decision
    sqnr_db     of the answers against PyTorch with the same weights, over all held-out data
    drift       root mean square error at the end of the long stream over that at its start
    """

    task: str
    scheme: str
    engine: str
    trained: str
    size_bytes: int
    state_bytes: int
    score: float
    difference: float
    agreement: float | None
    sqnr_db: float
    drift: float | None


def measure(
    task: Task, folder: Path, schemes: Sequence[str], drift_steps: int = DRIFT_STEPS, count: int | None = None
) -> list[Row]:
    """A row for float32 and for each scheme; of ``count`` held-out sequences, evenly spread, or all.

    Raises:
        EdgeRNNError: the data are not installed, or an artifact does not agree with PyTorch.
    """
    held_out, calibration = task.held_out(), task.calibration()
    of_all = answers(task.trained(), held_out)
    chosen = range(len(held_out)) if count is None else np.linspace(0, len(held_out) - 1, count).astype(int)
    rows: list[Row] = []
    for scheme in (FLOAT, *schemes):
        module = task.trained(scheme)
        wanted = answers(module, [held_out[k] for k in chosen])
        model = edgernn.convert(
            module, inputs=task.inputs, name=task.name, mode=task.mode, max_frames=task.max_frames
        )
        port, hop = model.interface.inputs[0], model.interface.hop
        sequences = [{port.name: frames.reshape(len(frames), *port.shape[hop > 1 :])} for frames in calibration]
        if scheme != FLOAT:
            model = model.quantize(sequences, scheme)
        path, report = _saved(model, folder / f"{task.name}_{scheme}", drift_steps)
        with edgernn.load(path) as session:
            found = stream(session, [held_out[k] for k in chosen])
            state_bytes = session.state_bytes
        complete = list(of_all)
        for k, answer in zip(chosen, found, strict=True):
            complete[k] = answer
        score = task.score(complete)
        rows.append(Row(
            task.name, scheme, report.engine, task.weights_of(scheme).name, path.stat().st_size, state_bytes, score,
            task.difference(score, rows[0].score if rows else score),
            _agreement([of_all[k] for k in chosen], found) if task.unit == "%" else None,
            sqnr_db(wanted, found), _drift(report),
        ))  # fmt: skip
    return rows


def _saved(model: Model, stem: Path, drift_steps: int) -> tuple[Path, ArtifactReport]:
    """The proved artifact: a shared library, or the portable file where a scheme has no kernels in C."""
    for suffix in FORMATS[:-1]:
        try:
            path = stem.with_name(stem.name + suffix)
            return path, model.save(path, drift_steps=drift_steps)
        except UnsupportedOpError:
            continue
    path = stem.with_name(stem.name + FORMATS[-1])
    return path, model.save(path, drift_steps=drift_steps)


def stream(
    session: Session, sequences: Sequence[Frames], summary: Callable[[Frames, Answer], Answer] = whole
) -> list[Answer]:
    """What the session says of each sequence, stepped through frame by frame from the initial state, or as one segment,
    or what it writes for it: the summary."""
    dtype = np.int32 if sequences[0].dtype.kind == "i" else np.float32
    ports = session.inputs if session.interface.encoder is None else session.interface.encoder.inputs
    shape = ports[0].shape[session.hop > 1 :]
    return [
        summary(frames, _answer(session, np.ascontiguousarray(frames, dtype).reshape(len(frames), *shape)))
        for frames in sequences
    ]


def _answer(session: Session, frames: Frames) -> Answer:
    if isinstance(session, Seq2SeqSession):
        return np.asarray(session.generate(frames), np.float32)
    if isinstance(session, SegmentSession):
        return np.asarray(session.run(frames))
    session.reset()
    rows = list(session.stream(frames, flush=True))
    return np.asarray(rows[-1] if session.outputs[0].kind == "final" else rows)


def sqnr_db(wanted: Sequence[Answer], found: Sequence[Answer]) -> float:
    """Energy of what was wanted over that of the differences, in decibels."""
    a, b = (np.concatenate([x.reshape(-1) for x in rows]).astype(np.float64) for rows in (wanted, found))
    return float(10 * np.log10(np.square(a).sum() / max(np.square(a - b).sum(), 1e-300)))


def _agreement(wanted: Sequence[Answer], found: Sequence[Answer]) -> float:
    a, b = ([int(np.atleast_2d(answer)[-1].argmax()) for answer in rows] for rows in (wanted, found))
    return 100 * float(np.mean(np.equal(a, b)))


def _drift(report: ArtifactReport) -> float | None:
    if not report.drift:
        return None
    return report.drift[0].rms_error_last / max(report.drift[0].rms_error_first, 1e-30)


def show(rows: Sequence[Row], tasks: Sequence[Task]) -> None:
    """Print the table."""
    units = {task.name: task for task in tasks}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("example", "scheme", "engine"):
        table.add_column(name)
    for name in ("score", "against\nfloat32", "agrees", "SQNR\ndB", "drift", "file\nKiB", "state\nB"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        task = units[row.task]
        if row.scheme == FLOAT:
            table.add_section()
        own = "*" if row.trained != task.weights.name else ""
        table.add_row(
            row.task if row.scheme == FLOAT else "", row.scheme + own, row.engine, _score(task, row.score),
            f"{row.difference:+.2f} {'points' if task.unit == '%' else '%'}",
            "" if row.agreement is None else f"{row.agreement:.2f} %", f"{row.sqnr_db:.1f}",
            "" if row.drift is None else f"{row.drift:.2f}", f"{row.size_bytes / 1024:.0f}", str(row.state_bytes),
        )  # fmt: skip
    console = Console(highlight=False)
    (console if console.width >= 110 else Console(highlight=False, width=110)).print(table)
    for task in tasks:
        console.print(f"{task.name}: {task.metric} on data that training never saw", soft_wrap=True)
    console.print("drift: error at the end of a long stream without reset, over that at its start")
    if any(row.trained != units[row.task].weights.name for row in rows):
        console.print("*: weights trained for these integers (edgernn.quant.prepare_qat)")


def _score(task: Task, score: float) -> str:
    return f"{score:.2f} %" if task.unit == "%" else f"{score:.4f} {task.unit}"


def main(*tasks: Task, arguments: Sequence[str] | None = None) -> int:
    """Measure the tasks in every scheme and print the table; the exit code."""
    parser = argparse.ArgumentParser(description="score of trained models in float32 and in integers")
    parser.add_argument("--output", type=Path, default=Path("build/accuracy"), help="folder for the artifacts")
    parser.add_argument("--schemes", nargs="+", choices=(*SCHEMES, weights8.SCHEME), default=list(SCHEMES))
    parser.add_argument("--drift-steps", type=int, default=DRIFT_STEPS)
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    try:
        for task in tasks:
            rows += measure(task, options.output, options.schemes, options.drift_steps)
    except EdgeRNNError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    show(rows, tasks)
    return 0
