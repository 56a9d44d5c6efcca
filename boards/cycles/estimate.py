"""From counts of executed blocks to cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgernn.boards.cycles.instructions import decode
from edgernn.boards.cycles.models import MODELS, BlockCost, CycleModel
from edgernn.boards.emulators.tracing import Trace
from edgernn.boards.manifest import Board, Region

ReadCode = Callable[[int, int], bytes]
"""(address, bytes) -> code."""


@dataclass(frozen=True)
class Estimate:
    """Estimated cycles without wait states, within ``error_percent`` of a board."""

    cycles: float
    error_percent: int

    @property
    def low(self) -> float:
        """The fewest."""
        return self.cycles * (1 - self.error_percent / 100)

    @property
    def high(self) -> float:
        """The most."""
        return self.cycles * (1 + self.error_percent / 100)

    @property
    def text(self) -> str:
        """For people; says that it is an estimate."""
        return f"cycles estimated: {self.cycles:,.0f} (±{self.error_percent} %)"


class BlockCosts:
    """Adds up the cycles of blocks, each decoded once."""

    def __init__(self, model: CycleModel, family: str, read: ReadCode, flash: Region | None = None) -> None:
        self.model = model
        self._family, self._read, self._flash = family, read, flash
        self._costs: dict[tuple[int, int], BlockCost] = {}

    def cycles(self, traces: Iterable[Trace]) -> dict[Trace, float]:
        """Cycles of each."""
        return {trace: self._cycles(trace) for trace in traces}

    def estimate(self, traces: Iterable[Trace]) -> Estimate:
        """All together."""
        return Estimate(sum(self.cycles(traces).values()), self.model.error_percent)

    def _cycles(self, trace: Trace) -> float:
        key = trace.address, trace.size_bytes
        if key not in self._costs:
            code = decode(self._family, self._read(*key), trace.address)
            self._costs[key] = self.model.block(code) if code else BlockCost(0)
        cost = self._costs[key]
        taken = min(trace.taken, 2 * trace.missed) if cost.caps_taken else trace.taken
        return (
            trace.executions * cost.base + taken * cost.taken + trace.missed * cost.missed
            + trace.entered * cost.entered
        )  # fmt: skip


def estimator(board: Board, read: ReadCode) -> BlockCosts | None:
    """What estimates cycles for the core of ``board``, or None where there is no model of it."""
    model = MODELS.get(board.core.name)
    return BlockCosts(model, board.core.family, read, board.memory.flash) if model is not None else None


def fetched_lines(traces: Iterable[Trace], line_bytes: int, region: Region) -> int:
    """Lines of flash with the instructions, each counted whenever a block that touches it runs: the most fetches."""
    total = 0
    for trace in traces:
        if region.address <= trace.address < region.end:
            first, last = trace.address // line_bytes, (trace.address + trace.size_bytes - 1) // line_bytes
            total += (last - first + 1) * trace.executions
    return total
