"""Ops that have no integer form of their own, in ops that have one."""

from __future__ import annotations

from edgernn.ir.graph import Graph
from edgernn.ir.legalize import legalize
from edgernn.ir.op import Op
from edgernn.passes.simplify import simplify
from edgernn.quant.rules import lower


def in_ops_with_integer_forms(graph: Graph) -> Graph:
    """``graph`` with what must be taken apart for integers: a Fourier transform as a product with its matrix, say.

    Raises UnsupportedOpError for an op that has no integer form and is composed of nothing.
    """
    return simplify(legalize(graph, "integer", _has_integer_form))


def _has_integer_form(op: Op) -> bool:
    return lower.dispatch(type(op)) is not lower.dispatch(Op)
