"""The layout of a snapshot, which C code reads too."""

import struct
import zlib

import numpy as np
import pytest

from edgernn.errors import SnapshotError
from edgernn.ir.graph import Port, State
from edgernn.ir.interface import Interface
from edgernn.runtime.snapshot import pack_snapshot, unpack_snapshot

FINGERPRINT = bytes(range(32)).hex()


def interface(*states: State, fingerprint: str = FINGERPRINT) -> Interface:
    port = Port("x", (1,), "float32")
    return Interface("model", fingerprint, (port,), (port,), states)


def state(name: str, shape: tuple[int, ...], dtype: str) -> State:
    return State(name, shape, dtype, np.zeros(shape, dtype))


MIXED = interface(state("h", (2, 2), "float32"), state("q", (3,), "int16"), state("n", (1,), "int8"))
VALUES = [
    np.array([[1.5, -2.0], [0.0, 3.25]], np.float32), np.array([-1, 256, 32767], np.int16), np.array([-128], np.int8),
]  # fmt: skip


def test_layout() -> None:
    blob = pack_snapshot(MIXED, VALUES)
    payload = struct.pack("<4f3hb", 1.5, -2.0, 0.0, 3.25, -1, 256, 32767, -128)
    head = b"ERNS" + struct.pack("<HH", 1, 0) + bytes(range(16)) + struct.pack("<I", len(payload))
    assert blob == head + struct.pack("<I", zlib.crc32(head + payload)) + payload


def test_round_trip() -> None:
    found = unpack_snapshot(MIXED, pack_snapshot(MIXED, VALUES))
    for a, b in zip(found, VALUES, strict=True):
        assert a.dtype == b.dtype and a.flags.writeable
        np.testing.assert_array_equal(a, b)


def test_big_endian_and_strided_states_are_written_little_endian() -> None:
    turned = np.asfortranarray(VALUES[0]).astype(">f4")
    assert pack_snapshot(MIXED, [turned, *VALUES[1:]]) == pack_snapshot(MIXED, VALUES)


def test_a_model_without_state() -> None:
    empty = interface()
    assert unpack_snapshot(empty, pack_snapshot(empty, [])) == []


def resealed(blob: bytes) -> bytes:
    return blob[:28] + struct.pack("<I", zlib.crc32(blob[32:], zlib.crc32(blob[:28]))) + blob[32:]


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (b"", "not a snapshot of edgernn: 0 bytes"),
        (b"ERNS", "not a snapshot"),
        (b"\x89PNG" + bytes(60), r"begin with b'\\x89PNG'"),
        (pack_snapshot(MIXED, VALUES)[:-1], "damaged: 22 bytes of state, 23 announced"),
        (pack_snapshot(MIXED, VALUES) + b"x", "damaged: 24 bytes"),
        (b"ERNS\x02" + pack_snapshot(MIXED, VALUES)[5:], "version 2, this edgernn reads version 1"),
        (pack_snapshot(MIXED, VALUES)[:8] + bytes(16) + pack_snapshot(MIXED, VALUES)[24:], "damaged"),
        (pack_snapshot(interface(*MIXED.states, fingerprint="ab" * 32), VALUES), "another model: fingerprint abab"),
        (resealed(pack_snapshot(MIXED, [VALUES[0] * np.float32("nan"), *VALUES[1:]])), "'h' that are not finite"),
        (pack_snapshot(interface(*MIXED.states[:2]), VALUES[:2]), "22 bytes of state, model model has 23"),
    ],
)
def test_refusals(blob: bytes, words: str) -> None:
    with pytest.raises(SnapshotError, match=words):
        unpack_snapshot(MIXED, blob)
