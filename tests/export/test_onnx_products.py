"""Layers of the scheme int8 with many weights, as products of 8 bits in ONNX."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgernn import runtime
from edgernn.errors import UnsupportedOpError
from edgernn.export import onnx as export
from edgernn.export.onnx import integer_products
from edgernn.ir.graph import Graph
from edgernn.ops import Last, Lstm
from edgernn.quant import quantize
from tests.ops.cases.base import CaseBuilder
from tests.ops.integer_cases.base import IntegerCaseBuilder
from tests.runtime.carried import LEAST_DB, MODELS, quantized, stream

STANDARD = {"", "ai.onnx"}


def kinds(graph: Graph) -> list[str]:
    model = onnx.load_from_string(export.to_bytes(graph))
    assert {node.domain for node in model.graph.node} <= STANDARD
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("name", MODELS)
def test_products_of_8_bits_carry_the_state(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integer_products, "LARGE", 0)
    wanted = stream(name)
    graph = quantized(name, "int8")
    assert "MatMulInteger" in kinds(graph)
    assert not {"LSTM", "GRU", "RNN", "MatMul"} & set(kinds(graph))
    export.write(graph, tmp_path / "model.onnx")
    with runtime.load(tmp_path / "model.onnx", "onnxruntime") as session:
        found = np.stack([session.step(frame) for frame in wanted.frames])
    assert min(wanted.decibels(found)) > LEAST_DB["int8"]


@pytest.mark.parametrize(
    ("scheme", "hidden", "expected"), [("int8", 256, True), ("int8", 64, False), ("int16x8", 256, False)]
)
def test_large_layers_of_int8_have_this_form(scheme: str, hidden: int, expected: bool) -> None:
    case = CaseBuilder("large")
    x, h, c = case.input(64), case.state(hidden), case.state(hidden)
    weights = [case.weight(4 * hidden, n, scale=0.05) for n in (64, hidden)]
    y, after = case.builder.add(Lstm(hidden), [x, h, c, *weights, case.weight(4 * hidden)])
    case.carry(h, y)
    case.carry(c, after)
    graph = case.done(y).graph
    frames = np.random.default_rng(0).standard_normal((20, 64)).astype(np.float32)
    found = kinds(quantize(graph, [{graph.inputs[0].name: frames}], scheme).graph)
    assert ("MatMulInteger" in found, "LSTM" in found) == (expected, not expected)


def test_integer_operations_without_a_form_are_refused(tmp_path: Path) -> None:
    case = IntegerCaseBuilder("last")
    graph = case.done(case.builder.add1(Last(), [case.int16(3)])).graph
    with pytest.raises(UnsupportedOpError, match=r"onnx backend cannot express op 'last' \(node 'last'\)"):
        export.write(graph, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
