"""The inputs and outputs of the file: ports, then states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgernn.export.tflite.lower import copy_tensor, tensor_of
from edgernn.export.tflite.writer import Quantization, Writer
from edgernn.ir.graph import Graph


def add_inputs(
    graph: Graph, writer: Writer, tensors: dict[str, int], scales: Mapping[str, float]
) -> dict[str, int]:
    """Add a tensor for each input port and each state. Returns their names in the signature -> tensors."""
    ends = [(p.name, p.value, p.shape, p.dtype) for p in graph.inputs]
    ends += [(s.name, s.before, s.shape, s.dtype) for s in graph.states]
    names = _distinct(name for name, *_ in ends)
    for name, (_, value, shape, dtype) in zip(names, ends, strict=True):
        quantization = Quantization((scales[value],), (0,)) if value in scales else None
        tensors[value] = writer.tensor(name, (1, *shape), dtype, quantization)
    return {name: tensors[value] for name, (_, value, *_) in zip(names, ends, strict=True)}


def add_outputs(
    graph: Graph, writer: Writer, tensors: dict[str, int], inputs: dict[str, int]
) -> dict[str, int]:
    """Name the tensors of the output ports and of the states after the step. Returns names -> tensors.

    An input, the state before the step or a constant that is an output is copied: the runtimes may
    overwrite an output's memory at any time during a step, and an input must outlive it.
    """
    copies: dict[int, int] = {}
    named: set[int] = set()
    outputs: dict[str, int] = {}
    names = _distinct([*(p.name for p in graph.outputs), *(f"{s.name}_next" for s in graph.states)])
    for name, value in zip(names, graph.roots(), strict=True):
        tensor = tensor_of(graph, writer, tensors, value)
        if tensor in inputs.values() or writer.is_constant(tensor):
            if tensor not in copies:
                copies[tensor] = copy_tensor(writer, tensor, writer.shape(tensor), name)
            tensor = copies[tensor]
        if tensor not in named:
            writer.rename(tensor, name)
        named.add(tensor)
        outputs[name] = tensor
    return outputs


def _distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number after those that came before."""
    found: dict[str, None] = {}
    for name in names:
        candidate, number = name, 1
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found[candidate] = None
    return list(found)
