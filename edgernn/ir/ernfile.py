"""The .ern file: a safetensors container whose metadata holds interface and program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgernn.errors import ArtifactError
from edgernn.ir.codec import fingerprint, graph_from_plain
from edgernn.ir.container import read_container
from edgernn.ir.graph import Graph
from edgernn.ir.interface import MAX_ELEMENTS, METADATA_KEY, Interface, parse_json_object, shape_of
from edgernn.ir.nibbles import unpack
from edgernn.ir.op import Array, Op

PROGRAM_KEY = "program"
NIBBLES_KEY = "nibbles"
"""Metadata: tensor -> shape of the matrix whose entries it holds in four bits each."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises ArtifactError, saying why, where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_ern(path: Path, ops: Mapping[str, type[Op]]) -> tuple[Interface, Graph]:
    """Interface and program of an .ern file. Raises ArtifactError on a damaged or foreign file."""
    return parse_ern(read_bytes(path), ops, str(path))


def parse_ern(data: bytes, ops: Mapping[str, type[Op]], where: str) -> tuple[Interface, Graph]:
    """As ``read_ern``, of bytes in memory."""
    metadata, arrays = read_container(data, where)
    if METADATA_KEY not in metadata or PROGRAM_KEY not in metadata:
        raise ArtifactError(f"{where}: a safetensors file, but not an .ern: it holds no program")
    interface = Interface.from_json(metadata[METADATA_KEY], where)
    if interface.mode in ("segment", "seq2seq"):
        raise ArtifactError(
            f"{where}: a model of mode {interface.mode!r}: it has no single step program; run it with edgernn.load"
        )
    unpacked(arrays, parse_json_object(metadata.get(NIBBLES_KEY, "{}"), where), where)
    graph = graph_from_plain(interface, parse_json_object(metadata[PROGRAM_KEY], where), arrays, ops, where)
    if fingerprint(graph) != interface.fingerprint:
        raise ArtifactError(f"{where}: the contents do not match their fingerprint: the file is damaged")
    return interface, graph


def unpacked(arrays: dict[str, Array], halves: dict[str, Any], where: str) -> None:
    """Replace what holds two entries a byte by int8 matrices. Nothing else may be uint8."""
    packed = {name for name, array in arrays.items() if array.dtype == "uint8"}
    if packed != set(halves):
        raise ArtifactError(f"{where}: tensors of uint8 {sorted(packed)!r:.80}, of four bits {sorted(halves)!r:.80}")
    for name in packed:
        place = f"{where}: tensor {name!r:.60}"
        try:
            arrays[name] = unpack(arrays[name], shape_of({"shape": halves[name]}, place, MAX_ELEMENTS))
        except ValueError as error:
            raise ArtifactError(f"{place}: {error}") from None
