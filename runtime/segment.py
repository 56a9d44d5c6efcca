"""A running model that takes whole segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ir.ports import in_steps
from edgernn.runtime.frames import coerce_frame
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.results import Result
from edgernn.runtime.session import Session


class Runner(Protocol):
    """What runs the segments of one model.

    interface     that of the model, with ``max_frames``
    name          of the engine
    buffer_bytes  what is kept between passes, for the most frames
    state_bytes   of the states of one pass
    """

    interface: Interface
    name: str
    buffer_bytes: int
    state_bytes: int

    def run(self, inputs: Sequence[Array], count: int) -> list[Array]:
        """New arrays, one an output, of ``count`` steps. Inputs are C-contiguous, as ports have them."""

    def close(self) -> None:
        """Release what the engine holds."""


class SegmentSession(Session):
    """A model with bidirectional layers, or others that need the whole sequence. Get one from ``edgernn.load``.

    ``run`` is what it does: it has no step, and no state from one segment to the next.
    """

    def __init__(self, runner: Runner, path: str = "", raw: bool = False) -> None:
        self.path, self.interface = path, runner.interface
        self._runner: Runner | None = runner
        self._name, self._memory = runner.name, (runner.buffer_bytes, runner.state_bytes)
        self._raw = raw
        self.step = self.every_step = _no_step

    @property
    def raw(self) -> bool:
        """Of an integer model: whether ``run`` returns integers, in units of the ports' ``scale``, not real values."""
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
        return self.interface.max_frames or 0

    @property
    def buffer_bytes(self) -> int:
        """Bytes of what is kept between the passes over a segment, for ``max_frames`` frames."""
        return self._memory[0]

    @property
    def state_bytes(self) -> int:
        """Bytes of the states of one pass."""
        return self._memory[1]

    def run(self, *sequences: Any, **named: Any) -> Result:
        """The outputs for one segment: [n, *shape] for an output of every frame, [*shape] for one of the whole.

        For one input, give its frames [n, *shape], 1 <= n <= ``max_frames``; for several, in order, by name, or in one
        dict by name; a static input without time. Raises FrameError for a wrong shape, dtype, length or value.
        """
        if self._runner is None:
            raise UsageError("the session is closed; load the artifact again")
        if len(sequences) == 1 and isinstance(sequences[0], Mapping):
            named, sequences = {**sequences[0], **named}, ()
        given, count = self._read(self._in_order(tuple(sequences), named))
        results = self._runner.run(given, count)
        outputs = {
            port.name: array if self._raw else dequantize(array, port)
            for port, array in zip(self.outputs, results, strict=True)
        }
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

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
        """Release the engine."""
        if self._runner is not None:
            self._runner.close()
        self._runner = None

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in (*self.inputs, *self.outputs))
        return (
            f"<SegmentSession {self.interface.name}: {ports}; up to {self.max_frames} frames, "
            f"{self.buffer_bytes} B of buffers; engine {self.engine}>"
        )

    def _read(self, given: Sequence[Any]) -> tuple[list[Array], int]:
        """Checked inputs as the ports have them, and the number of steps."""
        arrays = []
        lengths: dict[str, int] = {}
        for port, array in zip(self.inputs, given, strict=True):
            if port.kind == "static":
                arrays.append(coerce_frame(array, port))
                continue
            whole = np.asarray(array)
            steps = in_steps(whole, port.shape, self.hop) if whole.ndim else whole
            lengths[port.name] = len(steps) if whole.ndim else 0
            self._check_length(port, lengths[port.name], whole, steps is not whole)
            arrays.append(self._frames(port, steps))
        if len(set(lengths.values())) > 1:
            raise FrameError(f"inputs have different numbers of frames: {lengths}")
        return arrays, next(iter(lengths.values()))

    def _frames(self, port: Port, whole: Array) -> Array:
        if whole.shape == (len(whole), 1, *port.shape) or (whole.ndim == 1 and port.size == 1):
            whole = whole.reshape(len(whole), *port.shape)
        many = replace(port, shape=(len(whole), *port.shape))
        try:
            return coerce_frame(whole, many)
        except FrameError as error:
            coerce_frame(whole[0], port)
            raise FrameError(f"{error} (the first axis is time)") from None

    def _check_length(self, port: Port, steps: int, whole: Array, in_frames: bool) -> None:
        rest = len(whole) % self.hop if in_frames else 0
        if whole.ndim and 1 <= steps <= self.max_frames // self.hop and not rest:
            return
        if rest:
            raise FrameError(
                f"input {port.name!r}: {len(whole)} frames are no whole steps of {self.hop}: cut them, or add zeros"
            )
        raise FrameError(
            f"input {port.name!r}: a segment [n, {', '.join(map(str, port.shape))}] of 1 to {self.max_frames} frames "
            f"expected, found shape {whole.shape}; cut longer sequences into segments, or export with a larger "
            "--max-frames"
        )


def _no_step(*_: Any, **__: Any) -> Any:
    raise UsageError(
        "a model of whole segments has no step: its outputs depend on later frames; "
        "call session.run(frames) with the whole segment"
    )
