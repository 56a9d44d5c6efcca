"""Real values at the ports of integer models, and integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array


def in_frames(
    sequences: Sequence[Mapping[str, Array] | Array], ports: Sequence[Port], hop: int = 1
) -> list[dict[str, Array]]:
    """``sequences`` (port -> [T, *frame shape]) with [T, 1] for [T] where a frame is one number, such as a token, and
    as whole steps where a step takes ``hop`` frames; frames at the end that are no whole step are left out.

    Of a model with one input a sequence may be the array alone. Raises UsageError where names are needed.
    """
    single = {port.name for port in ports if port.kind == "frame" and port.shape == (1,)}
    shapes = {port.name: port.shape for port in ports if port.kind == "frame"}
    found = []
    for number, sequence in enumerate(sequences):
        if not isinstance(sequence, Mapping) and len(ports) != 1:
            names, found_type = [port.name for port in ports], type(sequence).__name__
            raise UsageError(f"sequence {number} must be a dict with the inputs {names}, found {found_type}")
        named = sequence if isinstance(sequence, Mapping) else {ports[0].name: sequence}
        arrays = {name: np.asarray(array) for name, array in named.items()}
        arrays = {n: a[:, None] if n in single and a.ndim == 1 else a for n, a in arrays.items()}
        found.append({n: in_steps(a, shapes[n], hop) if n in shapes else a for n, a in arrays.items()})
    return found


def in_steps(frames: Array, shape: tuple[int, ...], hop: int) -> Array:
    """Frames [T, *shape[1:]] as [T // hop, *shape] for a port whose steps take ``hop`` frames; others as they are."""
    if hop > 1 and shape == (hop,) and frames.shape[1:] == (1,):
        frames = frames[:, 0]
    if hop == 1 or frames.ndim != len(shape) or frames.shape[1:] != shape[1:]:
        return frames
    return frames[: len(frames) // hop * hop].reshape(-1, *shape)


def quantize(array: Array, port: Port) -> Array:
    """Finite real values in units of the port's scale: rounded (halves up), saturated, in its dtype."""
    limits = np.iinfo(port.dtype)
    with np.errstate(over="ignore"):
        scaled = np.floor(array.astype(np.float32) * np.float32(1.0 / (port.scale or 1.0)) + np.float32(0.5))
    quantized: Array = np.clip(scaled, limits.min, limits.max).astype(port.dtype)
    return quantized


def dequantize(array: Array, port: Port) -> Array:
    """The real values, float32, of integers in units of the port's scale; other values as they are."""
    return array if port.scale is None else array.astype(np.float32) * np.float32(port.scale)
