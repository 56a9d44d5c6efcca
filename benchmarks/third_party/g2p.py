"""g2p_en: how an English word is spoken (Apache-2.0; https://github.com/Kyubyong/g2p).

A GRU of 256 reads the letters, another one, begun from its last state, writes phonemes. Each is a model of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model
from examples.common.packaged import PackagedData

G2P = PackagedData("g2p_en", "2.1.0", "weights of g2p_en")
FILE = "g2p_en/checkpoint20.npz", "b8af35e4596d8dd5836dfd3fe9b2ba4f97b9c311efe8879544cbcfcbd566d8c6"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIRST_LETTER, END_OF_WORD = 3, 2
"""Indices of "a" and of the end, after those of padding and of unknown letters."""
START, END = 2, 3
"""Phonemes before the first and after the last."""
MOST_PHONEMES = 20
WORDS = (
    "hello", "streaming", "weather", "station", "through", "thought", "kitchen", "banana", "engineer", "guitar",
    "winter", "yellow", "quickly", "zebra", "jungle", "fox", "music", "camera", "silver", "bottle",
    "photograph", "language", "island", "measure", "voice", "orange", "purple", "window", "garden", "machine",
)  # fmt: skip


class Part(nn.Module):
    """Embedding and GRU of one half."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, 256)
        self.gru = nn.GRU(256, 256, batch_first=True)

    def load(self, stored: dict[str, Array], half: str) -> None:
        """Copy the weights of "enc" or "dec"."""
        names = {f"gru.{kind}_l0": f"{half}_{short}" for kind, short in (
            ("weight_ih", "w_ih"), ("weight_hh", "w_hh"), ("bias_ih", "b_ih"), ("bias_hh", "b_hh"))}  # fmt: skip
        names["embedding.weight"] = f"{half}_emb"
        with torch.no_grad():
            for own, other in names.items():
                self.get_parameter(own).copy_(torch.from_numpy(stored[other]))


class Encoder(Part):
    """(1, T) -> (1, 256): the last state."""

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        h: torch.Tensor = self.gru(self.embedding(letters))[1]
        return h[-1]


class Decoder(Part):
    """(1, T), (1, 1, 256) -> (1, T, 74): scores of the next phoneme."""

    def __init__(self) -> None:
        super().__init__(74)
        self.scores = nn.Linear(256, 74)

    def forward(self, phonemes: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.scores(self.gru(self.embedding(phonemes), h)[0])
        return scores


def weights() -> dict[str, Array]:
    """Name -> array."""
    with np.load(G2P.file(*FILE), allow_pickle=False) as stored:
        return dict(stored)


def letters(word: str) -> Array:
    """Indices of the letters of a word and of its end."""
    return np.array([*(FIRST_LETTER + LETTERS.index(c) for c in word), END_OF_WORD], np.int64)


def encoder() -> Encoder:
    """The half that reads."""
    module = Encoder(29)
    module.load(weights(), "enc")
    return module.eval()


def decoder() -> Decoder:
    """The half that writes."""
    stored, module = weights(), Decoder()
    module.load(stored, "dec")
    with torch.no_grad():
        module.scores.weight.copy_(torch.from_numpy(stored["fc_w"]))
        module.scores.bias.copy_(torch.from_numpy(stored["fc_b"]))
    return module.eval()


def spoken(word: str) -> list[int]:
    """The phonemes that the two modules give for a word."""
    with torch.no_grad():
        h, found = encoder()(torch.from_numpy(letters(word))[None])[None], [START]
        module = decoder()
        while len(found) <= MOST_PHONEMES:
            best = int(module(torch.tensor([found]), h)[0, -1].argmax())
            if best == END:
                break
            found.append(best)
    return found[1:]


class G2pEncoder(ThirdParty):
    """The half that reads; the original is the module in PyTorch over whole words."""

    name = "g2p_encoder"
    title = "g2p_en 2.1.0, encoder"
    packages = (G2P,)
    metric = "least cosine of states"
    least = 0.99

    def convert(self) -> Model:
        return edgernn.convert(encoder(), inputs="int:1,T", name=self.name)

    def calibration(self) -> list[Array]:
        return [letters(word) for word in WORDS[1::2]]

    def test(self) -> list[Array]:
        return [letters(word) for word in WORDS[::2]]

    def original(self, frames: Array) -> Array:
        with torch.no_grad():
            return np.asarray(encoder()(torch.from_numpy(frames)[None])[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        pairs = zip(wanted, found, strict=True)
        return min(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs)
