"""Comparing two streams of outputs: integers bit for bit, floats within a tolerance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgernn.ir.graph import Port

Array = npt.NDArray[Any]

RELATIVE_TOLERANCE = 1e-5
"""Error allowed of a float output, relative to its largest absolute value."""

ABSOLUTE_TOLERANCE = 1e-6
ROUNDING_FACTOR = 10.0
"""Nor is less allowed than so many times the difference between float32 and float64 of the definition itself."""


@dataclass(frozen=True)
class Difference:
    """The first place where a stream is not what it should be. ``index`` is that of the value in its frame."""

    step: int
    output: str
    index: tuple[int, ...]
    expected: float
    found: float

    @property
    def text(self) -> str:
        """For people."""
        place = f"{self.output}[{', '.join(map(str, self.index))}]" if self.index else self.output
        return f"step {self.step}, {place}: expected {self.expected!r}, found {self.found!r}"


def is_exact(port: Port) -> bool:
    """Whether an output is of integers, which have to be equal."""
    return np.dtype(port.dtype).kind != "f"


def digest(ports: Sequence[Port], outputs: Mapping[str, Array]) -> str:
    """SHA-256 of the stream: all outputs of a step in the order of the ports, little-endian, step after step."""
    rows = []
    for port in ports:
        array = np.ascontiguousarray(outputs[port.name], np.dtype(port.dtype).newbyteorder("<"))
        rows.append(array.reshape(len(array), -1).view(np.uint8))
    return hashlib.sha256(np.concatenate(rows, axis=1).tobytes()).hexdigest()


def tolerances(
    ports: Sequence[Port], expected: Mapping[str, Array], rounded: Mapping[str, Array] | None
) -> dict[str, float]:
    """The largest error allowed of each output: 0 for integers. ``rounded`` is ``expected`` computed in float32."""
    return {port.name: 0.0 if is_exact(port) else _tolerance(port.name, expected, rounded) for port in ports}


def _tolerance(name: str, expected: Mapping[str, Array], rounded: Mapping[str, Array] | None) -> float:
    values = expected[name]
    allowed = RELATIVE_TOLERANCE * float(np.max(np.abs(values), initial=0.0)) + ABSOLUTE_TOLERANCE
    if rounded is None:
        return allowed
    noise = float(np.max(np.abs(values - rounded[name]), initial=0.0))
    return max(allowed, ROUNDING_FACTOR * noise)


def largest_error(expected: Array, found: Array) -> float:
    """The largest difference; infinity where NaN was found or the shapes differ."""
    if expected.shape != found.shape:
        return float("inf")
    error = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return float(np.max(np.where(np.isnan(error), np.inf, error), initial=0.0))


def first_difference(
    ports: Sequence[Port], expected: Mapping[str, Array], found: Mapping[str, Array], allowed: Mapping[str, float]
) -> Difference | None:
    """The first value, in order of steps, that is further off than ``allowed``; None where all agree."""
    differences = [_first(port.name, expected[port.name], found[port.name], allowed[port.name]) for port in ports]
    return min((d for d in differences if d is not None), key=lambda d: d.step, default=None)


def _first(name: str, expected: Array, found: Array, allowed: float) -> Difference | None:
    count = min(len(expected), len(found))
    error = np.abs(found[:count].astype(np.float64) - expected[:count].astype(np.float64))
    wrong = ~(error <= allowed)
    if not wrong.any():
        return None
    place = tuple(int(k) for k in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
    return Difference(place[0], name, place[1:], expected[place].item(), found[place].item())
