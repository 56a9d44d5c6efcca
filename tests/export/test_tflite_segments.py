"""The .tflite files of whole segments: builtin operators, a WHILE for each pass over the frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import edgernn
from edgernn.errors import ArtifactError, EngineError, UnsupportedModelError
from edgernn.export.tflite import to_bytes
from edgernn.export.tflite.schema import schema
from edgernn.runtime.engines import tflite
from tests.capture.test_segments import MOST, converted


def packed(data: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data)))


@pytest.mark.parametrize("name", ["stacked tagger", "normalised", "convolutional"])
def test_each_pass_is_a_loop_of_builtin_operators(name: str) -> None:
    model = converted(name)
    found = packed(to_bytes(model.segment))
    codes = [c.builtinCode for c in found.operatorCodes]
    assert schema.BuiltinOperator.CUSTOM not in codes
    main, *others = found.subgraphs
    loops = [op for op in main.operators if codes[op.opcodeIndex] == schema.BuiltinOperator.WHILE]
    passes = sum(stage.direction != "once" for stage in model.segment.stages)
    assert len(loops) == passes and len(others) == 2 * passes
    for loop in loops:
        options = loop.builtinOptions
        condition, body = found.subgraphs[options.condSubgraphIndex], found.subgraphs[options.bodySubgraphIndex]
        assert len(condition.inputs) == len(body.inputs) == len(body.outputs) == len(loop.inputs)


def test_the_file_holds_weights_once_and_no_buffers() -> None:
    model = converted("stacked tagger")
    weights = sum({id(a): a.nbytes for s in model.segment.stages for a in s.graph.constants.values()}.values())
    short, long = (len(to_bytes(replace(model.segment, max_steps=n))) for n in (20, 2000))
    assert long - short < 64
    table = converted("stacked tagger").segment.stages[0].graph.constants
    raw = next(a for a in table.values() if a.shape == (30, 5)).tobytes()
    assert to_bytes(model.segment).count(raw) == 1 and weights < short


def test_rows_after_the_last_frame_are_not_read(tmp_path: Path) -> None:
    model = converted("convolutional")
    model.save(tmp_path / "model.tflite")
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    with edgernn.load(tmp_path / "model.tflite") as session:
        expected = session.run(x)
    interpreter = Interpreter(str(tmp_path / "model.tflite"))
    run = interpreter.get_signature_runner()
    frames = np.full((MOST, 4), np.nan, np.float32)
    frames[:5] = x
    found = run(**{model.interface.inputs[0].name: frames, "steps": np.array([5], np.int32)})
    assert np.array_equal(found["output_0"][:5], expected["output_0"])
    assert np.array_equal(found["output_1"][0], expected["output_1"])


def test_a_port_may_be_called_steps(tmp_path: Path) -> None:
    segment = converted("gru").segment
    segment.inputs[0] = replace(segment.inputs[0], name="steps")
    (tmp_path / "model.tflite").write_bytes(to_bytes(segment))
    with edgernn.load(tmp_path / "model.tflite") as session:
        assert session.run(np.ones((3, 4), np.float32))["output_0"].shape == (3, 6)


def test_indices_that_float32_does_not_hold_are_refused() -> None:
    segment = converted("tagger").segment
    segment.inputs[0] = replace(segment.inputs[0], limit=(1 << 24) + 1)
    with pytest.raises(UnsupportedModelError, match="indices up to 16777217"):
        to_bytes(segment)


def test_what_is_no_step_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = converted("gru")
    path = tmp_path / "model.tflite"
    path.write_bytes(to_bytes(model.segment))
    with pytest.raises(EngineError, match="it has no step"):
        tflite.open(path)
    data = path.read_bytes()
    assert b'"max_frames": 19' in data
    path.write_bytes(data.replace(b'"max_frames": 19', b'"max_frames": 18'))
    with pytest.raises(ArtifactError, match="damaged"):
        edgernn.load(path)
