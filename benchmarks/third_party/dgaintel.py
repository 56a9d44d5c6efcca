"""dgaintel: whether a domain name was made by malware (MIT; https://github.com/sudo-rushil/dgaintel).

Keras: embedding, convolution of 3 characters, pooling by two, LSTM 64, sigmoid, over 82 characters. A frame is two new
characters, in a window of the four that their convolutions cover.
"""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model
from examples.common.packaged import PackagedData

DGAINTEL = PackagedData("dgaintel", "2.3", "weights of dgaintel")
KERAS_READER = PackagedData("h5py", "3.16.0", "readers of Keras files")
FILE = "dgaintel/domain_classifier_model.h5", "b1b048885e6dc45bf79f129d2cb2d35521cf7a614b1334c700fc23e42d379f12"
ALPHABET = "-.0123456789_abcdefghijklmnopqrstuvwxyz"
LENGTH, PADDING = 82, len(ALPHABET)
"""Characters of a name, filled up with the first of the alphabet; the index of what stands outside of them."""
GENUINE = (
    "google", "wikipedia", "amazon", "microsoft", "weather", "github", "stackoverflow", "nytimes", "python", "debian",
    "openstreetmap", "bbc", "reddit", "university-of-tokyo", "deutsche-bahn", "raspberrypi", "arduino", "pytorch",
)  # fmt: skip
THRESHOLD = 0.5


class DomainClassifier(nn.Module):
    """The Keras layers over whole names. (1, 82) -> (1, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(PADDING + 1, 128)
        self.conv = nn.Conv1d(128, 128, 3)
        self.lstm = nn.LSTM(128, 64, batch_first=True)
        self.dense = nn.Linear(64, 1)

    def forward(self, names: torch.Tensor) -> torch.Tensor:
        x = functional.pad(self.embedding(names).transpose(1, 2), (1, 1))
        x = functional.max_pool1d(torch.relu(self.conv(x)), 2)
        return torch.sigmoid(self.dense(self.lstm(x.transpose(1, 2))[0][:, -1]))


class Streamed(DomainClassifier):
    """The same over windows of four characters: (1, T, 4) -> (1, 1)."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        x = self.embedding(windows).reshape(-1, 4, 128).transpose(1, 2)
        x = functional.max_pool1d(torch.relu(self.conv(x)), 2).reshape(1, -1, 128)
        return torch.sigmoid(self.dense(self.lstm(x)[0][:, -1]))


def with_weights(module: DomainClassifier) -> DomainClassifier:
    """The weights of the package. Keras: kernels (in, out), LSTM gates i f c o as PyTorch's."""
    with h5py.File(DGAINTEL.file(*FILE)) as file:
        stored = {name: np.asarray(file[f"model_weights/{name}"]) for name in (
            "embedding_4/embedding_4/embeddings:0", "conv1d_4/conv1d_4/kernel:0", "conv1d_4/conv1d_4/bias:0",
            "lstm_4/lstm_4/kernel:0", "lstm_4/lstm_4/recurrent_kernel:0", "lstm_4/lstm_4/bias:0",
            "dense_4/dense_4/kernel:0", "dense_4/dense_4/bias:0",
        )}  # fmt: skip
    table, kernel, conv_bias, w_ih, w_hh, bias, dense, dense_bias = stored.values()
    state = {
        "embedding.weight": np.vstack([table, np.zeros((1, 128))]),
        "conv.weight": kernel.transpose(2, 1, 0), "conv.bias": conv_bias,
        "lstm.weight_ih_l0": w_ih.T, "lstm.weight_hh_l0": w_hh.T,
        "lstm.bias_ih_l0": bias, "lstm.bias_hh_l0": np.zeros_like(bias),
        "dense.weight": dense.T, "dense.bias": dense_bias,
    }  # fmt: skip
    module.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v, np.float32)) for k, v in state.items()})
    return module.eval()


def indices(name: str) -> Array:
    """Of the characters of a name: [82]."""
    return np.array([ALPHABET.index(c) for c in name.ljust(LENGTH, ALPHABET[0])], np.int64)


def windows(name: str) -> Array:
    """The frames of a name: [41, 4]."""
    padded = np.pad(indices(name), 1, constant_values=PADDING)
    return np.stack([padded[k : k + 4] for k in range(0, LENGTH, 2)])


def generated(count: int, seed: int) -> list[str]:
    """Names of random letters, as malware makes them."""
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(ALPHABET[13:]), rng.integers(10, 25))) for _ in range(count)]


class Dgaintel(ThirdParty):
    """From the Keras weights; the original is the same in PyTorch, over whole names."""

    name = "dgaintel"
    title = "dgaintel 2.3 (domain names)"
    packages = (DGAINTEL, KERAS_READER)
    metric = "same decisions, %"
    least = 99.0

    def convert(self) -> Model:
        return edgernn.convert(with_weights(Streamed()), inputs="int:1,T,4", name=self.name)

    def calibration(self) -> list[Array]:
        return [windows(name) for name in (*GENUINE[::2], *generated(20, seed=1))]

    def test(self) -> list[Array]:
        return [windows(name) for name in (*GENUINE[1::2], *generated(12, seed=2))]

    def original(self, frames: Array) -> Array:
        names = torch.from_numpy(frames[:, 1:3].reshape(1, -1))
        with torch.no_grad():
            return np.asarray(with_weights(DomainClassifier())(names)[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        a, b = (np.stack(list(rows)) >= THRESHOLD for rows in (wanted, found))
        return 100 * float((a == b).mean())
