"""Models that need the whole sequence, converted for segments and proved on every engine that runs their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import edgernn
from edgernn.errors import ArtifactError, EngineError, FrameError, UnsupportedModelError, UsageError
from edgernn.ir.segmentfile import read_segment
from edgernn.ops import OPS
from edgernn.runtime.engines import native
from edgernn.runtime.segment import SegmentSession
from edgernn.segments import SegmentModel

MOST = 19


class Tagger(nn.Module):
    """Tags of words, with the lengths that people pack by."""

    def __init__(self, layers: int = 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 5)
        self.lstm = nn.LSTM(5, 6, layers, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(12, 4)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(words), lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return F.log_softmax(self.fc(y), dim=-1)


class Sentiment(nn.Module):
    """The class of a sentence from the last states of both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 5)
        self.lstm = nn.LSTM(5, 6, 2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(12, 2)

    def forward(self, words: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(self.embedding(words))
        return self.fc(torch.cat((hidden[-2], hidden[-1]), dim=1))


class Layer(nn.Module):
    """A recurrent layer of any kind, its halves' ends, and its frames."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, h = self.layer(x)
        ends = torch.cat((y[:, -1, :3], y[:, 0, 3:]), -1)
        return y, ends, h[0] if isinstance(h, tuple) else h


class Normalised(nn.Module):
    """Mean and variance normalisation over time, a causal convolution, attention, and its context in every frame."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 3)
        self.gru = nn.GRU(6, 5, batch_first=True, bidirectional=True)
        self.score, self.out = nn.Linear(10, 1), nn.Linear(20, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True, unbiased=False) + 0.1)
        y, _ = self.gru(torch.relu(self.conv(F.pad(x.transpose(1, 2), (2, 0)))).transpose(1, 2))
        context = (torch.softmax(self.score(y), 1) * y).sum(1)
        whole = context.unsqueeze(1).expand(-1, y.shape[1], -1)
        return self.out(torch.cat((y, whole), -1)), context


class Convolutional(nn.Module):
    """Convolutions that look ahead, residual paths around them and around both directions, features of changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(8, 6, 5, padding=2), nn.BatchNorm1d(6)
        self.second = nn.Conv1d(6, 6, 3, padding="same", dilation=2)
        self.rnn = nn.GRU(6, 3, bidirectional=True, batch_first=True)
        self.last, self.out = nn.Conv1d(6, 6, 3, padding=1), nn.Linear(6, 3)
        self.eval()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        around = F.pad(x, (0, 0, 1, 1))
        x = torch.cat((x, around[:, 2:] - around[:, :-2]), -1)
        y = torch.relu(self.norm(self.first(x.transpose(1, 2))))
        y = (torch.relu(self.second(y)) + y).transpose(1, 2)
        z = self.rnn(y)[0] + y
        z = F.max_pool1d(torch.tanh(self.last(z.transpose(1, 2))), 3, 1, 1).transpose(1, 2)
        return self.out(z), z.mean(1)


class ByHand(nn.Module):
    """Two directions made of two layers and flips."""

    def __init__(self) -> None:
        super().__init__()
        self.forwards, self.backwards = nn.GRU(4, 3, batch_first=True), nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        back = self.backwards(torch.flip(x, [1]))[0].flip(1)
        return torch.cat((self.forwards(x)[0], back), -1).flip(-1)


def both(layer: Any, **options: Any) -> Layer:
    return Layer(layer(4, 3, batch_first=True, bidirectional=True, **options))


class Attended(nn.Module):
    """The last states of both directions ask all frames, by matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, (h, _) = self.lstm(x)
        query = torch.cat((h[-2], h[-1]), 1)
        weights = torch.softmax(torch.bmm(y, query.unsqueeze(2)).squeeze(2), 1)
        pooled: torch.Tensor = self.fc(torch.bmm(y.transpose(1, 2), weights.unsqueeze(2)).squeeze(2))
        return pooled



CASES: dict[str, tuple[Any, Any, list[str]]] = {
    "tagger": (Tagger, ["int:1,T", "length:1"], ["forward", "backward"]),
    "stacked tagger": (lambda: Tagger(3), ["int:1,T", "length:1"], ["forward", "backward"] * 2),
    "sentiment": (Sentiment, ["int:1,T"], ["forward", "backward", "forward", "once"]),
    "lstm": (lambda: both(nn.LSTM), ["1,T,4"], ["forward", "backward", "once"]),
    "gru": (lambda: both(nn.GRU, bias=False), ["1,T,4"], ["forward", "backward", "once"]),
    "rnn": (lambda: both(nn.RNN, num_layers=2), ["1,T,4"], ["forward", "backward", "forward", "once"]),
    "relu rnn": (lambda: both(nn.RNN, nonlinearity="relu"), ["1,T,4"], ["forward", "backward", "once"]),
    "projected": (lambda: Layer(nn.LSTM(4, 5, batch_first=True, bidirectional=True, proj_size=3)), ["1,T,4"],
                  ["forward", "backward", "once"]),
    "normalised": (Normalised, ["1,T,4"], ["forward", "once", "forward", "backward", "forward"]),
    "convolutional": (Convolutional, ["1,T,4"], ["forward", "forward", "backward", "forward", "forward"]),
    "by hand": (ByHand, ["1,T,4"], ["forward", "backward"]),
    "attended": (Attended, ["1,T,4"], ["forward", "backward", "once", "forward", "once"]),
    "one way": (lambda: nn.GRU(4, 3, batch_first=True), ["1,T,4"], ["forward", "once"]),
}  # fmt: skip


def converted(name: str) -> SegmentModel:
    make, inputs, _ = CASES[name]
    torch.manual_seed(1)
    model = edgernn.convert(make(), inputs=inputs, mode="segment", max_frames=MOST)
    assert isinstance(model, SegmentModel)
    return model


@pytest.mark.parametrize("name", CASES)
def test_files_agree_with_pytorch_on_every_engine_for_every_length(name: str, tmp_path: Path) -> None:
    model = converted(name)
    path = tmp_path / "model.ern"
    report = model.save(path)
    assert report.passed and report.engine == "numba"
    assert model.proof().lengths()[:2] == [1, 2] and model.proof().lengths()[-1] == MOST
    reference = edgernn.validate(path, model, engine="reference")
    assert reference.passed and reference.engine == "reference"


@pytest.mark.parametrize("name", ["tagger", "sentiment", "normalised", "convolutional", "one way"])
def test_the_c_agrees_with_pytorch_for_every_length(name: str, tmp_path: Path) -> None:
    model = converted(name)
    for suffix in ("c", "so") if name == "normalised" else ("so",):
        report = model.save(tmp_path / f"model.{suffix}")
        assert report.passed and report.engine == "native"
    session = edgernn.load(tmp_path / "model.so")
    assert isinstance(session, SegmentSession) and session.max_frames == MOST
    with pytest.raises(EngineError, match="it has no step"):
        native.open(tmp_path / "model.so")
    assert session.state_bytes == model.segment.state_bytes
    outputs = sum(4 * p.size * (MOST if p.kind == "frame" else 1) for p in model.segment.outputs)
    assert session.buffer_bytes <= model.segment.buffer_bytes - outputs


@pytest.mark.parametrize("name", CASES)
def test_files_for_other_runtimes_agree_with_pytorch_for_every_length(name: str, tmp_path: Path) -> None:
    model = converted(name)
    for suffix, engine in (("onnx", "onnxruntime"), ("tflite", "tflite")):
        report = model.save(tmp_path / f"model.{suffix}")
        assert report.passed and report.engine == engine
        session = edgernn.load(tmp_path / f"model.{suffix}")
        assert isinstance(session, SegmentSession) and session.max_frames == MOST
        assert session.buffer_bytes == model.segment.buffer_bytes and session.state_bytes == model.segment.state_bytes


@pytest.mark.parametrize("name", CASES)
def test_passes_are_the_least(name: str) -> None:
    assert [stage.direction for stage in converted(name).segment.stages] == CASES[name][2]


def test_what_is_given_is_read_again_and_not_kept() -> None:
    forward, backward = converted("tagger").segment.stages
    assert [p.name for p in backward.graph.inputs] == ["words", *[p.name for p in forward.graph.outputs]]
    assert [p.shape for p in forward.graph.outputs] == [(6,)]
    assert converted("tagger").segment.buffer_bytes == MOST * 4 * (6 + 4)
    assert converted("tagger").segment.state_bytes == 4 * 12


def test_a_wrong_weight_shows(tmp_path: Path) -> None:
    model = converted("tagger")
    graph = model.segment.stages[1].graph
    name = next(n for n in graph.constants if n.endswith("w_hh"))
    graph.constants[name] = graph.constants[name] + np.float32(0.01)
    model.interface = model.segment.interface()
    with pytest.raises(edgernn.errors.ValidationError, match="differs by"):
        model.save(tmp_path / "model.ern")
    assert not list(tmp_path.iterdir())


@pytest.fixture(params=["ern", "so", "onnx", "tflite"])
def session(tmp_path: Path, request: pytest.FixtureRequest) -> SegmentSession:
    path = tmp_path / f"gru.{request.param}"
    converted("gru").save(path)
    found = edgernn.load(path)
    assert isinstance(found, SegmentSession)
    return found


def test_the_session_takes_segments_and_nothing_else(session: SegmentSession) -> None:
    frames = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)
    result = session.run(frames)
    assert {n: a.shape for n, a in result.items()} == {"output_0": (7, 6), "output_1": (6,), "output_2": (2, 1, 3)}
    by_name = session.run({"x": frames.tolist()})
    assert all(np.array_equal(result[n], by_name[n]) for n in result)
    assert session.max_frames == MOST and f"up to {MOST} frames" in repr(session)


