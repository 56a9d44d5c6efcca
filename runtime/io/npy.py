"""NumPy's .npy files: a sequence in, a sequence out."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array
from edgernn.runtime.io.base import Sink, Source, describe, read_error, write_error

HEADER_BYTES = 128
DAMAGE = (
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    tokenize.TokenError,
)


class NpySource(Source):
    """A file with an array [T, *frame]. It is mapped, not read as a whole."""

    def __init__(self, path: Path, port: Port) -> None:
        self.name = str(path)
        self.frames = sequence_of(read_array(path), port, str(path))
        self.total = len(self.frames)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for number, frame in enumerate(self.frames):
            self.number = number
            yield (frame,)


def read_array(path: Path) -> Array:
    """The array in an .npy file, mapped into memory. Raises UsageError; pickled objects are refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # headers that Python 2 wrote are read all the same
            return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except OSError as error:
        raise read_error(str(path), error) from None
    except DAMAGE as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path}: not a whole .npy file of numbers: {reason}") from None


def sequence_of(array: Array, port: Port, where: str) -> Array:
    """``array`` as [T, *port.shape].

    A batch axis of one before it is dropped; [T] will do for frames of one number. Raises FrameError.
    """
    if array.dtype.kind not in ("fiu" if port.dtype.startswith("float") else "iu"):
        kind = "numbers" if port.dtype.startswith("float") else "integers"
        raise FrameError(f"{where}: {kind} expected ({describe(port)}), found dtype {array.dtype}")
    for candidate in (array, array[0] if array.ndim and array.shape[0] == 1 else array):
        if candidate.ndim and candidate.shape[1:] == port.shape:
            return candidate
        if candidate.ndim == 1 and port.size == 1:
            return candidate.reshape(-1, *port.shape)
    expected = ("T", *port.shape)
    raise FrameError(
        f"{where}: an array of shape [{', '.join(map(str, expected))}] expected "
        f"({describe(port)} in each frame), found {list(array.shape)}"
    )


class NpySink(Sink):
    """Grows a hidden file beside ``path`` by one frame a step, and gives it its name at the end."""

    def __init__(self, path: Path, port: Port) -> None:
        self.path, self.port, self.count = path, port, 0
        self._dtype = np.dtype(port.dtype).newbyteorder("<")
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        except OSError as error:
            raise write_error(str(path), error) from None
        self._part = Path(name)
        self._file = os.fdopen(handle, "wb")
        self._guarded(bytes(HEADER_BYTES))

    def write(self, results: Mapping[str, Array]) -> None:
        self._guarded(np.ascontiguousarray(results[self.port.name], self._dtype).tobytes())
        self.count += 1

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._file.seek(0)
            self._file.write(self._header())
            self._file.close()
            self._part.chmod(0o666 & ~_umask())
            self._part.replace(self.path)
        except OSError as error:
            self.discard()
            raise write_error(str(self.path), error) from None

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _guarded(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            self.discard()
            raise write_error(str(self.path), error) from None

    def _header(self) -> bytes:
        shape = (self.count, *self.port.shape)
        text = f"{{'descr': {self._dtype.str!r}, 'fortran_order': False, 'shape': {shape}, }}"
        body = text.ljust(HEADER_BYTES - 11).encode("latin1") + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
