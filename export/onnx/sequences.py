"""Passes that need no Scan: the recurrent operators, and all others, take the frames of a whole segment at once.

That is 2.5 to 6 times faster in ONNX Runtime than a Scan (``benchmarks/segment_formats.py``). It is possible where the
only states are those of recurrent operators.
"""

from __future__ import annotations

from edgernn.ir.graph import Graph, Node
from edgernn.ir.segment import Stage
from edgernn.ops import Concat, Gru, Lstm, Rnn
from edgernn.passes.scales import infer_scales


def takes_sequences(stage: Stage) -> bool:
    """Whether the nodes of a pass give for all frames at once what they give for one after the other."""
    graph = stage.graph
    if graph.tail or infer_scales(graph):
        return False
    recurrent = [node for node in graph.nodes if isinstance(node.op, Lstm | Gru | Rnn)]
    carried = {(n.inputs[before], n.outputs[after]) for n in recurrent for before, after in n.op.carried}
    cells = {name for node in recurrent for name in node.outputs[1:]}
    timed, read = _timed(graph), {name for node in graph.nodes for name in _freely_read(node)}
    return (
        {(s.before, s.after) for s in graph.states} <= carried
        and not read & (cells | {s.before for s in graph.states})
        and not any(isinstance(node.op, Lstm) and node.op.proj_size for node in recurrent)
        and all(_is_even(node, timed) for node in graph.nodes)
        and all(p.value in timed or p.name in stage.takes for p in graph.outputs)
        and all(stage.takes.get(p.name) == "last" for p in graph.outputs if p.value in cells)
    )


def _timed(graph: Graph) -> set[str]:
    """Values that differ from frame to frame."""
    timed = {p.value for p in graph.inputs if p.kind == "frame"}
    for node in graph.nodes:
        if timed.intersection(node.inputs):
            timed.update(node.outputs)
    return timed


def _is_even(node: Node, timed: set[str]) -> bool:
    """Whether all operands that the operator does not repeat itself have the axis of time."""
    needed = node.inputs if isinstance(node.op, Concat) else node.inputs[:1] if node.op.carried else ()
    return all(name in timed for name in needed) or not timed.intersection(node.inputs)


def _freely_read(node: Node) -> tuple[str, ...]:
    """What a node reads, but for what it carries."""
    before = [k for k, _ in node.op.carried]
    return tuple(name for k, name in enumerate(node.inputs) if k not in before)
