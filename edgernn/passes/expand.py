"""Replaces composite ops by what they are composed of."""

from __future__ import annotations

from edgernn.ir.graph import Graph
from edgernn.ir.legalize import legalize
from edgernn.ops import COMPOSITE_OPS


def expand(graph: Graph) -> Graph:
    """``graph`` without composite ops, so that every backend and every scheme has them."""
    return legalize(graph, "step program", lambda op: not isinstance(op, COMPOSITE_OPS))
