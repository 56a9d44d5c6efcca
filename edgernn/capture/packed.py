"""``pack_padded_sequence`` of one sequence is the identity; torch.export cannot trace it, so it is made so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.utils import rnn


def _pack(input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    if input.size(0 if batch_first else 1) != 1:
        raise ValueError("edgernn: pack_padded_sequence of a batch; give an input with batch size 1")
    return input


def _pad(
    sequence: Any, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> Any:
    return sequence, torch.full((1,), sequence.size(1 if batch_first else 0), dtype=torch.int64)  # type: ignore[name-defined]  # noqa: F821


@contextmanager
def packing_is_identity() -> Iterator[None]:
    """Within the context, packing and unpacking return the padded tensor.

    The code of the two functions is exchanged, since users import them by name.
    """
    functions = (rnn.pack_padded_sequence, rnn.pad_packed_sequence)
    original = [f.__code__ for f in functions]
    try:
        for function, replacement in zip(functions, (_pack, _pad), strict=True):
            function.__code__ = replacement.__code__
        yield
    finally:
        for function, code in zip(functions, original, strict=True):
            function.__code__ = code
