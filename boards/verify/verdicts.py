"""Running all streams and comparing each with the reference."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from edgernn.boards.verify.compare import Difference, digest, first_difference, is_exact, largest_error, tolerances
from edgernn.boards.verify.streams import Frames, Model, Outputs, Stop, Stream, evaluate, face
from edgernn.errors import EmulationError
from edgernn.ir.graph import Port

REFERENCE = "reference"


@dataclass(frozen=True)
class Verdict:
    """How one stream compares with the reference.

    max_error   of any output, in the units of the port
    difference  the first; None where all outputs agree
    error       why there are no outputs: the emulated program left its memory, for one
    """

    name: str
    core: str
    how: str
    seconds: float
    sha256: str = ""
    max_error: float = 0.0
    difference: Difference | None = None
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all outputs are what they should be."""
        return self.difference is None and not self.error

    @property
    def text(self) -> str:
        """What is wrong, for people; empty where nothing is."""
        return self.error or (f"first differs at {self.difference.text}" if self.difference is not None else "")


@dataclass(frozen=True)
class Report:
    """One model, one stream of frames, every way to run it.

    exact       whether all outputs are integers and were compared bit for bit
    tolerance   largest error allowed of each output; 0 for integers
    left_out    board or engine -> why it was not run
    """

    model: str
    scheme: str
    fingerprint: str
    input: str
    steps: int
    exact: bool
    tolerance: Mapping[str, float]
    verdicts: tuple[Verdict, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether all streams do."""
        return all(verdict.agrees for verdict in self.verdicts)

    @property
    def sha256(self) -> str:
        """Of the reference's outputs."""
        return next(v.sha256 for v in self.verdicts if v.name == REFERENCE)

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values."""
        plain = asdict(self)
        verdicts = [{**v, "agrees": mine.agrees} for v, mine in zip(plain.pop("verdicts"), self.verdicts, strict=True)]
        return {"agrees": self.agrees, "sha256": self.sha256, **plain, "streams": verdicts}


@dataclass(frozen=True)
class _Run:
    seconds: float
    outputs: Outputs | None = None
    error: str = ""


def verify(
    model: Model, frames: Frames, streams: Sequence[Stream], *, workers: int | None = None,
    progress: Callable[[int], None] = lambda steps: None,
) -> tuple[tuple[Verdict, ...], dict[str, float]]:  # fmt: skip
    """Run ``frames`` through ``streams``, of which the first is the reference, several at a time.

    progress  called with each number of steps that one of them has done

    Returns a verdict for each, and the tolerance of each output. Raises FrameError for frames that the model refuses.
    """
    stop = Stop(progress)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        try:
            rounded = _rounded(pool, model, frames, stop)
            futures = [pool.submit(_timed, stream, frames, stop) for stream in streams]
            runs = [future.result() for future in futures]
            other = rounded.result() if rounded is not None else None
        except BaseException:
            stop.end()
            pool.shutdown(cancel_futures=True)
            raise
    expected = runs[0].outputs or {}
    outputs = face(model).outputs
    allowed = tolerances(outputs, expected, other)
    return tuple(_verdict(outputs, s, r, expected, allowed) for s, r in zip(streams, runs, strict=True)), allowed


def _rounded(pool: ThreadPoolExecutor, model: Model, frames: Frames, stop: Stop) -> Future[Outputs] | None:
    """The definition once more in float32, which tells how large rounding may be."""
    if all(is_exact(port) for port in model.outputs):
        return None
    return pool.submit(evaluate, model, frames, stop, "float32")


def _timed(stream: Stream, frames: Frames, stop: Stop) -> _Run:
    begin = time.perf_counter()
    try:
        outputs = stream.run(frames, stop)
    except EmulationError as error:
        return _Run(time.perf_counter() - begin, error=str(error))
    return _Run(time.perf_counter() - begin, outputs)


def _verdict(
    ports: Sequence[Port], stream: Stream, run: _Run, expected: Outputs, allowed: Mapping[str, float]
) -> Verdict:
    head = (stream.name, stream.core, stream.how, run.seconds)
    if run.outputs is None:
        return Verdict(*head, error=run.error)
    return Verdict(
        *head, digest(ports, run.outputs),
        max(largest_error(expected[p.name], run.outputs[p.name]) for p in ports),
        first_difference(ports, expected, run.outputs, allowed),
    )  # fmt: skip
