"""Reads ONNX files into graphs of nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from onnx import numpy_helper

from edgernn.capture.onnx.values import OnnxGraph, OnnxNode
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.builder import identifier
from edgernn.ir.op import Array

MIN_OPSET = 7
"""Before it, arithmetic broadcasts by an attribute."""
STANDARD = ("", "ai.onnx")


def read_model(model: Any) -> tuple[onnx.ModelProto, str]:
    """A model whose functions are inlined, and the name of its file.

    ``model`` is a path or a ModelProto. Raises UsageError for what is no ONNX model.
    """
    if isinstance(model, onnx.ModelProto):
        proto, file = model, f"{model.graph.name or 'model'}.onnx"
    else:
        file = os.fspath(model)
        proto = _load(Path(file))
    if not proto.graph.node or not proto.graph.output:
        raise UsageError(f"{file}: not an ONNX model: it holds no operators or has no outputs")
    return (onnx.inliner.inline_local_functions(proto) if proto.functions else proto), file


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise UsageError(f"MODEL: {path}: no such file")
    try:
        return onnx.load(path)
    except Exception as error:
        raise UsageError(f"{path}: not an ONNX file, or damaged: {type(error).__name__}: {error}") from error


def parse(proto: onnx.ModelProto, file: str) -> OnnxGraph:
    """The graph of a model. Raises UnsupportedModelError for operator sets that are too old."""
    opsets = {o.domain: o.version for o in proto.opset_import}
    version = opsets.get("", opsets.get("ai.onnx", MIN_OPSET))
    if version < MIN_OPSET:
        raise UnsupportedModelError(
            f"{file}: operator set {version}; from {MIN_OPSET} on can be read",
            remedy="convert it with onnx.version_converter.convert_version(model, 13)",
        )
    if proto.graph.sparse_initializer:
        raise UnsupportedModelError(f"{file}: sparse initializers", remedy="store the weights as dense tensors")
    return _Parser(file, opsets, version).graph(proto.graph)


class _Parser:
    """Numbers the nodes of all graphs of a file in the order in which they are read."""

    def __init__(self, file: str, opsets: Mapping[str, int], version: int) -> None:
        self.file, self.opsets, self.version = file, opsets, version
        self.count = 0

    def graph(self, proto: onnx.GraphProto) -> OnnxGraph:
        constants = {t.name: numpy_helper.to_array(t) for t in proto.initializer}
        return OnnxGraph(
            proto.name,
            tuple(i.name for i in proto.input if i.name not in constants),
            tuple(o.name for o in proto.output),
            tuple(self.nodes(proto)),
            constants,
        )

    def nodes(self, proto: onnx.GraphProto) -> Iterator[OnnxNode]:
        for node in proto.node:
            self.count += 1
            number, name = self.count, _name(node)
            graphs = {a.name: self.graph(a.g) for a in node.attribute if a.type == onnx.AttributeProto.GRAPH}
            attributes = {a.name: _attribute(a) for a in node.attribute if a.type != onnx.AttributeProto.GRAPH}
            source = f"{os.path.basename(self.file)}:{number} in {name}: {line(node)}"
            domain = "" if node.domain in STANDARD else node.domain
            yield OnnxNode(
                name, node.op_type, domain, tuple(node.input), tuple(node.output), attributes,
                self.opsets.get(domain, self.version), number, source, graphs,
            )  # fmt: skip


def _name(node: onnx.NodeProto) -> str:
    """Without blanks, as it stands in messages."""
    return "_".join((node.name or next((o for o in node.output if o), node.op_type)).split())


def line(node: onnx.NodeProto) -> str:
    """A node as a line of code."""
    return f"{', '.join(o for o in node.output if o)} = {node.op_type}({', '.join(node.input)})"


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == onnx.AttributeProto.TENSOR:
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [text.decode() for text in value]
    return list(value) if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value


def model_name(file: str) -> str:
    """Name of a model after its file."""
    return identifier(Path(file).stem)


def in_float32(array: Array) -> Array:
    """Floating-point arrays in float32, others as they are."""
    return array.astype(np.float32) if array.dtype in (np.float64, np.float16) else array
