"""Real values at the ports of integer models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ir.ports import dequantize, quantize

__all__ = ["dequantize", "quantize", "quick_quantizer", "real_dtype", "real_interface", "real_port"]


def real_port(port: Port) -> Port:
    """``port`` as a user sees it who feeds real values: float32 where it has a scale."""
    return port if port.scale is None else replace(port, dtype="float32", scale=None)


def real_interface(interface: Interface) -> Interface:
    """``interface`` as a user sees it who feeds and gets real values."""
    inputs, outputs = (tuple(real_port(p) for p in ports) for ports in (interface.inputs, interface.outputs))
    return replace(interface, inputs=inputs, outputs=outputs)


def real_dtype(port: Port) -> np.dtype[Any]:
    """The dtype of real values at ``port``."""
    return np.dtype(real_port(port).dtype)


LARGEST = 1e38
"""What surely neither overflows float32 nor hides an infinity."""


def quick_quantizer(port: Port, otherwise: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """``quantize`` for float32 frames of exactly the port's shape, into one array that the next call overwrites.

    Frames with values that are not finite, or that are huge, go to ``otherwise``.
    """
    scaled, integers, limits = np.empty(port.shape, np.float32), np.empty(port.shape, port.dtype), np.iinfo(port.dtype)
    per_unit, half = np.float32(1.0 / (port.scale or 1.0)), np.float32(0.5)
    low, high = np.float32(limits.min), np.float32(limits.max)
    bound = np.float32(min((LARGEST / max(float(per_unit), 1.0)) ** 2, LARGEST))
    multiply, add, floor, maximum, minimum, vdot = np.multiply, np.add, np.floor, np.maximum, np.minimum, np.vdot
    store = integers.__setitem__

    def quantized(frame: Array) -> Array:
        if not vdot(frame, frame) < bound:
            return otherwise(frame)
        multiply(frame, per_unit, scaled)
        add(scaled, half, scaled)
        floor(scaled, scaled)
        maximum(scaled, low, out=scaled)
        minimum(scaled, high, out=scaled)
        store(..., scaled)
        return integers

    return quantized
