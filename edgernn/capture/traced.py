"""Pairs the graphs of a module at two lengths, node by node."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.export.graph_signature import InputKind

from edgernn.capture.exporting import WRAPPED, export
from edgernn.capture.rolled import roll
from edgernn.capture.source import user_line
from edgernn.capture.spec import CallSpec
from edgernn.errors import UnsupportedModelError

LENGTHS = (11, 17)
"""Steps of the two sequences that a module is traced with; of so many times ``scale`` frames."""


@dataclass(frozen=True)
class Varying:
    """A number in the module's code that differs between the two lengths."""

    a: Any
    b: Any

    def from_end(self, lengths: tuple[int, int]) -> int | None:
        """k where the number is T - k, T being one of ``lengths``; None where it is nothing of the kind."""
        if isinstance(self.a, int) and isinstance(self.b, int) and lengths[0] - self.a == lengths[1] - self.b:
            return lengths[0] - self.a
        return None


@dataclass(frozen=True)
class Ref:
    """An argument that is the result of another call."""

    name: str


@dataclass
class Call:
    """One operation of the module, seen at both lengths.

    target   such as "aten.linear.default"
    args     numbers, strings, None, Ref, Varying, and lists of these
    shapes   of each result: sizes, with None on the axis of time
    rates    of each result: how many frames of the input of the model there are for one of it
    extra    of each result: how many frames it has more than that share of the input
    scale    by which the sequences are longer than LENGTHS: a multiple of all rates
    source   "model.py:12 in forward: y = self.fc(x)"
    path     of the submodule, such as "encoder.gru"
    """

    name: str
    target: str
    function: Any
    args: list[Any]
    kwargs: dict[str, Any]
    shapes: list[tuple[int | None, ...]]
    rates: list[int]
    extra: list[int]
    scale: int
    dtype: torch.dtype | None
    source: str
    path: str

    def lengths(self, rate: int = 1) -> tuple[int, int]:
        """Frames of a sequence of this rate at the two lengths."""
        return LENGTHS[0] * self.scale // rate, LENGTHS[1] * self.scale // rate

    def option(self, name: str) -> Any:
        """The argument of this name in the operator's schema, or its default there."""
        for position, argument in enumerate(self.function._schema.arguments):
            if argument.name == name:
                given = self.args[position] if position < len(self.args) else argument.default_value
                return self.kwargs.get(name, given)
        return None


@dataclass
class Placeholder:
    """An input of the traced graph: a parameter, buffer or constant (its value at both lengths), or the user's."""

    name: str
    tensors: tuple[torch.Tensor, torch.Tensor] | None


@dataclass
class Traced:
    """The module as two paired graphs. ``outputs`` are Refs or constants, in the order of ``out_spec``."""

    placeholders: list[Placeholder]
    calls: list[Call]
    outputs: list[Any]
    out_spec: Any


def trace(
    module: torch.nn.Module, spec: CallSpec, decomposes: Callable[[torch._ops.OpOverload], bool], scale: int = 1
) -> Traced:
    """Trace ``module`` in evaluation mode. Raises UnsupportedModelError with the line of the user's code.

    ``scale`` is a multiple of how many frames of the input there are for one of any tensor.
    Operators that ``decomposes`` names are replaced by what PyTorch composes them of.
    """
    first, second = (export(module, spec, length * scale, decomposes) for length in LENGTHS)
    pairs = _Pairs(scale)
    calls: list[Call] = []
    outputs: list[Any] = []
    for program in (first, second):
        program.graph.eliminate_dead_code()
    if len(first.graph.nodes) != len(second.graph.nodes):
        roll(first.graph, second.graph)
    for a, b in _aligned(list(first.graph.nodes), list(second.graph.nodes)):
        pairs.twins[a.name] = b.name
        if a.op == "call_function":
            calls.append(pairs.call(a, b))
        elif a.op == "output":
            if len(a.args[0]) != len(b.args[0]):
                raise _loop_error(a, b)
            outputs = [pairs.pair(x, y, a) for x, y in zip(a.args[0], b.args[0], strict=True)]
    return Traced(_placeholders(first, second), calls, outputs, first.call_spec.out_spec)


def _aligned(a: list[Any], b: list[Any]) -> Iterator[tuple[Any, Any]]:
    for x, y in zip(a, b, strict=False):
        if x.op != y.op or (x.op == "call_function" and x.target != y.target):
            raise _loop_error(x, y)
        yield x, y
    if len(a) != len(b):
        raise _loop_error(a[-1], b[min(len(a), len(b) - 1)])


