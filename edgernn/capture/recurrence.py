"""An operator for recurrences that PyTorch has no layer for: a function of one frame, run over a sequence.

``torch.export`` keeps it whole, so a graph holds the function once whatever the length of the sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

Body = Callable[
    [Sequence[torch.Tensor], Sequence[torch.Tensor], Sequence[torch.Tensor]],
    tuple[list[torch.Tensor], list[torch.Tensor]],
]
"""(one frame of each sequence, states, weights) -> (outputs of the frame, next states, shaped as before)."""

TARGET = "edgernn.recurrence.default"
_SCHEMA = "recurrence(str body, Tensor[] sequences, Tensor[] states, Tensor[] weights) -> Tensor[]"
_bodies: dict[str, Body] = {}


def recurrence(
    name: str,
    body: Body,
    sequences: Sequence[torch.Tensor],
    states: Sequence[torch.Tensor],
    weights: Sequence[torch.Tensor],
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Outputs of all frames, [T, ...], and the last states. Time is the first axis of ``sequences``.

    ``body`` is kept under ``name``, which the traced graph holds; weights must be all it computes with.
    """
    keep(name, body)
    results = overload()(name, list(sequences), list(states), list(weights))
    count = len(results) - len(states)
    return list(results[:count]), list(results[count:])


def keep(name: str, body: Body) -> None:
    """Keep a function under the name by which calls of the operator refer to it."""
    _bodies[name] = body


def body_named(name: str) -> Body:
    """The function that a traced graph names."""
    return _bodies[name]


@cache
def overload() -> Any:
    """The operator, defined when it is first used."""
    library: Any = torch.library.Library("edgernn", "FRAGMENT")  # type: ignore[no-untyped-call]
    _libraries.append(library)
    library.define(_SCHEMA)
    library.impl("recurrence", _run, "CompositeExplicitAutograd")
    torch.library.register_fake("edgernn::recurrence", _shapes, lib=library)
    return torch.ops.edgernn.recurrence.default


_libraries: list[Any] = []
"""Definitions last as long as their library."""


def _run(name: str, sequences: Any, states: Any, weights: Any) -> list[torch.Tensor]:
    body, rows = _bodies[name], []
    for t in range(sequences[0].shape[0]):
        outputs, states = body([x[t] for x in sequences], states, weights)
        rows.append(outputs)
    return [torch.stack(column) for column in zip(*rows, strict=True)] + [s.clone() for s in states]


def _shapes(name: str, sequences: Any, states: Any, weights: Any) -> list[torch.Tensor]:
    outputs, after = _bodies[name]([x[0] for x in sequences], states, weights)
    length = sequences[0].shape[0]
    return [y.new_empty((length, *y.shape)) for y in outputs] + [s.new_empty(s.shape) for s in after]
