"""Several frames of a file as one step, for models of which a step takes more than one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from edgernn.ir.interface import Interface
from edgernn.runtime.io.base import Source


def of_frames(interface: Interface) -> Interface:
    """``interface`` with ports of single frames, as files hold them; a frame that is a number has the shape (1,)."""
    if interface.hop == 1:
        return interface
    ports = tuple(p if p.kind == "static" else replace(p, shape=p.shape[1:] or (1,)) for p in interface.inputs)
    return replace(interface, inputs=ports)


class Steps(Source):
    """The frames of ``source``, as many at a time as a step takes."""

    def __init__(self, source: Source, interface: Interface) -> None:
        self.source, self.interface = source, interface
        self.total = None if source.total is None else source.total // interface.hop

    @property
    def where(self) -> str:
        return self.source.where

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for frames in self.source:
            rows.append(frames)
            if len(rows) == self.interface.hop:
                yield self._step(rows)
                rows = []
        notes = [self.source.note] if self.source.note else []
        if rows:
            left = f"{len(rows)} frames" if len(rows) > 1 else "a frame"
            notes.append(f"{self.source.where}: {left} at the end left out: a step takes {self.interface.hop}")
        self.note = "; ".join(notes)

    def _step(self, rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        columns = zip(*rows, strict=True)
        return tuple(
            column[-1] if port.kind == "static" else np.stack([np.asarray(v) for v in column]).reshape(port.shape)
            for port, column in zip(self.interface.inputs, columns, strict=True)
        )

    def close(self) -> None:
        self.source.close()
