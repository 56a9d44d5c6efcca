"""Graph <-> plain values and arrays, and the fingerprint."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from edgernn.errors import ArtifactError
from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph, Node, State
from edgernn.ir.interface import Interface, little_endian, require
from edgernn.ir.op import Array, Op
from edgernn.ir.types import StreamInfo, ValueType


def graph_to_plain(graph: Graph) -> dict[str, Any]:
    """Nodes and wiring. Types are not written: they follow from the ops. Sources are not: they are private."""
    return {
        "inputs": [p.value for p in graph.inputs],
        "outputs": [p.value for p in graph.outputs],
        "states": [[s.before, s.after] for s in graph.states],
        "nodes": [
            {"name": n.name, "op": n.op.kind, "attributes": n.op.attributes(), "inputs": n.inputs, "outputs": n.outputs}
            for n in graph.nodes
        ],
    }


def fingerprint(graph: Graph) -> str:
    """SHA-256 (hex) over interface, nodes and constants. The model's name and its tokenizer have no part in it."""
    interface = Interface.of(graph, "").program()
    del interface["name"]
    interface.pop("tokenizer", None)
    digest = hashlib.sha256(json.dumps([interface, graph_to_plain(graph)], sort_keys=True).encode())
    for name in sorted(graph.constants):
        array = graph.constants[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(little_endian(array))
    return digest.hexdigest()


def graph_from_plain(
    interface: Interface, plain: dict[str, Any], constants: Mapping[str, Array], ops: Mapping[str, type[Op]], where: str
) -> Graph:
    """Rebuild and check a graph. Raises ArtifactError, naming ``where``, on whatever does not fit."""
    graph = Graph(
        interface.name, mode=interface.mode, scheme=interface.scheme, hop=interface.hop,
        delay=interface.delay, tail=interface.tail, sample_rate_hz=interface.sample_rate_hz, constants=dict(constants),
        tokenizer=interface.tokenizer,
    )  # fmt: skip
    graph.values = {name: ValueType(str(a.dtype), a.shape) for name, a in constants.items()}
    _wire_ports(graph, interface, plain, where)
    for number, entry in enumerate(require(plain, "nodes", list, where)):
        _add_node(graph, entry, ops, f"{where}: node {number}")
    try:
        check_graph(graph)
    except ValueError as error:
        raise ArtifactError(f"{where}: the program is not valid: {error}") from None
    return graph


def _wire_ports(graph: Graph, interface: Interface, plain: dict[str, Any], where: str) -> None:
    inputs, outputs = _names(plain, "inputs", where), _names(plain, "outputs", where)
    states = require(plain, "states", list, where)
    found = (len(inputs), len(outputs), len(states))
    if found != (len(interface.inputs), len(interface.outputs), len(interface.states)):
        raise ArtifactError(f"{where}: program and interface disagree on the number of ports or states")
    graph.inputs = [dataclasses.replace(p, value=v) for p, v in zip(interface.inputs, inputs, strict=True)]
    graph.outputs = [dataclasses.replace(p, value=v) for p, v in zip(interface.outputs, outputs, strict=True)]
    for state, pair in zip(interface.states, states, strict=True):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, str) for n in pair)):
            raise ArtifactError(f"{where}: state {state.name!r:.60} must name two values")
        graph.states.append(dataclasses.replace(state, before=pair[0], after=pair[1]))
    definitions: list[tuple[str, ValueType]] = [
        *((p.value, ValueType(p.dtype, p.shape, StreamInfo())) for p in graph.inputs),
        *((s.before, state_type(s)) for s in graph.states),
    ]
    for name, value_type in definitions:
        if name in graph.values:
            raise ArtifactError(f"{where}: value {name!r:.60} is defined twice")
        graph.values[name] = value_type


def state_type(state: State) -> ValueType:
    """The type of the value that holds a state during a step."""
    return ValueType(state.dtype, state.shape, StreamInfo())


def _names(plain: dict[str, Any], key: str, where: str) -> list[str]:
    names = require(plain, key, list, where)
    if not all(isinstance(n, str) for n in names):
        raise ArtifactError(f"{where}: {key} must be value names")
    return names


def _add_node(graph: Graph, entry: Any, ops: Mapping[str, type[Op]], where: str) -> None:
    if not isinstance(entry, dict):
        raise ArtifactError(f"{where}: must be an object")
    kind = require(entry, "op", str, where)
    if kind not in ops:
        raise ArtifactError(f"{where}: unknown op {kind!r:.40}: written by a newer edgernn?")
    op = _op_from_plain(ops[kind], require(entry, "attributes", dict, where), where)
    inputs, outputs = tuple(_names(entry, "inputs", where)), tuple(_names(entry, "outputs", where))
    unknown = [n for n in inputs if n not in graph.values]
    if unknown:
        raise ArtifactError(f"{where}: reads undefined values {unknown!r:.100}")
    try:
        types = op.infer(*graph.types(inputs))
    except (ValueError, TypeError, IndexError) as error:
        raise ArtifactError(f"{where} ({kind}): {error}") from None
    if len(types) != len(outputs) or len(set(outputs)) != len(outputs) or set(outputs) & set(graph.values):
        raise ArtifactError(f"{where} ({kind}): wrong or repeated outputs {outputs!r:.100}")
    graph.values.update(zip(outputs, types, strict=True))
    graph.nodes.append(Node(require(entry, "name", str, where), op, inputs, outputs))


def _op_from_plain(cls: type[Op], plain: dict[str, Any], where: str) -> Op:
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    if set(plain) != {f.name for f in fields}:
        raise ArtifactError(
            f"{where}: {cls.kind} has attributes {[f.name for f in fields]}, found {list(plain)!r:.100}"
        )
    return cls(**{f.name: _attribute(plain[f.name], str(f.type), f"{where}: {cls.kind}.{f.name}") for f in fields})


def _attribute(value: Any, annotation: str, where: str) -> Any:
    scalars: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    if annotation.startswith("tuple["):
        if not isinstance(value, list):
            raise ArtifactError(f"{where}: must be a list")
        item = annotation[len("tuple[") :].split(",")[0]
        return tuple(_attribute(v, item, where) for v in value)
    if type(value) not in scalars[annotation]:
        raise ArtifactError(f"{where}: must be {annotation}, found {value!r:.60}")
    if annotation == "int" and abs(value) > 1 << 62:
        raise ArtifactError(f"{where}: {value!r:.40} is out of range")
    return float(value) if annotation == "float" else value
