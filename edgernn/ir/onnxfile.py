"""What edgernn puts into an .onnx file beside the model, read with NumPy alone.

A file is a serialized ModelProto. Its metadata entry "edgernn" holds the interface. The last field of the
file is another metadata entry, "edgernn_crc32": the CRC-32 of all bytes before that field.
Graph inputs are the input ports, then the states; graph outputs are the output ports, then the next states.
Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto),
https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from edgernn.errors import ArtifactError
from edgernn.ir.interface import METADATA_KEY, Interface

CHECKSUM_KEY = "edgernn_crc32"

LEAD = 2
"""Leading axes of length 1 (sequence, batch) of every graph input and output: (1, 1, *frame)."""

IR_VERSION_FIELD, GRAPH_FIELD, METADATA_FIELD = 1, 7, 14
"""Field numbers of ModelProto."""

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types of protobuf."""

Field = tuple[int, int, memoryview]
"""Number, position of the first byte, payload (empty for a number)."""


def checksum(data: bytes | memoryview) -> str:
    """CRC-32 as eight hex digits."""
    return f"{zlib.crc32(data):08x}"


def parse_onnx(data: bytes, where: str) -> Interface:
    """The interface in an .onnx file that edgernn wrote.

    Raises ArtifactError, naming ``where``, unless ``data`` is such a file and whole; a valid ONNX file of
    other origin is told apart from a damaged one.
    """
    try:
        fields = list(_fields(memoryview(data)))
        entries = {key: (start, value) for start, key, value in _metadata(fields)}
    except ValueError as error:
        raise ArtifactError(f"{where}: not an ONNX file, or damaged or cut off: {error}") from None
    if not {IR_VERSION_FIELD, GRAPH_FIELD} <= {number for number, _, _ in fields}:
        raise ArtifactError(f"{where}: not an ONNX file, or damaged or cut off: it holds no model")
    if METADATA_KEY not in entries:
        raise ArtifactError(
            f"{where}: an ONNX model, but edgernn did not write it: nothing in it tells frames from states; "
            f"export the PyTorch model with `edgernn export`"
        )
    start, found = entries.get(CHECKSUM_KEY, (len(data), "none"))
    if fields[-1][1] != start or found != checksum(memoryview(data)[:start]):
        raise ArtifactError(
            f"{where}: the checksum does not match: the file is damaged, or was changed after its export"
        )
    return Interface.from_json(entries[METADATA_KEY][1], where)


def _metadata(fields: list[Field]) -> Iterator[tuple[int, str, str]]:
    """Position, key and value of each metadata entry. Raises ValueError."""
    for number, start, payload in fields:
        if number == METADATA_FIELD:
            entry = {n: str(text, "utf-8") for n, _, text in _fields(payload)}
            yield start, entry.get(1, ""), entry.get(2, "")


def _fields(message: memoryview) -> Iterator[Field]:
    """The fields of a protobuf message, in order. Raises ValueError where it is malformed."""
    position = 0
    while position < len(message):
        start = position
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        end, payload = position, position
        if wire_type == VARINT:
            _, end = _varint(message, position)
            payload = end
        elif wire_type == LENGTH_DELIMITED:
            length, payload = _varint(message, position)
            end = payload + length
        elif wire_type in (FIXED32, FIXED64):
            end = payload = position + (4 if wire_type == FIXED32 else 8)
        else:
            raise ValueError(f"byte {start}: unknown wire type {wire_type}")
        if end > len(message) or number == 0:
            raise ValueError(f"byte {start}: field {number} ends at {end} of {len(message)} bytes")
        yield number, start, message[payload:end]
        position = end


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number and the position after it. Raises ValueError."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("the file ends within a field")
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
    raise ValueError(f"byte {position}: a number of more than 10 bytes")
