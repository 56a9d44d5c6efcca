"""``edgernn inspect --graph`` and ``--svg``."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.segments import SegmentModel
from tests.cli.support import cli, ok
from tests.support import write

SVG = "{http://www.w3.org/2000/svg}"


class Crnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gru = nn.Conv1d(4, 6, 5, padding=2), nn.GRU(6, 5, batch_first=True)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.max_pool1d(torch.relu(self.conv(x.transpose(1, 2))), 2)
        return self.fc(self.gru(y.transpose(1, 2))[0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(edgernn.convert(Crnn(), inputs="1,T,4").graph, tmp_path / "crnn.ern")
    return tmp_path


def test_every_node_state_and_port_is_drawn_once(folder: Path) -> None:
    assert ok(cli("inspect", "crnn.ern", "--svg", "crnn.svg")).code == 0
    root = ElementTree.parse(folder / "crnn.svg").getroot()
    boxes = [g for g in root.iter(f"{SVG}g") if g.find(f"{SVG}rect") is not None]
    names = [box.findtext(f"{SVG}text") for box in boxes]
    graph = edgernn.convert(Crnn(), inputs="1,T,4").graph
    nodes = [n.name for n in graph.nodes if n.op.kind != "reshape"]
    assert set(nodes) <= set(names) and len(names) == len(set(names))
    assert {"input x", "state g_h", "output output"} & set(names) >= {"input x", "output output"}
    assert {f"state {s.name}" for s in graph.states if s.name != "stream_live"} <= set(names)
    places = [(r.get("x"), r.get("y")) for box in boxes for r in box.findall(f"{SVG}rect")]
    assert len(places) == len(set(places))
    assert "hop 2, delay 1, tail 1" in "".join(root.itertext())


def test_lines_say_what_nodes_read(folder: Path) -> None:
    out = ok(cli("inspect", "crnn.ern", "--graph")).out
    assert "conv1d_conv  linear → float32 2x1x1x6  126 weights, 240 MACs" in out
    assert "gru → float32 5  195 weights, 165 MACs  ← max_pool1d, gru_h" in out
    assert "state gru_h  float32 5, 20 B  next: gru_within" in out


def test_stages_are_drawn_under_each_other(folder: Path) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(4, 3, batch_first=True, bidirectional=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.gru(x)[0]

    model = edgernn.convert(Both(), inputs="1,T,4", mode="segment", max_frames=9)
    assert isinstance(model, SegmentModel)
    write(model.segment, folder / "both.ern")
    ok(cli("inspect", "both.ern", "--svg", "both.svg"))
    text = "".join(ElementTree.parse(folder / "both.svg").getroot().itertext())
    assert "stage 0: forward" in text and "stage 1: backward" in text
    assert "up to 9 frames; stage 1: backward" in ok(cli("inspect", "both.ern", "--graph")).out


def test_other_files_hold_no_program(folder: Path) -> None:
    write(edgernn.convert(Crnn(), inputs="1,T,4").graph, folder / "crnn.onnx")
    result = cli("inspect", "crnn.onnx", "--svg", "crnn.svg")
    assert result.code == 2 and "only .ern files hold their program" in result.err
    assert not (folder / "crnn.svg").exists()