def _loop_error(a: Any, b: Any) -> UnsupportedModelError:
    """The graphs part at nodes ``a`` and ``b``; the second is still in the loop where there is one."""
    source = user_line(b.meta.get("stack_trace")) or user_line(a.meta.get("stack_trace"))
    return UnsupportedModelError(
        "the operations that run depend on the length of the sequence: a Python loop over time whose steps differ, or "
        "an if on the length",
        source=source,
        remedy="let every step of the loop do the same with frame t and what the step before left; or use "
        "nn.LSTM/GRU/RNN over the whole sequence, or give the body of the loop as a step module "
        "forward(x_t, state) -> (y_t, state), together with its state (--state)",
    )


def _placeholders(first: torch.export.ExportedProgram, second: torch.export.ExportedProgram) -> list[Placeholder]:
    rows = []
    inputs = zip(first.graph_signature.input_specs, second.graph_signature.input_specs, strict=True)
    for spec, twin in inputs:
        name = spec.arg.name
        if spec.kind is InputKind.USER_INPUT:
            rows.append(Placeholder(name, None))
            continue
        rows.append(Placeholder(name, (_held(first, spec.target or name), _held(second, twin.target or name))))
    return rows


def _held(program: torch.export.ExportedProgram, target: str) -> torch.Tensor:
    held = program.constants if target in program.constants else program.state_dict
    tensor: torch.Tensor = held[target].detach()
    return tensor


def _results(node: Any) -> list[torch.Tensor]:
    value = node.meta.get("val")
    values = value if isinstance(value, tuple | list) else [value]
    return [v for v in values if isinstance(v, torch.Tensor)]


def _rate(n: int, m: int, scale: int) -> int | None:
    """Frames of the input for one of an axis that has ``n`` and ``m`` at the two lengths; None where it is no time."""
    grown = (LENGTHS[1] - LENGTHS[0]) * scale
    if m <= n or grown % (m - n):
        return None
    rate = grown // (m - n)
    return rate if scale % rate == 0 else None


def _shape(a: torch.Tensor, b: torch.Tensor, scale: int, node: str, source: str) -> tuple[int | None, ...]:
    """Sizes of a result, with None on the axis of time (T frames, or a share of them, or some more or less); -size
    where it is no axis of time and depends on T all the same."""
    if a.ndim != b.ndim:
        raise UnsupportedModelError(
            "the number of axes depends on the length of the sequence", node=node, source=source
        )
    pairs = zip(a.shape, b.shape, strict=True)
    return tuple(n if n == m else (-n if _rate(n, m, scale) is None else None) for n, m in pairs)


def _timing(a: torch.Tensor, b: torch.Tensor, scale: int) -> tuple[int, int]:
    """Rate and extra of a result; 1 and 0 where it has no axis of time."""
    for n, m in zip(a.shape, b.shape, strict=False):
        rate = _rate(n, m, scale)
        if rate is not None:
            return rate, n - LENGTHS[0] * scale // rate
    return 1, 0


class _Pairs:
    """Joins two nodes; ``twins`` maps names of the first graph to those of the second."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.twins: dict[str, str] = {}

    def call(self, a: Any, b: Any) -> Call:
        results_a, results_b = _results(a), _results(b)
        source = user_line(a.meta.get("stack_trace"))
        if len(results_a) != len(results_b) or len(a.args) != len(b.args):
            raise _loop_error(a, b)
        timing = [_timing(x, y, self.scale) for x, y in zip(results_a, results_b, strict=True)]
        return Call(
            name=a.name,
            target="getitem" if a.target is operator.getitem else str(a.target),
            function=a.target,
            args=[self.pair(x, y, a) for x, y in zip(a.args, b.args, strict=True)],
            kwargs={k: self.pair(v, b.kwargs.get(k), a) for k, v in a.kwargs.items()},
            shapes=[_shape(x, y, self.scale, a.name, source) for x, y in zip(results_a, results_b, strict=True)],
            rates=[rate for rate, _ in timing],
            extra=[extra for _, extra in timing],
            scale=self.scale,
            dtype=results_a[0].dtype if results_a else None,
            source=source,
            path=_path(a),
        )

    def pair(self, a: Any, b: Any, node: Any) -> Any:
        if isinstance(a, torch.fx.Node):
            if not isinstance(b, torch.fx.Node) or self.twins.get(a.name) != b.name:
                raise _loop_error(node, node)
            return Ref(a.name)
        if isinstance(a, list | tuple):
            if not isinstance(b, list | tuple) or len(a) != len(b):
                raise _loop_error(node, node)
            return [self.pair(x, y, node) for x, y in zip(a, b, strict=True)]
        return a if type(a) is type(b) and a == b else Varying(a, b)


def _path(node: Any) -> str:
    """Path of the submodule that a node belongs to."""
    modules = node.meta.get("nn_module_stack") or {}
    path = str(list(modules.values())[-1][0]) if modules else ""
    for _, kind in modules.values():
        if kind.startswith("edgernn.capture."):
            path = path.removeprefix(WRAPPED).removeprefix(".")
    return path
