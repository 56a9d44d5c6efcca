"""Checks and conversions of what users feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from edgernn.errors import FrameError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array
from edgernn.runtime.quantized import quantize


def coerce_frame(frame: Any, port: Port) -> Array:
    """``frame`` as a C-contiguous array of exactly the port's shape and dtype.

    Accepted: anything NumPy takes; float16 to float64 and integers for a float port, any integers for
    an integer port; a plain number for a port of one element; any of these in a dict under the port's name.
    A port with a scale takes int16 as it is and quantizes everything else. Raises FrameError otherwise.
    """
    if isinstance(frame, Mapping) and frame.keys() == {port.name}:
        frame = frame[port.name]
    try:
        array = np.asarray(frame)
    except (ValueError, TypeError) as error:
        raise FrameError(f"input {port.name!r}: not an array: {error}") from None
    if array.ndim == 0 and port.size == 1:
        array = array.reshape(port.shape)
    if array.shape != port.shape:
        raise FrameError(
            f"input {port.name!r}: a frame has shape {port.shape}, found {array.shape}{_hint(array, port)}"
        )
    wanted = np.dtype(port.dtype)
    if port.scale is not None and array.dtype != wanted and array.dtype.kind in "fiu":
        check_values(array, replace(port, dtype="float32"))
        return np.ascontiguousarray(quantize(array, port)).reshape(port.shape)
    if array.dtype.kind not in ("fiu" if wanted.kind == "f" else "iu"):
        kind = "numbers" if wanted.kind == "f" else "integers"
        raise FrameError(f"input {port.name!r}: {kind} ({port.dtype}) expected, found {array.dtype}")
    check_values(array, port)
    return np.ascontiguousarray(array, dtype=wanted).reshape(port.shape)


def reader(port: Port, trusted: bool) -> Callable[[Any], Array]:
    """``coerce_frame`` for one port, quick for what needs no conversion and for single indices.

    ``trusted``: whoever gets the result checks its values.
    """
    dtype, shape, ndarray = np.dtype(port.dtype), port.shape, np.ndarray
    convert = _index_reader(port) if dtype.kind == "i" and port.size == 1 and port.scale is None else None

    def read(frame: Any) -> Array:
        if (
            trusted
            and frame.__class__ is ndarray
            and frame.dtype is dtype
            and frame.shape == shape
            and frame.flags.c_contiguous
        ):
            exact: Array = frame
            return exact
        return coerce_frame(frame, port) if convert is None else convert(frame)

    return read


def _index_reader(port: Port) -> Callable[[Any], Array]:
    """``coerce_frame`` for a port of one integer."""
    dtype, shape, array = np.dtype(port.dtype), port.shape, np.array
    info = np.iinfo(dtype)
    low, high = (0, port.limit - 1) if port.limit else (info.min, info.max)
    numbers: frozenset[Any] = frozenset((int, *(np.dtype(code).type for code in "bhilqBHILQ")))

    def read(frame: Any) -> Array:
        if frame.__class__ in numbers and low <= frame <= high:
            index: Array = array(frame, dtype)
            return index.reshape(shape)
        return coerce_frame(frame, port)

    return read


def check_values(array: Array, port: Port) -> None:
    """Raise FrameError for NaN and infinity, and for integers that are out of the port's range."""
    if array.dtype.kind == "f":
        limit = np.finfo(port.dtype).max if port.dtype.startswith("float") else np.inf
        bad = ~(np.abs(array) <= limit)
        what = "not finite"
    else:
        info = np.iinfo(port.dtype) if not port.dtype.startswith("float") else None
        low, high = (0, port.limit - 1) if port.limit else (info.min, info.max) if info else (-(2**63), 2**63)
        bad = (array < low) | (array > high)
        what = f"not in {low}..{high}"
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        raise FrameError(f"input {port.name!r}: element {where} is {array[where]}, {what}; the state is unchanged")


def quick_check(buffer: Array, port: Port) -> Callable[[], bool]:
    """A quick test of what is in ``buffer`` when it is called: false for each frame that ``check_values`` refuses, and
    for some that it does not (the sum of squares of finite numbers may overflow)."""
    flat = buffer.reshape(-1)
    if buffer.dtype.kind == "f":
        vdot = np.vdot
        return lambda: isfinite(vdot(flat, flat))
    if port.limit is None:
        return lambda: True
    limit, low, high, item = port.limit, flat.min, flat.max, flat.item
    return (lambda: 0 <= item() < limit) if port.size == 1 else (lambda: bool(low() >= 0 and high() < limit))


def _hint(array: Array, port: Port) -> str:
    if array.shape[1:] == port.shape:
        return "; use session.stream for a sequence of frames"
    if array.size == port.size:
        return f"; use frame.reshape({port.shape})"
    return ""
