"""The scheme int8: which values are narrow, how accurate models are, what is proved of 32-bit sums."""

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from edgernn import ops
from edgernn.ir.graph import Graph
from edgernn.ops.evaluate import run_block
from edgernn.ops.integer import GruInt16, LinearInt16, LstmInt16, RescaleInt16, RnnInt16
from edgernn.quant import quantize
from edgernn.quant.products import fits_int32, largest_shift, needed_halvings, needed_shift
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.quantized import quantize as quantize_frame
from tests.ops.cases.base import CaseBuilder
from tests.runtime.test_numba_integers import float_model

RNG = np.random.default_rng(5)


def sqnr_db(graph: Graph, scheme: str, method: str = "minmax") -> float:
    """Of the output, on other input than that of calibration."""
    port = graph.inputs[0]
    seen, new = (RNG.standard_normal((300, *port.shape)).astype(np.float32) for _ in range(2))
    integers = quantize(graph, [{port.name: seen}], scheme, method).graph
    expected = run_block(graph, {port.name: new})[graph.outputs[0].name]
    found = run_block(integers, {port.name: quantize_frame(new, integers.inputs[0])})[graph.outputs[0].name]
    error = dequantize(found, integers.outputs[0]) - expected
    return float(10 * np.log10(np.sum(np.square(expected)) / np.sum(np.square(error))))


@pytest.mark.parametrize("method", ["minmax", "percentile", "mse"])
@pytest.mark.parametrize(("kind", "least_db"), [("lstm", 30), ("gru", 26), ("rnn", 25)])
def test_outputs_are_near_those_in_float(kind: str, least_db: float, method: str) -> None:
    assert sqnr_db(float_model(kind), "int8", method) > least_db


def test_states_and_ports_are_as_narrow_as_the_scheme_says() -> None:
    for kind, states in (("lstm", ["int8", "int16"]), ("gru", ["int16"]), ("rnn", ["int8"])):
        graph = quantize(float_model(kind), [{"x0": RNG.standard_normal((50, 3)).astype(np.float32)}], "int8").graph
        assert [s.dtype for s in graph.states] == states
        assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("int8", "int16")
        assert graph.scheme == "int8"


def integer_ops(case: CaseBuilder, y: str, scheme: str = "int8") -> list[object]:
    graph = case.done(y).graph
    frames = {p.name: RNG.standard_normal((40, *p.shape)).astype(np.float32) for p in graph.inputs}
    return [node.op for node in quantize(graph, [frames], scheme).graph.nodes]


def linear(case: CaseBuilder, x: str, inputs: int, outputs: int) -> str:
    return case.builder.add1(ops.Linear(), [x, case.weight(outputs, inputs), case.weight(outputs)])


def test_a_linear_layer_between_products_is_narrow() -> None:
    case = CaseBuilder("chain")
    first, second = integer_ops(case, linear(case, linear(case, case.input(4), 4, 5), 5, 2))
    assert isinstance(first, LinearInt16)
    assert isinstance(second, LinearInt16)
    assert (first.dtype, second.dtype) == ("int8", "int16")


def test_what_a_function_reads_is_wide_and_narrowed_before_the_next_product() -> None:
    case = CaseBuilder("function")
    hidden = case.builder.add1(ops.Unary("tanh"), [linear(case, case.input(4), 4, 5)])
    kinds = integer_ops(case, linear(case, hidden, 5, 2))
    assert isinstance(kinds[0], LinearInt16)
    assert kinds[0].dtype == "int16"
    assert isinstance(kinds[-2], RescaleInt16)
    assert kinds[-2].dtype == "int8"


def test_the_hidden_state_of_a_gru_is_shortened_to_int8() -> None:
    graph = quantize(float_model("gru"), [{"x0": RNG.standard_normal((50, 3)).astype(np.float32)}], "int8").graph
    (op,) = (node.op for node in graph.nodes if isinstance(node.op, GruInt16))
    assert op.shift in (6, 7, 8)


def test_saturated_hidden_states_stay_within_int8() -> None:
    lstm = LstmInt16(1, 0, 12, 7)
    w, m = np.zeros((4, 1), np.int8), np.zeros(4, np.int32)
    bias = np.full(4, 32767, np.int32)
    x, h, c = np.zeros((3, 1), np.int8), np.zeros(1, np.int8), np.full(1, 32767, np.int16)
    h_block, c_block = lstm.reference(x, h, c, w, w, m, bias)
    assert h_block.dtype == np.int8
    assert c_block.dtype == np.int16
    assert h_block[-1, 0] == 127
    relu = RnnInt16(1, "relu", 15, 3)
    largest = np.full(1, (1 << 31) - 1, np.int32)
    (narrow,) = relu.reference(np.full((1, 1), 127, np.int8), h, w[:1] + np.int8(127), w[:1], largest, m[:1])
    assert narrow[0, 0] == 127


