"""The models that are measured: recurrent layers and a linear output, with random weights."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.op import Array
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Gru, Linear, Lstm

OUTPUTS = 10
GATES = {"lstm": 4, "gru": 3}
ONNX_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""i o f c from i f g o; z r h from r z n."""


@dataclass(frozen=True)
class Model:
    """``layers`` of ``cell`` from ``inputs`` to ``hidden`` units, then Linear(OUTPUTS)."""

    name: str
    cell: str
    inputs: int
    hidden: int
    layers: int = 1

    @property
    def title(self) -> str:
        """For people."""
        count = f"{self.layers} x " if self.layers > 1 else ""
        return f"{count}{self.cell.upper()}({self.inputs}->{self.hidden})"


MODELS = (
    Model("lstm_64_128", "lstm", 64, 128),
    Model("lstm_40_64", "lstm", 40, 64),
    Model("gru_64_128", "gru", 64, 128),
    Model("lstm2_128_256", "lstm", 128, 256, layers=2),
)


@dataclass(frozen=True)
class Weights:
    """Gate order i f g o (LSTM), r z n (GRU). ``layers``: w_ih, w_hh, b_ih, b_hh of each; ``head``: w, b."""

    layers: list[tuple[Array, Array, Array, Array]]
    head: tuple[Array, Array]


def weights(model: Model) -> Weights:
    """PyTorch's default initialisation: uniform within 1 / sqrt(hidden)."""
    rng = np.random.default_rng(zlib.crc32(model.name.encode()))
    limit = model.hidden**-0.5

    def draw(*shape: int) -> Array:
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    rows, layers = GATES[model.cell] * model.hidden, []
    for layer in range(model.layers):
        width = model.hidden if layer else model.inputs
        layers.append((draw(rows, width), draw(rows, model.hidden), draw(rows), draw(rows)))
    return Weights(layers, (draw(OUTPUTS, model.hidden), draw(OUTPUTS)))


def step_program(model: Model) -> Graph:
    """The model as a step program of edgernn."""
    graph, given = Graph(model.name), weights(model)
    b = Builder(graph)
    x = b.value("x", ValueType("float32", (model.inputs,), StreamInfo()))
    graph.inputs.append(Port("x", (model.inputs,), "float32", value=x))
    for layer, (w_ih, w_hh, b_ih, b_hh) in enumerate(given.layers):
        h = b.value(f"h{layer}", ValueType("float32", (model.hidden,), StreamInfo()))
        if model.cell == "lstm":
            c = b.value(f"c{layer}", ValueType("float32", (model.hidden,), StreamInfo()))
            operands = [x, h, c, b.constant(w_ih), b.constant(w_hh), b.constant(b_ih + b_hh)]
            x, c_next = b.add(Lstm(model.hidden), operands)
            graph.states += [_state(h, x, model), _state(c, c_next, model)]
        else:
            constants = [b.constant(a) for a in (w_ih, w_hh, b_ih, b_hh)]
            x = b.add1(Gru(model.hidden), [x, h, *constants])
            graph.states.append(_state(h, x, model))
    y = b.add1(Linear(), [x, *(b.constant(a) for a in given.head)])
    graph.outputs.append(Port("y", (OUTPUTS,), "float32", value=y))
    return graph


def _state(before: str, after: str, model: Model) -> State:
    shape = (model.hidden,)
    return State(before, shape, "float32", np.zeros(shape, np.float32), before=before, after=after)


def operator_model(model: Model) -> bytes:
    """The unit of measurement: ONNX's LSTM or GRU operator with one time step, as other exporters write it.

    Inputs x (1, 1, I) and the states (1, 1, H); outputs y (1, OUTPUTS) and ``<state>_next``.
    """
    given = weights(model)
    nodes: list[onnx.NodeProto] = []
    initializers: list[onnx.TensorProto] = []
    states: list[str] = []
    x, order, lstm = "x", ONNX_ORDER[model.cell], model.cell == "lstm"

    def constant(array: Array) -> str:
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), f"k{len(initializers)}"))
        return f"k{len(initializers) - 1}"

    for layer, parameters in enumerate(given.layers):
        w_ih, w_hh, b_ih, b_hh = (_reordered(array, order) for array in parameters)
        names = [f"h{layer}", f"c{layer}"] if lstm else [f"h{layer}"]
        operands = [x, *(constant(a[None]) for a in (w_ih, w_hh, np.concatenate([b_ih, b_hh]))), "", *names]
        attributes = {"hidden_size": model.hidden, **({} if lstm else {"linear_before_reset": 1})}
        outputs = ["", *(f"{n}_next" for n in names)]
        nodes.append(helper.make_node("LSTM" if lstm else "GRU", operands, outputs, **attributes))
        x, states = outputs[1], [*states, *names]
    nodes.append(helper.make_node("Reshape", [x, constant(np.array([1, model.hidden]))], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", *(constant(a) for a in given.head)], ["y"], transB=1))
    carried = [1, 1, model.hidden]
    body = helper.make_graph(
        nodes, model.name,
        [_info("x", [1, 1, model.inputs]), *(_info(n, carried) for n in states)],
        [_info("y", [1, OUTPUTS]), *(_info(f"{n}_next", carried) for n in states)],
        initializers,
    )  # fmt: skip
    whole = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(whole, full_check=True)
    return bytes(whole.SerializeToString())


def _reordered(array: Array, order: tuple[int, ...]) -> Array:
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[k] for k in order])


def _info(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def frames(model: Model, count: int, seed: int = 0) -> list[Array]:
    """Standard normal frames of shape (inputs,)."""
    block = np.random.default_rng(seed).standard_normal((count, model.inputs)).astype(np.float32)
    return [np.array(frame) for frame in block]
