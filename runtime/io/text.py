"""Frames as text, one a line: CSV and JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array
from edgernn.runtime.io.base import Sink, Source, describe, read_error

BYTES_PER_VALUE = 64
LINE_SLACK_BYTES = 1 << 16

Emit = Callable[[bytes], None]
"""Writes a line: all of it, or none and raises OutputError or BrokenPipeError."""


class LineSource(Source):
    """Lines of a binary stream, one frame each. Empty lines and lines that begin with # are skipped."""

    def __init__(self, stream: BinaryIO, name: str, ports: Sequence[Port], *, owned: bool) -> None:
        self.stream, self.name, self.ports, self.owned = stream, name, tuple(ports), owned
        self.unit = "line"

    def lines(self) -> Iterator[str]:
        """The lines that hold something, without their ends. ``where`` names the last one."""
        limit = LINE_SLACK_BYTES + BYTES_PER_VALUE * sum(p.size for p in self.ports)
        try:
            while line := self.stream.readline(limit):
                self.number = (self.number or 0) + 1
                if len(line) == limit and not line.endswith(b"\n"):
                    raise UsageError(f"{self.where}: longer than {limit} bytes; a line holds {describe(self.ports[0])}")
                text = self._decode(line)
                if text and not text.startswith("#"):
                    yield text
        except OSError as error:
            raise read_error(self.name, error) from None

    def _decode(self, line: bytes) -> str:
        try:
            return line.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.where}: not UTF-8 text: {error.reason} at byte {error.start}") from None

    def close(self) -> None:
        if self.owned:
            self.stream.close()


class CsvSource(LineSource):
    """Lines of numbers, the elements of a frame in C order, between commas, semicolons, tabs or spaces.

    A first line without any number is a header and skipped.
    """

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        (port,) = self.ports
        lines = self.lines()
        first = next(lines, "")
        if not any(_is_number(field) for field in first.split(_delimiter(first))):
            first = next(lines, "")
        if not first:
            return
        delimiter = _delimiter(first)
        number: Callable[[str], float] = float if port.dtype.startswith("float") else int
        for line in chain((first,), lines):
            yield (self._frame(line.split(delimiter), number, port),)

    def _frame(self, fields: list[str], number: Callable[[str], float], port: Port) -> Array:
        if len(fields) != port.size:
            raise FrameError(f"{self.where}: {describe(port)} expected, found {len(fields)} fields")
        try:
            return np.array([number(field) for field in fields]).reshape(port.shape)
        except ValueError:
            bad = next(k for k, field in enumerate(fields) if not _converts(field, number))
            kind = "a number" if number is float else "an integer"
            raise FrameError(f"{self.where}: field {bad + 1} is {fields[bad][:40]!r}, {kind} expected") from None


class JsonLinesSource(LineSource):
    """Lines of JSON: an array (one input), a number (an input of one element), or an object with the
    inputs by name. An array may be flat or nested."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for line in self.lines():
            yield self._frames(self._parse(line))

    def _parse(self, line: str) -> Any:
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{self.where}: not JSON: {error}") from None

    def _frames(self, value: Any) -> tuple[Any, ...]:
        names = [p.name for p in self.ports]
        if not isinstance(value, dict) and len(names) == 1:
            return (self._array(value, self.ports[0]),)
        if not isinstance(value, dict) or set(value) != set(names):
            found = list(value)[:20] if isinstance(value, dict) else _kind(value)
            raise FrameError(f"{self.where}: an object with the inputs {names} expected, found {found}")
        return tuple(self._array(value[p.name], p) for p in self.ports)

    def _array(self, value: Any, port: Port) -> Array:
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError):
            raise self._unfit(port, "lists of unequal length") from None
        if array.dtype.kind not in "fiu":
            raise self._unfit(port, f"{_kind(value)} that is not all numbers")
        return array.reshape(port.shape) if array.shape == (port.size,) else array

    def _unfit(self, port: Port, found: str) -> FrameError:
        return FrameError(f"{self.where}: {describe(port)} expected, found {found}")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _delimiter(line: str) -> str | None:
    return next((d for d in (",", ";", "\t") if d in line), None)


def _is_number(field: str) -> bool:
    return _converts(field, float)


def _converts(field: str, number: Callable[[str], float]) -> bool:
    try:
        number(field)
    except ValueError:
        return False
    return True


class LineSink(Sink):
    """Base of the sinks that write a line for each step, at once."""

    def __init__(self, emit: Emit, ports: Sequence[Port], finish: Callable[[], None]) -> None:
        self.emit, self.ports, self.finish = emit, tuple(ports), finish

    def close(self) -> None:
        self.finish()


class CsvSink(LineSink):
    """A header with the names of the outputs' elements, then one line a step."""

    def __init__(self, emit: Emit, ports: Sequence[Port], finish: Callable[[], None]) -> None:
        super().__init__(emit, ports, finish)
        emit((",".join(name for port in self.ports for name in _columns(port)) + "\n").encode())

    def write(self, results: Mapping[str, Array]) -> None:
        fields = (str(v) for port in self.ports for v in np.ravel(results[port.name]))
        self.emit((",".join(fields) + "\n").encode())


class JsonLinesSink(LineSink):
    """One object a step: output name -> (nested) array."""

    def write(self, results: Mapping[str, Array]) -> None:
        items = (f"{json.dumps(port.name)}: {json_text(results[port.name])}" for port in self.ports)
        self.emit(("{" + ", ".join(items) + "}\n").encode())


def json_text(array: Array) -> str:
    """The array as JSON: floats with as many digits as their dtype needs, null for what is not finite."""
    if array.ndim:
        return "[" + ", ".join(json_text(np.asarray(a)) for a in array) + "]"
    if array.dtype.kind == "f" and not math.isfinite(array[()]):
        return "null"
    return str(array[()]).lower() if array.dtype.kind == "b" else str(array[()])


def _columns(port: Port) -> list[str]:
    if not port.shape:
        return [port.name]
    return [f"{port.name}[{' '.join(map(str, index))}]" for index in np.ndindex(port.shape)]
