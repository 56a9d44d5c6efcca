"""Operations on single frames on every engine."""

from collections.abc import Callable
from functools import cache

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

import edgernn
from edgernn.runtime.engines import ENGINES
from tests.capture.frame_ops import (
    Body,
    Group,
    activation_functions,
    activation_modules,
    arithmetic,
    assignment_to_parts,
    augmented_assignment,
    masks_that_are_the_same_in_every_frame,
    normalisations,
    products,
    reductions,
    shapes,
)
from tests.capture.spectra import spectra
from tests.capture.support import check, kinds, prove, randomized
from tests.support import require

GROUPS: dict[str, Callable[[], Group]] = {
    make.__name__: make
    for make in (
        activation_modules,
        activation_functions,
        arithmetic,
        augmented_assignment,
        reductions,
        products,
        normalisations,
        shapes,
        assignment_to_parts,
        spectra,
        masks_that_are_the_same_in_every_frame,
    )
}


@cache
def converted(name: str) -> edgernn.Model:
    functions, parts = GROUPS[name]()
    model = edgernn.convert(randomized(Body(functions, parts)), inputs="1,T,6")
    assert kinds(model) == dict.fromkeys(functions, "frame")
    return model


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("engine", ENGINES)
def test_group(engine: str, name: str) -> None:
    require(engine)
    report = check(converted(name), engine)
    assert report.passed, report.failures()


def test_residual_and_gates() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(8)
            self.gru = nn.GRU(8, 8, batch_first=True)
            self.up, self.down = nn.Linear(8, 32), nn.Linear(16, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = x + self.gru(self.norm(x))[0]
            value, gate = self.up(self.norm(x)).chunk(2, dim=-1)
            return x + self.down(value * F.silu(gate))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(6, 8)
            self.blocks = nn.ModuleList([Block() for _ in range(2)])
            self.heads = nn.ModuleDict(
                {"a": nn.Linear(8, 2), "b": nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))}
            )

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            x = self.embed(x)
            for block in self.blocks:
                x = block(x)
            return {name: head(x) for name, head in self.heads.items()}

    prove(Network(), "1,T,6")


@pytest.mark.parametrize("tied", [True, False])
def test_tied_embedding(tied: bool) -> None:
    class WordModel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.2)
            self.encoder = nn.Embedding(40, 8)
            self.rnn = nn.LSTM(8, 8, 2)
            self.decoder = nn.Linear(8, 40)
            if tied:
                self.decoder.weight = self.encoder.weight

        def forward(self, tokens: Tensor) -> Tensor:
            output, _ = self.rnn(self.drop(self.encoder(tokens)))
            decoded = self.decoder(self.drop(output)).view(-1, 40)
            return F.log_softmax(decoded, dim=1)

    model = prove(WordModel(), "int:T,1")
    tables = [c for c in model.graph.constants.values() if c.shape == (40, 8)]
    assert len(tables) == (1 if tied else 2)
