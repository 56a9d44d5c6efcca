"""The input that a validation feeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ir.ports import quantize

RANDOM_LENGTHS = (1, 2, 23, 64)
MAX_SEQUENCES = 8
MAX_FRAMES = 400

Sequence_ = dict[str, Array]


def random_sequences(interface: Interface, least: int = 1, seed: int = 0) -> list[Sequence_]:
    """Sequences of RANDOM_LENGTHS, of ``least`` frames at least: normal values, uniform indices."""
    rng = np.random.default_rng(seed)
    lengths = sorted({max(least, length) for length in RANDOM_LENGTHS})
    return [{p.name: random_input(p, length, rng) for p in interface.inputs} for length in lengths]


def random_input(port: Port, length: int, rng: np.random.Generator) -> Array:
    """[length, *shape] for a port of kind "frame", [*shape] for a static one."""
    shape = port.shape if port.kind == "static" else (length, *port.shape)
    if port.dtype == "float32":
        return rng.standard_normal(shape).astype(np.float32)
    return rng.integers(0, port.limit or 100, shape).astype(port.dtype)


def check_calibration(interface: Interface, sequences: Sequence[Sequence_]) -> None:
    """Raise UsageError unless every sequence fits the ports."""
    for number, sequence in enumerate(sequences):
        names = {p.name for p in interface.inputs}
        if set(sequence) != names:
            raise UsageError(
                f"calibration sequence {number} has inputs {sorted(sequence)}, the model has {sorted(names)}"
            )
        for port in interface.inputs:
            _check_array(port, np.asarray(sequence[port.name]), f"calibration sequence {number}, input {port.name!r}")
        lengths = {len(sequence[p.name]) for p in interface.inputs if p.kind == "frame"}
        if len(lengths) != 1 or 0 in lengths:
            raise UsageError(f"calibration sequence {number}: inputs have {sorted(lengths)} frames")


def _check_array(port: Port, array: Array, where: str) -> None:
    found = array.shape if port.kind == "static" else array.shape[1:]
    if found != port.shape:
        wanted = port.shape if port.kind == "static" else ("T", *port.shape)
        raise UsageError(f"{where}: shape {wanted} expected, found {array.shape}")
    if array.dtype.kind not in ("f" if port.dtype == "float32" else "iu") or not np.isfinite(array).all():
        raise UsageError(f"{where}: finite {port.dtype} expected, found {array.dtype} or values that are not finite")
    if port.limit is not None and (array.min() < 0 or array.max() >= port.limit):
        raise UsageError(f"{where}: indices must be in 0..{port.limit - 1}, found {array.min()}..{array.max()}")


def shortened(sequences: Sequence[Sequence_], interface: Interface) -> list[Sequence_]:
    """At most MAX_SEQUENCES, spread over all, of at most MAX_FRAMES each, in the ports' dtypes."""
    step = max(1, len(sequences) // MAX_SEQUENCES)
    kinds = {p.name: p for p in interface.inputs}
    return [
        {
            name: np.ascontiguousarray(array if kinds[name].kind == "static" else array[:MAX_FRAMES], kinds[name].dtype)
            for name, array in sequence.items()
        }
        for sequence in list(sequences)[::step][:MAX_SEQUENCES]
    ]


def frames_in(ports: Sequence[Port], sequence: Sequence_) -> int:
    """How many frames, or steps, a sequence has for inputs ``ports``."""
    return next(len(sequence[p.name]) for p in ports if p.kind == "frame")


def integer_input(ports: Sequence[Port], sequence: Sequence_) -> Sequence_:
    """A sequence of real input as a program with inputs ``ports`` takes it."""
    return {p.name: quantize(sequence[p.name], p) if p.scale else sequence[p.name] for p in ports}


def cut_to(sequence: Sequence_, interface: Interface, frames: int) -> Sequence_:
    """The first ``frames`` of a sequence."""
    static = {p.name for p in interface.inputs if p.kind == "static"}
    return {n: a if n in static else a[:frames] for n, a in sequence.items()}


def continued(sequences: Sequence[Sequence_], interface: Interface, steps: int) -> Sequence_:
    """One sequence of ``steps`` frames: the given ones one after the other, again and again."""
    stream: Sequence_ = {}
    for port in interface.inputs:
        if port.kind == "static":
            stream[port.name] = np.asarray(sequences[0][port.name], port.dtype)
            continue
        whole = np.concatenate([np.asarray(s[port.name], port.dtype) for s in sequences])
        stream[port.name] = np.resize(whole, (steps, *port.shape))
    return stream
