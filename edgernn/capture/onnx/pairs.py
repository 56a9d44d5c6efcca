"""Finds out which outputs of an ONNX model are the next values of which inputs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from edgernn.capture.onnx.values import OnnxGraph

RECURRENT = {"LSTM": {1: 5, 2: 6}, "GRU": {1: 5}, "RNN": {1: 5}}
"""Operator -> output that holds a last state -> input that holds the first."""
LENGTH_INPUT = 4
MOVES = (
    "Squeeze", "Unsqueeze", "Reshape", "Transpose", "Identity", "Cast", "Slice", "Split", "Gather", "Concat", "Expand",
)  # fmt: skip
"""Operators that only move states of layers."""

SUFFIXES = re.compile(r"(^|[_.\d])(in|out|prev|previous|next|new|old|n|t)(?=$|[_.\d])|\d")
LIKENESS = 0.6
"""Names of a state and of its next value have at least so much in common (``difflib``)."""

Key = frozenset[tuple[str, int]]


def paired_by_use(graph: OnnxGraph, inputs: Sequence[str]) -> dict[str, str]:
    """Inputs that are the first states of LSTM, GRU and RNN operators -> outputs that are their last states."""
    ends = _ends(graph)
    outputs = {ends[name]: name for name in graph.outputs if name in ends}
    starts = {name: _starts(graph, name) for name in inputs}
    return {name: outputs[key] for name, key in starts.items() if key and key in outputs}


def _ends(graph: OnnxGraph) -> dict[str, Key]:
    """Values that only hold last states -> (node, input of the first state) of each."""
    found: dict[str, Key] = {}
    for node in graph.nodes:
        if node.op in RECURRENT:
            for output, start in RECURRENT[node.op].items():
                if output < len(node.outputs) and node.outputs[output]:
                    found[node.outputs[output]] = frozenset({(node.name, start)})
        elif node.op in MOVES:
            parts = [found.get(n) for n in node.inputs if n not in graph.constants]
            if parts and all(p is not None for p in parts):
                joined = frozenset(k for p in parts if p is not None for k in p)
                found.update((name, joined) for name in node.outputs)
    return found


def _starts(graph: OnnxGraph, name: str) -> Key:
    """(node, input) of each recurrent operator that starts from the input ``name``; empty where others read it too."""
    names = {name}
    keys: set[tuple[str, int]] = set()
    for node in graph.nodes:
        used = [k for k, n in enumerate(node.inputs) if n in names]
        if not used or node.op == "Shape":
            continue
        if node.op in MOVES:
            names.update(node.outputs)
        elif node.op in RECURRENT and all(k in RECURRENT[node.op].values() for k in used):
            keys.update((node.name, k) for k in used)
        else:
            return frozenset()
    return frozenset(keys)


def paired(graph: OnnxGraph, inputs: Sequence[Any], proto: onnx.ModelProto, taken: Mapping[str, str]) -> dict[str, str]:
    """Inputs -> outputs of the same sizes whose names are alike, one to one."""
    sizes = {o.name: _sizes(o) for o in proto.graph.output}
    free = [o for o in graph.outputs if o not in taken.values()]
    pairs: dict[str, str] = {}
    likeness = sorted(
        ((_likeness(i.name, o), i, o) for i in inputs for o in free if _fit(i.dims, sizes.get(o))),
        key=lambda row: -row[0],
    )
    for score, found, output in likeness:
        if score >= LIKENESS and found.name not in pairs and output not in pairs.values():
            pairs[found.name] = output
    return pairs


def _sizes(info: onnx.ValueInfoProto) -> tuple[Any, ...] | None:
    kind = info.type.tensor_type
    return tuple(d.dim_value or None for d in kind.shape.dim) if kind.HasField("shape") else None


def _fit(a: Sequence[Any], b: Sequence[Any] | None) -> bool:
    """Whether two shapes can be the same; more than one axis is compared."""
    if b is None:
        return True
    known = zip(a, b, strict=False)
    return len(a) == len(b) and all(not isinstance(x, int) or not y or x == y for x, y in known)


def _likeness(a: str, b: str) -> float:
    first, second = (SUFFIXES.sub("", name.lower()) or name.lower() for name in (a, b))
    return difflib.SequenceMatcher(None, first, second).ratio()
