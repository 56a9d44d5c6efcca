"""What quantized .onnx and .tflite files hold: integers at their ends, weights in as few bytes as the scheme has."""

import math

import numpy as np
import onnx
import pytest

from edgernn.export.onnx import to_bytes as onnx_bytes
from edgernn.export.tflite import to_bytes as tflite_bytes
from edgernn.export.tflite.schema import schema
from edgernn.ir.graph import Graph
from edgernn.quant import quantize, quantize_weights
from tests.runtime.test_numba_integers import float_model, integer_model

KINDS = ("lstm", "gru", "rnn")
SCHEMES = ("int16x8", "int8", "int16x4", "weights8")
ONNX_DTYPES = {"float32": onnx.TensorProto.FLOAT, "int16": onnx.TensorProto.INT16, "int8": onnx.TensorProto.INT8}
TFLITE_DTYPES = {getattr(schema.TensorType, dtype.upper()): dtype for dtype in ONNX_DTYPES}


def program(kind: str, scheme: str) -> Graph:
    if scheme == "weights8":
        return quantize_weights(float_model(kind, hidden=33))
    return integer_model(kind, scheme, hidden=33)


def ends(graph: Graph) -> tuple[list[str], list[str]]:
    """dtypes of inputs and outputs, in order."""
    states = [s.dtype for s in graph.states]
    return [*(p.dtype for p in graph.inputs), *states], [*(p.dtype for p in graph.outputs), *states]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_files_are_standard_and_have_the_dtypes_of_the_interface(kind: str, scheme: str) -> None:
    graph = program(kind, scheme)
    model = onnx.load_from_string(onnx_bytes(graph))
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} <= {""}
    found = [[v.type.tensor_type.elem_type for v in values] for values in (model.graph.input, model.graph.output)]
    assert found == [[ONNX_DTYPES[dtype] for dtype in dtypes] for dtypes in ends(graph)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_matrices_in_onnx_files_have_no_more_bits_than_the_scheme(kind: str, scheme: str) -> None:
    model = onnx.load_from_string(onnx_bytes(program(kind, scheme)))
    matrices = [t for t in model.graph.initializer if math.prod(t.dims) >= 33 * 3 and min(t.dims[-2:]) > 1]
    wanted = onnx.TensorProto.INT4 if scheme == "int16x4" else onnx.TensorProto.INT8
    assert len(matrices) == 3
    assert {t.data_type for t in matrices} == {wanted}


def test_four_bit_weights_in_onnx_files_are_those_of_the_model() -> None:
    graph = program("lstm", "int16x4")
    model = onnx.load_from_string(onnx_bytes(graph))
    stored = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT4]
    wanted = [a for a in graph.constants.values() if a.dtype == np.int8]
    assert len(stored) == 3
    for matrix in wanted:
        numbers = np.sort(matrix.ravel())
        assert any(np.array_equal(np.sort(s.astype(np.int8).ravel()), numbers) for s in stored)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_tflite_files_have_the_dtypes_of_the_interface_and_int8_matrices(kind: str, scheme: str) -> None:
    graph = program(kind, scheme)
    (subgraph,) = schema.ModelT.InitFromPackedBuf(bytearray(tflite_bytes(graph)), 0).subgraphs
    found = [[TFLITE_DTYPES[subgraph.tensors[k].type] for k in side] for side in (subgraph.inputs, subgraph.outputs)]
    assert found == [*ends(graph)]
    matrices = [t for t in subgraph.tensors if t.buffer and len(t.shape) == 2 and min(t.shape) > 1]
    assert matrices and {t.type for t in matrices} == {schema.TensorType.INT8}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4"])
def test_recurrent_layers_of_integer_tflite_files_hold_no_float(kind: str, scheme: str) -> None:
    (subgraph,) = schema.ModelT.InitFromPackedBuf(bytearray(tflite_bytes(program(kind, scheme))), 0).subgraphs
    assert schema.TensorType.FLOAT32 not in {t.type for t in subgraph.tensors}


def test_layers_of_other_schemes_keep_their_bits() -> None:
    graph = float_model("lstm", hidden=33)
    frames = {graph.inputs[0].name: np.random.default_rng(3).standard_normal((200, 3)).astype(np.float32)}
    mixed = quantize(graph, [frames], "int16x4", layers={"linear*": "int16x8"}).graph
    model = onnx.load_from_string(onnx_bytes(mixed))
    types = [t.data_type for t in model.graph.initializer if len(t.dims) >= 2 and min(t.dims[-2:]) > 1]
    assert sorted(types) == sorted([onnx.TensorProto.INT4, onnx.TensorProto.INT4, onnx.TensorProto.INT8])
