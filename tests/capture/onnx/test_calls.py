"""What is read from a file of its inputs, states and lengths, and what the user can say instead."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import edgernn
from edgernn.errors import UnsupportedModelError, UsageError, ValidationError
from tests.capture.onnx.support import (
    HIDDEN,
    INPUTS,
    constant,
    info,
    layer,
    model,
    node,
    of_frames,
    ports,
    prove,
    refusal,
    weight,
)


def step(state: str = "h_in", after: str = "h_out") -> onnx.ModelProto:
    """h' = tanh(W x + R h), called frame by frame."""
    nodes = [
        node("MatMul", "x W", "a"), node("MatMul", f"{state} R", "b"), node("Add", "a b", "c"),
        node("Tanh", "c", after), node("MatMul", f"{after} V", "y"),
    ]  # fmt: skip
    weights = [weight("W", INPUTS, HIDDEN), weight("R", HIDDEN, HIDDEN), weight("V", HIDDEN, 3)]
    return model(nodes, [info("x", [1, INPUTS]), info(state, [1, HIDDEN])], f"y {after}", weights)


@pytest.mark.parametrize("names", [("h_in", "h_out"), ("h0", "hn"), ("state", "stateN"), ("hidden", "next_hidden")])
def test_states_are_found_by_their_names(names: tuple[str, str]) -> None:
    assert ports(prove(step(*names))) == (["x"], ["y"], [names[0]])


def test_states_of_other_names_are_given() -> None:
    with pytest.raises(UsageError, match="--state INPUT=OUTPUT"):
        edgernn.convert(step("alpha", "omega"))
    assert ports(prove(step("alpha", "omega"), state="alpha=omega")) == (["x"], ["y"], ["alpha"])
    assert ports(prove(step("alpha", "omega"), state={"alpha": "omega"})) == (["x"], ["y"], ["alpha"])
    with pytest.raises(UsageError, match="it has inputs x"):
        edgernn.convert(step("alpha", "omega"), state="alpha=nothing")


def test_a_free_axis_of_time_is_found() -> None:
    converted = prove(layer("RNN"))
    assert converted.interface.inputs[0].shape == (INPUTS,)


def test_axes_without_names_are_asked_for() -> None:
    proto = layer("RNN")
    for dim in proto.graph.input[0].type.tensor_type.shape.dim[:2]:
        dim.Clear()
    with pytest.raises(UsageError, match=r"x\[\?, \?, 5\]: which axis is time is not clear[\s\S]*--input x:1,T,5"):
        edgernn.convert(proto)
    prove(proto, inputs="x:T,1,5")
    prove(proto, inputs={"x": "T,1,5"})
    prove(proto, inputs=["T,1,5"])


def test_time_of_a_fixed_length_is_freed() -> None:
    proto = layer("LSTM")
    for dim, size in zip(proto.graph.input[0].type.tensor_type.shape.dim, (50, 1), strict=False):
        dim.dim_value = size
    with pytest.raises(UsageError, match="none has an axis of time"):
        edgernn.convert(proto)
    with pytest.raises(UsageError, match="does not fit the input"):
        edgernn.convert(proto, inputs="x:T,1,6")
    with pytest.raises(UsageError, match="does not fit the input"):
        edgernn.convert(proto, inputs="x:40,1,5")


def test_a_length_that_is_written_into_the_file_is_refused() -> None:
    """A Reshape to 50 frames computes nothing for other lengths."""
    proto = of_frames([node("Reshape", "x shape", "r"), node("Tanh", "r", "y")], [constant("shape", [1, 50, INPUTS])])
    with pytest.raises((UsageError, UnsupportedModelError, ValidationError), match="11"):
        edgernn.convert(proto)


def test_an_input_that_stays_the_same_decides_an_if() -> None:
    branches = {
        f"{name}_branch": onnx.helper.make_graph(
            [node("Mul", f"x {name}_k", f"{name}_y")], name, [], [info(f"{name}_y", None)],
            [constant(f"{name}_k", value)])
        for name, value in (("then", 2.0), ("else", 3.0))
    }  # fmt: skip
    nodes = [node("Equal", "rate wanted", "is"), onnx.helper.make_node("If", ["is"], ["y"], name="if", **branches)]
    inputs = [info("x", ["batch", "time", INPUTS]), info("rate", [], onnx.TensorProto.INT64)]
    proto = model(nodes, inputs, "y", [constant("wanted", 16000)])
    for rate, factor in ((16000, 2.0), (8000, 3.0)):
        converted = prove(proto, inputs=[f"rate={rate}"])
        (k,) = converted.graph.constants.values()
        assert float(k) == factor
    assert ports(prove(proto, inputs={"rate": 8000}))[0] == ["x"]
    assert "control flow depends" in refusal(proto, inputs=["x:1,T,5"]).reason


def test_static_inputs_stay_inputs() -> None:
    proto = model(
        [node("Add", "x bias", "y")], [info("x", ["batch", "time", INPUTS]), info("bias", [1, 1, INPUTS])], "y"
    )
    kinds = {p.name: p.kind for p in prove(proto).interface.inputs}
    assert kinds == {"x": "frame", "bias": "static"}


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        edgernn.convert(str(tmp_path / "none.onnx"))
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(of_frames([node("Tanh", "x", "y")]).SerializeToString()[:-9])
    with pytest.raises(UsageError, match="not an ONNX file, or damaged"):
        edgernn.convert(damaged)
    with pytest.raises(UsageError, match="no example"):
        edgernn.convert(of_frames([node("Tanh", "x", "y")]), np.zeros(3))


def test_types_and_versions_that_are_not_read() -> None:
    proto = of_frames([node("Tanh", "x", "y")])
    proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    assert "holds float16" in refusal(proto).reason
    assert "operator set 6" in refusal(of_frames([node("Tanh", "x", "y")], opset=6)).reason
    foreign = of_frames([onnx.helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft", name="n")])
    assert "com.microsoft.Gelu" in refusal(foreign).reason


def test_the_proof_is_by_the_file_and_not_by_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that is read wrongly must not pass."""
    from edgernn.capture.onnx import operators
    from tests.capture.support import check

    monkeypatch.setitem(operators.OPERATORS, "Tanh", operators.OPERATORS["Sigmoid"])
    report = check(edgernn.convert(of_frames([node("Tanh", "x", "y")])))
    assert not report.passed and any("differs by" in line for line in report.failures())


def test_free_axes_of_a_model_that_is_called_frame_by_frame_are_one() -> None:
    """Without names, as in silero_vad.onnx: the axis that is free is the batch, not time."""
    proto = step("state", "stateN")
    for given in proto.graph.input:
        given.type.tensor_type.shape.dim[0].Clear()
    converted = prove(proto, inputs=f"x:1,{INPUTS}")
    assert ports(converted) == (["x"], ["y"], ["state"])
    assert converted.interface.states[0].shape == (HIDDEN,)
