"""Attention of all frames of a segment to each other, as people write it, on every engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import edgernn
from edgernn.errors import UnsupportedModelError
from edgernn.ops import Attend, Collect
from edgernn.segments import SegmentModel
from tests.support import SUFFIX_OF_ENGINE, require, write

MOST = 9
ENGINES = tuple(SUFFIX_OF_ENGINE)


class Attention(nn.Module):
    """What ``body`` makes of queries, keys and values [1, T, 6] of frames [1, T, 4]."""

    def __init__(self, body: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.v, self.body = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(4, 6), body

    def forward(self, x: Tensor) -> Any:
        return self.body(self.q(x), self.k(x), self.v(x))


def by_hand(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v


def heads(y: Tensor) -> Tensor:
    return y.view(1, -1, 2, 3).transpose(1, 2)


def of_heads(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(heads(q), heads(k), heads(v)).transpose(1, 2).reshape(1, -1, 6)


def causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(heads(q), heads(k), heads(v), is_causal=True).transpose(1, 2).flatten(2)


def filled(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    steps = q.shape[1]
    later = torch.triu(torch.ones(steps, steps, dtype=torch.bool), 1)
    return (q @ k.mT * 0.4).masked_fill(later, float("-inf")).softmax(-1) @ v


def added(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    mask = nn.Transformer.generate_square_subsequent_mask(q.shape[1])
    return F.dropout(torch.softmax(torch.bmm(q, k.transpose(1, 2)) + mask, 2), 0.1, False) @ v


def given_mask(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, torch.ones(q.shape[1], q.shape[1]).tril().bool(), scale=0.3)


class MultiHead(nn.Module):
    """After a convolution that looks ahead and a bidirectional layer, with means over time."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.gru = nn.Conv1d(4, 6, 3, stride, 1), nn.GRU(6, 4, batch_first=True, bidirectional=True)
        self.attention, self.out = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.gru(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))[0]
        z = y + self.attention(y, y, y)[0]
        return self.out(z), z.mean(1)


class Masked(nn.Module):
    """Causal, of the layers that people use for it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.TransformerEncoderLayer(4, 2, 12, batch_first=True, norm_first=True)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.encoder(x, mask, is_causal=True)


CASES: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "by hand": (lambda: Attention(by_hand), ["forward", "forward"]),
    "of heads": (lambda: Attention(of_heads), ["forward", "forward"]),
    "causal": (lambda: Attention(causal), ["forward"]),
    "filled": (lambda: Attention(filled), ["forward"]),
    "added": (lambda: Attention(added), ["forward"]),
    "given mask": (lambda: Attention(given_mask), ["forward"]),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(4, 2, 12, batch_first=True), ["forward", "forward"]),
    "masked layer": (Masked, ["forward"]),
    "after both directions": (MultiHead, ["forward", "forward", "backward", "forward"]),
}
RUNS = [
    *(("causal", engine) for engine in ENGINES),
    *(("after both directions", engine) for engine in ("native", "onnxruntime", "tflite")),
]


def converted(make: Callable[[], nn.Module], max_frames: int = MOST) -> SegmentModel:
    model = edgernn.convert(make().eval(), inputs="1,T,4", mode="segment", max_frames=max_frames)
    assert isinstance(model, SegmentModel)
    return model


def segments(hop: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((hop * n, 4)).astype(np.float32) for n in (MOST, 5, 1, 7)]


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_pytorch_for_every_length(name: str, tmp_path: Path) -> None:
    make, passes = CASES[name]
    model = converted(make)
    assert [stage.direction for stage in model.segment.stages] == passes
    assert model.save(tmp_path / "model.onnx").passed
    write(model.segment, tmp_path / "model.ern")
    assert edgernn.validate(tmp_path / "model.ern", model, engine="reference").passed


@pytest.mark.parametrize(("name", "engine"), RUNS)
def test_engines_in_floats_and_integers(name: str, engine: str, tmp_path: Path) -> None:
    require(engine)
    model = converted(CASES[name][0])
    for each in (model, model.quantize(segments(), "int8" if name == "causal" else "int16x8")):
        path = tmp_path / f"model{SUFFIX_OF_ENGINE[engine]}"
        write(each.segment, path)
        report = each.proof(None if each is model else each.calibration).check(path, engine)
        assert report.passed, (each.segment.scheme, report.failures())


def test_strides_before_attention(tmp_path: Path) -> None:
    model = converted(lambda: MultiHead(2), 2 * MOST)
    assert model.save(tmp_path / "model.onnx").passed
    assert model.quantize(segments(2)).save(tmp_path / "model.tflite").passed


def test_many_frames_of_little_weight_lose_nothing(tmp_path: Path) -> None:
    """Weights of 600 frames are about 55 units each: what rounding leaves of one goes to the next."""
    model = converted(lambda: Attention(by_hand), 600)
    x = np.random.default_rng(1).standard_normal((600, 4)).astype(np.float32)
    quantized = model.quantize([x])
    write(quantized.segment, tmp_path / "model.so")
    wanted = model.reference.run({model.interface.inputs[0].name: x})["output"]
    with edgernn.load(tmp_path / "model.so") as session:
        error = session.run(x) - wanted  # type: ignore[attr-defined]
    assert np.sqrt(np.mean(error**2)) < 0.01 * np.sqrt(np.mean(wanted**2))


def test_the_definitions_are_those_of_pytorch() -> None:
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((7, 2, n)) for n in (3, 3, 5))
    for is_causal in (False, True):
        operands = (torch.tensor(np.swapaxes(a, 0, 1)) for a in (q, k, v))
        wanted = F.scaled_dot_product_attention(*operands, is_causal=is_causal, scale=1.0).transpose(0, 1)
        np.testing.assert_allclose(Attend(is_causal).reference(q, k, v)[0], wanted.numpy(), rtol=1e-12)
    starts = np.zeros((2, 3, 4)), np.zeros((2, 4, 5)), np.zeros(4, np.int32)
    keys, values, seen = Collect(4).reference(k, v, *starts)
    assert np.array_equal(keys[6], np.moveaxis(k[:2:-1], 0, -1))
    assert np.array_equal(values[1, :, :2], v[1::-1].swapaxes(0, 1))
    assert np.array_equal(seen[2], [1, 1, 1, 0]) and not keys[0, :, :, 1:].any()


def weights_returned(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    weights = torch.softmax(q @ k.mT, -1)
    return weights @ v, weights.mean(-1)


def banded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    near = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).triu(-2).tril(2)
    return F.scaled_dot_product_attention(q, k, v, near)


def biased(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    steps = torch.arange(q.shape[1], dtype=torch.float32)
    return F.scaled_dot_product_attention(q, k, v, -(steps[:, None] - steps).abs())


def of_itself(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.relu(q @ k.mT) @ v


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (weights_returned, "in another way than for attention"), (banded, "hides other frames than the later ones"),
        (biased, "get a bias"), (of_itself, "in another way than for attention"),
    ],
)  # fmt: skip
def test_other_uses_are_refused(body: Callable[..., Any], said: str) -> None:
    with pytest.raises(UnsupportedModelError, match=said):
        converted(lambda: Attention(body))


def scores(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return q @ k.mT


def test_scores_are_no_output() -> None:
    with pytest.raises(UnsupportedModelError):
        converted(lambda: Attention(scores))


@pytest.mark.parametrize("body", [by_hand, of_heads])
def test_streams_name_segments_as_the_remedy(body: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedModelError, match="--mode segment --max-frames N"):
        edgernn.convert(Attention(body), inputs="1,T,4")