def test_pre_shift_scales_sums_exactly() -> None:
    x, w = RNG.integers(-128, 128, (20, 9)).astype(np.int8), RNG.integers(-127, 128, (4, 9)).astype(np.int8)
    multiplier, bias = RNG.integers(0, 1 << 27, 4).astype(np.int32), np.zeros(4, np.int32)
    (shifted,) = LinearInt16("int16", 3).reference(x, w, multiplier, bias)
    (plain,) = LinearInt16("int16", 0).reference(x, w, 8 * multiplier, bias)
    np.testing.assert_array_equal(shifted, plain)


def test_shifts_are_the_smallest_that_multipliers_need_and_the_largest_that_sums_stand() -> None:
    assert [needed_shift(np.array(r)) for r in (0.1, 0.4999999, 0.5, 1.0, 3.9)] == [0, 0, 1, 2, 3]
    w = np.full((1, 1024), 127, np.int8)
    shift = largest_shift(w, dtype="int8")
    assert (127 * 1024 * 128) << shift <= (1 << 31) - 1 < (127 * 1024 * 128) << (shift + 1)
    assert largest_shift(w[:, :4], dtype="int16") == 0


def test_rows_too_long_for_int16_products_fit_with_int8() -> None:
    w = np.full((1, 600), 127, np.int8)
    assert not fits_int32(w)
    assert fits_int32(w, dtype="int8")
    assert needed_halvings(w, "int16") == 1
    assert fits_int32(w, shift=-1)


def long_model(columns: int, kind: str = "linear") -> tuple[Graph, dict[str, np.ndarray]]:
    case = CaseBuilder("long")
    x = case.input(columns)
    if kind == "linear":
        y = case.builder.add1(ops.Linear(), [x, case.builder.constant(np.ones((1, columns), np.float32), "w"),
                                             case.weight(1)])  # fmt: skip
    else:
        h = case.state(1)
        weights = [case.builder.constant(np.ones((1, n), np.float32), f"w{n}") for n in (columns, 1)]
        y = case.builder.add1(ops.Rnn(1, "tanh"), [x, h, *weights, case.weight(1)])
        case.carry(h, y)
    return case.done(y).graph, {"x0": RNG.standard_normal((20, columns)).astype(np.float32)}


def test_long_rows_of_a_linear_layer_take_a_coarser_input() -> None:
    graph, frames = long_model(1200)
    integers = quantize(graph, [frames], "int16x8").graph
    rescale, linear = (node.op for node in integers.nodes)
    assert isinstance(rescale, RescaleInt16)
    assert isinstance(linear, LinearInt16)
    assert rescale.multiplier / 2**rescale.shift == 0.25
    expected = run_block(graph, frames)[graph.outputs[0].name]
    found = run_block(integers, {"x0": quantize_frame(frames["x0"], integers.inputs[0])})[graph.outputs[0].name]
    np.testing.assert_allclose(dequantize(found, integers.outputs[0]), expected, atol=0.01 * np.abs(expected).max())


def test_long_rows_of_a_recurrent_layer_are_multiplied_apart_in_int16_and_fit_in_int8() -> None:
    graph, frames = long_model(1200, "rnn")
    assert [type(n.op) for n in quantize(graph, [frames], "int8").graph.nodes] == [RnnInt16]
    kinds = [type(n.op) for n in quantize(graph, [frames], "int16x8").graph.nodes]
    assert RnnInt16 not in kinds and kinds.count(LinearInt16) == 2


LAYERS = {
    "lstm": lambda: nn.LSTM(4, 16, batch_first=True),
    "projected": lambda: nn.LSTM(4, 16, proj_size=5, batch_first=True),
    "gru": lambda: nn.GRU(4, 16, batch_first=True),
    "tanh": lambda: nn.RNN(4, 16, batch_first=True),
}


class Layer(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layer = LAYERS[kind]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("scheme", "sqnr_db"), [("int16x8", 18.0), ("int8", 12.0)])
def test_input_out_of_all_proportion_is_multiplied_apart(kind: str, scheme: str, sqnr_db: float) -> None:
    """Sensors in raw units: no 31-bit multiplier brings sums of such products to pre-activations."""
    torch.manual_seed(0)
    graph = edgernn.convert(Layer(kind).eval(), inputs="1,T,4").graph
    port = graph.inputs[0].name
    frames = {port: (np.random.default_rng(0).standard_normal((200, 4)) * 1e5).astype(np.float32)}
    integers = quantize(graph, [frames], scheme).graph
    assert not any(isinstance(n.op, (LstmInt16, GruInt16, RnnInt16)) for n in integers.nodes)
    expected = run_block(graph, frames)[graph.outputs[0].name]
    found = run_block(integers, {port: quantize_frame(frames[port], integers.inputs[0])})[graph.outputs[0].name]
    error = dequantize(found, integers.outputs[0]) - expected
    assert 10 * np.log10(np.mean(expected**2) / np.mean(error**2)) > sqnr_db
