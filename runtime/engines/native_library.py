"""Loading the shared library of a model, and the table of functions in it (see ``csrc/ern_library.h``)."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import ClassVar

from edgernn.errors import ArtifactError, EngineError
from edgernn.ir.cpu import cpu_features, host_machine
from edgernn.ir.ernfile import read_bytes
from edgernn.ir.interface import Interface
from edgernn.ir.sofile import LibraryInfo, parse_library
from edgernn.ir.types import DTYPE_BYTES

TABLE_VERSION = 1
FINGERPRINT_BYTES = 16

_loaded: dict[str, list[tuple[int, int, int, int]]] = {}
"""Path -> the versions of the file that were loaded."""


class StateInfo(ctypes.Structure):
    """Where one state lies in the model's structure."""

    _fields_: ClassVar = [
        ("offset_bytes", ctypes.c_uint32), ("count", ctypes.c_uint32),
        ("element_bytes", ctypes.c_uint8), ("is_float", ctypes.c_uint8),
    ]  # fmt: skip


class Table(ctypes.Structure):
    """What a library exports as ``ern_library``."""

    _fields_: ClassVar = [
        ("version", ctypes.c_uint32), ("inputs", ctypes.c_uint32), ("outputs", ctypes.c_uint32),
        ("states", ctypes.c_uint32), ("model_bytes", ctypes.c_uint32), ("snapshot_bytes", ctypes.c_uint32),
        ("input_bytes", ctypes.POINTER(ctypes.c_uint32)), ("output_bytes", ctypes.POINTER(ctypes.c_uint32)),
        ("state_info", ctypes.POINTER(StateInfo)), ("fingerprint", ctypes.POINTER(ctypes.c_uint8)),
        ("reset", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("step", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)),
        ("snapshot", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)),
        ("restore", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)),
    ]  # fmt: skip


class SegmentTable(ctypes.Structure):
    """What the library of a model of whole segments exports besides, as ``ern_segment``."""

    _fields_: ClassVar = [
        ("max_frames", ctypes.c_uint32), ("buffer_bytes", ctypes.c_uint32), ("state_bytes", ctypes.c_uint32),
        ("run", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)),
    ]  # fmt: skip


def load_library(path: Path) -> tuple[Interface, ctypes.CDLL, Table]:
    """Check the file at ``path``, load it, and return its interface, handle and functions.

    Raises ArtifactError on a damaged or foreign file, and EngineError on one that was built for another
    processor or that the system does not load.
    """
    info = parse_library(read_bytes(path), str(path))
    _require_cpu(info, path)
    try:
        handle = ctypes.CDLL(_spelling(path.resolve(strict=True)))
        table = Table.in_dll(handle, "ern_library")
    except (OSError, ValueError) as error:
        raise EngineError(f"{path}: the system does not load this library: {error}") from None
    _require_match(table, info.interface, path)
    return info.interface, handle, table


def _spelling(path: Path) -> str:
    """A name of the file that this process has not used for another version of it.

    The loader takes a name it knows for the library it loaded under that name, even if the file was replaced.
    """
    status = path.stat()
    version = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    versions = _loaded.setdefault(str(path), [])
    if version not in versions:
        versions.append(version)
    return f"{path.parent}{'/.' * versions.index(version)}/{path.name}"


def _require_cpu(info: LibraryInfo, path: Path) -> None:
    machine = host_machine()
    if info.machine != machine:
        raise EngineError(
            f"{path}: built for {info.machine}, this process runs on {machine}; export the model for {machine}"
        )
    missing = sorted(set(info.features) - cpu_features())
    if missing:
        raise EngineError(
            f"{path}: built for a processor with {', '.join(info.features)}; this one lacks "
            f"{', '.join(missing)}; export the model again on this machine, or with the portable option"
        )


def _require_match(table: Table, interface: Interface, path: Path) -> None:
    if table.version != TABLE_VERSION:
        raise ArtifactError(f"{path}: library version {table.version}, this edgernn loads version {TABLE_VERSION}")
    whole = interface.whole_segment()
    expected = (
        [p.size * DTYPE_BYTES[p.dtype] for p in whole.inputs],
        [p.size * DTYPE_BYTES[p.dtype] for p in whole.outputs],
        [s.nbytes for s in interface.states],
        bytes.fromhex(interface.fingerprint)[:FINGERPRINT_BYTES],
    )
    states = [table.state_info[k] for k in range(table.states)]
    found = (
        table.input_bytes[: table.inputs],
        table.output_bytes[: table.outputs],
        [s.count * s.element_bytes for s in states],
        bytes(table.fingerprint[:FINGERPRINT_BYTES]),
    )
    if found != expected:
        raise ArtifactError(f"{path}: code and metadata disagree: {found!r:.200}, the metadata says {expected!r:.200}")
