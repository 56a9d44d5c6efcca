"""Traced module -> sequence graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from edgernn.capture.context import Context, refuse
from edgernn.capture.rules import RULES, decomposes, refused
from edgernn.capture.running import check_repeats, run_once
from edgernn.capture.spec import CallSpec, InputSpec, argument_names
from edgernn.capture.traced import LENGTHS, Call, Placeholder, Traced, Varying, trace
from edgernn.capture.values import Constant, Several, Stream, Tracked, frame_of
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.builder import Builder, identifier
from edgernn.ir.graph import Graph, Port, State, state_name
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Embedding

IGNORED = ("aten._assert_tensor_metadata.default", "aten._assert_async.msg", "aten.sym_constrain_range.default")


@dataclass(frozen=True)
class ArgumentInfo:
    """How one tensor argument of the module is made from what a session is fed.

    role  "frame" and "static": the port of this name; "state": the initial value of the states named
          in ``states``; "length": the length of the sequence; "unused"
    """

    spec: InputSpec
    role: str
    port: str = ""
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutputInfo:
    """Where an output of the program stands in what the module returns.

    index  among the flattened results
    time   axis of time of that tensor, None for a value of the end
    """

    port: str
    index: int
    time: int | None


@dataclass
class Captured:
    """A sequence graph (recurrent nodes start from constants) or, for a step module, a step graph with
    states; and how its ports relate to the module's arguments and results."""

    graph: Graph
    call: CallSpec
    arguments: list[ArgumentInfo]
    outputs: list[OutputInfo]


def capture(module: torch.nn.Module, spec: CallSpec, name: str) -> Captured:
    """Capture ``module``.

    Raises UnsupportedModelError, naming the user's line, on what cannot be converted, and UsageError where
    the module cannot be called with ``spec``.
    """
    results = run_once(module, spec, LENGTHS[0])
    captured = _translated(trace(module, spec, decomposes), spec, argument_names(module.forward, spec), name)
    check_repeats(module, spec, LENGTHS[0], results)
    return captured


def _translated(traced: Traced, spec: CallSpec, names: list[str], name: str) -> Captured:
    graph = Graph(name, mode="step" if spec.step else "sequence")
    ctx = Context(Builder(graph))
    arguments = _declare(ctx, traced.placeholders, spec, names)
    for call in traced.calls:
        ctx.builder.source = call.source
        ctx.env[call.name] = _result(ctx, call)
    results = [ctx.resolve(o) for o in traced.outputs]
    state_count = len(graph.states)
    if spec.step and len(results) <= state_count:
        raise UsageError(
            f"a step module with {state_count} state tensors must return its output and {state_count} states, "
            f"it returns {len(results)} tensors"
        )
    outputs = _outputs(ctx, results[: len(results) - state_count], traced.out_spec)
    if spec.step:
        _close_states(ctx, results, state_count)
    return Captured(graph, spec, _roles(ctx, arguments), outputs)


def _declare(ctx: Context, placeholders: list[Placeholder], spec: CallSpec, names: list[str]) -> list[ArgumentInfo]:
    """Constants, ports and states for the inputs of the traced graph."""
    arguments: list[ArgumentInfo] = []
    given = iter(p for p in placeholders if p.tensors is None)
    for placeholder in placeholders:
        if placeholder.tensors is not None:
            ctx.env[placeholder.name] = Constant(*placeholder.tensors)
    inputs = len(names) - (spec.states or 0)
    for position, (leaf, name) in enumerate(zip(spec.leaves(), names, strict=True)):
        if leaf.kind == "length":
            arguments.append(ArgumentInfo(leaf, "length"))
        elif position >= inputs:
            arguments.append(_declare_state(ctx, next(given).name, leaf, name))
        else:
            arguments.append(_declare_port(ctx, next(given).name, leaf, name))
    return arguments


def _declare_port(ctx: Context, traced: str, leaf: InputSpec, name: str) -> ArgumentInfo:
    dtype = "int32" if leaf.kind == "int" else "float32"
    shape = frame_of(leaf.shape)
    value = ctx.builder.value(name, ValueType(dtype, shape, StreamInfo()))
    kind = "frame" if leaf.time is not None or ctx.builder.graph.mode == "step" else "static"
    ctx.builder.graph.inputs.append(Port(value, shape, dtype, kind, value=value))
    ctx.env[traced] = Stream(value, leaf.shape)
    if leaf.time is None:
        ctx.plain[traced] = value
    return ArgumentInfo(leaf, kind, value)


def _declare_state(ctx: Context, traced: str, leaf: InputSpec, name: str) -> ArgumentInfo:
    shape = frame_of(leaf.shape)
    dtype = "int32" if leaf.kind == "int" else "float32"
    value = ctx.builder.value(name, ValueType(dtype, shape, StreamInfo()))
    ctx.builder.graph.states.append(State(value, shape, dtype, np.zeros(shape, dtype), before=value))
    ctx.env[traced] = Stream(value, leaf.shape)
    return ArgumentInfo(leaf, "state", states=(value,))


def _result(ctx: Context, call: Call) -> Tracked:
    if call.target == "getitem":
        source = ctx.resolve(call.args[0])
        return _item(call, source, call.args[1]) if isinstance(source, Several) else source
    if call.target in IGNORED:
        return Several(())
    values = pytree.tree_leaves([ctx.resolve(a) for a in [*call.args, *call.kwargs.values()]])
    if not any(isinstance(v, Stream | Several) for v in values):
        return _evaluate(ctx, call)
    constant = _like(ctx, call)
    if constant is not None:
        return constant
    rule = RULES.get(call.target) or refused.rule_for(call.target)
    if rule is None:
        refuse(call, "edgernn has no rule for this operation", "replace it by operations of docs/operations.md")
    return rule(ctx, call)


