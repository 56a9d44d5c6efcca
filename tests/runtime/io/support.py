"""Interfaces and files for the tests of the readers and writers."""

import struct

import numpy as np

from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface


def interface(*inputs: Port, outputs: tuple[Port, ...] = (), rate_hz: float | None = None) -> Interface:
    """An interface with these ports."""
    return Interface("model", "0" * 64, inputs, outputs or (Port("y", (2,), "float32"),), (), sample_rate_hz=rate_hz)


def floats(*shape: int, name: str = "x") -> Port:
    """A float input port."""
    return Port(name, shape, "float32")


def integers(*shape: int, limit: int | None = None, name: str = "x") -> Port:
    """An integer input port."""
    return Port(name, shape, "int32", limit=limit)


def wav(
    samples: bytes,
    *,
    tag: int = 1,
    bits: int = 16,
    channels: int = 1,
    rate_hz: int = 16000,
    data_bytes: int | None = None,
    extra: bytes = b"",
    extensible: bool = False,
) -> bytes:
    """A WAV file. ``data_bytes`` overrides the size of the sound in the header."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate_hz, rate_hz * block, block, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    size = len(samples) if data_bytes is None else data_bytes
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", (len(body) + size) & 0xFFFFFFFF) + body + samples


def pcm24(values: np.ndarray) -> bytes:
    """Integers as little-endian samples of 24 bits."""
    return b"".join(int(v).to_bytes(3, "little", signed=True) for v in values)
