"""Operations on constants, evaluated at both lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from edgernn.capture.context import Context, refuse
from edgernn.capture.traced import Call, Varying
from edgernn.capture.values import Constant, Several, Tracked


def evaluate(ctx: Context, call: Call) -> Tracked:
    """Run an operation on constants, at both lengths."""
    if torch.Tag.nondeterministic_seeded in call.function.tags:
        refuse(
            call,
            "it draws random numbers, so its results cannot be reproduced",
            "feed the noise as an input of the model",
        )
    results = []
    for side in (0, 1):
        pick = _picker(ctx, side)
        args = [pick(a) for a in call.args]
        kwargs = {k: pick(v) for k, v in call.kwargs.items()}
        results.append(call.function(*args, **kwargs))
    if isinstance(results[0], tuple | list):
        return Several(tuple(Constant(a, b) for a, b in zip(*results, strict=True)))
    if not isinstance(results[0], torch.Tensor):
        refuse(call, f"it computes a {type(results[0]).__name__}")
    return Constant(*results)


def _picker(ctx: Context, side: int) -> Callable[[Any], Any]:
    def pick(argument: Any) -> Any:
        value = ctx.resolve(argument)
        if isinstance(value, list):
            return [pick_resolved(v) for v in value]
        return pick_resolved(value)

    def pick_resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [pick_resolved(v) for v in value]
        if isinstance(value, Constant | Varying):
            return (value.a, value.b)[side]
        return value

    return pick


FILLS: dict[str, float] = {
    "zeros_like": 0.0, "ones_like": 1.0, "new_zeros": 0.0, "new_ones": 1.0, "empty_like": 0.0, "new_empty": 0.0,
}  # fmt: skip
"""Operators that take only the shape of their input; what they leave uninitialised is 0."""


def shaped_like(ctx: Context, call: Call) -> Constant | None:
    """Constants that take only their shape from the input: zeros_like, new_zeros, full_like, ..."""
    name = call.target.split(".")[1]
    if name in FILLS:
        fill = FILLS[name]
    elif name in ("full_like", "new_full"):
        fill = call.args[1 if name == "full_like" else 2]
    else:
        return None
    dtype = call.dtype or torch.float32
    lengths = [n + call.extra[0] for n in call.lengths(call.rates[0])]
    shapes = [tuple(length if n is None else n for n in call.shapes[0]) for length in lengths]
    if any(n < 0 for n in shapes[0]):
        refuse(call, "the size of its result depends on the length of the sequence, and is not the length itself")
    return Constant(*(torch.full(shape, fill, dtype=dtype) for shape in shapes))
