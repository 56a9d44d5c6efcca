"""The loop of ``edgernn run``: frames in, results out, until the end or a signal."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any

from edgernn.cli.common.failure import EXIT_INTERRUPTED, EXIT_TERMINATED
from edgernn.errors import FrameError
from edgernn.runtime.io import Sink, Source
from edgernn.runtime.results import Result
from edgernn.runtime.session import Session

SIGNALS = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED}


@dataclass
class Summary:
    """What a run did.

    step_s     seconds inside ``session.step``, all frames together
    exit_code  0, or that of the signal that ended the stream
    board      what the steps cost, as a board told over its serial port
    """

    artifact: str
    engine: str
    frames: int = 0
    seconds: float = 0.0
    step_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    snapshot: str | None = None
    restored: bool = False
    exit_code: int = 0
    board: dict[str, Any] | None = None

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "artifact": self.artifact, "engine": self.engine, "frames": self.frames, "seconds": self.seconds,
            "us_per_step": self.step_s / self.frames * 1e6 if self.frames else None, "notes": self.notes,
            "snapshot": self.snapshot, "restored": self.restored, "interrupted": self.exit_code != 0,
            **({"board": self.board} if self.board is not None else {}),
        }  # fmt: skip

    def text(self) -> str:
        """One or more lines for people."""
        ended = "; interrupted" if self.exit_code else ""
        rate = f", {self.step_s / self.frames * 1e6:.1f} us a step" if self.frames else ""
        lines = [f"{self.frames} frames in {self.seconds:.2f} s{rate} ({self.engine}){ended}"]
        if self.snapshot:
            begun = "continued from and saved to" if self.restored else "saved to"
            lines.append(f"state {begun} {self.snapshot}")
        if self.board is not None:
            lines.append(_board_line(self.board))
        return "\n".join([*lines, *self.notes])


def _board_line(board: dict[str, Any]) -> str:
    """``pico: 12,345 cycles a step measured at 12 MHz, 176 B of stack``."""
    cycles, parts = board["cycles"], []
    if cycles is not None:
        us = cycles["median"] / board["clock_hz"] * 1e6
        clock = f"{board['clock_hz'] / 1e6:g} MHz"
        parts.append(f"{cycles['median']:,.0f} cycles a step measured at {clock} ({us:,.1f} us)")
    else:
        parts.append("its counter does not count cycles")
    if board["stack_bytes"] is not None:
        parts.append(f"{board['stack_bytes']} B of stack")
    if board["recoveries"]:
        parts.append(f"reset {board['recoveries']} times, no frame lost")
    return f"{board['board']}: {', '.join(parts)}"


class StopSignal:
    """SIGINT and SIGTERM end a stream between two frames, never within one.

    While ``waiting`` for input a signal raises KeyboardInterrupt; otherwise it is only noted in
    ``number``. A second one raises in any case.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.waiting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignal:
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = self.number is not None
        self.number = number
        if self.waiting or again:
            raise KeyboardInterrupt

    @property
    def exit_code(self) -> int:
        """The exit code that the signal asks for."""
        return 0 if self.number is None else SIGNALS[signal.Signals(self.number)]


def stream(
    session: Session, source: Source, sink: Sink, limit: int | None, stop: StopSignal,
    progress: Callable[[str, int, int], None], end: bool = True,
) -> Summary:  # fmt: skip
    """Step through ``source`` and write to ``sink``. The sink is not closed.

    ``end``: the sequence ends with the source, so that a model with a delay says the rest of it.

    Raises FrameError naming the place in the source, and whatever reading and writing raise.
    """
    summary = Summary(session.path, session.engine)
    total = min((n for n in (source.total, limit) if n is not None), default=0)
    begin = time.perf_counter()
    frames = iter(source)
    step, last = session.step, None
    while summary.frames != limit and (item := _next(frames, stop)) is not None:
        before = time.perf_counter()
        try:
            result = step(*item)
        except FrameError as error:
            raise FrameError(f"{source.where}: {error}") from None
        summary.step_s += time.perf_counter() - before
        _write(sink, session, result)
        summary.frames, last = summary.frames + 1, item
        progress("streaming", summary.frames, total)
    if end and stop.number is None and last is not None:
        static = {p.name: frame for p, frame in zip(session.inputs, last, strict=True) if p.kind == "static"}
        for result in session.flush(**static):
            _write(sink, session, result)
    summary.seconds = time.perf_counter() - begin
    summary.notes = [source.note] if source.note else []
    summary.exit_code = stop.exit_code
    return summary


def _write(sink: Sink, session: Session, result: Result | None) -> None:
    if result is not None:
        sink.write(result if isinstance(result, dict) else {session.outputs[0].name: result})


def _next(frames: Any, stop: StopSignal) -> Any:
    """The next frames, or None at the end or when a signal came."""
    try:
        stop.waiting = True
        if stop.number is not None:
            return None
        return next(frames, None)
    except KeyboardInterrupt:
        return None
    finally:
        stop.waiting = False
