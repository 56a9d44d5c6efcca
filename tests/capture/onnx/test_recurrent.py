"""LSTM, GRU and RNN operators of ONNX in all their forms, proved against ONNX Runtime."""

import numpy as np
import onnx
import pytest

from edgernn.ops import Gru, Lstm, Rnn
from tests.capture.onnx.support import HIDDEN, INPUTS, constant, info, layer, model, node, ports, prove, refusal, weight

OPS = {"LSTM": Lstm, "GRU": Gru, "RNN": Rnn}
HARD = {"activations": ["HardSigmoid", "Relu"], "activation_alpha": [0.3], "activation_beta": [0.4]}


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_layers_that_pytorch_has(op: str, states: bool, layout: int) -> None:
    attributes = {"linear_before_reset": 1} if op == "GRU" else {}
    proto = layer(op, states=states, layout=layout, **attributes)
    converted = prove(proto)
    assert [type(n.op) for n in converted.graph.nodes] == [OPS[op]]
    given = ["hn", "cn"][: len(converted.interface.states)]
    assert ports(converted)[1] == (["y"] if states else ["y", *given])


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_absent_biases_and_graph_inputs_without_them(op: str) -> None:
    prove(layer(op, bias=False))


def test_gates_in_the_order_of_the_file() -> None:
    """Each gate has another bias, so a wrong order cannot pass."""
    proto = layer("LSTM")
    bias = np.repeat(np.array([2.0, -1.0, 0.5, -2.0, 0, 0, 0, 0], np.float32), HIDDEN).reshape(1, -1)
    proto.graph.initializer[2].CopyFrom(onnx.numpy_helper.from_array(bias, "B"))
    prove(proto)


@pytest.mark.parametrize("states", [False, True])
def test_gru_with_the_reset_gate_before_the_product(states: bool) -> None:
    converted = prove(layer("GRU", states=states))
    assert "gru" not in [n.op.kind for n in converted.graph.nodes]
    assert [s.nbytes for s in converted.interface.states] == [4 * HIDDEN]


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize(
    "kinds", [("Sigmoid", "Relu"), ("HardSigmoid", "Tanh"), ("Softsign", "Elu"), ("Sigmoid", "LeakyRelu")]
)
def test_gru_with_other_activations(kinds: tuple[str, str], before: int) -> None:
    prove(layer("GRU", activations=list(kinds), linear_before_reset=before))


def test_activations_with_parameters_take_them_in_order() -> None:
    prove(layer("GRU", **HARD))
    prove(layer("LSTM", activations=["HardSigmoid", "ScaledTanh", "Elu"], activation_alpha=[0.3, 0.8, 0.7],
                activation_beta=[0.4, 0.9]))  # fmt: skip


@pytest.mark.parametrize("kind", ["Relu", "Sigmoid", "Softplus", "LeakyRelu"])
def test_rnn_with_other_activations(kind: str) -> None:
    prove(layer("RNN", activations=[kind]))


@pytest.mark.parametrize("kind", ["ThresholdedRelu", "Affine", "ScaledTanh"])
def test_parameters_without_a_default(kind: str) -> None:
    prove(layer("RNN", activations=[kind], activation_alpha=[0.4], activation_beta=[0.3]))
    error = refusal(layer("RNN", activations=[kind]))
    assert "defaults differ" in error.reason


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_clip(op: str) -> None:
    prove(layer(op, clip=0.25))


def test_coupled_input_and_forget_gates() -> None:
    prove(layer("LSTM", input_forget=1))


def test_peepholes_are_refused_by_name() -> None:
    proto = layer("LSTM")
    proto.graph.node[0].input.extend(["", "", "", "P"])
    proto.graph.initializer.append(weight("P", 1, 3 * HIDDEN))
    error = refusal(proto)
    assert "peephole" in error.reason and error.source == "net.onnx:1 in n_y: y, hn, cn = LSTM(x, W, R, B, , , , P)"


