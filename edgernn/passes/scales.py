"""The real scale of every integer value of a program, from its ports, its states and its ops.

Integer ops hold ratios of scales, as multipliers and shifts. A format whose tensors carry their scales needs the
scales themselves: those of ports and states are known, gates are Q3.12 and Q0.15, and the ratios give the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Op
from edgernn.ops import Concat, Embedding, Expand, Reshape, Select, Slice, Transpose
from edgernn.ops.integer.dense import EmbeddingInt16
from edgernn.ops.integer.elementwise import AddInt16, ClipInt16, DivInt16, MulInt16, RescaleInt16, TableInt16
from edgernn.ops.integer.frame import LogSoftmaxInt16, MaskedSoftmaxInt16, MatmulInt16, ReduceInt16, SoftmaxInt16
from edgernn.ops.integer.power import LOG_SHIFT, LogPowerInt16
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16
from edgernn.ops.integer.running import RunningInt16
from edgernn.ops.integer.tables import SIGMOID, TANH

Q12, Q15 = 2.0**-12, 2.0**-15
HIGH_WORD = 2.0**32
INTEGER_DTYPES = ("int8", "int16")


@dataclass(frozen=True)
class Relation:
    """scale[result] = factor * the product of scale[k] for k in ``operands``; without operands, the scale itself."""

    result: str
    factor: float
    operands: tuple[str, ...] = ()


def operand_key(graph: Graph, node: Node, k: int) -> str:
    """Name under which the scale of operand ``k`` stands: a constant may be read in several scales, once a node."""
    name = node.inputs[k]
    return f"{node.name}:{k}" if name in graph.constants else name


def infer_scales(graph: Graph) -> dict[str, float]:
    """Scale of each integer value, and of each integer constant under ``operand_key``.

    Where only ratios within a part of the program are determined (what a general table reads, say), one value
    of that part gets the scale 1.
    """
    scales = {p.value: p.scale for p in (*graph.inputs, *graph.outputs) if p.scale is not None}
    scales |= {name: s.scale for s in graph.states for name in (s.before, s.after) if s.scale is not None}
    relations = [r for node in graph.nodes for r in _relations(node.op, graph, node)]
    relations.sort(key=lambda r: len(r.operands) > 0)
    missing = _names(graph)
    while True:
        while sum(_apply(r, scales) for r in relations):
            continue
        free = next((name for name in missing if name not in scales), None)
        if free is None:
            return scales
        scales[free] = 1.0


def _names(graph: Graph) -> list[str]:
    """All values that have a scale, in the order of the program."""
    values = [*(p.value for p in graph.inputs), *(s.before for s in graph.states)]
    for node in graph.nodes:
        values += [*(operand_key(graph, node, k) for k in range(len(node.inputs))), *node.outputs]
    streams = {n for n, v in graph.values.items() if v.dtype in INTEGER_DTYPES and n not in graph.constants}
    constants = {r for node in graph.nodes for x in _relations(node.op, graph, node) for r in (x.result, *x.operands)}
    return [name for name in dict.fromkeys(values) if name in streams or name in constants]


def _apply(relation: Relation, scales: dict[str, float]) -> bool:
    """Fill in the one scale that is missing, if exactly one is."""
    names = (relation.result, *relation.operands)
    unknown = [name for name in names if name not in scales]
    if len(unknown) != 1:
        return False
    if unknown[0] == relation.result:
        scales[relation.result] = relation.factor * float(np.prod([scales[n] for n in relation.operands]))
    else:
        known = float(np.prod([scales[n] for n in relation.operands if n in scales]))
        scales[unknown[0]] = scales[relation.result] / (relation.factor * known)
    return True


@singledispatch
def _relations(op: Op, graph: Graph, node: Node) -> Iterator[Relation]:
    """What ``op`` says of the scales of its operands and results; by default nothing."""
    return iter(())


@_relations.register(Reshape)
@_relations.register(Transpose)
@_relations.register(Expand)
@_relations.register(Slice)
@_relations.register(Concat)
@_relations.register(ClipInt16)
def _(op: Op, graph: Graph, node: Node) -> Iterator[Relation]:
    if graph.values[node.outputs[0]].dtype in INTEGER_DTYPES:
        yield from (Relation(node.outputs[0], 1.0, (operand_key(graph, node, k),)) for k in range(len(node.inputs)))


@_relations.register
def _(op: Select, graph: Graph, node: Node) -> Iterator[Relation]:
    if graph.values[node.outputs[0]].dtype in INTEGER_DTYPES:
        yield from (Relation(node.outputs[0], 1.0, (operand_key(graph, node, k),)) for k in (1, 2))


@_relations.register
def _(op: Embedding, graph: Graph, node: Node) -> Iterator[Relation]:
    if graph.values[node.outputs[0]].dtype in INTEGER_DTYPES:
        yield Relation(node.outputs[0], 1.0, (operand_key(graph, node, 1),))


@_relations.register
def _(op: EmbeddingInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    yield Relation(node.outputs[0], 1.0, (f"{node.name}:unit",))


@_relations.register
def _(op: AddInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    for k, multiplier in enumerate((op.multiplier_a, op.multiplier_b)):
        ratio = max(abs(multiplier), 1e-6) / 2.0**op.shift
        yield Relation(operand_key(graph, node, k), ratio, (node.outputs[0],))


@_relations.register
def _(op: RescaleInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    yield Relation(operand_key(graph, node, 0), max(abs(op.multiplier), 1e-6) / 2.0**op.shift, (node.outputs[0],))


@_relations.register
def _(op: MulInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    a, b = (operand_key(graph, node, k) for k in (0, 1))
    yield Relation(node.outputs[0], HIGH_WORD / max(op.multiplier, 1), (a, b))


@_relations.register
def _(op: DivInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    a, b = (operand_key(graph, node, k) for k in (0, 1))
    yield Relation(a, max(op.multiplier, 1) / 2.0**op.shift, (node.outputs[0], b))


@_relations.register
def _(op: RunningInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    unit = 2.0**15 if op.function == "softmax" else 1.0
    yield Relation(operand_key(graph, node, 0), max(op.multiplier, 1) * unit / 2.0**op.shift, (node.outputs[0],))


@_relations.register
def _(op: MatmulInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    a, b = (operand_key(graph, node, k) for k in (0, 1))
    yield Relation(node.outputs[0], HIGH_WORD * 2.0**15 / max(op.multiplier, 1), (a, b))


@_relations.register
def _(op: ReduceInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    factor = HIGH_WORD / max(op.multiplier, 1) if op.function == "sum" else 1.0
    yield Relation(node.outputs[0], factor, (operand_key(graph, node, 0),))


@_relations.register
def _(op: LogPowerInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    """The result is a logarithm in natural units."""
    yield Relation(node.outputs[0], 2.0 ** (LOG_SHIFT - 15) / max(op.gain, 1))
    yield Relation(node.inputs[0], 1.0, (node.inputs[1],))


@_relations.register
def _(op: TableInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    if gate_function(graph, node):
        yield Relation(node.inputs[0], Q12)
        yield Relation(node.outputs[0], Q15)


def gate_function(graph: Graph, node: Node) -> str:
    """ "sigmoid" or "tanh" for a node that looks up the table of gates, otherwise ""."""
    table = graph.constants[node.inputs[1]]
    tables = {"sigmoid": SIGMOID, "tanh": TANH}
    return next((name for name, known in tables.items() if np.array_equal(table, known)), "")


@_relations.register(SoftmaxInt16)
@_relations.register(MaskedSoftmaxInt16)
@_relations.register(LogSoftmaxInt16)
def _(op: SoftmaxInt16 | MaskedSoftmaxInt16 | LogSoftmaxInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    """Where the scale of the operand is known its ratio to Q3.12, rounded, says nothing new."""
    if not isinstance(op, LogSoftmaxInt16):
        yield Relation(node.outputs[0], Q15)
    else:
        yield Relation(node.inputs[0], max(op.gain, 1) / 65536, (node.outputs[0],))
    yield Relation(node.inputs[0], Q12 * max(op.multiplier, 1) / 2.0**op.shift)


@_relations.register
def _(op: LstmInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    if not op.proj_size:
        yield Relation(node.outputs[0], 2.0**-op.hidden_fraction)
    yield Relation(node.outputs[1], 2.0**-op.cell_fraction)
    yield Relation(operand_key(graph, node, 1), 1.0, (node.outputs[0],))
    yield Relation(operand_key(graph, node, 2), 1.0, (node.outputs[1],))


@_relations.register
def _(op: GruInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    yield Relation(node.outputs[0], Q15)
    yield Relation(operand_key(graph, node, 1), Q15)


@_relations.register
def _(op: RnnInt16, graph: Graph, node: Node) -> Iterator[Relation]:
    if op.nonlinearity == "tanh":
        yield Relation(node.outputs[0], 2.0**-op.hidden_fraction)
    yield Relation(operand_key(graph, node, 1), 1.0, (node.outputs[0],))
