"""Nodes whose operands are all known, computed by ONNX's own reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgernn.capture.onnx.values import OnnxNode
from edgernn.ir.op import Array

RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")

SINCE = {"DequantizeLinear": 19}
"""Operators that ONNX's reference has only from this version on, and that were the same before."""


def evaluate(node: OnnxNode, arrays: Sequence[Array | None]) -> list[Array]:
    """Results of ``node`` for these operands (None for one that is left out).

    Raises UnsupportedModelError where ONNX's reference does not have the operator or fails on the operands.
    """
    if node.op in RANDOM:
        node.refuse("it draws random numbers, so its results cannot be reproduced", "feed the noise as an input")
    names = [f"x{k}" if array is not None else "" for k, array in enumerate(arrays)]
    outputs = [f"y{k}" if name else "" for k, name in enumerate(node.outputs)]
    proto = helper.make_node(node.op, names, outputs, domain=node.domain)
    proto.attribute.extend(_attribute(key, value) for key, value in node.attributes.items())
    feeds = {name: np.asarray(array) for name, array in zip(names, arrays, strict=True) if array is not None}
    try:
        found = _evaluator(proto, node, feeds).run(None, feeds)
    except Exception as error:
        node.refuse(f"its constant operands cannot be computed: {type(error).__name__}: {error}")
    results = iter(found)
    return [np.asarray(next(results)) if name else np.zeros(0) for name in outputs]


def _evaluator(proto: onnx.NodeProto, node: OnnxNode, feeds: dict[str, Array]) -> Any:
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in proto.output if name]
    opset = max(node.opset, SINCE.get(node.op, 0))
    graph = helper.make_graph([proto], "constants", inputs, outputs)
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid(node.domain, opset)]))


def _attribute(key: str, value: Any) -> onnx.AttributeProto:
    if isinstance(value, np.ndarray):
        value = numpy_helper.from_array(value)
    made: onnx.AttributeProto = (
        helper.make_attribute(key, value, attr_type=onnx.AttributeProto.INTS)
        if value == []
        else helper.make_attribute(key, value)
    )
    return made
