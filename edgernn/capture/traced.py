"""Runs ``torch.export`` at two lengths and pairs the two graphs node by node."""

from __future__ import annotations

import operator
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.export.graph_signature import InputKind

from edgernn.capture.packed import packing_is_identity
from edgernn.capture.spec import CallSpec
from edgernn.errors import UnsupportedModelError

LENGTHS = (11, 17)
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)\n\s*(.*)')
_TORCH = os.path.dirname(torch.__file__)


@dataclass(frozen=True)
class Varying:
    """A number in the module's code that differs between the two lengths."""

    a: Any
    b: Any

    @property
    def from_end(self) -> int | None:
        """k where the number is T - k; None where it is nothing of the kind."""
        if isinstance(self.a, int) and isinstance(self.b, int) and LENGTHS[0] - self.a == LENGTHS[1] - self.b:
            return LENGTHS[0] - self.a
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
    source   "model.py:12 in forward: y = self.fc(x)"
    path     of the submodule, such as "encoder.gru"
    """

    name: str
    target: str
    function: Any
    args: list[Any]
    kwargs: dict[str, Any]
    shapes: list[tuple[int | None, ...]]
    dtype: torch.dtype | None
    source: str
    path: str


@dataclass
class Placeholder:
    """An input of the traced graph: a parameter, buffer or constant (``tensor``), or the user's."""

    name: str
    tensor: torch.Tensor | None
    target: str = ""


@dataclass
class Traced:
    """The module as two paired graphs. ``outputs`` are Refs or constants, in the order of ``out_spec``."""

    placeholders: list[Placeholder]
    calls: list[Call]
    outputs: list[Any]
    out_spec: Any
    lengths: tuple[int, int] = LENGTHS
    parameters: dict[str, torch.Tensor] = field(default_factory=dict)


def trace(module: torch.nn.Module, spec: CallSpec) -> Traced:
    """Trace ``module`` in evaluation mode. Raises UnsupportedModelError with the line of the user's code."""
    first, second = (_export(module, spec, length) for length in LENGTHS)
    nodes = (list(first.graph.nodes), list(second.graph.nodes))
    calls: list[Call] = []
    outputs: list[Any] = []
    for a, b in _aligned(*nodes):
        if a.op == "call_function":
            calls.append(_call(a, b))
        elif a.op == "output":
            outputs = [_pair(x, y, a) for x, y in zip(a.args[0], b.args[0], strict=True)]
    return Traced(_placeholders(first), calls, outputs, first.call_spec.out_spec)


def _export(module: torch.nn.Module, spec: CallSpec, length: int) -> torch.export.ExportedProgram:
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with warnings.catch_warnings(), packing_is_identity(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.export.export(module, spec.tensors(length), strict=False)
            return program.run_decompositions({})
    except Exception as error:
        raise _export_error(error) from error
    finally:
        for m, training in modes.items():
            m.training = training


def _export_error(error: Exception) -> UnsupportedModelError:
    text = str(error)
    reason = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    source = user_line(text) or _traceback_line(error)
    if "data-dependent" in text or type(error).__name__.startswith("GuardOnDataDependent"):
        return UnsupportedModelError(
            "the control flow or a shape depends on the values of the data",
            source=source,
            remedy="compute both branches and combine them, or decide outside the model",
        )
    return UnsupportedModelError(
        f"the module cannot be traced: {type(error).__name__}: {reason}",
        source=source,
        remedy="call the module with tensors of the given --input shapes and batch size 1; that call must work",
    )


def _traceback_line(error: BaseException) -> str:
    found, trace_ = "", error.__traceback__
    while trace_ is not None:
        file = trace_.tb_frame.f_code.co_filename
        if not _is_library(file):
            found = f"{os.path.basename(file)}:{trace_.tb_lineno} in {trace_.tb_frame.f_code.co_name}"
        trace_ = trace_.tb_next
    return found


def _is_library(file: str) -> bool:
    edgernn = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return file.startswith((_TORCH, edgernn, "<")) or "contextlib" in file or f"{os.sep}torch{os.sep}" in file


def user_line(stack_trace: str | None) -> str:
    """The innermost line of a stack trace that is not torch's own: "model.py:12 in forward: code"."""
    lines = [m for m in _FRAME.findall(stack_trace or "") if not _is_library(m[0])]
    if not lines:
        return ""
    file, number, function, code = lines[-1]
    return f"{os.path.basename(file)}:{number} in {function}: {code.strip()}"


def _aligned(a: list[Any], b: list[Any]) -> Iterator[tuple[Any, Any]]:
    for x, y in zip(a, b, strict=False):
        if x.op != y.op or (x.op == "call_function" and x.target != y.target):
            raise _loop_error(x, y)
        yield x, y
    if len(a) != len(b):
        longer = a if len(a) > len(b) else b
        raise _loop_error(longer[min(len(a), len(b))], longer[-1])


def _loop_error(x: Any, y: Any) -> UnsupportedModelError:
    source = user_line(x.meta.get("stack_trace")) or user_line(y.meta.get("stack_trace"))
    return UnsupportedModelError(
        "the number of operations depends on the length of the sequence: a Python loop over time",
        node=str(x.name),
        source=source,
        remedy="use nn.LSTM/GRU/RNN over the sequence, or give the body of the loop as a step module "
        "forward(x_t, state) -> (y_t, state) together with its state (--state)",
    )


def _placeholders(program: torch.export.ExportedProgram) -> list[Placeholder]:
    rows = []
    for spec in program.graph_signature.input_specs:
        name = spec.arg.name
        if spec.kind is InputKind.USER_INPUT:
            rows.append(Placeholder(name, None))
            continue
        target = spec.target or name
        held = program.constants if target in program.constants else program.state_dict
        rows.append(Placeholder(name, held[target].detach(), target))
    return rows


def _call(a: Any, b: Any) -> Call:
    target = "getitem" if a.target is operator.getitem else str(a.target)
    modules = a.meta.get("nn_module_stack") or {}
    path = list(modules.values())[-1][0] if modules else ""
    results_a, results_b = _results(a), _results(b)
    source = user_line(a.meta.get("stack_trace"))
    return Call(
        name=a.name,
        target=target,
        function=a.target,
        args=[_pair(x, y, a) for x, y in zip(a.args, b.args, strict=True)],
        kwargs={k: _pair(v, b.kwargs.get(k), a) for k, v in a.kwargs.items()},
        shapes=[_shape(x, y, a.name, source) for x, y in zip(results_a, results_b, strict=True)],
        dtype=results_a[0].dtype if results_a else None,
        source=source,
        path=path,
    )


def _results(node: Any) -> list[torch.Tensor]:
    value = node.meta.get("val")
    values = value if isinstance(value, tuple | list) else [value]
    return [v for v in values if isinstance(v, torch.Tensor)]


def _shape(a: torch.Tensor, b: torch.Tensor, node: str, source: str) -> tuple[int | None, ...]:
    """Sizes of a result, with None on the axis of time; the raw sizes where it is no plain sequence."""
    if a.ndim != b.ndim:
        raise UnsupportedModelError("the number of axes depends on the length of the sequence", node=node, source=source)
    return tuple(n if n == m else (None if (n, m) == LENGTHS else -n) for n, m in zip(a.shape, b.shape, strict=True))


def _pair(a: Any, b: Any, node: Any) -> Any:
    if isinstance(a, torch.fx.Node):
        return Ref(a.name)
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            raise _loop_error(node, node)
        return [_pair(x, y, node) for x, y in zip(a, b, strict=True)]
    return a if type(a) is type(b) and a == b else Varying(a, b)
