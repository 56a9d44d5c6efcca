"""Models of whole segments in integers: what passes between stages has one scale, and every engine gives the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import edgernn
from edgernn.errors import UsageError
from edgernn.ops.stages import run_stages
from edgernn.segments import SegmentModel
from tests.capture.test_segments import CASES, MOST, converted
from tests.support import write

SCHEMES = ("int16x8", "int8", "int16x4", "weights8")

COMPILED = {("stacked tagger", "int8"), ("normalised", "int16x8"), ("convolutional", "int16x8"), ("projected", "int8")}
"""What numba and C run as well; the others are proved by the reference, for compiling takes seconds."""


def segments(model: SegmentModel, count: int = 6) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(4)
    found = []
    for length in rng.integers(2, MOST + 1, count).tolist():
        found.append({
            p.name: rng.integers(0, p.limit or 30, (length, *p.shape)).astype(np.int32)
            if p.dtype == "int32" else rng.standard_normal((length, *p.shape)).astype(np.float32)
            for p in model.interface.inputs
        })  # fmt: skip
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", CASES)
def test_quantized_models_are_proved(name: str, scheme: str, tmp_path: Path) -> None:
    model = converted(name)
    quantized = model.quantize(segments(model), scheme)
    path = tmp_path / "model.ern"
    write(quantized.segment, path)
    report = quantized.proof().check(path, "reference")
    assert report.passed and quantized.segment.scheme.split("+")[0] == scheme
    for suffix in ("ern", "so") if (name, scheme) in COMPILED else ():
        compiled = quantized.save(tmp_path / f"compiled.{suffix}")
        assert compiled.passed and compiled.engine == {"ern": "numba", "so": "native"}[suffix]
    for suffix in ("onnx", "tflite") if (name, scheme) in COMPILED or scheme == "weights8" else ():
        foreign = quantized.save(tmp_path / f"model.{suffix}")
        kind = "same program" if scheme == "weights8" else "arithmetic of the runtime"
        assert foreign.passed and foreign.properties[-1].name == kind
    names = [p.name for p in report.properties]
    assert names[-1] == ("same program" if scheme == "weights8" else "bit identity")
    known: dict[str, tuple[str, float | None]] = {}
    for stage in quantized.segment.stages:
        for port in (*stage.graph.inputs, *stage.graph.outputs):
            assert known.setdefault(port.name, (port.dtype, port.scale)) == (port.dtype, port.scale)


def test_int8_keeps_h_of_an_lstm_in_bytes() -> None:
    model = converted("tagger")
    quantized = model.quantize(segments(model), "int8")
    forward, backward = quantized.segment.stages
    assert [p.dtype for p in forward.graph.outputs] == ["int8"]
    assert [p.dtype for p in backward.graph.inputs if p.name == forward.graph.outputs[0].name] == ["int8"]
    assert quantized.segment.buffer_bytes == MOST * (6 + 2 * 4)


def test_integers_are_those_of_the_file(tmp_path: Path) -> None:
    model = converted("gru")
    quantized = model.quantize(segments(model))
    quantized.save(tmp_path / "gru.ern")
    session = edgernn.load(tmp_path / "gru.ern", raw=True)
    x = np.random.default_rng(5).integers(-20000, 20000, (MOST, 4)).astype(np.int16)
    expected = run_stages(quantized.segment, {"x": x})
    found = session.run(x)
    assert all(np.array_equal(found[n], expected[n]) and found[n].dtype.kind == "i" for n in expected)
    session.raw = False
    scale = session.outputs[0].scale or 0.0
    assert np.allclose(session.run(x)["output_0"], expected["output_0"] * scale, rtol=1e-6)


def test_layers_have_schemes_of_their_own() -> None:
    model = converted("tagger")
    mixed = model.quantize(segments(model), "int16x8", layers={"linear": "int8"})
    assert mixed.segment.scheme == "int16x8+int8"
    with pytest.raises(UsageError, match="matches no layer"):
        model.quantize(segments(model), layers={"nothing": "int8"})


def test_what_is_missing_is_said() -> None:
    model = converted("gru")
    with pytest.raises(UsageError, match="needs calibration"):
        model.quantize()
    with pytest.raises(UsageError, match="max_loss"):
        model.quantize(segments(model), max_loss=0.1)
    with pytest.raises(UsageError, match="already"):
        model.quantize(segments(model)).quantize(segments(model))


def test_the_report_follows_the_integers_of_all_stages() -> None:
    torch.manual_seed(0)
    model = converted("stacked tagger")
    quantized = model.quantize(segments(model))
    report = quantized.report([], "segments")
    assert report.integers is not None
    names = [row.value for row in report.integers.values]
    assert len(names) == len(set(names)) and len(report.integers.saturation) > 5
    assert {"embedding", "lstm_l3_c", "lstm_l5_h", "linear"} <= set(names)
