"""Operators around recurrent layers, each proved against ONNX Runtime; attributes of old and inputs of new versions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from tests.capture.onnx.support import INPUTS, constant, info, model, node, of_frames, prove, refusal, weight

Make = Callable[[], onnx.ModelProto]
N = INPUTS


def simple(op: str, *constants: onnx.TensorProto, opset: int = 17, **attributes: Any) -> Make:
    """x (and constants) -> y."""
    return lambda: of_frames(
        [node(op, " ".join(["x", *(c.name for c in constants)]), "y", **attributes)], constants, opset=opset
    )


def through(*nodes: onnx.NodeProto, constants: tuple[onnx.TensorProto, ...] = (), opset: int = 17) -> Make:
    """Several nodes."""
    return lambda: of_frames(list(nodes), constants, opset=opset)


ACTIVATIONS: dict[str, dict[str, Any]] = {
    "Relu": {}, "Sigmoid": {}, "Tanh": {}, "Exp": {}, "Abs": {}, "Neg": {}, "Erf": {}, "Sin": {}, "Cos": {},
    "Softplus": {}, "Softsign": {}, "Elu": {"alpha": 0.7}, "Selu": {}, "LeakyRelu": {"alpha": 0.2},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4}, "HardSwish": {}, "Celu": {"alpha": 1.5},
    "ThresholdedRelu": {"alpha": 0.4}, "Identity": {}, "Dropout": {},
}  # fmt: skip


@pytest.mark.parametrize("op", list(ACTIVATIONS))
def test_activations(op: str) -> None:
    prove(simple(op, **ACTIVATIONS[op])())


CASES: dict[str, Make] = {
    "clip by inputs": simple("Clip", constant("low", -0.5), constant("high", 0.75)),
    "clip by attributes": simple("Clip", opset=9, min=-0.5, max=0.75),
    "clip on one side": lambda: of_frames([node("Clip", "x - high", "y")], [constant("high", 0.25)]),
    "add constant": simple("Add", weight("b", N)),
    "subtract from a constant": through(node("Sub", "b x", "y"), constants=(weight("b", N),)),
    "divide by a scalar": simple("Div", constant("d", 3.0)),
    "power": simple("Pow", constant("e", 2.0)),
    "square root of a square": through(node("Mul", "x x", "s"), node("Add", "s e", "p"), node("Sqrt", "p", "y"),
                                       constants=(constant("e", 0.5),)),
    "maximum of three": through(node("Neg", "x", "n"), node("Max", "x n c", "y"), constants=(weight("c", N),)),
    "mean of two": through(node("Neg", "x", "n"), node("Tanh", "x", "t"), node("Mean", "n t", "y")),
    "sum of two": through(node("Tanh", "x", "t"), node("Sum", "x t", "y")),
    "PRelu": simple("PRelu", weight("slope", N)),
    "MatMul": simple("MatMul", weight("w", N, 4)),
    "MatMul and Add": through(node("MatMul", "x w", "m"), node("Add", "m b", "y"),
                              constants=(weight("w", N, 4), weight("b", 4))),
    "Gemm": through(node("Squeeze", "x axis", "f"), node("Gemm", "f w b", "g", transB=1, alpha=0.5, beta=2.0),
                    node("Unsqueeze", "g axis", "y"),
                    constants=(constant("axis", [0]), weight("w", 4, N), weight("b", 4))),
    "squeeze and unsqueeze by attributes": through(node("Squeeze", "x", "f", axes=[0]),
                                                   node("Unsqueeze", "f", "y", axes=[0]), opset=11),
    "transposed convolution layout": through(
        node("Transpose", "x", "c", perm=[0, 2, 1]), node("Conv", "c w b", "d", pads=[2, 0]),
        node("Transpose", "d", "y", perm=[0, 2, 1]), constants=(weight("w", 4, N, 3), weight("b", 4))),
    "pad then convolve": through(
        node("Transpose", "x", "c", perm=[0, 2, 1]), node("Pad", "c pads", "p"),
        node("Conv", "p w", "d", dilations=[2]), node("Transpose", "d", "y", perm=[0, 2, 1]),
        constants=(constant("pads", [0, 0, 4, 0, 0, 0]), weight("w", 4, N, 3))),
    "convolution over features": through(
        node("Transpose", "x", "t", perm=[1, 0, 2]), node("Conv", "t w b", "c", auto_pad="SAME_UPPER"),
        node("Flatten", "c", "f"), node("Unsqueeze", "f zero", "y"),
        constants=(weight("w", 2, 1, 3), weight("b", 2), constant("zero", [0]))),
    "transposed convolution over features": through(
        node("Transpose", "x", "t", perm=[1, 0, 2]), node("ConvTranspose", "t w b", "c", strides=[2], pads=[1, 1]),
        node("Flatten", "c", "f"), node("Unsqueeze", "f zero", "y"),
        constants=(weight("w", 1, 2, 4), weight("b", 2), constant("zero", [0]))),
    "batch norm": through(
        node("Transpose", "x", "t", perm=[0, 2, 1]), node("BatchNormalization", "t s b m v", "n", epsilon=1e-3),
        node("Transpose", "n", "y", perm=[0, 2, 1]),
        constants=(weight("s", N), weight("b", N), weight("m", N), constant("v", [0.5, 1.5, 1.0, 0.7, 2.0]))),
    "layer norm": simple("LayerNormalization", weight("s", N), weight("b", N), axis=-1),
    "softmax": simple("Softmax", axis=-1),
    "softmax of old": simple("Softmax", axis=2, opset=11),
    "log softmax": simple("LogSoftmax", axis=2),
    "mean over features by input": simple("ReduceMean", constant("axes", [-1]), opset=18, keepdims=1),
    "mean over features by attribute": simple("ReduceMean", axes=[2], keepdims=1),
    "norm": through(node("ReduceL2", "x", "n", axes=[2]), node("Add", "n e", "p"), node("Div", "x p", "y"),
                    constants=(constant("e", 0.1),)),
    "sum of squares": simple("ReduceSumSquare", axes=[2]),
    "log sum exp": simple("ReduceLogSumExp", axes=[2]),
    "slice of features": through(node("Slice", "x a b c d", "y"), constants=(
        constant("a", [1]), constant("b", [np.iinfo(np.int64).max]), constant("c", [2]), constant("d", [2]))),
    "slice by attributes": simple("Slice", opset=9, starts=[1], ends=[-1], axes=[2]),
    "slice backwards": through(node("Slice", "x a b c d", "y"), constants=(
        constant("a", [-1]), constant("b", [np.iinfo(np.int64).min]), constant("c", [2]), constant("d", [-1]))),
    "split and concat": through(node("Split", "x sizes", "a b", axis=2), node("Tanh", "b", "t"),
                                node("Concat", "t a", "y", axis=2), constants=(constant("sizes", [2, 3]),)),
    "gather features": simple("Gather", constant("i", [3, 0, 1, -1]), axis=2),
    "gather one feature": through(node("Gather", "x i", "g", axis=2), node("Unsqueeze", "g two", "y"),
                                  constants=(constant("i", 3), constant("two", [2]))),
    "expand": through(node("Slice", "x a b c", "s"), node("Expand", "s e", "y"), constants=(
        constant("a", [0]), constant("b", [1]), constant("c", [2]), constant("e", [1, 1, 4]))),
    "tile": simple("Tile", constant("r", [1, 1, 2])),
    "reshape into heads": through(node("Reshape", "x shape", "h"), node("Tanh", "h", "t"),
                                  node("Reshape", "t back", "y"),
                                  constants=(constant("shape", [0, 0, 5, 1]), constant("back", [0, 0, -1]))),
    "reshape by the shape of the input": through(
        node("Shape", "x", "s"), node("Slice", "s zero two zero", "front"),
        node("Concat", "front one", "target", axis=0), node("Reshape", "x target", "r"), node("Tanh", "r", "y"),
        constants=(constant("zero", [0]), constant("two", [2]), constant("one", [-1]))),
    "pad features": simple("Pad", constant("pads", [0, 0, 1, 0, 0, 2])),
    "pad features by their border": simple("Pad", constant("pads", [0, 0, 1, 0, 0, 2]), mode="edge"),
    "pad features by reflection": simple("Pad", constant("pads", [0, 0, 3, 0, 0, 2]), mode="reflect"),
    "last frame": through(node("Gather", "x i", "y", axis=1), constants=(constant("i", -1),)),
    "last frame by slice": through(node("Slice", "x a b c", "y"), constants=(
        constant("a", [-1]), constant("b", [np.iinfo(np.int64).max]), constant("c", [1]))),
    "mean over time": simple("ReduceMean", axes=[1], keepdims=0),
    "cast to float": simple("Cast", to=onnx.TensorProto.FLOAT),
    "einsum": through(node("Einsum", "x w", "y", equation="bti,io->bto"), constants=(weight("w", N, 4),)),
    "dequantized weights": through(
        node("DequantizeLinear", "q scale", "w", axis=1), node("MatMul", "x w", "y"),
        constants=(onnx.numpy_helper.from_array(np.arange(-10, 10, dtype=np.int8).reshape(N, 4), "q"),
                   constant("scale", [0.1, 0.2, 0.05, 0.3]))),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_operators(case: str) -> None:
    prove(CASES[case]())


def test_embeddings_and_their_limit() -> None:
    proto = model([node("Gather", "table i", "y")], [info("i", ["batch", "time"], onnx.TensorProto.INT64)], "y",
                  [weight("table", 9, 4)])  # fmt: skip
    assert prove(proto).interface.inputs[0].limit == 9


def test_functions_of_the_file_are_inlined() -> None:
    body = onnx.helper.make_function(
        "own", "Twice", ["a"], ["b"], [onnx.helper.make_node("Add", ["a", "a"], ["b"])],
        [onnx.helper.make_opsetid("", 17)],
    )  # fmt: skip
    proto = of_frames([onnx.helper.make_node("Twice", ["x"], ["y"], domain="own", name="n")])
    proto.functions.append(body)
    proto.opset_import.append(onnx.helper.make_opsetid("own", 1))
    prove(proto)


REFUSED: dict[str, tuple[Make, str]] = {
    "quantized": (through(node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y"),
                          constants=(constant("s", 0.1), onnx.numpy_helper.from_array(np.int8(0).reshape(()), "z"))),
                  "the model is quantized"),
    "unknown operator": (simple("GridSample"), "does not read the ONNX operator GridSample"),
    "positions": (simple("ArgMax", axis=2), "positions"),
    "shape from data": (through(node("Cast", "x", "i", to=7), node("Reshape", "x i", "y")), "must be a constant"),
    "frames in the middle": (simple("Gather", constant("i", 3), axis=1), "frame 3 of the sequence"),
    "normalisation over time": (simple("Softmax", axis=1), "whole sequence"),
    "padding of time by its border": (
        simple("Pad", constant("pads", [0, 1, 0, 0, 0, 0]), mode="edge"), "padding of time"),
    "random": (through(node("RandomNormalLike", "x", "r"), node("Add", "x r", "y")), "RandomNormalLike"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(REFUSED))
def test_refusals_name_the_node(case: str) -> None:
    make, reason = REFUSED[case]
    error = refusal(make())
    assert reason in str(error), str(error)
    assert "net.onnx:" in str(error) or case == "normalisation over time", str(error)
    assert "what to do" in str(error)


def test_an_output_that_the_refused_time_softmax_is_not_lost_in() -> None:
    """Shares of time that are summed up are attention pooling, which streams."""
    nodes = [
        node("MatMul", "x w", "score"), node("Softmax", "score", "share", axis=1), node("Mul", "x share", "part"),
        node("ReduceSum", "part one", "y", keepdims=0),
    ]  # fmt: skip
    prove(of_frames(nodes, [weight("w", N, 1), constant("one", [1])]))
