"""Brings a traced graph in which a Python loop over time was unrolled into one form, however the loop was written.

Frames are taken by ``aten.select.int`` and ``aten.slice.Tensor`` alone, results are joined by ``aten.stack.default``
and ``aten.cat.default`` alone, and no value is computed twice.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Graph, Node, map_arg

aten = torch.ops.aten
SELECT, SLICE, STACK, CAT = aten.select.int, aten.slice.Tensor, aten.stack.default, aten.cat.default
_PARTS = {
    aten.split.Tensor, aten.split_with_sizes.default, aten.chunk.default, aten.tensor_split.sections,
    aten.unsafe_split.Tensor, aten.unsafe_chunk.default,
}  # fmt: skip
_FILLS = {aten.zeros_like.default: 0, aten.ones_like.default: 1, aten.new_zeros.default: 0, aten.new_ones.default: 1}
_COPIES = {aten.clone.default, aten.contiguous.default, aten.alias.default, aten.lift_fresh_copy.default}


def normalize(graph: Graph) -> None:
    """Change ``graph`` in place. Values of nodes stay what they were."""
    for node in list(graph.nodes):
        if node.op == "call_function":
            replacement = _replacement(node)
            if replacement is not None and replacement is not node:
                node.replace_all_uses_with(replacement)
    graph.eliminate_dead_code()
    _share(graph)
    graph.eliminate_dead_code()


def key_of(node: Node) -> Any:
    """Equal for nodes that compute the same."""
    return key(node.target, node.args, node.kwargs)


def key(target: Any, args: Any, kwargs: Any) -> Any:
    """That of a node that would call ``target`` with these arguments."""
    return target, _hashable(args), _hashable(kwargs)


def argument(node: Node, position: int, default: Any = None) -> Any:
    """A positional argument of a call."""
    return node.args[position] if len(node.args) > position else default


def value(node: Node) -> torch.Tensor:
    """The fake tensor that stands for the result of a node."""
    found: torch.Tensor = node.meta["val"]
    return found


def add(graph: Graph, target: Any, args: tuple[Any, ...], like: Node, name: str | None = None) -> Node:
    """A new node at the place where ``graph`` inserts, with the source of ``like``."""
    node = graph.create_node("call_function", target, args, name=name)
    node.meta = {k: v for k, v in like.meta.items() if k in ("stack_trace", "nn_module_stack")}
    node.meta["val"] = target(*map_arg(args, lambda n: n.meta["val"]))
    return node


def _hashable(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return tuple(_hashable(e) for e in x)
    if isinstance(x, dict):
        return tuple((k, _hashable(v)) for k, v in sorted(x.items()))
    return (type(x).__name__, x) if isinstance(x, bool | int | float) else x


def _share(graph: Graph) -> None:
    found: dict[Any, Node] = {}
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        first = found.setdefault(key_of(node), node)
        if first is not node:
            node.replace_all_uses_with(first)


def _replacement(node: Node) -> Node | None:
    """The node that gives the same in the form that is wanted, or None."""
    if node.target is operator.getitem:
        return _part(node)
    if node.target in _FILLS and argument(node, 0).target in (SELECT, SLICE):
        return _filling(node, _FILLS[node.target])
    if node.target in _COPIES or (node.target is SLICE and _alike(argument(node, 0), node)):
        return _operand(node, 0)
    if node.target in (aten.copy.default, aten.slice_scatter.default):
        return _operand(node, 1) if _alike(argument(node, 0), argument(node, 1)) else None
    if node.target is aten.select_scatter.default:
        return _filled(node)
    if node.target is SELECT:
        return _written(node)
    return None


def _filling(node: Node, number: int) -> Node:
    """A constant that took its shape from a frame, made without the frame."""
    with node.graph.inserting_before(node):
        like = value(node)
        fill = add(node.graph, aten.full.default, (list(like.shape), float(number)), node)
        return fill if value(fill).dtype == like.dtype else add(node.graph, aten.to.dtype, (fill, like.dtype), node)


def _operand(node: Node, position: int) -> Node:
    found: Node = node.args[position]  # type: ignore[assignment]
    return found


def _alike(whole: Node, part: Node) -> bool:
    """Whether a part is all of a tensor."""
    return value(whole).shape == value(part).shape and value(whole).dtype == value(part).dtype


def _part(node: Node) -> Node | None:
    source, index = argument(node, 0), argument(node, 1)
    if source.target is aten.unbind.int:
        with node.graph.inserting_before(node):
            return add(node.graph, SELECT, (argument(source, 0), argument(source, 1, 0), index), node)
    if source.target not in _PARTS:
        return None
    axis = argument(source, 2, 0)
    sizes = [part.shape[axis] for part in source.meta["val"]]
    start = sum(sizes[:index])
    with node.graph.inserting_before(node):
        return add(node.graph, SLICE, (argument(source, 0), axis, start, start + sizes[index]), node)


def _placed(node: Node) -> tuple[int, int]:
    """Axis and index of a select or a select_scatter, neither negative."""
    scatter = node.target is aten.select_scatter.default
    axis, index = argument(node, 1 + scatter), argument(node, 2 + scatter)
    shape = value(argument(node, 0)).shape
    axis %= len(shape)
    return axis, index % shape[axis]


def _filled(node: Node) -> Node | None:
    """A stack, where ``node`` writes the last entry of a tensor whose every entry was written."""
    axis, _ = _placed(node)
    entries: dict[int, Node] = {}
    link = node
    while link.target is aten.select_scatter.default and _placed(link)[0] == axis:
        entries.setdefault(_placed(link)[1], argument(link, 1))
        link = argument(link, 0)
    count = value(node).shape[axis]
    if len(entries) < count:
        return None
    with node.graph.inserting_before(node):
        return add(node.graph, STACK, ([entries[k] for k in range(count)], axis), node)


def _written(node: Node) -> Node | None:
    """What was written where ``node`` reads."""
    place, link = _placed(node), argument(node, 0)
    while link.target is aten.select_scatter.default and _placed(link)[0] == place[0]:
        if _placed(link)[1] == place[1]:
            return _operand(link, 1)
        link = argument(link, 0)
    if link is argument(node, 0):
        return None
    with node.graph.inserting_before(node):
        return add(node.graph, SELECT, (link, *place), node)