def test_wrong_segments_are_clear_errors_and_the_next_one_runs(session: SegmentSession) -> None:
    good = np.ones((MOST, 4), np.float32)
    for bad, said in (
        (np.ones((MOST + 1, 4)), f"1 to {MOST} frames"), (np.ones((0, 4)), f"1 to {MOST} frames"),
        (np.ones((3, 5)), r"a frame has shape \(4,\)"), (np.full((3, 4), np.nan), "not finite"),
    ):  # fmt: skip
        with pytest.raises(FrameError, match=said):
            session.run(bad)
    assert session.run(good)["output_0"].shape == (MOST, 6)


def test_there_is_no_step_and_no_state(session: SegmentSession) -> None:
    with pytest.raises(UsageError, match=r"session.run\(frames\)"):
        session.step(np.ones(4))
    with pytest.raises(UsageError, match="nothing to snapshot"):
        session.snapshot()
    session.reset()
    assert session.get_states() == {} and session.flush() == []
    session.close()
    with pytest.raises(UsageError, match="closed"):
        session.run(np.ones((2, 4)))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gru.ern"
    converted("gru").save(path)
    interface, segment = read_segment(path, OPS)
    assert interface.fingerprint == segment.interface().fingerprint and segment.max_frames == MOST
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    (tmp_path / "bad.ern").write_bytes(data)
    with pytest.raises(ArtifactError, match="fingerprint"):
        edgernn.load(tmp_path / "bad.ern")
    (tmp_path / "short.ern").write_bytes(data[:-8])
    with pytest.raises(ArtifactError):
        edgernn.load(tmp_path / "short.ern")


