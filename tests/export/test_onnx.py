"""The .onnx writer: valid files of standard operators, with the interface inside and the states outside."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from edgernn import ops
from edgernn.errors import OutputError, UnsupportedModelError, UnsupportedOpError
from edgernn.export import onnx as export
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.onnxfile import parse_onnx
from edgernn.ops.binary import BINARY_FUNCTIONS
from edgernn.ops.integer import INTEGER_OPS
from edgernn.ops.reduce import REDUCTIONS
from edgernn.ops.unary import UNARY_FUNCTIONS
from edgernn.runtime.engines.reference import ReferenceEngine
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case, CaseBuilder
from tests.ops.integer_cases.foreign import foreign_cases
from tests.support import open_engine

DECOMPOSED = ("banded_linear", "rfft", "running", "squared_magnitude")
"""Ops that become smaller ones in all their forms."""
CASES = {case.name: case for case in all_cases()}


def lstm_classifier(layers: int = 1) -> Case:
    case = CaseBuilder("lstm_classifier")
    x = case.input(5)
    for _ in range(layers):
        h, c, width = case.state(6), case.state(6), case.graph.values[x].shape[0]
        weights = [case.weight(24, width), case.weight(24, 6), case.weight(24)]
        x, c_next = case.builder.add(ops.Lstm(6), [x, h, c, *weights])
        case.carry(h, x)
        case.carry(c, c_next)
    return case.done(case.builder.add1(ops.Linear(), [x, case.weight(3, 6), case.weight(3)]))


def signature(values: list[onnx.ValueInfoProto]) -> list[tuple[str, list[int]]]:
    return [(v.name, [d.dim_value for d in v.type.tensor_type.shape.dim]) for v in values]


@pytest.mark.parametrize("case", CASES.values(), ids=str)
def test_file_passes_the_checker_and_has_the_promised_signature(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export.write(case.graph, path)
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 20)]
    assert model.ir_version == 9
    assert {node.domain for node in model.graph.node} <= {""}
    graph = case.graph
    states = [(s.name, [1, 1, *s.shape]) for s in graph.states]
    assert signature(model.graph.input) == [*((p.name, [1, 1, *p.shape]) for p in graph.inputs), *states]
    assert signature(model.graph.output) == [
        *((p.name, [1, 1, *p.shape]) for p in graph.outputs),
        *((f"{name}_next", shape) for name, shape in states),
    ]


@pytest.mark.parametrize("name", ["swap", "delay_line", "stacked_gru_lstm", "lstm_6_17_5", "shared_output"])
def test_any_onnx_runtime_user_can_carry_the_states(name: str) -> None:
    """Plain ``session.run`` with names, as someone without edgernn would write it."""
    case = CASES[name]
    session = onnxruntime.InferenceSession(export.to_bytes(case.graph), providers=["CPUExecutionProvider"])
    reference = ReferenceEngine(Interface.of(case.graph, "0" * 64), case.graph)
    states = {s.name: s.initial[None, None] for s in case.graph.states}
    names = [p.name for p in case.graph.outputs] + [f"{s}_next" for s in states]
    for frames in case.frames:
        feed = {p.name: frame[None, None] for p, frame in zip(case.graph.inputs, frames, strict=True)}
        results = session.run(names, {**feed, **states})
        expected = reference.run(*frames)
        states = dict(zip(states, results[len(expected) :], strict=True))
        for want, have in zip(expected, results, strict=False):
            np.testing.assert_allclose(have[0, 0], want, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("layers", "expected"), [(1, ["LSTM"]), (3, ["LSTM", "LSTM", "LSTM"])])
def test_recurrent_layers_need_no_nodes_around_them(layers: int, expected: list[str]) -> None:
    model = export.build(lstm_classifier(layers).graph)
    assert [node.op_type for node in model.graph.node] == [*expected, "MatMul", "Add"]


INTEGER_CASES = {case.name: case for case in foreign_cases()}


@pytest.mark.parametrize("case", INTEGER_CASES.values(), ids=str)
def test_integer_file_passes_the_checker_and_has_integers_at_its_ends(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export.write(case.graph, path)
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert {node.domain for node in model.graph.node} <= {""}
    graph, element_type = case.graph, onnx.helper.np_dtype_to_tensor_dtype
    ends = [(*graph.inputs, *graph.states), (*graph.outputs, *graph.states)]
    for values, ports in zip((model.graph.input, model.graph.output), ends, strict=True):
        types = [(v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim]) for v in values]
        assert types == [(element_type(np.dtype(p.dtype)), [1, 1, *p.shape]) for p in ports]


def test_weights_of_integer_models_are_int8_in_the_file() -> None:
    graph = INTEGER_CASES["lstm_int16_63_64_0_12_15_random"].graph
    matrices = [i for i in onnx.load_from_string(export.to_bytes(graph)).graph.initializer if len(i.dims) > 2]
    stored = sorted(list(i.dims) for i in matrices if i.data_type == onnx.TensorProto.INT8)
    assert stored == [[1, 256, 63], [1, 256, 64]]
    assert all(i.dims[-1] == 1 for i in matrices if i.data_type != onnx.TensorProto.INT8)


def test_products_between_integers_are_not_rounded_to_8_bits_when_onnxruntime_optimizes() -> None:
    """It does so with files that have DequantizeLinear before a product of float32, and QuantizeLinear behind it."""
    graph = INTEGER_CASES["linear_int16_63_65_random"].graph
    model = onnx.load_from_string(export.to_bytes(graph))
    assert "DequantizeLinear" not in {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("function", ["sum", "mean"])
def test_states_of_running_sums_are_those_of_the_definition(function: str, tmp_path: Path) -> None:
    cases = [c for c in INTEGER_CASES.values() if any(getattr(n.op, "function", "") == function for n in c.graph.nodes)]
    cases = [case for case in cases if any(state.dtype == "int32" for state in case.graph.states)]
    assert len(cases) > 3
    for case in cases:
        reference = ReferenceEngine(Interface.of(case.graph, "0" * 64), case.graph)
        engine = open_engine(case.graph, "onnxruntime", tmp_path)
        for frames in case.frames:
            reference.run(*frames)
            engine.run(*frames)
        for wanted, found in zip(reference.get_states(), engine.get_states(), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_metadata_is_the_interface() -> None:
    graph = lstm_classifier().graph
    data = export.to_bytes(graph)
    assert parse_onnx(data, "file").to_json() == Interface.of(graph, fingerprint(graph)).to_json()
    assert [p.key for p in onnx.load_from_string(data).metadata_props] == ["edgernn", "edgernn_crc32"]


def test_equal_graphs_give_equal_bytes() -> None:
    assert export.to_bytes(lstm_classifier().graph) == export.to_bytes(lstm_classifier().graph)


def test_tied_weights_are_stored_once() -> None:
    case = CaseBuilder("tied")
    x, w, b = case.input(64), case.weight(64, 64), case.weight(64)
    for _ in range(4):
        x = case.builder.add1(ops.Linear(), [x, w, b])
    assert len(export.to_bytes(case.done(x).graph)) < 2 * 64 * 64 * 4


def test_clashing_and_odd_names_are_made_unique() -> None:
    """Ports and states have name spaces of their own in a program; an ONNX graph has one."""
    graph = lstm_classifier().graph
    graph.inputs = [Port("y0", p.shape, p.dtype, value=p.value) for p in graph.inputs]
    graph.states = [replace(state, name=name) for state, name in zip(graph.states, ("y0", ""), strict=True)]
    graph.outputs = [*graph.outputs, Port("y0_next", (6,), "float32", value=graph.states[0].after)]
    model = onnx.load_from_string(export.to_bytes(graph))
    names = [v.name for v in (*model.graph.input, *model.graph.output)]
    assert len(set(names)) == len(names)
    assert "" not in names


def test_every_float_op_but_last_is_lowered_or_decomposed() -> None:
    functions = {"unary": UNARY_FUNCTIONS, "binary": BINARY_FUNCTIONS, "reduce": REDUCTIONS}
    for kind, cls in ops.OPS.items():
        if kind not in functions and cls not in INTEGER_OPS:
            op = object.__new__(cls)
            assert export.can_lower(op) is (kind not in ("last", *DECOMPOSED)), kind
    assert all(export.can_lower(ops.Unary(f)) for f in UNARY_FUNCTIONS)
    assert all(export.can_lower(ops.Binary(f)) for f in BINARY_FUNCTIONS)
    assert all(export.can_lower(ops.Reduce(f, (-1,))) for f in REDUCTIONS)
    assert not export.can_lower(ops.Unary("not_a_function"))


def test_last_is_refused_with_backend_and_node(tmp_path: Path) -> None:
    case = CaseBuilder("last")
    graph = case.done(case.builder.add1(ops.Last(), [case.input(3)])).graph
    with pytest.raises(UnsupportedOpError, match=r"onnx backend cannot express op 'last' \(node 'last'\)"):
        export.write(graph, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_computed_weights_are_refused() -> None:
    case = CaseBuilder("computed_weights")
    x, w = case.input(3), case.input(2, 3)
    with pytest.raises(ValueError, match="weights must be constants"):
        case.builder.add1(ops.Linear(), [x, w, case.weight(2)])


@pytest.mark.parametrize("threshold", [0.0, 1.0, 15.0, 16.0, 20.0])
def test_softplus_honours_its_threshold(threshold: float) -> None:
    case = CaseBuilder("softplus")
    scaled = case.builder.add1(ops.Binary("mul"), [case.input(64), case.builder.scalar(8.0)])
    case.done(case.builder.add1(ops.Unary("softplus", (1.0, threshold)), [scaled]))
    session = onnxruntime.InferenceSession(export.to_bytes(case.graph), providers=["CPUExecutionProvider"])
    x = np.linspace(-3, 3, 64, dtype=np.float32)
    (expected,) = ReferenceEngine(Interface.of(case.graph, "0" * 64), case.graph).run(x)
    (found,) = session.run(None, {"x0": x[None, None]})
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6, atol=1e-6)


def test_too_large_a_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MAX_WEIGHT_BYTES", 100)
    with pytest.raises(UnsupportedModelError, match="an ONNX file holds at most 100"):
        export.to_bytes(lstm_classifier().graph)


@pytest.mark.parametrize("target", ["missing/model.onnx", "file/model.onnx", "folder"])
def test_unwritable_target(target: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match="cannot be written"):
        export.write(lstm_classifier().graph, tmp_path / target)
    assert sorted(tmp_path.rglob("*")) == before


def test_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export.write(lstm_classifier().graph, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_value_of_constants_and_unused_input() -> None:
    """An output and a next state that are constants, and an input that nothing reads."""
    case = CaseBuilder("constants")
    x, unused, s, k = case.input(2), case.input(3), case.state(2), case.weight(2)
    case.carry(s, k)
    graph = case.done(case.builder.add1(ops.Binary("add"), [x, s]), k).graph
    session = onnxruntime.InferenceSession(export.to_bytes(graph), providers=["CPUExecutionProvider"])
    shapes = {x: (1, 1, 2), unused: (1, 1, 3), s: (1, 1, 2)}
    feed = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    y, constant, after = session.run(None, feed)
    np.testing.assert_array_equal(y, np.full((1, 1, 2), 2, np.float32))
    np.testing.assert_array_equal(constant[0, 0], graph.constants[k])
    np.testing.assert_array_equal(after[0, 0], graph.constants[k])
