"""Moves what the decoder computes of memory alone into the encoder, where it is computed once for a source."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.errors import UnsupportedModelError
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node, Port
from edgernn.ops import Expand, Reshape, Reverse, Slice, Spread, Transpose

MOVES = (Reshape, Transpose, Slice, Expand, Spread, Reverse)
"""Ops of one operand that only move elements: they stay with what reads them."""


def hoist(encoder: Graph, decoder: Graph, output: str, port: str) -> tuple[Graph, Graph, dict[str, str]]:
    """Both graphs, and for each input of the decoder that comes from the encoder the output that it is.

    ``output`` of the encoder is memory, the input ``port`` of the decoder. Raises UnsupportedModelError where a step
    does not have one frame of memory.
    """
    source = next(p.value for p in encoder.outputs if p.name == output)
    if encoder.frames(source) != 1 or decoder.hop != 1:
        raise UnsupportedModelError(
            f"a step of the encoder gives {encoder.frames(source)} frames of memory, and one of the decoder takes "
            f"{decoder.hop}; both must be 1",
            remedy="keep fewer frames (stride, pooling) in the encoder, and all of them in the decoder",
        )
    memory = next(p.value for p in decoder.inputs if p.name == port)
    found = _of_memory(decoder, memory)
    bases = _bases(decoder, found, memory)
    moved = _needed(decoder, bases, memory)
    names = _appended(encoder := encoder.copy(), [n for n in decoder.nodes if n.name in moved], decoder, memory, source)
    new, links = _without(decoder, moved, bases, port, memory)
    taken = {p.name for p in encoder.outputs}
    for name in bases:
        value = names[name]
        outer = next(n for n in (value, *(f"{value}_{k}" for k in range(2, 99))) if n not in taken)
        kind = "final" if _is_final(decoder, name) else "frame"
        encoder.outputs.append(Port(outer, encoder.values[value].shape, encoder.values[value].dtype, kind, value=value))
        taken.add(outer)
        links[name] = outer
    return encoder, new, {inner: outer or output for inner, outer in links.items()}


def _of_memory(graph: Graph, memory: str) -> set[str]:
    """Memory, and values that depend on nothing else."""
    found = {memory}
    for node in graph.nodes:
        read = [name for name in node.inputs if name not in graph.constants]
        if read and all(name in found for name in read):
            found.update(node.outputs)
    return found


def _bases(graph: Graph, found: set[str], memory: str) -> list[str]:
    """Of these values, those that the rest reads, without what only moves their elements. Memory is none of them."""
    producers = graph.producers()
    read = {name for node in graph.nodes if node.outputs[0] not in found for name in node.inputs}
    read.update(port.value for port in graph.outputs)
    bases: dict[str, None] = {}
    for name in sorted(read & found):
        while name != memory and isinstance(producers[name].op, MOVES):
            name = producers[name].inputs[0]
        if name != memory:
            bases[name] = None
    return list(bases)


def _needed(graph: Graph, values: Sequence[str], memory: str) -> set[str]:
    """Names of the nodes that compute ``values`` from memory."""
    producers, todo, needed = graph.producers(), list(values), set[str]()
    while todo:
        name = todo.pop()
        if name != memory and name not in graph.constants and producers[name].name not in needed:
            needed.add(producers[name].name)
            todo.extend(producers[name].inputs)
    return needed


def _appended(encoder: Graph, nodes: Sequence[Node], decoder: Graph, memory: str, source: str) -> dict[str, str]:
    """Append nodes of the decoder to the encoder: name in the decoder -> name in the encoder."""
    builder, names = Builder(encoder), {memory: source}
    for node in nodes:
        for name in node.inputs:
            if name in decoder.constants and name not in names:
                names[name] = builder.constant(decoder.constants[name], name)
        builder.source = node.source
        outputs = builder.add(node.op, [names[n] for n in node.inputs], node.name)
        names.update(zip(node.outputs, outputs, strict=True))
    return names


def _without(
    decoder: Graph, moved: set[str], bases: Sequence[str], port: str, memory: str
) -> tuple[Graph, dict[str, str]]:
    """The decoder with inputs in place of what was moved; and its input of memory, where it still has it."""
    new = decoder.copy()
    new.nodes = [n for n in decoder.nodes if n.name not in moved]
    for name in bases:
        found = decoder.values[name]
        kind = "static" if _is_final(decoder, name) else "frame"
        new.inputs.append(Port(name, found.shape, found.dtype, kind, value=name))
    read = {name for node in _live(new) for name in node.inputs} | {p.value for p in new.outputs}
    new.nodes = _live(new)
    new.inputs = [p for p in new.inputs if p.name != port or memory in read]
    return new, {port: ""} if memory in read else {}


def _live(graph: Graph) -> list[Node]:
    live = {p.value for p in graph.outputs}
    nodes = []
    for node in reversed(graph.nodes):
        if live & set(node.outputs):
            live.update(node.inputs)
            nodes.append(node)
    return nodes[::-1]


def _is_final(graph: Graph, name: str) -> bool:
    timing = graph.values[name].stream
    return timing is not None and timing.final
