"""The tables of cycles, and the rules of each pipeline. docs/cycle-estimates.md says where every number comes from.

A model gives a block of instructions a ``BlockCost``; how often the block ran, jumped and was jumped to, is counted.
All numbers are for memory without wait states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edgernn.boards.cycles.dual_issue import DualIssue, schedule
from edgernn.boards.cycles.instructions import Instruction


@dataclass(frozen=True)
class BlockCost:
    """Cycles of one basic block.

    base        each time it runs, with the jump at its end where that is unconditional
    taken       more, each time its conditional branch is taken
    missed      more, each time a predictor guessed its branch wrong
    entered     more, each time it is jumped to
    caps_taken  whether ``taken`` counts at most twice the wrong guesses: a predictor of the last branch
    """

    base: float
    taken: float = 0.0
    missed: float = 0.0
    entered: float = 0.0
    caps_taken: bool = False


@dataclass(frozen=True)
class CycleModel:
    """The timing of one core. ``error_percent`` is how far an estimate may be from a board without wait states."""

    core: str
    error_percent: int
    block: Callable[[Sequence[Instruction]], BlockCost]


@dataclass(frozen=True)
class Simple:
    """A core whose instructions take fixed numbers of cycles: Cortex-M0 and M0+.

    refill  cycles more of a taken branch, BX, BLX and of loading the program counter;  ``call`` is a whole BL
    """

    refill: int
    call: int
    system: int
    barrier: int

    def block(self, instructions: Sequence[Instruction]) -> BlockCost:
        """As ``CycleModel.block``."""
        last = instructions[-1]
        branch = self.refill if last.kind == "branch" else 0
        base = sum(map(self._cycles, instructions)) + (0 if last.conditional else branch)
        return BlockCost(base, taken=branch if last.conditional else 0)

    def _cycles(self, i: Instruction) -> int:
        jump = self.refill if i.jumps else 0
        if i.kind in ("load", "store"):
            return 2 + jump
        if i.kind in ("load_many", "store_many"):
            return 1 + i.transfers + (jump + 1 if jump else 0)
        if i.kind in ("call", "system", "barrier"):
            return {"call": self.call, "system": self.system, "barrier": self.barrier}[i.kind]
        return 1 + (jump if i.kind in ("branch_register", "alu") else 0)


@dataclass(frozen=True)
class Pipelined:
    """A Cortex-M3 or M4: three stages, loads and stores overlap, branches refill the pipeline.

    classes   kind -> cycles, where not 1
    refill    P of the reference manual, 1 to 3 depending on width and alignment of the target: the middle
    indirect  more for a target that comes from a register or from memory
    unaligned more where the target is a 32-bit instruction across two words
    """

    classes: Mapping[str, float]
    refill: float = 1.5
    indirect: float = 1.0
    unaligned: float = 0.5

    def block(self, instructions: Sequence[Instruction]) -> BlockCost:
        """As ``CycleModel.block``."""
        before: Sequence[Instruction | None] = (None, *instructions)
        base = sum(self._cycles(i, previous) for previous, i in zip(before, instructions, strict=False))
        jump = refill(instructions[-1], self.refill, self.indirect)
        entered = self.unaligned if across_words(instructions[0]) else 0.0
        conditional = instructions[-1].conditional
        return BlockCost(base + (0 if conditional else jump), taken=jump if conditional else 0, entered=entered)

    def _cycles(self, i: Instruction, previous: Instruction | None) -> float:
        overlaps = previous is not None and previous.kind == "load" and not previous.writes & i.base
        if i.kind == "load":
            return 1 if overlaps else 2
        if i.kind == "store":
            return 1 if len(i.base) < 2 or overlaps else 2
        if i.kind.endswith("_many") or i.kind in ("fp_load", "fp_store"):
            return 1 + i.transfers
        return self.classes.get(i.kind, 1)


@dataclass(frozen=True)
class LoadUse:
    """A core with one instruction a cycle, and a cycle lost where a loaded value is used at once.

    classes    kind -> cycles, where not 1
    many       cycles of a multiple load or store beside one for each word
    jump       more for an unconditional jump;  ``indirect``, more where the target comes from a register
    taken      more for a conditional branch that is taken
    unaligned  more where the target is a 32-bit instruction across two words
    predicts   whether the last backward branch is remembered
    """

    classes: Mapping[str, float] = field(default_factory=dict)
    many: float = 0.0
    jump: float = 1.0
    indirect: float = 0.0
    taken: float = 1.0
    unaligned: float = 0.0
    predicts: bool = False

    def block(self, instructions: Sequence[Instruction]) -> BlockCost:
        """As ``CycleModel.block``."""
        before: Sequence[Instruction | None] = (None, *instructions)
        base = sum(self._cycles(i, previous) for previous, i in zip(before, instructions, strict=False))
        last = instructions[-1]
        jump = refill(last, self.jump, self.indirect)
        entered = self.unaligned if across_words(instructions[0]) else 0.0
        if last.conditional:
            return BlockCost(base, self.taken, entered=entered, caps_taken=self.predicts and last.backward)
        return BlockCost(base + jump, entered=entered)

    def _cycles(self, i: Instruction, previous: Instruction | None) -> float:
        used = i.base if i.kind == "store" else i.reads
        stall = 1 if previous is not None and previous.kind in ("load", "load_many") and previous.writes & used else 0
        if i.kind.endswith("_many"):
            return i.transfers + self.many + stall
        return self.classes.get(i.kind, 1) + stall


def refill(last: Instruction, direct: float, indirect: float) -> float:
    """Cycles of a jump at the end of a block: none where there is none, more where the target is not in the code."""
    if not last.jumps:
        return 0.0
    return direct + (0 if last.kind in ("branch", "compare_branch", "call", "jump") else indirect)


def across_words(first: Instruction) -> bool:
    """Whether fetching it takes two reads of a word."""
    return first.wide and first.address % 4 == 2


M3 = {"multiply_add": 2, "multiply_long": 4, "accumulate_long": 5, "divide": 7, "table_branch": 2}
M4 = {"divide": 7, "table_branch": 2, "fp_divide": 14, "fp_multiply_add": 3}
M33 = {"divide": 6, "accumulate_long": 2, "if_then": 0.5, "fp_divide": 14, "fp_multiply_add": 3}
C3 = {"multiply_long": 3, "divide": 20}
HAZARD3 = {"divide": 18.5}

MODELS: Mapping[str, CycleModel] = {
    model.core: model
    for model in (
        CycleModel("cortex-m0", 8, Simple(refill=2, call=4, system=4, barrier=4).block),
        CycleModel("cortex-m0plus", 5, Simple(refill=1, call=3, system=3, barrier=3).block),
        CycleModel("cortex-m3", 8, Pipelined(M3).block),
        CycleModel("cortex-m4", 8, Pipelined(M4).block),
        CycleModel("cortex-m33", 25, LoadUse(M33, 1, jump=1.5, indirect=0.5, taken=1.5, unaligned=0.5).block),
        CycleModel("cortex-m7", 20, lambda block: BlockCost(*schedule(block, DualIssue()))),
        CycleModel("esp32-c3", 8, LoadUse(C3, indirect=1, taken=2).block),
        CycleModel("hazard3", 10, LoadUse(HAZARD3, taken=1, unaligned=1, predicts=True).block),
    )
}
"""Core -> its model. For a core that is not here, instructions are counted and nothing is estimated."""
