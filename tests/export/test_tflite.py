"""The .tflite writer: well-formed files of builtin operators, the capability table, refusals, accuracy."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.errors import OutputError, UnsupportedOpError
from edgernn.export.tflite import can_lower, to_bytes, write
from edgernn.export.tflite.lower import lower
from edgernn.export.tflite.schema import schema
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.op import Op
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import OPS, Binary, Expand, Last, Linear, Slice, Transpose, Unary
from edgernn.ops.integer import INTEGER_OPS
from edgernn.ops.unary import UNARY_FUNCTIONS
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case, CaseBuilder
from tests.support import open_engine

ITEM_BYTES = {
    schema.TensorType.FLOAT32: 4, schema.TensorType.INT32: 4, schema.TensorType.INT64: 8,
    schema.TensorType.INT16: 2, schema.TensorType.INT8: 1, schema.TensorType.BOOL: 1,
}  # fmt: skip
HIGHEST_VERSIONS = {"FULLY_CONNECTED": 5, "BROADCAST_TO": 2, "DEQUANTIZE": 3, "GATHER": 2}
"""Versions above 1 that tflite-runtime 2.14 and TensorFlow Lite Micro register for float32 and int8 constants."""
DECOMPOSED = ("banded_linear", "rfft", "running", "squared_magnitude")
"""Ops that become smaller ones in all their forms."""
CODES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_file_is_well_formed(case: Case) -> None:
    data = to_bytes(case.graph)
    assert data[4:8] == b"TFL3"
    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    assert model.version == 3
    (subgraph,) = model.subgraphs
    _check_operators(model, subgraph)
    _check_tensors(model, subgraph)
    _check_signature(model, subgraph, case.graph)


def _check_operators(model: Any, subgraph: Any) -> None:
    for code in model.operatorCodes:
        assert code.customCode is None and code.builtinCode != schema.BuiltinOperator.CUSTOM
        assert not CODES[code.builtinCode].startswith("STABLEHLO")
        assert code.deprecatedBuiltinCode == min(code.builtinCode, 127)
        assert 1 <= code.version <= HIGHEST_VERSIONS.get(CODES[code.builtinCode], 1)
    defined = {int(k) for k in subgraph.inputs}
    defined |= {k for k, tensor in enumerate(subgraph.tensors) if tensor.buffer}
    for operator in subgraph.operators:
        assert 0 <= operator.opcodeIndex < len(model.operatorCodes)
        assert {int(k) for k in operator.inputs} <= defined | {-1}
        outputs = {int(k) for k in operator.outputs}
        assert not outputs & defined
        defined |= outputs
    assert {int(k) for k in subgraph.outputs} <= defined
    assert len(defined) == len(subgraph.tensors)


def _check_tensors(model: Any, subgraph: Any) -> None:
    names = [tensor.name for tensor in subgraph.tensors]
    assert len(set(names)) == len(names)
    assert model.buffers[0].data is None
    for tensor in subgraph.tensors:
        assert len(tensor.shape) <= 5
        if tensor.buffer:
            data = model.buffers[tensor.buffer].data
            assert len(data) == math.prod(tensor.shape) * ITEM_BYTES[tensor.type]


def _check_signature(model: Any, subgraph: Any, graph: Graph) -> None:
    (signature,) = model.signatureDefs
    assert signature.signatureKey == b"serving_default"
    inputs = [p.name for p in graph.inputs] + [s.name for s in graph.states]
    outputs = [p.name for p in graph.outputs] + [f"{s.name}_next" for s in graph.states]
    for found, wanted, tensors in (
        (signature.inputs, inputs, subgraph.inputs), (signature.outputs, outputs, subgraph.outputs),
    ):  # fmt: skip
        assert [entry.name.decode() for entry in found] == wanted
        assert [entry.tensorIndex for entry in found] == [int(k) for k in tensors]
    assert not {int(k) for k in subgraph.inputs} & {int(k) for k in subgraph.outputs}


def test_buffers_begin_at_multiples_of_16() -> None:
    case = next(c for c in all_cases() if c.name == "gru_40_33")
    data = to_bytes(case.graph)
    model = schema.Model.GetRootAs(bytearray(data))
    starts = []
    for k in range(model.BuffersLength()):
        table = model.Buffers(k)._tab
        if table.Offset(4):
            starts.append(table.Vector(table.Offset(4)))
    assert len(starts) > 6 and all(start % 16 == 0 for start in starts)


def test_writing_leaves_the_schema_package_as_it_was() -> None:
    before = schema.BufferT.Pack
    to_bytes(_graph(Unary("relu"), 3))
    assert schema.BufferT.Pack is before


def test_same_graph_same_bytes() -> None:
    graph = next(c for c in all_cases() if c.name == "stacked_gru_lstm").graph
    assert to_bytes(graph) == to_bytes(graph)


def test_equal_constants_are_stored_once() -> None:
    case = CaseBuilder("tied")
    w, b, x = case.weight(64, 64), case.weight(64), case.input(64)
    y = case.builder.add1(Linear(), [case.builder.add1(Linear(), [x, w, b]), w, b])
    assert len(to_bytes(case.done(y).graph)) < 1.5 * 64 * 64 * 4


@pytest.mark.parametrize("kind", sorted(set(OPS) - {op.kind for op in INTEGER_OPS} - {"dequantize"}))
def test_every_op_but_last_is_known_or_decomposed(kind: str) -> None:
    assert (OPS[kind] in lower.registry) == (kind not in ("last", *DECOMPOSED))


def test_functions_are_expressed_or_decomposed() -> None:
    for function in UNARY_FUNCTIONS:
        if not can_lower(Unary(function)):
            assert function in {
                "elu", "celu", "selu", "mish", "softplus", "softsign", "log_sigmoid", "tanh_shrink",
                "soft_shrink",
            }, function  # fmt: skip
    assert can_lower(Unary("elu", (1.0,)))


def test_last_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOpError, match=r"tflite backend cannot express op 'last' \(node 'last'\)"):
        write(_graph(Last(), 3), tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


def test_weights_that_change_over_time_are_refused() -> None:
    case = CaseBuilder("dynamic")
    x, w, b = case.input(3), case.input(2, 3), case.input(2)
    with pytest.raises(ValueError, match="weights must be constants"):
        case.builder.add1(Linear(), [x, w, b])


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Slice(-1, 0, 2, 2), (2, 2, 2, 2)), (Transpose((-5, -1, -2, -3, -4)), (2, 2, 2, 2, 2)),
        (Expand((2, 2, 2, 2, 2)), (2, 1, 1, 2)), (Unary("hard_shrink", (0.5,)), (2, 1, 2, 2)),
    ],
    ids=str,
)  # fmt: skip
def test_more_axes_than_the_runtimes_take_are_refused(op: Op, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedOpError, match=r"takes frames of up to \d axes, found \d"):
        to_bytes(_graph(op, *shape))


def test_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write(_graph(Unary("relu"), 3), tmp_path / "absent" / "m.tflite")
    (tmp_path / "m.tflite").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write(_graph(Unary("relu"), 3), tmp_path / "m.tflite")
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


def test_names_that_clash_are_numbered() -> None:
    graph = Graph("clash")
    builder = Builder(graph)
    x, h = (builder.value(name, ValueType("float32", (2,), StreamInfo())) for name in ("x", "h"))
    graph.inputs.append(Port("h", (2,), "float32", value=x))
    after = builder.add1(Binary("add"), [x, h])
    graph.states.append(State("h", (2,), "float32", np.zeros(2, np.float32), before=h, after=after))
    graph.outputs.append(Port("h_next", (2,), "float32", value=after))
    model = schema.ModelT.InitFromPackedBuf(bytearray(to_bytes(graph)), 0)
    (signature,) = model.signatureDefs
    assert [entry.name for entry in signature.inputs] == [b"h", b"h_2"]
    assert [entry.name for entry in signature.outputs] == [b"h_next", b"h_next_2"]


def test_metadata_is_the_interface() -> None:
    case = next(c for c in all_cases() if c.name == "lstm_3_4_0")
    model = schema.ModelT.InitFromPackedBuf(bytearray(to_bytes(case.graph)), 0)
    entries = {entry.name.decode(): bytes(model.buffers[entry.buffer].data) for entry in model.metadata}
    interface = Interface.from_json(entries["edgernn"].decode(), "test")
    assert interface.states[0].shape == (4,)
    assert np.array_equal(interface.states[0].initial, case.graph.states[0].initial)


@pytest.mark.parametrize(
    ("function", "exact"),
    [("erf", math.erf), ("gelu", lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))))],
)
def test_accuracy_of_erf_and_gelu(function: str, exact: Any, tmp_path: Path) -> None:
    """Dense grid, the tails, and arguments whose square overflows."""
    x = np.concatenate([np.linspace(-8, 8, 4001), [-1e20, -1e4, -100, 0.0, 1e-30, 1e-8, 100, 1e4, 1e20]])
    x = x.astype(np.float32)
    engine = open_engine(_graph(Unary(function), len(x)), "tflite", tmp_path)
    (y,) = engine.run(x)
    wanted = np.array([exact(float(v)) for v in x])
    assert np.max(np.abs(y - wanted) / np.maximum(1, np.abs(x))) < 3e-7


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -0.5, -1.0, 1.7])
def test_powers(exponent: float, tmp_path: Path) -> None:
    case = CaseBuilder(f"pow_{exponent}")
    x = case.input(9, low=0.1)
    done = case.done(case.builder.add1(Binary("pow"), [x, case.builder.scalar(exponent)]))
    engine = open_engine(done.graph, "tflite", tmp_path)
    for (frame,) in done.frames:
        np.testing.assert_allclose(engine.run(frame)[0], frame**np.float32(exponent), rtol=2e-6)


def _graph(op: Op, *shape: int) -> Graph:
    case = CaseBuilder("single")
    case.graph.name = "single"
    return case.done(*case.builder.add(op, [case.input(*shape)])).graph
