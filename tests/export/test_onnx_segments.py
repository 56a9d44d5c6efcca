"""The .onnx files of whole segments: standard operators over the frames of a sequence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import ArtifactError, EngineError
from edgernn.export.onnx import build_segment, to_file, write
from edgernn.runtime.engines import onnxruntime
from edgernn.segments import SegmentModel
from edgernn.validation.exact import all_results
from tests.capture.test_segments import CASES, converted
from tests.quant.test_segments import segments

SCANNED = {"attended", "convolutional", "projected", "normalised"}
"""Models with passes of which one step follows the other."""


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


@pytest.mark.parametrize("name", CASES)
def test_files_are_of_standard_operators_and_dynamic_in_time(name: str, tmp_path: Path) -> None:
    model = converted(name)
    write(model.segment, tmp_path / "model.onnx")
    found = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(found, full_check=True)
    assert [(o.domain, o.version) for o in found.opset_import] == [("", 20)]
    values = [*found.graph.input, *found.graph.output]
    for value, port in zip(values, [*model.interface.inputs, *model.interface.outputs], strict=True):
        first, *rest = value.type.tensor_type.shape.dim
        assert value.name == port.name and [d.dim_value for d in rest] == [1, *port.shape]
        assert (first.dim_param, first.dim_value) == (("steps", 0) if port.kind == "frame" else ("", 1))
    assert (operators(found)["Scan"] > 0) == (name in SCANNED)


def test_recurrent_operators_take_all_frames_and_weights_are_stored_once() -> None:
    model = converted("stacked tagger")
    found = build_segment(model.segment)
    assert operators(found)["LSTM"] == 6
    assert sum(list(t.dims) == [30, 5] for t in found.graph.initializer) == 1
    directions = [a.s for n in found.graph.node if n.op_type == "LSTM" for a in n.attribute if a.name == "direction"]
    assert directions.count(b"reverse") == 3


@pytest.mark.parametrize("name", ["sentiment", "lstm", "gru", "relu rnn", "by hand"])
def test_a_scan_gives_the_same(name: str, tmp_path: Path) -> None:
    model = converted(name)
    body = build_segment(model.segment, lambda stage: False)
    assert operators(body)["Scan"] == sum(s.direction != "once" for s in model.segment.stages)
    (tmp_path / "scan.onnx").write_bytes(to_file(body))
    write(model.segment, tmp_path / "model.onnx")
    sequence = segments(model)[0]
    with edgernn.load(tmp_path / "scan.onnx") as scan, edgernn.load(tmp_path / "model.onnx") as whole:
        ours, theirs = all_results(scan, sequence), all_results(whole, sequence)
    assert all(np.allclose(ours[n], theirs[n], atol=1e-6) for n in ours)


class Mixed(nn.Module):
    """A value of the whole segment beside frames, and cells that are returned."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
        self.second = nn.GRU(10, 3, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (_, cells) = self.lstm(x)
        mean = x.mean(1, keepdim=True).expand(-1, x.shape[1], -1)
        return self.second(torch.cat((y, mean), -1))[0], cells, y[..., :3] * cells[1]


def test_what_all_frames_share_and_cells_at_the_ends(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = edgernn.convert(Mixed(), inputs="1,T,4", mode="segment", max_frames=9)
    assert isinstance(model, SegmentModel)
    assert model.save(tmp_path / "model.onnx").passed


def test_steps_are_refused(tmp_path: Path) -> None:
    write(converted("gru").segment, tmp_path / "model.onnx")
    with pytest.raises(EngineError, match="it has no step"):
        onnxruntime.open(tmp_path / "model.onnx")


def test_metadata_that_announces_other_frames_is_refused(tmp_path: Path) -> None:
    model = build_segment(converted("gru").segment)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 5
    (tmp_path / "lie.onnx").write_bytes(to_file(model))
    with pytest.raises(ArtifactError, match="the metadata announces inputs"):
        edgernn.load(tmp_path / "lie.onnx")
