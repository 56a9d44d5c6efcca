"""Small ONNX models, made node by node, and their proof against ONNX Runtime."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import edgernn
from edgernn.errors import UnsupportedModelError
from edgernn.ir.op import Array
from tests.capture.support import check

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STATES = {"LSTM": ("h", "c"), "GRU": ("h",), "RNN": ("h",)}
INPUTS, HIDDEN = 5, 7


def weight(name: str, *shape: int, scale: float = 0.5) -> onnx.TensorProto:
    """A random initializer, the same for the same name and shape."""
    rng = np.random.default_rng([len(name), *map(ord, name)])
    return numpy_helper.from_array(rng.uniform(-scale, scale, shape).astype(np.float32), name)


def constant(name: str, value: Any) -> onnx.TensorProto:
    """An initializer of this value; Python integers are int64, floats float32."""
    array = np.asarray(value)
    return numpy_helper.from_array(array.astype(np.float32) if array.dtype == np.float64 else array, name)


def info(name: str, shape: Sequence[Any] | None, kind: int = FLOAT) -> onnx.ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node named after its first output; names are separated by blanks, "-" stands for one that is left out."""
    ins, outs = ([n.replace("-", "") for n in names.split()] for names in (inputs, outputs))
    return helper.make_node(op, ins, outs, name=f"n_{next(o for o in outs if o)}", **attributes)


def model(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[onnx.ValueInfoProto], outputs: str,
    constants: Sequence[onnx.TensorProto] = (), opset: int = 17, name: str = "net",
) -> onnx.ModelProto:  # fmt: skip
    """A model of these nodes."""
    ports = [info(o, None) for o in outputs.split()]
    graph = helper.make_graph(nodes, name, inputs, ports, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def of_frames(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
    features: int = INPUTS,
) -> onnx.ModelProto:
    """A model of x [1, T, features] to y."""
    return model(nodes, [info("x", ["batch", "time", features])], "y", constants, opset)


def layer(
    op: str, *, layout: int = 0, directions: int = 1, states: bool = False, bias: bool = True, **attributes: Any
) -> onnx.ModelProto:
    """One recurrent operator over x, with its last states as outputs; ``states`` makes the first ones inputs."""
    size, kinds = GATES[op] * HIDDEN, STATES[op]
    first = [f"{k}0" if states else "-" for k in kinds]
    names = ["x", "W", "R", "B" if bias else "-", "-", *first]
    while names[-1] == "-":
        names.pop()
    options = {"hidden_size": HIDDEN, **({"layout": 1} if layout else {}), **attributes}
    shape: list[Any] = ["batch", "time", INPUTS] if layout else ["time", "batch", INPUTS]
    state = [1, directions, HIDDEN] if layout else [directions, 1, HIDDEN]
    inputs = [info("x", shape), *(info(f"{k}0", state) for k in kinds if states)]
    weights = [weight("W", directions, size, INPUTS), weight("R", directions, size, HIDDEN)]
    weights += [weight("B", directions, 2 * size)] if bias else []
    ends = " ".join(f"{k}n" for k in kinds)
    return model([node(op, " ".join(names), f"y {ends}", **options)], inputs, f"y {ends}", weights, 14)


def prove(proto: onnx.ModelProto, inputs: Any = None, state: Any = None, engine: str = "reference") -> edgernn.Model:
    """Convert and run every check against ONNX Runtime."""
    converted = edgernn.convert(proto, inputs=inputs, state=state)
    report = check(converted, engine)
    assert report.passed, report.failures()
    return converted


def refusal(proto: onnx.ModelProto, inputs: Any = None, state: Any = None) -> UnsupportedModelError:
    """The error with which a model is refused."""
    with pytest.raises(UnsupportedModelError) as caught:
        edgernn.convert(proto, inputs=inputs, state=state)
    assert caught.value.exit_code == 3
    return caught.value


def ports(converted: edgernn.Model) -> tuple[list[str], list[str], list[str]]:
    """Names of inputs, outputs and states."""
    face = converted.interface
    return [p.name for p in face.inputs], [p.name for p in face.outputs], [s.name for s in face.states]


def random_frames(length: int, *shape: int, seed: int = 0) -> Array:
    """Normal values in float32."""
    return np.random.default_rng(seed).standard_normal((length, *shape)).astype(np.float32)
