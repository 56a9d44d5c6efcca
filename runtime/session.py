"""A running model: steps, state, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from types import TracebackType
from typing import Any

import numpy as np

from edgernn.errors import FrameError, SnapshotError, UsageError
from edgernn.ir.graph import Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ir.ports import in_steps
from edgernn.ir.tokenizer import Tokenizer
from edgernn.runtime.ends import Ends
from edgernn.runtime.engines.base import Engine
from edgernn.runtime.frames import check_values, reader
from edgernn.runtime.quantized import dequantize, real_dtype
from edgernn.runtime.results import Result
from edgernn.runtime.snapshot import pack_snapshot, unpack_snapshot


class Session:
    """One model with its state. Get one from ``edgernn.load``. Not thread-safe: one session a stream.

    A frame that is refused (FrameError) leaves the state as it was.
    """

    step: Callable[..., Result | None]
    """Process one frame. Returns None while a model with a ``delay`` has nothing to say yet.

    For one input, give an array of ``inputs[0].shape`` (anything NumPy converts). For several, give
    them in order or by name. A dict by name does for any number. Returns the output as a new array, or a dict
    by name when there are several outputs. Raises FrameError for a wrong shape, dtype, NaN, infinity or index,
    and UsageError after ``flush``.
    """

    every_step: Callable[..., Result]
    """As ``step``, for a model with a delay what the program computes before its first output too."""

    def __init__(self, engine: Engine, path: str = "", raw: bool = False) -> None:
        self._engine: Engine | _ClosedEngine = engine
        self.path = path
        self.interface: Interface = engine.interface
        self._ends = Ends(engine.interface)
        self.raw = raw

    @property
    def raw(self) -> bool:
        """For integer models: whether a step returns integers, in units of the ports' ``scale``, not real values."""
        return self._raw

    @raw.setter
    def raw(self, raw: bool) -> None:
        self._raw = raw
        self.every_step = self._step_of_ports()
        self.step = self._ends.late(self.every_step)

    @property
    def engine(self) -> str:
        """Name of the engine that runs the steps."""
        return self._engine.name

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What a step takes: name, frame shape, dtype."""
        return self.interface.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What a step gives."""
        return self.interface.outputs

    @property
    def states(self) -> tuple[State, ...]:
        """What is carried from step to step: name, shape, dtype, bytes (``nbytes``), initial value."""
        return self.interface.states

    @property
    def state_bytes(self) -> int:
        """Bytes of all states together."""
        return self.interface.state_bytes

    @property
    def delay(self) -> int:
        """Steps by which outputs lag behind the frame they belong to."""
        return self.interface.delay

    @property
    def hop(self) -> int:
        """Input frames consumed by one step."""
        return self.interface.hop

    @property
    def tail(self) -> int:
        """Steps after the last frame of a sequence that the last outputs need: what ``flush`` makes."""
        return self.interface.tail

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What the symbols that the model reads or writes stand for, where the artifact holds that."""
        return self.interface.tokenizer

    def stream(self, frames: Iterable[Any], flush: bool = False) -> Iterator[Result]:
        """Step through ``frames`` (an array whose first axis is time, or any iterable), yielding each result.

        An array of single frames [T, ...] is taken in whole steps where a step takes ``hop`` of them; an iterable gives
        what ``step`` takes. Raises FrameError where T is no multiple of ``hop``.
        With ``flush`` the sequence ends with the last frame: the results are those of the whole-sequence module.
        """
        for frame in self._in_steps(frames):
            result = self.step(frame)
            if result is not None:
                yield result
        if flush:
            yield from self.flush()

    def _in_steps(self, frames: Iterable[Any]) -> Iterable[Any]:
        if self.hop == 1 or not isinstance(frames, np.ndarray):
            return frames
        steps = in_steps(frames, self.inputs[0].shape, self.hop)
        if steps is not frames and len(frames) % self.hop:
            raise FrameError(f"{len(frames)} frames are no whole steps of {self.hop}: cut them, or feed zeros after")
        return steps

    def flush(self, **static: Any) -> list[Result]:
        """End the sequence: what a model with a delay still has to say of the frames that were fed, in order.

        Afterwards ``reset`` begins another sequence. ``static`` are the inputs that stay the same for a sequence, by
        name. A model without a ``tail`` has said everything: the list is empty, and steps may go on.
        """
        wanted = [p.name for p in self.inputs if p.kind == "static"]
        if self.tail and set(static) != set(wanted):
            raise UsageError(f"flush takes the inputs {wanted} by name, found {sorted(static)}")
        if not self.tail:
            return []
        zeros = {p.name: np.zeros(p.shape, p.dtype) for p in self.inputs if p.kind != "static"}
        frames = [zeros[p.name] if p.name in zeros else static[p.name] for p in self.inputs]
        self._engine.set_states(self._ends.ended(self._engine.get_states()))
        results = [self.step(*frames) for _ in range(self.tail)]
        self._ends.close()
        return [result for result in results if result is not None]

    def reset(self, **initial: Any) -> None:
        """Set the states to their initial values, or to those given by name."""
        unknown = set(initial) - {s.name for s in self.states}
        if unknown:
            raise UsageError(f"unknown states {sorted(unknown)}; the model has {[s.name for s in self.states]}")
        self._set_states([
            _state_value(state, initial[state.name]) if state.name in initial else state.initial
            for state in self.states
        ])  # fmt: skip

    def get_states(self) -> dict[str, Array]:
        """Copies of the states, by name."""
        return dict(zip((s.name for s in self.states), self._engine.get_states(), strict=True))

    def snapshot(self) -> bytes:
        """All states as bytes, which any engine running the same model restores."""
        return pack_snapshot(self.interface, self._engine.get_states())

    def restore(self, blob: bytes) -> None:
        """Continue from a snapshot. Raises SnapshotError, and changes nothing, if it is damaged or foreign."""
        if not isinstance(blob, bytes | bytearray | memoryview):
            raise SnapshotError(f"a snapshot is bytes, found {type(blob).__name__}")
        self._set_states(unpack_snapshot(self.interface, bytes(blob)))

    def _set_states(self, states: Sequence[Array]) -> None:
        self._engine.set_states(states)
        self._ends.restart(states)

    def close(self) -> None:
        """Release the engine. Whatever is asked of the session afterwards raises UsageError."""
        engine, self._engine = self._engine, _ClosedEngine(self._engine.name)
        engine.close()
        self.step = self.every_step = _closed

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in (*self.inputs, *self.outputs))
        return f"<Session {self.interface.name}: {ports}; {self.state_bytes} B of state; engine {self.engine}>"

    def _step_of_ports(self) -> Callable[..., Result]:
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            return self._general_step()
        scaled = self.inputs[0].scale is not None or self.outputs[0].scale is not None
        return self._real_step() if scaled and not self.raw else self._single_step()

    def _real_step(self) -> Callable[[Any], Result]:
        """Of an integer model: frames that are not ready for the engine take the long way."""
        run, general, port = self._engine.single_real(), self._general_step(), self.inputs[0]
        dtype, shape, ndarray = real_dtype(port), port.shape, np.ndarray

        def step_real(frame: Any) -> Result:
            if (
                frame.__class__ is not ndarray
                or frame.dtype is not dtype
                or frame.shape != shape
                or not frame.flags.c_contiguous
            ):
                return general(frame)
            return run(frame)

        return step_real

    def _single_step(self) -> Callable[[Any], Array]:
        run, port = self._engine.single(), self.inputs[0]
        read = reader(port, self._engine.checks_finite)
        dtype, shape, ndarray, vdot = np.dtype(port.dtype), port.shape, np.ndarray, np.vdot

        def step_checked_by_engine(frame: Any) -> Array:
            if (
                frame.__class__ is not ndarray
                or frame.dtype is not dtype
                or frame.shape != shape
                or not frame.flags.c_contiguous
            ):
                frame = read(frame)
            return run(frame)

        def step_float(frame: Any) -> Array:
            if (
                frame.__class__ is not ndarray
                or frame.dtype is not dtype
                or frame.shape != shape
                or not frame.flags.c_contiguous
            ):
                frame = read(frame)
            elif not vdot(frame, frame) < inf:
                check_values(frame, port)
            return run(frame)

        def step_any(frame: Any) -> Array:
            return run(read(frame))

        if self._engine.checks_finite:
            return step_checked_by_engine
        return step_float if port.dtype == "float32" else step_any

    def _general_step(self) -> Callable[..., Result]:
        """Of several inputs or outputs."""
        run, ndarray = self._engine.run, np.ndarray
        readers = [reader(port, self._engine.checks_finite) for port in self.inputs]
        names = [port.name for port in self.outputs]
        scaled = [] if self.raw else [k for k, port in enumerate(self.outputs) if port.scale is not None]
        count, ports = len(readers), self.outputs

        def step(*frames: Any, **named: Any) -> Result:
            if named or len(frames) != count or (frames[0].__class__ is not ndarray and isinstance(frames[0], Mapping)):
                frames = self._in_order(frames, named)
            values = list(run(*[read(frame) for read, frame in zip(readers, frames, strict=True)]))
            for k in scaled:
                values[k] = dequantize(values[k], ports[k])
            return dict(zip(names, values, strict=True)) if len(values) != 1 else values[0]

        return step

    def _in_order(self, frames: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Frames by name, or in one dict, in the order of the inputs. Raises FrameError."""
        if len(frames) == 1 and isinstance(frames[0], Mapping):
            named, frames = {**frames[0], **named}, ()
        if named:
            frames = self._by_name(frames, named)
        if len(frames) != len(self.inputs):
            raise FrameError(
                f"{len(self.inputs)} inputs expected ({[p.name for p in self.inputs]}), found {len(frames)}"
            )
        return frames

    def _by_name(self, frames: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        rest = [p.name for p in self.inputs[len(frames) :]]
        if set(named) != set(rest):
            raise FrameError(f"inputs {rest} expected by name, found {sorted(named)}")
        return (*frames, *(named[name] for name in rest))


class _ClosedEngine:
    """In place of the engine of a closed session."""

    def __init__(self, name: str) -> None:
        self.name = name

    def close(self) -> None:
        """Nothing is left to release."""

    def __getattr__(self, name: str) -> Any:
        raise UsageError("the session is closed; load the artifact again")


def _closed(*_: Any, **__: Any) -> Array:
    raise UsageError("the session is closed; load the artifact again")


def _state_value(state: State, value: Any) -> Array:
    array = np.asarray(value)
    if array.shape != state.shape or array.dtype.kind not in ("fiu" if state.dtype.startswith("f") else "iu"):
        raise UsageError(f"state {state.name!r} is {state.dtype} {state.shape}, found {array.dtype} {array.shape}")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=state.dtype).reshape(state.shape)
    if not np.isfinite(converted).all():
        raise UsageError(f"state {state.name!r}: values must be finite in {state.dtype}")
    if converted.dtype.kind == "i" and not np.array_equal(converted, array):
        raise UsageError(f"state {state.name!r}: values must fit {state.dtype}")
    return converted
