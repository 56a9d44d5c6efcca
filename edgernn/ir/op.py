"""The contract of an op. The ops themselves live in ``edgernn.ops``, one file each."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy.typing as npt

from edgernn.ir.types import ValueType

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder

Array = npt.NDArray[Any]


class Op(ABC):
    """What one node computes: a frozen dataclass whose fields are the attributes.

    kind     the name of the op in files and reports
    carried  pairs (input index, output index): the input holds the state before the block, the
             output its value after each frame; the last frame's value is carried to the next block
    of_constants  whether operands and results are constants: the op says how a constant is stored

    Axes in attributes are negative (counted from the last axis of the frame), so that they mean the
    same for one frame and for a block of frames.
    """

    kind: ClassVar[str]
    carried: ClassVar[tuple[tuple[int, int], ...]] = ()
    of_constants: ClassVar[bool] = False

    @abstractmethod
    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        """Types of the outputs. Raises ValueError, saying what was expected, on operands that do not fit."""

    @abstractmethod
    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        """The definition, in NumPy.

        A value with a timing is a block: it has a leading axis of n frames. Constants and carried
        states have none. Outputs are blocks.
        """

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """Express the op in smaller ones through ``builder`` and return the names of the results,
        or return None: the op is primitive."""
        return None

    def attributes(self) -> dict[str, Any]:
        """Fields as plain values, in order of definition."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]


def expect_constants(*types: ValueType) -> None:
    """Raise ValueError unless all are types of constants. For ``infer``."""
    expect(all(t.stream is None for t in types), "weights must be constants")


def expect(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless ``condition`` holds. For ``infer``."""
    if not condition:
        raise ValueError(message)
