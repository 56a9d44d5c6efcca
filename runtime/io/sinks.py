"""Chooses the writer for what the user names."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from edgernn.errors import OutputError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.io.base import STDIO, Sink, write_error
from edgernn.runtime.io.npy import NpySink
from edgernn.runtime.io.text import CsvSink, JsonLinesSink
from edgernn.runtime.quantized import real_interface

SUFFIXES = (".npy", ".csv", ".jsonl")
FORMS = f"FILE or NAME=FILE with a file that ends in {', '.join(SUFFIXES)}, or - for standard output"


def open_sink(
    specs: Sequence[str], interface: Interface, *, json: bool = False, stdout: BinaryIO | None = None
) -> Sink:
    """Open what takes the outputs of a model.

    A spec without a name takes all outputs, ``NAME=FILE`` the output of that name. Standard output
    (``-``) gets CSV, or JSON lines with ``json``. CSV and JSON lines are whole after every step; an .npy
    file appears when the sink is closed. Raises UsageError, OutputError.
    """
    interface = real_interface(interface)
    sinks: list[Sink] = []
    try:
        for spec in specs:
            ports, target = _split(spec, interface)
            sinks.append(_open(target, ports, json, stdout))
    except BaseException:
        for sink in sinks:
            sink.discard()
        raise
    return sinks[0] if len(sinks) == 1 else Several(sinks)


def _split(spec: str, interface: Interface) -> tuple[Sequence[Port], str]:
    name, equals, target = spec.partition("=")
    if not equals:
        return interface.outputs, spec
    ports = [p for p in interface.outputs if p.name == name]
    if not ports:
        known = ", ".join(p.name for p in interface.outputs)
        raise UsageError(f"--output {spec}: the model has no output {name!r}; it has {known}")
    return ports, target


def _open(target: str, ports: Sequence[Port], json: bool, stdout: BinaryIO | None) -> Sink:
    if target == STDIO:
        emit = _stdout_writer(stdout or sys.stdout.buffer)
        return (JsonLinesSink if json else CsvSink)(emit, ports, lambda: None)
    path = Path(target)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"--output {target}: unknown suffix {suffix!r}; an output is {FORMS}")
    if path.is_dir():
        raise OutputError(f"{target}: is a folder")
    if suffix == ".npy":
        if len(ports) > 1:
            names = [p.name for p in ports]
            raise UsageError(f"--output {target}: an .npy file holds one output, the model has {names}; give NAME=FILE")
        return NpySink(path, ports[0])
    file = _LineFile(path)
    return (CsvSink if suffix == ".csv" else JsonLinesSink)(file.emit, ports, file.close)


def _stdout_writer(stream: BinaryIO) -> Callable[[bytes], None]:
    def emit(data: bytes) -> None:
        try:
            stream.write(data)
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise write_error("standard output", error) from None

    return emit


class _LineFile:
    """A file that grows by whole lines: a failed write cuts it back to the last whole one and closes it."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        try:
            self.file = path.open("wb", buffering=0)
        except OSError as error:
            raise write_error(str(path), error) from None

    def emit(self, data: bytes) -> None:
        try:
            if self.file.write(data) != len(data):
                raise OSError(0, "no space left on the device")
        except BrokenPipeError:
            raise
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self.file.fileno(), self.size)
            self.file.close()
            raise write_error(str(self.path), error) from None
        self.size += len(data)

    def close(self) -> None:
        self.file.close()


class Several(Sink):
    """Several sinks, each with its outputs."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = list(sinks)

    def write(self, results: Mapping[str, Array]) -> None:
        for sink in self.sinks:
            sink.write(results)

    def close(self) -> None:
        for sink in self.sinks:
            sink.close()

    def discard(self) -> None:
        for sink in self.sinks:
            sink.discard()