@pytest.mark.parametrize("direction", ["reverse", "bidirectional"])
def test_layers_that_run_backwards_are_refused(direction: str) -> None:
    count = 2 if direction == "bidirectional" else 1
    error = refusal(layer("GRU", direction=direction, directions=count, linear_before_reset=1))
    assert "sequence" in error.reason and "net.onnx:1 in n_y" in error.source


def test_lengths_are_those_of_the_sequence() -> None:
    proto = layer("LSTM")
    proto.graph.node[0].input.append("lengths")
    proto.graph.input.append(info("lengths", ["batch"], onnx.TensorProto.INT32))
    converted = prove(proto)
    assert ports(converted)[0] == ["x"]


def test_lengths_made_of_the_shape_of_the_input() -> None:
    nodes = [
        node("Shape", "x", "sizes"), node("Gather", "sizes zero", "length"), node("Unsqueeze", "length axis", "wide"),
        node("Cast", "wide", "lengths", to=onnx.TensorProto.INT32),
        node("GRU", "x W R B lengths", "y hn", hidden_size=HIDDEN, linear_before_reset=1),
    ]  # fmt: skip
    weights = [weight("W", 1, 3 * HIDDEN, INPUTS), weight("R", 1, 3 * HIDDEN, HIDDEN), weight("B", 1, 6 * HIDDEN)]
    proto = model(nodes, [info("x", ["time", 1, INPUTS])], "y", [*weights, constant("zero", 0), constant("axis", [0])])
    assert len(prove(proto).interface.states) == 1


def test_constant_lengths_of_another_size_are_refused() -> None:
    proto = layer("LSTM")
    proto.graph.node[0].input.append("lengths")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([5], np.int32), "lengths"))
    assert "sequence_lens [5]" in refusal(proto).reason


def stacked() -> onnx.ModelProto:
    """Two layers as PyTorch writes them: states cut into rows, and joined again."""
    nodes = [
        node("Slice", "h0 zero one zero", "h1"), node("Slice", "h0 one two zero", "h2"),
        node("LSTM", "x W R B - h1 c1", "y1 h1n c1n", hidden_size=HIDDEN), node("Squeeze", "y1 one", "x2"),
        node("LSTM", "x2 W2 R2 B2 - h2 c2", "y2 h2n c2n", hidden_size=HIDDEN), node("Squeeze", "y2 one", "y"),
        node("Slice", "c0 zero one zero", "c1"), node("Slice", "c0 one two zero", "c2"),
        node("Concat", "h1n h2n", "hn", axis=0), node("Concat", "c1n c2n", "cn", axis=0),
    ]  # fmt: skip
    nodes = nodes[:2] + nodes[6:8] + nodes[2:6] + nodes[8:]
    weights = [
        weight("W", 1, 4 * HIDDEN, INPUTS), weight("R", 1, 4 * HIDDEN, HIDDEN), weight("B", 1, 8 * HIDDEN),
        weight("W2", 1, 4 * HIDDEN, HIDDEN), weight("R2", 1, 4 * HIDDEN, HIDDEN), weight("B2", 1, 8 * HIDDEN),
        constant("zero", [0]), constant("one", [1]), constant("two", [2]),
    ]  # fmt: skip
    states = [info("h0", [2, "batch", HIDDEN]), info("c0", [2, "batch", HIDDEN])]
    return model(nodes, [info("x", ["time", "batch", INPUTS]), *states], "y hn cn", weights)


def test_states_of_several_layers_in_one_input() -> None:
    converted = prove(stacked())
    inputs, outputs, states = ports(converted)
    assert (inputs, outputs, len(states)) == (["x"], ["y"], 4)


def test_the_same_file_called_with_one_frame_is_a_step() -> None:
    converted = prove(stacked(), inputs=[f"x:1,1,{INPUTS}"])
    inputs, outputs, states = ports(converted)
    assert (inputs, outputs, states) == (["x"], ["y"], ["h0", "c0"])
    assert [s.shape for s in converted.interface.states] == [(2, 1, HIDDEN), (2, 1, HIDDEN)]


@pytest.mark.parametrize("engine", ["native", "numba", "onnxruntime", "tflite"])
def test_cells_run_on_every_engine(engine: str) -> None:
    prove(layer("GRU", **HARD), engine=engine)
