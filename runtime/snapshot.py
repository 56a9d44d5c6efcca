"""Snapshots: the states of a session as bytes that any engine, and the C code, can restore.

Layout, little-endian: magic "ERNS", u16 version 1, u16 zero, 16 bytes of the model's fingerprint, u32 payload
bytes, u32 CRC-32 of the 28 bytes before it and the payload, then the states in the interface's order.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from edgernn.errors import SnapshotError
from edgernn.ir.interface import Interface, little_endian
from edgernn.ir.op import Array

MAGIC = b"ERNS"
VERSION = 1
HEADER = struct.Struct("<4sHH16sII")


def pack_snapshot(interface: Interface, states: Sequence[Array]) -> bytes:
    """The snapshot of ``states``, which fit ``interface``."""
    payload = b"".join(little_endian(state) for state in states)
    head = HEADER.pack(MAGIC, VERSION, 0, bytes.fromhex(interface.fingerprint)[:16], len(payload), 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def unpack_snapshot(interface: Interface, blob: bytes) -> list[Array]:
    """The states in a snapshot. Raises SnapshotError on a damaged snapshot or one of another model."""
    payload = _checked_payload(interface, bytes(blob))
    states, position = [], 0
    for state in interface.states:
        dtype = np.dtype(state.dtype).newbyteorder("<")
        count = state.nbytes // dtype.itemsize
        array = np.frombuffer(payload, dtype, count, position).astype(state.dtype).reshape(state.shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise SnapshotError(f"the snapshot holds values of state {state.name!r} that are not finite")
        states.append(array)
        position += state.nbytes
    return states


def _checked_payload(interface: Interface, blob: bytes) -> bytes:
    if len(blob) < HEADER.size or blob[:4] != MAGIC:
        raise SnapshotError(f"not a snapshot of edgernn: {len(blob)} bytes that begin with {blob[:4]!r}")
    _, version, _, fingerprint, size, crc = HEADER.unpack_from(blob)
    if version != VERSION:
        raise SnapshotError(f"snapshot version {version}, this edgernn reads version {VERSION}")
    payload = blob[HEADER.size :]
    if len(payload) != size or zlib.crc32(payload, zlib.crc32(blob[: HEADER.size - 4])) != crc:
        raise SnapshotError(f"the snapshot is damaged: {len(payload)} bytes of state, {size} announced, or a wrong CRC")
    if fingerprint != bytes.fromhex(interface.fingerprint)[:16]:
        raise SnapshotError(
            f"the snapshot belongs to another model: fingerprint {fingerprint.hex()[:12]}, "
            f"this one ({interface.name}) has {interface.fingerprint[:12]}"
        )
    if size != interface.state_bytes:
        raise SnapshotError(
            f"the snapshot has {size} bytes of state, model {interface.name} has {interface.state_bytes}"
        )
    return payload
