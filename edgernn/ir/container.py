"""The safetensors container, read with NumPy alone.

Layout: 8 bytes little-endian length N, N bytes of JSON, then the arrays' bytes without gaps.
Source: https://huggingface.co/docs/safetensors (format section).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgernn.errors import ArtifactError
from edgernn.ir.interface import MAX_ELEMENTS, parse_json_object, require, shape_of
from edgernn.ir.op import Array

DTYPE_CODES = {"F32": "float32", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}
MAX_HEADER_BYTES = 100_000_000


def read_container(data: bytes, where: str) -> tuple[dict[str, str], dict[str, Array]]:
    """Metadata and arrays of a safetensors file held in ``data``. Arrays are read-only views.

    Raises ArtifactError, naming ``where``, on anything that is not a whole, well-formed file.
    """
    header, start = _header(data, where)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ArtifactError(f"{where}: the metadata is not a map of strings")
    arrays: dict[str, Array] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        arrays[name], span = _array(data, start, entry, f"{where}: tensor {name!r:.60}")
        spans.append(span)
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise ArtifactError(f"{where}: tensors overlap or leave a gap at byte {position}")
        position = end
    if start + position != len(data):
        raise ArtifactError(
            f"{where}: {len(data)} bytes found, {start + position} expected: the file is damaged or cut off"
        )
    return metadata, arrays


def _header(data: bytes, where: str) -> tuple[dict[str, Any], int]:
    if len(data) < 8:
        raise ArtifactError(f"{where}: {len(data)} bytes are too few for an .ern file")
    length = int.from_bytes(data[:8], "little")
    if length > min(len(data) - 8, MAX_HEADER_BYTES):
        raise ArtifactError(
            f"{where}: the header claims {length} bytes, the file has {len(data)}: not an .ern file, or cut off"
        )
    return parse_json_object(data[8 : 8 + length], where), 8 + length


def _array(data: bytes, start: int, entry: Any, where: str) -> tuple[Array, tuple[int, int]]:
    if not isinstance(entry, dict):
        raise ArtifactError(f"{where}: must be an object")
    code, shape = require(entry, "dtype", str, where), shape_of(entry, where, MAX_ELEMENTS)
    if code not in DTYPE_CODES:
        raise ArtifactError(f"{where}: unknown dtype {code!r:.20}; known are {', '.join(DTYPE_CODES)}")
    offsets = require(entry, "data_offsets", list, where)
    if len(offsets) != 2 or any(type(n) is not int or n < 0 for n in offsets):
        raise ArtifactError(f"{where}: data_offsets must be two positive integers")
    dtype = np.dtype(DTYPE_CODES[code]).newbyteorder("<")
    begin, end = offsets
    size = int(np.prod(shape, dtype=np.int64)) if shape else 1
    if end - begin != size * dtype.itemsize or start + end > len(data):
        raise ArtifactError(f"{where}: bytes {begin} to {end} do not hold {shape} of {dtype}: damaged or cut off")
    array = np.frombuffer(data, dtype, size, start + begin).reshape(shape)
    return array.astype(DTYPE_CODES[code], copy=False), (begin, end)
