"""What a .tflite file says about itself, read with NumPy-free code before any interpreter sees the file.

The interpreters trust a file's offsets and may crash on a damaged one. So the file carries, in its
metadata, a SHA-256 of itself (with the digest's own 32 bytes zero); this reader checks every offset on
the way there, and the digest vouches for the rest.

FlatBuffers binary format: https://flatbuffers.dev/internals/. Tables:
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs
"""

from __future__ import annotations

import hashlib
import struct

from edgernn.errors import ArtifactError
from edgernn.ir.interface import METADATA_KEY, Interface

FILE_IDENTIFIER = b"TFL3"
DIGEST_KEY = "edgernn.sha256"
DIGEST_BYTES = hashlib.sha256().digest_size
MAX_METADATA_ENTRIES = 1000
MODEL_BUFFERS, MODEL_METADATA = 4, 6
METADATA_NAME, METADATA_BUFFER = 0, 1
BUFFER_DATA = 0


def read_interface(data: bytes, where: str) -> Interface:
    """The interface that the file ``data`` carries.

    Raises ArtifactError, naming ``where``, unless the file is whole and was written by edgernn.
    """
    if len(data) < 8 or data[4:8] != FILE_IDENTIFIER:
        raise ArtifactError(f"{where}: not a .tflite file: {len(data)} bytes that begin with {data[:8]!r}")
    try:
        entries = _metadata(data)
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise ArtifactError(f"{where}: the file is damaged or cut off: {error}") from None
    if METADATA_KEY not in entries:
        raise ArtifactError(
            f"{where}: a TensorFlow Lite model, but not one that edgernn wrote: it does not say what its "
            f"states are; write the file with `edgernn export --format tflite`"
        )
    _check_digest(data, entries, where)
    start, end = entries[METADATA_KEY]
    return Interface.from_json(data[start:end].decode("utf-8", "replace"), where)


def _check_digest(data: bytes, entries: dict[str, tuple[int, int]], where: str) -> None:
    start, end = entries.get(DIGEST_KEY, (0, 0))
    if end - start != DIGEST_BYTES:
        raise ArtifactError(f"{where}: the file has no digest of its contents: it is damaged or was changed")
    digest = hashlib.sha256(data[:start])
    digest.update(bytes(DIGEST_BYTES))
    digest.update(memoryview(data)[end:])
    if digest.digest() != data[start:end]:
        raise ArtifactError(f"{where}: the contents do not match their digest: the file is damaged")


def _metadata(data: bytes) -> dict[str, tuple[int, int]]:
    """Names of the metadata entries -> first byte and end of their content."""
    model = _indirect(data, 0)
    names, buffers = _vector(data, model, MODEL_METADATA), _vector(data, model, MODEL_BUFFERS)
    if len(names) > MAX_METADATA_ENTRIES:
        raise ValueError(f"{len(names)} metadata entries")
    entries = {}
    for position in names:
        entry = _indirect(data, position)
        name = _field(data, entry, METADATA_NAME)
        number = _field(data, entry, METADATA_BUFFER)
        index = _unsigned(data, number) if number else 0
        if name and index < len(buffers):
            begin, end = _bytes(data, _indirect(data, name))
            buffer = _field(data, _indirect(data, buffers[index]), BUFFER_DATA)
            if buffer:
                entries[data[begin:end].decode()] = _bytes(data, _indirect(data, buffer))
    return entries


def _unsigned(data: bytes, position: int) -> int:
    value: int = struct.unpack_from("<I", data, position)[0]
    return value


def _indirect(data: bytes, position: int) -> int:
    """The position that the offset at ``position`` points to."""
    target = position + _unsigned(data, position)
    if target > len(data) - 4:
        raise ValueError(f"the offset at byte {position} points past the end, to {target}")
    return target


def _field(data: bytes, table: int, number: int) -> int:
    """Position of a table's field, 0 where it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:
        raise ValueError(f"the table at byte {table} has its layout before the file")
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * number
    if entry + 2 > size:
        return 0
    offset = struct.unpack_from("<H", data, vtable + entry)[0]
    if table + offset > len(data) - 4:
        raise ValueError(f"field {number} of the table at byte {table} lies past the end")
    return table + offset if offset else 0


def _bytes(data: bytes, vector: int) -> tuple[int, int]:
    """First byte and end of a vector of bytes."""
    begin, count = vector + 4, _unsigned(data, vector)
    if count > len(data) - begin:
        raise ValueError(f"the vector at byte {vector} has {count} bytes, more than the file")
    return begin, begin + count


def _vector(data: bytes, table: int, number: int) -> range:
    """Positions of the entries, of 4 bytes each, of the vector in a table's field."""
    field = _field(data, table, number)
    if not field:
        return range(0)
    vector = _indirect(data, field)
    count = _unsigned(data, vector)
    if 4 * count > len(data) - vector - 4:
        raise ValueError(f"the vector at byte {vector} has {count} entries, more than the file")
    return range(vector + 4, vector + 4 + 4 * count, 4)
