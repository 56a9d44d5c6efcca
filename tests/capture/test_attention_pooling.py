"""Attention pooling over time, as people write it, streams in one pass; other uses of its weights are refused."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import UnsupportedModelError
from tests.capture.support import check, prove, randomized

Pool = Callable[[nn.Module, Tensor, Tensor], Tensor]

POOLS: dict[str, Pool] = {
    "product and sum": lambda m, y, s: (torch.softmax(s, 1) * y).sum(1),
    "reversed, kept": lambda m, y, s: (y * torch.softmax(s, dim=1)).sum(dim=1, keepdim=True).squeeze(1),
    "squeezed scores": lambda m, y, s: torch.sum(torch.softmax(s.squeeze(-1), -1).unsqueeze(-1) * y, dim=1),
    "bmm": lambda m, y, s: torch.bmm(torch.softmax(s, 1).transpose(1, 2), y).squeeze(1),
    "bmm of frames first": lambda m, y, s: torch.bmm(y.transpose(1, 2), torch.softmax(s, 1)).squeeze(2),
    "matmul": lambda m, y, s: (torch.softmax(s.transpose(1, 2), -1) @ y)[:, 0],
    "einsum": lambda m, y, s: torch.einsum("bt,bth->bh", torch.softmax(s[..., 0], 1), y),
    "heads": lambda m, y, s: torch.bmm(torch.softmax(torch.cat([s, -s, 2 * s], 2), 1).transpose(1, 2), y).flatten(1),
    "per feature": lambda m, y, s: (torch.softmax(s * y, dim=1) * y).sum(1),
    "expanded": lambda m, y, s: (torch.softmax(s, 1).expand_as(y) * y).sum(1),
    "with dropout": lambda m, y, s: (m.dropout(torch.softmax(s, 1)) * y).sum(1),  # type: ignore[operator]
}


class Attention(nn.Module):
    """A GRU, scores of its outputs, and what pools them."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.gru, self.score, self.out = nn.GRU(4, 6, batch_first=True), nn.Linear(6, 1), nn.LazyLinear(3)
        self.hidden, self.dropout, self.pool = nn.Linear(6, 6), nn.Dropout(0.2), pool
        self.out(self.pool(self, torch.zeros(1, 5, 6), torch.zeros(1, 5, 1)))

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.gru(x)
        scores: Tensor = self.score(torch.tanh(self.hidden(y)))
        result: Tensor = self.out(self.pool(self, y, scores))
        return result


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_the_mean_of_the_frames_so_far(pool: Pool) -> None:
    model = prove(Attention(pool), "1,T,4")
    assert [port.kind for port in model.interface.outputs] == ["final"]


@pytest.mark.parametrize("engine", ["native", "numba", "onnxruntime", "tflite"])
def test_on_every_engine(engine: str) -> None:
    model = edgernn.convert(randomized(Attention(POOLS["heads"])), inputs="1,T,4")
    report = check(model, engine)
    assert report.passed, report.failures()


@pytest.mark.parametrize("scheme", ["int16x8", "int8"])
@pytest.mark.parametrize("suffix", [".ern", ".so"])
def test_in_integers(scheme: str, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    sequences = np.random.default_rng(1).standard_normal((6, 60, 4)).astype(np.float32)
    model = prove(Attention(POOLS["heads"]), "1,T,4").quantize([{"x": sequence} for sequence in sequences], scheme)
    report = model.save(tmp_path_factory.mktemp("saved") / f"model{suffix}")
    assert report.passed, report.failures()
    (sqnr_db,) = (output.sqnr_db for output in report.outputs)
    assert sqnr_db is not None and sqnr_db > (35 if scheme == "int16x8" else 20)


@pytest.mark.parametrize(
    ("pool", "reason"),
    [
        (lambda m, y, s: torch.softmax(s, 1) * y, "each of which depends on the whole sequence"),
        (lambda m, y, s: torch.softmax(s, 1), "each of which depends on the whole sequence"),
        (lambda m, y, s: torch.softmax(s, 1) + y, "needs the whole sequence"),
        (lambda m, y, s: (torch.softmax(s, 1) * y).sum(2), "over other axes"),
        (lambda m, y, s: (torch.softmax(s, 1) * 2).sum(1), "needs the whole sequence"),
    ],
)  # fmt: skip
def test_other_uses_are_refused(pool: Pool, reason: str) -> None:
    module = Attention(POOLS["bmm"])
    module.pool, module.out = pool, nn.Identity()  # type: ignore[assignment]
    with pytest.raises(UnsupportedModelError) as caught:
        edgernn.convert(module, inputs="1,T,4")
    assert reason in caught.value.reason and caught.value.remedy
