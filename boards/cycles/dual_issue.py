"""A schedule for a core that issues two instructions a cycle in order: the Cortex-M7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edgernn.boards.cycles.instructions import Instruction

MEMORY = ("load", "store", "fp_load", "fp_store")
MULTIPLIES = ("multiply", "multiply_add", "multiply_long", "accumulate_long")
ALONE = ("divide", "system", "barrier", "if_then", "table_branch", "fp_divide")


@dataclass(frozen=True)
class DualIssue:
    """Parameters of the schedule, in cycles.

    load, multiply     until the result can be used
    divide, fp_divide  nothing else is issued
    missed             refill after a wrong guess of the branch predictor
    taken              bubble of a branch that is taken as guessed, on average
    returned           bubble of a return
    """

    load: int = 2
    multiply: int = 2
    divide: int = 8
    fp_divide: int = 14
    missed: float = 4.0
    taken: float = 0.5
    returned: float = 1.0


@dataclass
class _Cycle:
    """What has been issued in the current cycle."""

    number: int = 0
    slots: int = 0
    loads: int = 0
    stores: int = 0
    multiplies: int = 0
    shifts: int = 0
    ready: dict[str, int] = field(default_factory=dict)

    def next(self, cycles: int = 1) -> None:
        """Go on."""
        self.number += cycles
        self.slots = self.loads = self.stores = self.multiplies = self.shifts = 0

    def takes(self, i: Instruction) -> bool:
        """Whether ``i`` can be issued beside what has been: two loads, or one store, one multiply, one shift."""
        if self.slots >= 2 or (self.slots and (i.kind in ALONE or i.kind.endswith("_many"))):
            return False
        if i.kind in ("store", "fp_store") and self.loads + self.stores:
            return False
        if i.kind in ("load", "fp_load") and (self.stores or self.loads >= 2):
            return False
        return not (i.kind in MULTIPLIES and self.multiplies) and not (i.shifts and self.shifts)


def schedule(instructions: Sequence[Instruction], core: DualIssue) -> tuple[float, float, float]:
    """Cycles of a block that starts with an empty pipeline, more when its branch is taken, more when not foreseen."""
    now = _Cycle()
    for i in instructions:
        needed = max((now.ready.get(r, 0) - _forwarded(r, i) for r in i.reads), default=0)
        while now.number < needed or not now.takes(i):
            now.next()
        _issue(now, i, core)
    last = instructions[-1]
    base = float(now.number + (1 if now.slots else 0))
    taken = core.taken if last.jumps else 0.0
    if last.conditional:
        return base, taken, core.missed
    returns = last.jumps and last.kind in ("branch_register", "load_many")
    return base + taken + (core.returned if returns else 0.0), 0.0, 0.0


def _forwarded(register: str, i: Instruction) -> int:
    """A value that is stored is needed a cycle later than an address."""
    return 1 if i.kind == "store" and register not in i.base else 0


def _issue(now: _Cycle, i: Instruction, core: DualIssue) -> None:
    latency = 1
    if i.kind in ("load", "fp_load"):
        latency, now.loads = core.load, now.loads + 1
    elif i.kind in ("store", "fp_store"):
        now.stores += 1
    elif i.kind in MULTIPLIES:
        latency, now.multiplies = core.multiply, now.multiplies + 1
    now.shifts += i.shifts
    now.slots += 1
    for register in i.writes:
        early = i.writes_back and register in i.base
        now.ready[register] = now.number + (1 if early else latency)
    if i.kind.endswith("_many"):
        now.next((i.transfers + 1) // 2)
    elif i.kind == "divide":
        now.next(core.divide)
    elif i.kind == "fp_divide":
        now.next(core.fp_divide)