def _item(call: Call, source: Several, position: int) -> Tracked:
    if position >= len(source.items):
        refuse(call, "it uses positions (the indices of max or min)", "use only the values; take positions outside the model")
    return source.items[position]


def _evaluate(ctx: Context, call: Call) -> Tracked:
    """Run an operation on constants, at both lengths."""
    if torch.Tag.nondeterministic_seeded in call.function.tags:
        refuse(call, "it draws random numbers, so its results cannot be reproduced", "feed the noise as an input")
    results = []
    for side in (0, 1):
        pick = _picker(ctx, side)
        args = [pick(a) for a in call.args]
        kwargs = {k: pick(v) for k, v in call.kwargs.items()}
        results.append(call.function(*args, **kwargs))
    if isinstance(results[0], torch.Tensor):
        return Constant(*results)
    if isinstance(results[0], tuple | list):
        return Several(tuple(Constant(a, b) for a, b in zip(*results, strict=True)))
    refuse(call, f"it computes a {type(results[0]).__name__}")


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


def _like(ctx: Context, call: Call) -> Constant | None:
    """Constants that take only their shape from the input: zeros_like, new_zeros, full_like, ..."""
    name = call.target.split(".")[1]
    if name in FILLS:
        fill = FILLS[name]
    elif name in ("full_like", "new_full"):
        fill = call.args[1 if name == "full_like" else 2]
    else:
        return None
    dtype = call.dtype or torch.float32
    shapes = [tuple(length if n is None else n for n in call.shapes[0]) for length in LENGTHS]
    if any(n < 0 for n in shapes[0]):
        refuse(call, "the size of its result depends on the length of the sequence, and is not the length itself")
    return Constant(*(torch.full(shape, fill, dtype=dtype) for shape in shapes))


def _outputs(ctx: Context, results: list[Any], out_spec: Any) -> list[OutputInfo]:
    names = _output_names(out_spec, len(results))
    rows = []
    taken = {p.name for p in ctx.builder.graph.inputs} | {s.name for s in ctx.builder.graph.states}
    for index, (name, result) in enumerate(zip(names, results, strict=False)):
        if result is None:
            continue
        if not isinstance(result, Stream):
            raise UnsupportedModelError(
                f"output {name!r} does not depend on the input", remedy="return only what is computed from the input"
            )
        while name in taken:
            name += "_out"
        taken.add(name)
        value = ctx.builder.graph.values[result.value]
        final = value.stream is not None and value.stream.final
        kind = "final" if final else "frame"
        ctx.builder.graph.outputs.append(Port(name, value.shape, value.dtype, kind, value=result.value))
        rows.append(OutputInfo(name, index, result.time))
    if not rows:
        raise UnsupportedModelError("the module returns no tensor", remedy="return the outputs from forward")
    return rows


def _output_names(out_spec: Any, count: int) -> list[str]:
    tree = pytree.tree_unflatten(list(range(out_spec.num_leaves)), out_spec)
    leaves, _ = pytree.tree_flatten_with_path(tree)
    if count == 1:
        path = leaves[0][0]
        keys = [k.key for k in path if hasattr(k, "key") and isinstance(k.key, str)]
        return [identifier("_".join(keys))] if keys else ["output"]
    return [_name(path) for path, _ in leaves][:count]


def _name(path: tuple[Any, ...]) -> str:
    parts = [str(next(v for v in (getattr(k, a, None) for a in ("key", "name", "idx")) if v is not None)) for k in path]
    text = "_".join(parts)
    return identifier(f"output_{text}" if text[:1].isdigit() else text)


def _close_states(ctx: Context, results: list[Any], count: int) -> None:
    """The last ``count`` results of a step module are the next states, in the order of the arguments."""
    graph = ctx.builder.graph
    after = results[len(results) - count :]
    for k, (state, value) in enumerate(zip(graph.states, after, strict=True)):
        if not isinstance(value, Stream) or graph.values[value.value].shape != state.shape:
            found = graph.values[value.value].shape if isinstance(value, Stream) else "a constant"
            raise UsageError(f"state {state.name!r} has shape {state.shape}, the module returns {found} in its place")
        graph.states[k] = replace(state, after=value.value)


def _roles(ctx: Context, arguments: list[ArgumentInfo]) -> list[ArgumentInfo]:
    """Drop ports that nothing reads, and those that only give initial states; note ranges of indices."""
    graph = ctx.builder.graph
    read = {n for node in graph.nodes for n in node.inputs} | {p.value for p in graph.outputs} | {s.after for s in graph.states}
    kept, rows = [], []
    for info in arguments:
        if info.role in ("frame", "static") and info.port not in read:
            given = sorted(ctx.given.get(info.port, []), key=lambda g: g.layer)
            states = tuple(state_name(g.node, g.carried) for g in given)
            rows.append(replace(info, role="state" if states else "unused", states=states))
        else:
            rows.append(info)
            kept.append(info.port)
    graph.inputs = [replace(p, limit=_limit(graph, p)) for p in graph.inputs if p.name in kept]
    if not graph.inputs:
        raise UnsupportedModelError("the outputs do not depend on the input")
    return rows


def _limit(graph: Graph, port: Port) -> int | None:
    """Smallest table that the port indexes, through nodes that only move elements."""
    names, sizes = {port.value}, []
    for node in graph.nodes:
        if node.inputs[0] in names and node.op.kind in ("reshape", "transpose", "slice", "expand", "last", "concat"):
            names.update(node.outputs)
        if isinstance(node.op, Embedding) and node.inputs[0] in names:
            sizes.append(graph.values[node.inputs[1]].shape[0])
    return min(sizes, default=None)
