"""Nodes of a sequence graph -> the step program of a stage."""

from __future__ import annotations

from collections.abc import Mapping

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port
from edgernn.ir.types import ValueType
from edgernn.ops import Last, Subsample
from edgernn.passes import to_step_program


def stage_program(
    graph: Graph, outputs: Mapping[str, tuple[str, str]], tail: int = 0, once: bool = False, backward: bool = False
) -> Graph:
    """The step program of ``graph``, in which only inputs have types yet.

    outputs  name of the port -> (value, "last" where it is complete at the end of the pass, "first" where the first
             step has the last frame, in the order in which the value runs, or "" for all frames)
    tail     steps after the last frame
    backward whether the pass runs from the last step to the first
    once     whether there is one step, whose cells go on from states that are values as any other
    """
    used = {name for node in graph.nodes for name in node.inputs}
    mode = "step" if once else "sequence"
    new = Graph(graph.name, list(graph.inputs), mode=mode, hop=graph.hop, delay=tail, tail=tail)
    new.constants = {name: array for name, array in graph.constants.items() if name in used}
    new.values = {name: ValueType(str(a.dtype), a.shape) for name, a in new.constants.items()}
    new.values |= {p.value: graph.values[p.value] for p in new.inputs}
    for node in graph.nodes:
        types = node.op.infer(*(new.values[name] for name in node.inputs))
        new.values.update(zip(node.outputs, types, strict=True))
        new.nodes.append(node)
    builder = Builder(new)
    for name, (source, take) in outputs.items():
        value, count = source, new.frames(source)
        if take == "last":
            value = builder.add1(Last(), [source], f"{name}_end")
        elif take == "first" and count > 1:
            value = builder.add1(Subsample(count, count - 1 if backward else 0), [source], f"{name}_end")
        found = new.values[value]
        new.outputs.append(Port(name, found.shape, found.dtype, "final" if take == "last" else "frame", value=value))
    program = to_step_program(new, backward)
    read = {name for node in program.nodes for name in node.inputs} | set(program.roots())
    program.inputs = [p for p in program.inputs if p.value in read]
    return program
