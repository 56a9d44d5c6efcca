"""An ONNX graph as a PyTorch module, whose forward runs its nodes on tensors."""

from __future__ import annotations

import linecache
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from edgernn.capture.onnx.call import OnnxCall
from edgernn.capture.onnx.evaluation import RANDOM, evaluate
from edgernn.capture.onnx.files import in_float32
from edgernn.capture.onnx.operators import CONTROL, OPERATORS
from edgernn.capture.onnx.operators.table import Scope
from edgernn.capture.onnx.values import Fixed, OnnxGraph, OnnxNode, Value, fixed, tensor

OF_SHAPES = ("Shape", "Size")
"""Operators whose results are known although their operands are not."""


class OnnxModule(torch.nn.Module):
    """Computes what an ONNX file computes. Takes the inputs of ``call`` and returns its outputs by name.

    Floating-point constants are buffers. Each node runs in a frame of the file's name and its number there, so that
    errors and refusals show it as they show a line of code.
    """

    def __init__(self, graph: OnnxGraph, call: OnnxCall, file: str) -> None:
        super().__init__()
        check_operators(graph)
        self._graph = _folded(graph)
        self._call, self._file = call, file
        self._run = _runners(self._graph, file)
        self._buffers_of: dict[str, list[tuple[str, str]]] = {}
        for k, inner in enumerate(_graphs(self._graph)):
            self._hold(k, inner)

    def _hold(self, k: int, graph: OnnxGraph) -> None:
        for j, (name, array) in enumerate(graph.constants.items()):
            if array.dtype.kind == "f":
                buffer = f"constant_{k}_{j}"
                self.register_buffer(buffer, torch.from_numpy(np.array(in_float32(array))))
                self._buffers_of.setdefault(graph.name, []).append((name, buffer))

    def forward(self, *tensors: torch.Tensor) -> dict[str, torch.Tensor]:
        """The outputs of the graph."""
        values: dict[str, Value] = dict(zip(self._call.names, tensors, strict=True))
        values |= {name: Fixed(array) for name, array in self._call.companions(self._length(tensors)).items()}
        results = self.run(self._graph, values)
        found = dict(zip(self._graph.outputs, results, strict=True))
        return {name: tensor(found[name]) for name in self._call.results}

    def _length(self, tensors: Sequence[torch.Tensor]) -> int:
        for given, spec in zip(tensors, self._call.specs, strict=True):
            if spec.time is not None:
                return int(given.shape[spec.time])
        return 1

    def run(self, graph: OnnxGraph, given: Mapping[str, Value]) -> list[Value]:
        """The outputs of ``graph`` for the values that it reads."""
        values = dict(given)
        weights = {name: self.get_buffer(buffer) for name, buffer in self._buffers_of.get(graph.name, [])}
        values |= {name: Fixed(array, weights.get(name)) for name, array in graph.constants.items()}
        for node in graph.nodes:
            results = self._run[node.number](self._compute, node, values)
            values.update((n, v) for n, v in zip(node.outputs, results, strict=False) if n)
        return [values[name] for name in graph.outputs]

    def _compute(self, node: OnnxNode, values: Mapping[str, Value]) -> Sequence[Value]:
        operands = [values[name] if name else None for name in node.inputs]
        if node.op in CONTROL:
            return CONTROL[node.op](node, Scope(values, self.run), *operands)
        if node.op not in OF_SHAPES and all(v is None or isinstance(v, Fixed) for v in operands):
            return [
                Fixed(a) for a in evaluate(node, [None if v is None else fixed(node, v, "operand") for v in operands])
            ]
        results = OPERATORS[node.op](node, *operands)
        return results if isinstance(results, list) else [results]


def check_operators(graph: OnnxGraph) -> None:
    """Raise UnsupportedModelError for the first operator that no rule reads."""
    for node in graph.nodes:
        if node.domain or (node.op not in OPERATORS and node.op not in CONTROL):
            name = f"{node.domain}.{node.op}" if node.domain else node.op
            node.refuse(f"edgernn does not read the ONNX operator {name}", "see docs/operations.md for those it reads")
        for inner in node.graphs.values():
            check_operators(inner)


def _graphs(graph: OnnxGraph) -> Iterator[OnnxGraph]:
    yield graph
    for node in graph.nodes:
        for inner in node.graphs.values():
            yield from _graphs(inner)


def _folded(graph: OnnxGraph, prefix: str = "main") -> OnnxGraph:
    """With the nodes computed whose operands are all constants. Graphs get names of their own."""
    constants, nodes = dict(graph.constants), []
    for node in graph.nodes:
        known = all(not n or n in constants for n in node.inputs)
        if known and node.op not in CONTROL and node.op not in RANDOM:
            arrays = [constants[n] if n else None for n in node.inputs]
            constants.update((n, a) for n, a in zip(node.outputs, evaluate(node, arrays), strict=False) if n)
            continue
        inner = {key: _folded(g, f"{prefix}.{node.number}.{key}") for key, g in node.graphs.items()}
        nodes.append(OnnxNode(**{**vars(node), "graphs": inner}) if inner else node)
    read = {n for node in nodes for n in (*node.inputs, *(o for g in node.graphs.values() for o in g.outer()))}
    read.update(graph.outputs)
    kept = {name: array for name, array in constants.items() if name in read}
    return OnnxGraph(prefix, graph.inputs, graph.outputs, tuple(nodes), kept)


def _call_node(compute: Callable[..., Any], node: OnnxNode, values: Mapping[str, Value]) -> Any:
    return compute(node, values)


def _runners(graph: OnnxGraph, file: str) -> dict[int, Callable[..., Sequence[Value]]]:
    """For each node a function that runs it, whose frame in tracebacks is a line of the file."""
    nodes = [node for inner in _graphs(graph) for node in inner.nodes]
    lines = [""] * max((node.number for node in nodes), default=0)
    runners: dict[int, Callable[..., Sequence[Value]]] = {}
    for node in nodes:
        lines[node.number - 1] = node.source.partition(": ")[2] + "\n"
        code = _call_node.__code__.replace(co_filename=file, co_name=node.name, co_firstlineno=node.number - 1)
        runners[node.number] = types.FunctionType(code, globals(), node.name)
    linecache.cache[file] = (0, None, lines, file)
    return runners
