"""What look-ahead in chunks costs: the model with it against the model that sees the whole sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from edgernn.capture import Captured
from edgernn.capture.lookahead import looks_back
from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.validation.reference import Reference
from edgernn.validation.results import ChunkReport, OutputLoss
from edgernn.validation.sequences import Sequence_, random_sequences

Rows = list[dict[str, Array]]


@dataclass(frozen=True)
class Judge:
    """A metric of the task: a function of (outputs of each sequence, ``targets``) that returns a number."""

    function: Callable[[list[Any], Any], float]
    targets: Any = None

    @property
    def name(self) -> str:
        """What the user called it."""
        return getattr(self.function, "__name__", "metric")

    def __call__(self, rows: Rows) -> float:
        """Of the outputs of a model; a single output comes without its name."""
        given = [next(iter(row.values())) if len(row) == 1 else row for row in rows]
        try:
            return float(self.function(given, self.targets))
        except Exception as error:
            raise UsageError(
                f"metric {self.name!r} failed: {type(error).__name__}: {error}; it is called with a list of "
                f"{len(given)} {'arrays' if len(rows[0]) == 1 else 'dicts of arrays'} and the targets"
            ) from error


class ChunkReference(Reference):
    """The module with look-ahead, which is the reference, beside the one that it was made of.

    judge  the metric by which reports compare the two, besides their outputs
    """

    def __init__(
        self, module: torch.nn.Module, captured: Captured, program: Graph, whole: torch.nn.Module, chunk: int,
        lookahead: int,
    ) -> None:  # fmt: skip
        super().__init__(module, captured, program)
        self.whole, self.chunk, self.lookahead = Reference(whole, captured, program), chunk, lookahead
        self.judge: Judge | None = None

    def chunk_report(self, sequences: Sequence[Sequence_], interface: Interface) -> ChunkReport:
        """On ``sequences`` of real input, or on random ones where there are none."""
        tested = list(sequences) or random_sequences(self._real(interface), self.captured.least_steps)
        chunked, whole = ([model.run(s) for s in tested] for model in (self, self.whole))
        layers = [name or "the model itself" for name, layer in self.whole.module.named_modules() if looks_back(layer)]
        judge = self.judge
        return ChunkReport(
            self.chunk, self.lookahead, layers, interface.hop, interface.delay,
            len(tested) if len(sequences) else 0,
            [_loss(name, interface, whole, chunked) for name in chunked[0]],
            judge.name if judge else "", judge(whole) if judge else None, judge(chunked) if judge else None,
        )  # fmt: skip

    def _real(self, interface: Interface) -> Interface:
        """With the inputs of the float model, which an integer one has in other units."""
        return replace(interface, inputs=tuple(self.ports[p.name] for p in interface.inputs))


def _loss(name: str, interface: Interface, whole: Rows, chunked: Rows) -> OutputLoss:
    port = next(p for p in interface.outputs if p.name == name)
    a, b = (np.concatenate([row[name].reshape(-1, *port.shape[-1:]) for row in rows]) for rows in (whole, chunked))
    a, b = a.astype(np.float64), b.astype(np.float64)
    rms, power = (float(np.sqrt(np.mean(np.square(x)))) for x in (b - a, a))
    same = float(np.mean(a.argmax(-1) == b.argmax(-1))) if port.shape and port.shape[-1] > 1 else None
    largest = float(np.max(np.abs(b - a)))
    return OutputLoss(name, port.kind, len(a), largest, rms, rms / power if power else 0.0, same)
