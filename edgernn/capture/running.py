"""Runs a module on real tensors, and finds out whether it is a function of its input."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree

from edgernn.capture.source import traceback_line
from edgernn.capture.spec import CallSpec
from edgernn.errors import UnsupportedModelError, UsageError, place

RELATIVE_NOISE, ABSOLUTE_NOISE = 1e-4, 1e-6
"""Two calls with the same input may differ by so much, for a numerical library that does not repeat exactly."""

STATE_REMEDY = "start every call from the same state, or take the state as an argument of forward and return it"


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """The module in evaluation mode, without gradients; its training flags are restored."""
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for m, training in modes.items():
            m.training = training


def in_float32(module: torch.nn.Module) -> torch.nn.Module:
    """``module``, or a float32 copy of one that has parameters of another precision. Raises UnsupportedModelError."""
    found = {str(p.dtype) for p in module.parameters() if p.is_floating_point() and p.dtype is not torch.float32}
    if not found:
        return module
    try:
        return copy.deepcopy(module).float()
    except RuntimeError as error:
        raise UnsupportedModelError(
            f"its parameters are {', '.join(sorted(found))} and it cannot be copied to float32: {first_line(error)}",
            remedy="call module.float() before converting it",
        ) from error


def run_once(module: torch.nn.Module, spec: CallSpec, length: int) -> list[Any]:
    """The module's results, as a flat list, on example input. Raises UsageError where the call fails."""
    tensors = spec.tensors(length)
    try:
        with warnings.catch_warnings(), evaluating(module):
            warnings.simplefilter("ignore")
            return list(pytree.tree_leaves(module(*tensors)))
    except UnsupportedModelError:
        raise
    except Exception as error:
        shapes = ", ".join(str(list(t.shape)) for t in pytree.tree_leaves(tensors))
        where, code = place(traceback_line(error.__traceback__))
        raise UsageError(
            f"{where}the module fails when it is called with inputs of shapes {shapes}: "
            f"{type(error).__name__}: {first_line(error)}{code}\n"
            "  what to do: make the inputs (--input, or the example) those that forward takes, with batch size 1, "
            "and without T where forward is one step and takes a state"
        ) from error


def check_repeats(module: torch.nn.Module, spec: CallSpec, length: int, first: list[Any]) -> None:
    """Raise UnsupportedModelError unless the module gives ``first`` again."""
    before = _attributes(module)
    second = run_once(module, spec, length)
    if len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True)):
        return
    changed = sorted(name for name, value in _attributes(module).items() if before.get(name) is not value)
    named = f" (forward assigns {', '.join(changed)})" if changed else ""
    raise UnsupportedModelError(
        "a second call with the same input gives another result: the module keeps hidden state from call to call, "
        f"or draws random numbers{named}",
        remedy=STATE_REMEDY,
    )


def _attributes(module: torch.nn.Module) -> dict[str, Any]:
    """Everything that is not a parameter or submodule, by its path."""
    return {
        f"{path}.{name}" if path else f"self.{name}": value
        for path, m in module.named_modules()
        for name, value in (*m.__dict__.items(), *m.named_buffers(recurse=False))
        if not name.startswith("_")
    }


def _same(a: Any, b: Any) -> bool:
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return True
    if a.shape != b.shape:
        return False
    return torch.allclose(a, b, rtol=RELATIVE_NOISE, atol=ABSOLUTE_NOISE, equal_nan=True)


def first_line(error: BaseException) -> str:
    """First line of a message that is not empty."""
    return next((line for line in str(error).splitlines() if line.strip()), "").strip()