class Backwards(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        return self.backwards(torch.flip(x, [1]))[0]


class Crossed(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.flip(x, [1])


class Shorter(Normalised):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.gru(self.conv(x.transpose(1, 2)).transpose(1, 2))[0]


class LooksBack(ByHand):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        back = self.backwards(torch.flip(x, [1]))[0]
        return torch.flip(self.conv(back.transpose(1, 2)).transpose(1, 2), [1])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Backwards, "flip it again"), (Crossed, "frames of its reverse"), (Shorter, "2 frames less than the segment"),
        (LooksBack, "runs backwards is looked ahead of"),
    ],
)
def test_what_segments_cannot_do_is_refused(make: Any, said: str) -> None:
    with pytest.raises(UnsupportedModelError, match=said):
        edgernn.convert(make(), inputs="1,T,4", mode="segment", max_frames=MOST)


@pytest.mark.parametrize("name", ["tagger", "by hand", "normalised"])
def test_streams_name_segments_as_the_remedy(name: str) -> None:
    make, inputs, _ = CASES[name]
    with pytest.raises(UnsupportedModelError, match="--mode segment --max-frames N"):
        edgernn.convert(make(), inputs=inputs)


def test_mode_and_max_frames_belong_together() -> None:
    for options in ({"mode": "segment"}, {"max_frames": 3}, {"mode": "chunk", "max_frames": 3}):
        with pytest.raises(UsageError, match="max_frames"):
            edgernn.convert(ByHand(), inputs="1,T,4", **options)
    with pytest.raises(UsageError, match="at least 1"):
        edgernn.convert(ByHand(), inputs="1,T,4", mode="segment", max_frames=0)
