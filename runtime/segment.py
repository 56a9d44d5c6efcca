"""A running model that takes whole segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment, Stage
from edgernn.runtime.engines.base import Engine
from edgernn.runtime.frames import coerce_frame
from edgernn.runtime.results import Result
from edgernn.runtime.session import Session


class SegmentSession(Session):
    """A model with bidirectional layers, or others that need the whole sequence. Get one from ``edgernn.load``.

    ``run`` is what it does: it has no step, and no state from one segment to the next.
    """

    def __init__(self, segment: Segment, engines: Sequence[Engine], path: str = "", raw: bool = False) -> None:
        """``engines`` run the step programs of the stages, in their order."""
        self.segment, self.path, self.interface = segment, path, segment.interface()
        self._engines = list(engines)
        self._name = engines[0].name
        self._raw = raw
        self.step = self.every_step = _no_step

    @property
    def raw(self) -> bool:
        """Float models have no integers to give."""
        return self._raw

    @raw.setter
    def raw(self, raw: bool) -> None:
        self._raw = raw

    @property
    def engine(self) -> str:
        """Name of the engine that runs the stages."""
        return self._name

    @property
    def max_frames(self) -> int:
        """The most frames that a segment may have."""
        return self.segment.max_frames

    @property
    def buffer_bytes(self) -> int:
        """Bytes of what is kept between the passes over a segment, for ``max_frames`` frames."""
        return self.segment.buffer_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of the states of one pass."""
        return self.segment.state_bytes

    def run(self, *sequences: Any, **named: Any) -> Result:
        """The outputs for one segment: [n, *shape] for an output of every frame, [*shape] for one of the whole.

        For one input, give its frames [n, *shape], 1 <= n <= ``max_frames``; for several, in order, by name, or in one
        dict by name; a static input without time. Raises FrameError for a wrong shape, dtype, length or value.
        """
        if not self._engines:
            raise UsageError("the session is closed; load the artifact again")
        if len(sequences) == 1 and isinstance(sequences[0], Mapping):
            named, sequences = {**sequences[0], **named}, ()
        given = self._in_order(tuple(sequences), named)
        values, count = self._read(given)
        for stage, engine in zip(self.segment.stages, self._engines, strict=True):
            _run_stage(stage, engine, values, count)
        outputs = {p.name: self._output(p, values[p.value], count) for p in self.outputs_of_program}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    @property
    def outputs_of_program(self) -> list[Port]:
        """The outputs with the names of their values."""
        return self.segment.outputs

    def reset(self, **initial: Any) -> None:
        """Nothing is carried from one segment to the next: there is nothing to reset."""
        if initial:
            raise UsageError("a model of whole segments starts each from its own states; none can be given")

    def flush(self, **static: Any) -> list[Result]:
        """A segment is whole: nothing follows."""
        return []

    def get_states(self) -> dict[str, Array]:
        """None: each segment starts anew."""
        return {}

    def snapshot(self) -> bytes:
        """There is no state between segments. Raises UsageError."""
        raise UsageError("a model of whole segments has no state between segments: there is nothing to snapshot")

    def restore(self, blob: bytes) -> None:
        """As ``snapshot``."""
        self.snapshot()

    def close(self) -> None:
        """Release the engines."""
        for engine in self._engines:
            engine.close()
        self._engines = []

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in (*self.inputs, *self.outputs))
        return (
            f"<SegmentSession {self.interface.name}: {ports}; up to {self.max_frames} frames, "
            f"{len(self.segment.stages)} stages, {self.buffer_bytes} B of buffers; engine {self.engine}>"
        )

    def _read(self, given: Sequence[Any]) -> tuple[dict[str, Array], int]:
        """Checked inputs by the names of their values, and the number of frames."""
        values = {}
        lengths = {}
        for port, array in zip(self.segment.inputs, given, strict=True):
            if port.kind == "static":
                values[port.value] = coerce_frame(array, port)
                continue
            whole = np.asarray(array)
            lengths[port.name] = len(whole) if whole.ndim else 0
            self._check_length(port, lengths[port.name], whole)
            try:
                values[port.value] = np.stack([coerce_frame(frame, port) for frame in whole])
            except FrameError as error:
                raise FrameError(f"{error} (each frame of a segment is one)") from None
        if len(set(lengths.values())) > 1:
            raise FrameError(f"inputs have different numbers of frames: {lengths}")
        return values, next(iter(lengths.values()))

    def _check_length(self, port: Port, length: int, whole: Array) -> None:
        if whole.ndim and 1 <= length <= self.max_frames:
            return
        raise FrameError(
            f"input {port.name!r}: a segment [n, {', '.join(map(str, port.shape))}] of 1 to {self.max_frames} frames "
            f"expected, found shape {whole.shape}; cut longer sequences into segments, or export with a larger "
            "--max-frames"
        )

    def _output(self, port: Port, value: Array, count: int) -> Array:
        return value.reshape((count, *port.shape) if port.kind == "frame" else port.shape)


def _run_stage(stage: Stage, engine: Engine, values: dict[str, Array], count: int) -> None:
    """Run one stage and add its outputs to ``values``."""
    engine.reset()
    once = stage.direction == "once"
    steps = range(1) if once else range(count) if stage.direction == "forward" else range(count - 1, -1, -1)
    ports, outputs = stage.graph.inputs, stage.graph.outputs
    made = [
        np.empty(p.shape if p.name in stage.takes or once else (count, *p.shape), p.dtype) for p in outputs
    ]
    whole = [once or p.kind == "static" for p in ports]
    arrays = [values[p.name].reshape(p.shape if w else (count, *p.shape)) for p, w in zip(ports, whole, strict=True)]
    for k, t in enumerate(steps):
        results = engine.run(*[a if w else a[t] for a, w in zip(arrays, whole, strict=True)])
        for array, port, result in zip(made, outputs, results, strict=True):
            take = stage.takes.get(port.name, "")
            if once or take == "last" or (take == "first" and k == 0):
                array[...] = result
            elif not take:
                array[t] = result
    values.update({port.name: array for port, array in zip(outputs, made, strict=True)})


def _no_step(*_: Any, **__: Any) -> Any:
    raise UsageError(
        "a model of whole segments has no step: its outputs depend on later frames; "
        "call session.run(frames) with the whole segment"
    )
