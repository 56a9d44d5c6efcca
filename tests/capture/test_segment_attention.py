"""Queries that hold for a whole segment attend to its frames, in the forms in which people write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import edgernn
from edgernn.errors import UnsupportedModelError
from tests.support import write

QUERY, FRAME, MOST = 5, 6, 9
Attend = Callable[["Attention", Tensor, Tensor], Tensor]


class Attention(nn.Module):
    """The mean of frames [1, T, FRAME] weighted for a query [1, QUERY]."""

    def __init__(self, attend: Attend) -> None:
        super().__init__()
        self.attend = attend
        self.query, self.key = nn.Linear(QUERY, FRAME), nn.Linear(FRAME, QUERY)
        self.score, self.joined = nn.Linear(QUERY, 1), nn.Linear(FRAME + QUERY, QUERY)
        self.heads = nn.MultiheadAttention(FRAME, 2, batch_first=True)

    def forward(self, frames: Tensor, query: Tensor) -> Tensor:
        return self.attend(self, frames, query)


def _mean(score: Tensor, frames: Tensor) -> Tensor:
    return torch.bmm(score.softmax(1).unsqueeze(1), frames).squeeze(1)


def dot(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    score = torch.bmm(x, m.query(q).unsqueeze(2)).squeeze(2)
    return _mean(score.masked_fill(~torch.ones(x.shape[:2], dtype=torch.bool), float("-inf")), x)


def turned(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    return ((m.query(q).unsqueeze(1) @ x.transpose(1, 2)).softmax(-1) @ x)[:, 0]


def einsum(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    return torch.einsum("bt,btm->bm", torch.einsum("btm,bm->bt", x, m.query(q)).softmax(1), x)


def summed(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    weights = (x * m.query(q).unsqueeze(1)).sum(-1).softmax(1)
    return (weights.unsqueeze(-1) * x).sum(1)


def additive(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    return _mean(m.score(torch.tanh(m.key(x) + q.unsqueeze(1))).squeeze(-1), x)


def joined(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    pairs = torch.cat((q.unsqueeze(1).repeat(1, x.size(1), 1), x), 2)
    return _mean(m.score(torch.tanh(m.joined(pairs))).squeeze(-1), x)


def scaled(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    heads = [v.view(1, -1, 2, FRAME // 2).transpose(1, 2) for v in (m.query(q), x)]
    mask = torch.ones(1, 1, 1, x.size(1), dtype=torch.bool)
    y = F.scaled_dot_product_attention(heads[0], heads[1], heads[1], attn_mask=mask)
    return y.transpose(1, 2).reshape(1, FRAME)


def multi_head(m: Attention, x: Tensor, q: Tensor) -> Tensor:
    return m.heads(m.query(q).unsqueeze(1), x, x)[0].squeeze(1)


def converted(attend: Attend) -> edgernn.Model:
    torch.manual_seed(0)
    return edgernn.convert(Attention(attend).eval(), inputs=["1,T,6", "1,5"], mode="segment", max_frames=MOST)


@pytest.mark.parametrize("attend", [dot, turned, einsum, summed, additive, joined, scaled, multi_head])
def test_attention_agrees_with_pytorch(attend: Attend, tmp_path: Path) -> None:
    model = converted(attend)
    write(model.segment, tmp_path / "model.ern")
    report = model.proof().check(tmp_path / "model.ern", "reference")
    assert report.passed, report.failures()
    assert sum(stage.direction != "once" for stage in model.segment.stages) == 1


@pytest.mark.parametrize("attend", [dot, multi_head])
def test_attention_in_integers(attend: Attend, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    calibration = [
        {"frames": rng.standard_normal((n, FRAME)).astype("f"), "query": rng.standard_normal(QUERY).astype("f")}
        for n in (9, 5, 3)
    ]
    model = converted(attend)
    calibration = [{**c, "query": c["query"].reshape(model.interface.inputs[1].shape)} for c in calibration]
    quantized = model.quantize(calibration)
    write(quantized.segment, tmp_path / "model.ern")
    report = quantized.proof().check(tmp_path / "model.ern", "reference")
    assert report.passed, report.failures()
    assert (report.outputs[0].sqnr_db or 0) > 40


def test_causal_masks_are_refused() -> None:
    def causal(m: Attention, x: Tensor, q: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(m.query(q).unsqueeze(1), x, x, is_causal=True)

    with pytest.raises(UnsupportedModelError, match="attention with a mask"):
        converted(causal)
