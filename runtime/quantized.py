"""Real values at the ports of integer models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array


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
