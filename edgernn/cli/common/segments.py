"""``edgernn run`` of a model that takes whole segments."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from edgernn.cli.common.stream import StopSignal, Summary
from edgernn.errors import FrameError
from edgernn.ir.interface import Interface
from edgernn.runtime.io import Sink, Source
from edgernn.runtime.segment import SegmentSession


def run_segment(
    session: SegmentSession, source: Source, sink: Sink, limit: int | None, stop: StopSignal
) -> Summary:
    """Run all frames of ``source`` as one segment. Outputs of the whole segment are in each row that is written.

    Raises FrameError for more frames than the model takes, or none.
    """
    summary = Summary(session.path, session.engine)
    begin = time.perf_counter()
    arrays, count = collected(source, session.interface, limit, stop)
    before = time.perf_counter()
    result = session.run(*arrays)
    summary.step_s = time.perf_counter() - before
    outputs = result if isinstance(result, dict) else {session.outputs[0].name: result}
    timed = [p.name for p in session.outputs if p.kind == "frame"]
    for t in range(count if timed else 1):
        sink.write({name: array[t] if name in timed else array for name, array in outputs.items()})
    summary.frames, summary.seconds = count * session.hop, time.perf_counter() - begin
    memory = f"{session.buffer_bytes:,} B of buffers, {session.state_bytes:,} B of state"
    note = f"segment of {summary.frames} frames: {memory}"
    summary.notes = [*([source.note] if source.note else []), note]
    summary.exit_code = stop.exit_code
    return summary


def collected(
    source: Source, interface: Interface, limit: int | None, stop: StopSignal | None
) -> tuple[list[Any], int]:
    """All frames of ``source`` as arrays, one an input, and the number of steps. Raises FrameError."""
    rows: list[tuple[Any, ...]] = []
    most = interface.max_frames or 0
    for item in source:
        if len(rows) == limit or (stop is not None and stop.number is not None):
            break
        rows.append(item)
        if len(rows) * interface.hop > most:
            raise FrameError(f"{source.where}: more than the {most} frames of a segment; use --limit")
    if not rows:
        raise FrameError(f"{source.where}: a segment has at least one frame")
    arrays = [
        column[-1] if port.kind == "static" else np.stack([np.asarray(frame).reshape(port.shape) for frame in column])
        for port, column in zip(interface.inputs, zip(*rows, strict=True), strict=True)
    ]
    return arrays, len(rows)
