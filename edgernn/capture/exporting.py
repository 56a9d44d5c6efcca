"""Runs ``torch.export`` on a module at one length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.export.graph_signature import OutputKind, OutputSpec
from torch.utils import _pytree as pytree

from edgernn.capture.lookahead import as_operator
from edgernn.capture.packed import packing_one_sequence
from edgernn.capture.patching import quiet, tracing
from edgernn.capture.running import STATE_REMEDY, evaluating, first_line
from edgernn.capture.source import traceback_line, user_line
from edgernn.capture.spec import CallSpec
from edgernn.errors import UnsupportedModelError

WRAPPED = "module"
"""Attribute of the wrapper that holds the user's module."""

MAX_DECOMPOSITIONS = 5
"""How often operators are decomposed that decompositions brought in."""

_HARMLESS = {torch.ops.aten.detach_.default}
"""Mutating operators that change no values."""


def export(
    module: torch.nn.Module, spec: CallSpec, length: int, decomposes: Callable[[torch._ops.OpOverload], bool]
) -> torch.export.ExportedProgram:
    """The module as a graph of aten operators without side effects; those that ``decomposes`` names are
    replaced by what PyTorch composes them of. Raises UnsupportedModelError.
    """
    lengths = any(leaf.kind == "length" for leaf in spec.leaves())
    target = _KnownLengths(module, spec, length) if lengths else module
    inputs = tuple(_tensors(spec, length)) if lengths else spec.tensors(length)
    try:
        with quiet(), evaluating(target), packing_one_sequence(), as_operator(), tracing():
            program = torch.export.export(target, inputs, strict=False)
            return _functional(program, decomposes)
    except UnsupportedModelError:
        raise
    except Exception as error:
        raise _export_error(error) from error


class _KnownLengths(torch.nn.Module):
    """Calls ``module`` with the lengths of the sequence as constants, so that ``lengths.max()`` is a number."""

    def __init__(self, module: torch.nn.Module, spec: CallSpec, length: int) -> None:
        super().__init__()
        self.module = module
        self._spec, self._length = spec, length

    def forward(self, *tensors: torch.Tensor) -> Any:
        given = iter(tensors)
        leaves = [
            torch.tensor(self._length).reshape([n or self._length for n in leaf.shape])
            if leaf.kind == "length"
            else next(given)
            for leaf in self._spec.leaves()
        ]
        return self.module(*self._spec.fill(leaves))


def _tensors(spec: CallSpec, length: int) -> Iterator[torch.Tensor]:
    leaves = pytree.tree_leaves(list(spec.tensors(length)))
    return (tensor for leaf, tensor in zip(spec.leaves(), leaves, strict=True) if leaf.kind != "length")


def _functional(
    program: torch.export.ExportedProgram, decomposes: Callable[[torch._ops.OpOverload], bool]
) -> torch.export.ExportedProgram:
    """Without in-place operators and without those that ``decomposes`` names."""
    changes = _changes(program)
    names = {spec.target: spec.arg.name for spec in program.graph_signature.input_specs if spec.target}
    for _ in range(MAX_DECOMPOSITIONS):
        found = {n.target for n in program.graph.nodes if isinstance(n.target, torch._ops.OpOverload)}
        table = _decompositions({op for op in found if decomposes(op)})
        if not table and not any(op._schema.is_mutable and op not in _HARMLESS for op in found):
            break
        program = program.run_decompositions(table)
    for spec in program.graph_signature.output_specs:
        if spec.kind is not OutputKind.USER_OUTPUT:
            raise _side_effect(spec, changes.get(names.get(spec.target, str(spec.target)), ""))
    return program


def _changes(program: torch.export.ExportedProgram) -> dict[str, str]:
    """Input of the graph -> line of the user's code that first changes it in place."""
    lines: dict[str, str] = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and getattr(getattr(node.target, "_schema", None), "is_mutable", False):
            root = node
            while root.args and isinstance(root.args[0], torch.fx.Node):
                root = root.args[0]
            lines.setdefault(root.name, user_line(node.meta.get("stack_trace")))
    return lines


def _decompositions(operators: set[torch._ops.OpOverload]) -> dict[Any, Callable[..., Any]]:
    if not operators:
        return {}
    core = _core_decompositions()
    return {op: core[op] for op in operators if op in core} | get_decompositions(
        [op for op in operators if op not in core]
    )


@cache
def _core_decompositions() -> dict[Any, Callable[..., Any]]:
    table: Any = torch.export.default_decompositions()
    return dict(table.items())


def _side_effect(spec: OutputSpec, source: str) -> UnsupportedModelError:
    if spec.kind is OutputKind.BUFFER_MUTATION:
        return UnsupportedModelError(
            f"forward changes the module's own {spec.target!r}: the module keeps hidden state from call to call",
            source=source,
            remedy=STATE_REMEDY,
        )
    return UnsupportedModelError(
        "forward changes its input in place",
        source=source,
        remedy="work on a copy: x = x.clone(), or x = x + y in place of x += y",
    )


def _export_error(error: Exception) -> UnsupportedModelError:
    text = str(error)
    source = traceback_line(error.__traceback__) or user_line(text)
    if "data-dependent" in text or type(error).__name__.startswith("GuardOnDataDependent"):
        return UnsupportedModelError(
            "the control flow, or a shape, depends on the values of the data",
            source=source,
            remedy="compute both branches and combine them (torch.where), or decide outside the model",
        )
    if ".numpy()" in text or "ndarray" in text:
        return UnsupportedModelError(
            "tensors are turned into NumPy arrays", source=source, remedy="use the torch function of the same name"
        )
    if "fake tensor in the exported program constant" in text:
        return UnsupportedModelError(
            "a tensor is made in a way that PyTorch cannot trace, such as torch.FloatTensor(2, 3)",
            source=source,
            remedy="make it with torch.zeros, torch.full or torch.tensor",
        )
    return UnsupportedModelError(
        f"the module runs, but PyTorch cannot trace it: {type(error).__name__}: {first_line(error)}",
        source=source,
        remedy="write that line with plain tensor operations, such that torch.export.export(module, ...) works",
    )
