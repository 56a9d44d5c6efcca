"""Chooses the reader for what the user names, and joins the readers of several inputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.runtime.io.base import STDIO, Source, read_error
from edgernn.runtime.io.npy import NpySource
from edgernn.runtime.io.steps import Steps, of_frames
from edgernn.runtime.io.text import CsvSource, JsonLinesSource
from edgernn.runtime.io.wav import WavSource
from edgernn.runtime.quantized import real_interface

SUFFIXES = (".npy", ".csv", ".tsv", ".txt", ".jsonl", ".wav")
FORMS = f"FILE or NAME=FILE with a file that ends in {', '.join(SUFFIXES)}, or - for standard input"


def open_source(specs: Sequence[str], interface: Interface, stdin: BinaryIO | None = None) -> Source:
    """Open the inputs of a model; files hold frames, whatever a step takes of them.

    One spec without a name feeds a model of one input, or, for JSON lines of objects, all inputs.
    ``NAME=FILE`` feeds the input of that name; then every input needs one. Standard input (``-``) holds
    CSV, JSON lines or WAV; which one is seen from its first bytes. Raises UsageError.
    """
    real = real_interface(interface)
    source = _opened(specs, of_frames(real), stdin)
    return source if real.hop == 1 else Steps(source, real)


def _opened(specs: Sequence[str], interface: Interface, stdin: BinaryIO | None) -> Source:
    named = [_split(spec, interface) for spec in specs]
    rate = interface.sample_rate_hz
    if len(named) == 1 and named[0][0] is None:
        return _open(named[0][1], interface.inputs, rate, stdin)
    by_name: dict[str, str] = {}
    for name, target in named:
        if name is None:
            raise UsageError(f"--input {target}: which input? The model has {_names(interface)}; write NAME={target}")
        if name in by_name:
            raise UsageError(f"--input {name} is given twice")
        by_name[name] = target
    if missing := [p.name for p in interface.inputs if p.name not in by_name]:
        raise UsageError(f"inputs {missing} have no source; give --input {missing[0]}=FILE")
    if sum(target == STDIO for target in by_name.values()) > 1:
        raise UsageError("standard input can feed one --input; JSON lines of objects can hold several inputs")
    joined = Joined()
    try:
        for port in interface.inputs:
            joined.add(port, _open(by_name[port.name], [port], rate, stdin))
    except BaseException:
        joined.close()
        raise
    return joined


def _split(spec: str, interface: Interface) -> tuple[str | None, str]:
    name, equals, target = spec.partition("=")
    names = [p.name for p in interface.inputs]
    if equals and name in names:
        return name, target
    if equals and not Path(spec).exists():
        raise UsageError(f"--input {spec}: the model has no input {name!r}; it has {_names(interface)}")
    return None, spec


def _names(interface: Interface) -> str:
    return ", ".join(p.name for p in interface.inputs)


def _open(target: str, ports: Sequence[Port], rate_hz: float | None, stdin: BinaryIO | None) -> Source:
    if target == STDIO:
        return _open_stdin(stdin or sys.stdin.buffer, ports, rate_hz)
    path = Path(target)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"--input {target}: unknown suffix {suffix!r}; an input is {FORMS}")
    if suffix != ".jsonl":
        ports = [_only(ports, target)]
    if suffix == ".npy":
        return NpySource(path, ports[0])
    try:
        stream = path.open("rb")
    except OSError as error:
        raise read_error(target, error) from None
    if suffix == ".wav":
        return WavSource(stream, target, ports[0], rate_hz, owned=True)
    if suffix == ".jsonl":
        return JsonLinesSource(stream, target, ports, owned=True)
    return CsvSource(stream, target, ports, owned=True)


def _open_stdin(stream: BinaryIO, ports: Sequence[Port], rate_hz: float | None) -> Source:
    name = "standard input"
    head = stream.peek(1) if hasattr(stream, "peek") else b""
    start = head.lstrip()[:4]
    if start and b"RIFF".startswith(start):
        return WavSource(stream, name, _only(ports, name), rate_hz, owned=False)
    if start[:1] in (b"[", b"{") or len(ports) > 1:
        return JsonLinesSource(stream, name, ports, owned=False)
    return CsvSource(stream, name, ports, owned=False)


def _only(ports: Sequence[Port], target: str) -> Port:
    if len(ports) > 1:
        names = [p.name for p in ports]
        raise UsageError(
            f"--input {target}: it feeds one input, the model has {names}; "
            "give --input NAME=FILE for each, or JSON lines"
        )
    return ports[0]


class Joined(Source):
    """Several sources in step. A static input's one frame is given with every step."""

    def __init__(self) -> None:
        self.sources: list[tuple[Port, Source]] = []

    @property
    def where(self) -> str:
        return "; ".join(s.where for port, s in self.sources if port.kind != "static")

    def add(self, port: Port, source: Source) -> None:
        """Append the source of the next port."""
        self.sources.append((port, source))
        totals = [s.total for p, s in self.sources if p.kind != "static"]
        self.total = min((t for t in totals if t is not None), default=None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        streams = [repeat(_single(s)) if port.kind == "static" else iter(s) for port, s in self.sources]
        moving = [(port, s) for port, s in self.sources if port.kind != "static"]
        ended = object()
        while True:
            frames = [next(stream, ended) for stream in streams]
            over = [s for (port, s), frame in zip(self.sources, frames, strict=True) if frame is ended]
            if over:
                break
            yield tuple(item for frame in frames for item in frame)  # type: ignore[attr-defined]
        if len(over) < len(moving):
            self.note = f"{over[0].where}: the sequence ends before those of the other inputs"
        else:
            self.note = "; ".join(s.note for _, s in moving if s.note)

    def close(self) -> None:
        for _, source in self.sources:
            source.close()


def _single(source: Source) -> tuple[Any, ...]:
    frames = list(source)
    if len(frames) != 1:
        raise FrameError(f"{source.where}: a static input has one frame for the whole sequence, found {len(frames)}")
    return frames[0]
