"""What was found about the integers of a model, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ValueFidelity:
    """One real value of the float program against the integers that stand for it, both on carried state.

    value      name of an input port, a state, or the node that computes it
    op         kind of the float node; "input" for a port
    scheme     of that node; nothing where it has no weights
    dtype      of the integers
    sqnr_db    10*log10(mean(value^2) / mean(error^2)); None where there is no error
    max_error  largest absolute error
    represented  largest magnitude that the integers can hold
    calibrated   largest magnitude for which the scale was chosen
    seen         largest magnitude of the float value here
    outside      share of float values beyond ``calibrated``
    """

    value: str
    op: str
    scheme: str
    dtype: str
    sqnr_db: float | None
    max_error: float
    represented: float
    calibrated: float
    seen: float
    outside: float

    @property
    def used(self) -> float:
        """Share of the range of the integers that the values use."""
        return self.seen / self.represented


@dataclass(frozen=True)
class Saturation:
    """How many of one kind of intermediate results met the limits of their integers.

    layer  node of the integer program
    part   gate or state: "i", "f", "g", "o", "r", "z", "n", "c", "h"; "result" for what a node gives
    """

    layer: str
    part: str
    count: int
    total: int


@dataclass
class IntegerReport:
    """The integers of a model over ``frames`` frames of ``sequences`` sequences, the state carried through each."""

    sequences: int
    frames: int
    values: list[ValueFidelity] = field(default_factory=list)
    saturation: list[Saturation] = field(default_factory=list)
