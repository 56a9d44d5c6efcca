"""What the module takes and returns, as ports and states of the graph."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree as pytree

from edgernn.capture.context import Context
from edgernn.capture.spec import CallSpec, InputSpec
from edgernn.capture.values import Complex, Constant, Shares, Stream, Weighted
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.builder import identifier
from edgernn.ir.graph import Graph, Port, state_name
from edgernn.ir.op import Array
from edgernn.ops import Embedding, Last


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
    states; and how its ports relate to the module's arguments and results.

    least_steps  in the shortest sequence that the module can be called with
    constants    index among the flattened results -> value of a result that does not depend on the input
    """

    graph: Graph
    call: CallSpec
    arguments: list[ArgumentInfo]
    outputs: list[OutputInfo]
    least_steps: int = 1
    constants: dict[int, Array] = field(default_factory=dict)


def declare_outputs(
    ctx: Context, results: list[Any], out_spec: Any, constants: dict[int, Array] | None = None
) -> list[OutputInfo]:
    """Ports for what the module returns; constants among it go to ``constants`` by their index, or are refused."""
    names = _output_names(out_spec, len(results))
    rows = []
    taken = {p.name for p in ctx.builder.graph.inputs} | {s.name for s in ctx.builder.graph.states}
    for index, (name, result) in enumerate(zip(names, results, strict=False)):
        if result is None:
            continue
        if isinstance(result, Shares | Weighted):
            raise UnsupportedModelError(
                f"output {name!r} holds weights along time, each of which depends on the whole sequence",
                remedy="return what is made of them, or the scores before the softmax",
            )
        if isinstance(result, Complex):
            raise UnsupportedModelError(
                f"output {name!r} is complex", remedy="return its .abs(), or torch.view_as_real of it"
            )
        if constants is not None and isinstance(result, Constant) and result.fixed:
            constants[index] = result.a.detach().cpu().numpy()
            continue
        if not isinstance(result, Stream):
            raise UnsupportedModelError(
                f"output {name!r} does not depend on the input", remedy="return only what is computed from the input"
            )
        while name in taken:
            name += "_out"
        taken.add(name)
        ctx.builder.graph.outputs.append(_output_port(ctx, name, result))
        rows.append(OutputInfo(name, index, result.time))
    if not rows:
        raise UnsupportedModelError("the module returns no tensor", remedy="return the outputs from forward")
    return rows


def _output_port(ctx: Context, name: str, result: Stream) -> Port:
    """What holds for a whole sequence (it comes from static inputs alone) counts as a value of its end."""
    value = result.value
    frames = result.time is not None or ctx.builder.graph.mode == "step"
    if not frames and not ctx.is_final(result):
        value = ctx.builder.add1(Last(), [value], name)
    found = ctx.builder.graph.values[value]
    return Port(name, found.shape, found.dtype, "frame" if frames else "final", value=value)


def _output_names(out_spec: Any, count: int) -> list[str]:
    leaves = _leaf_paths(out_spec)
    if count == 1:
        keys = [k.key for k in leaves[0] if hasattr(k, "key") and isinstance(k.key, str)]
        return [identifier("_".join(keys))] if keys else ["output"]
    return [_name(path) for path in leaves][:count]


def _leaf_paths(out_spec: Any) -> list[tuple[Any, ...]]:
    """Path of each leaf of what the module returns."""
    if _holds_packed(out_spec):
        raise UnsupportedModelError(
            "forward returns a packed sequence", remedy="return what pad_packed_sequence makes of it, or the last state"
        )
    tree = pytree.tree_unflatten(list(range(out_spec.num_leaves)), out_spec)
    return [path for path, _ in pytree.tree_flatten_with_path(tree)[0]]


def _holds_packed(spec: Any) -> bool:
    return spec.context is PackedSequence or any(_holds_packed(child) for child in spec.children())


def _name(path: tuple[Any, ...]) -> str:
    parts = [str(next(v for v in (getattr(k, a, None) for a in ("key", "name", "idx")) if v is not None)) for k in path]
    text = "_".join(parts)
    return identifier(f"output_{text}" if text[:1].isdigit() else text)


def close_states(ctx: Context, results: list[Any], count: int) -> None:
    """The last ``count`` results of a step module are the next states, in the order of the arguments."""
    graph = ctx.builder.graph
    after = results[len(results) - count :]
    for k, (state, value) in enumerate(zip(graph.states, after, strict=True)):
        if not isinstance(value, Stream) or graph.values[value.value].shape != state.shape:
            found = graph.values[value.value].shape if isinstance(value, Stream) else "a constant"
            raise UsageError(f"state {state.name!r} has shape {state.shape}, the module returns {found} in its place")
        graph.states[k] = replace(state, after=value.value)


def argument_roles(ctx: Context, arguments: list[ArgumentInfo]) -> list[ArgumentInfo]:
    """Drop ports that nothing reads, and those that only give initial states; note ranges of indices."""
    graph = ctx.builder.graph
    read = _live(graph)
    graph.nodes = [node for node in graph.nodes if read & set(node.outputs)]
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


def _live(graph: Graph) -> set[str]:
    """Values that an output or a next state depends on, without those that only give initial states."""
    live = set(graph.roots())
    for node in reversed(graph.nodes):
        if live & set(node.outputs):
            live.update(node.inputs)
    return live


def _limit(graph: Graph, port: Port) -> int | None:
    """Smallest table that the port indexes, through nodes that only move elements."""
    names, sizes = {port.value}, []
    for node in graph.nodes:
        if node.inputs[0] in names and node.op.kind in ("reshape", "transpose", "slice", "expand", "last", "concat"):
            names.update(node.outputs)
        if isinstance(node.op, Embedding) and node.inputs[0] in names:
            sizes.append(graph.values[node.inputs[1]].shape[0])
    return min(sizes, default=None)
