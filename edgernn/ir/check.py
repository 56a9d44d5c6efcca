"""Invariants of a step program."""

from __future__ import annotations

from edgernn.ir.graph import Graph
from edgernn.ir.interface import MAX_FRAME_ELEMENTS


def check_graph(graph: Graph) -> None:
    """Raise ValueError, naming node and value, unless ``graph`` is well formed: values are defined once,
    before use, with the types that the ops infer; ports and states fit the values they name."""
    defined = set(graph.constants)
    for name in [p.value for p in graph.inputs] + [s.before for s in graph.states]:
        if name in defined:
            raise ValueError(f"value {name!r} is defined twice")
        defined.add(name)
    elements = 0
    for node in graph.nodes:
        missing = [n for n in node.inputs if n not in defined]
        if missing:
            raise ValueError(f"node {node.name!r} reads {missing} before they are defined")
        if all(n in graph.constants for n in node.inputs) and not node.op.of_constants:
            raise ValueError(f"node {node.name!r} reads constants only; its result must be a constant")
        inferred = node.op.infer(*graph.types(node.inputs))
        if inferred != graph.types(node.outputs):
            raise ValueError(f"node {node.name!r}: types are {graph.types(node.outputs)}, the op infers {inferred}")
        for name in node.outputs:
            if name in defined:
                raise ValueError(f"value {name!r} is defined twice")
            elements += 0 if node.op.of_constants else graph.values[name].size
            if elements > MAX_FRAME_ELEMENTS:
                raise ValueError(f"with value {name!r} of shape {graph.values[name].shape}, a step is too large")
            defined.add(name)
    _check_ports(graph, defined)


def _check_ports(graph: Graph, defined: set[str]) -> None:
    for port in [*graph.inputs, *graph.outputs]:
        if port.value not in defined:
            raise ValueError(f"port {port.name!r} names the undefined value {port.value!r}")
        found = graph.values[port.value]
        if (found.dtype, found.shape) != (port.dtype, port.shape):
            raise ValueError(f"port {port.name!r} is {port.dtype} {port.shape}, its value {found.dtype} {found.shape}")
    for state in graph.states:
        for name in (state.before, state.after):
            if name not in defined:
                raise ValueError(f"state {state.name!r} names the undefined value {name!r}")
            found = graph.values[name]
            if (found.dtype, found.shape) != (state.dtype, state.shape):
                raise ValueError(f"state {state.name!r} is {state.shape}, value {name!r} is {found.shape}")
        if state.initial.shape != state.shape or str(state.initial.dtype) != state.dtype:
            raise ValueError(f"state {state.name!r}: the initial value does not fit {state.dtype} {state.shape}")
