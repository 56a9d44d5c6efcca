"""Train the language identifier: python -m examples.char_lm.train

Three seeds, each scored on the held-out messages, which take no part in training or in choosing anything; the weights
written are those of the first. About ten minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.char_lm import data
from examples.char_lm.data import LANGUAGES, Texts
from examples.char_lm.model import WEIGHTS, LanguageOf
from examples.common.task import answers, share_right
from examples.common.training import Optimization, optimize, train_seeds

CONFIG = Optimization(epochs=24, learning_rate=5e-3)
BATCH = 64
CUT_SHARE = 0.7
MIN_BYTES = 8
SMOOTHING = 0.05

Batch = tuple[Tensor, Tensor, Tensor]


def epoch(known: Texts, rng: np.random.Generator) -> Iterator[Batch]:
    """Batches of texts of like length, many of which start somewhere in the message: bytes, lengths, languages."""
    order = np.argsort([len(text) + rng.normal(0, 8) for text in known.texts])
    for chosen in rng.permutation(-(-len(order) // BATCH)):
        indices = order[chosen * BATCH : (chosen + 1) * BATCH]
        texts = [torch.from_numpy(_cut(known.texts[k], rng)) for k in indices]
        lengths = torch.tensor([len(text) for text in texts])
        yield nn.utils.rnn.pad_sequence(texts, batch_first=True), lengths, torch.from_numpy(known.labels[indices])


def _cut(text: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    if len(text) <= MIN_BYTES or rng.random() > CUT_SHARE:
        return text
    return text[rng.integers(0, len(text) - MIN_BYTES) :]


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Cross entropy after every byte, and once more after the last."""
    texts, lengths, labels = batch
    scores = model(texts).transpose(1, 2)
    wanted = labels[:, None].expand(-1, texts.shape[1])
    each = nn.functional.cross_entropy(scores, wanted, reduction="none", label_smoothing=SMOOTHING)
    inside = torch.arange(texts.shape[1])[None] < lengths[:, None]
    return each[inside].mean() + each[torch.arange(len(texts)), lengths - 1].mean()


def train(known: Texts, seed: int, config: Optimization = CONFIG) -> LanguageOf:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = LanguageOf()
    optimize(model, lambda: epoch(known, rng), lambda batch: loss(model, batch), config, f"seed {seed}")
    return model.eval()


def accuracy(model: nn.Module, texts: Texts) -> float:
    """Percent of the texts whose language is right after the last byte."""
    return share_right(texts.labels)([answer[-1] for answer in answers(model, texts.texts)])


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.FOLDER}/{data.PATTERN.format('<language>')}",
        "split": "by message: all translations of one are on one side",
        "languages": LANGUAGES,
        "train_texts": len(known),
        "held_out_texts": len(held_out),
        "config": asdict(CONFIG),
    }
    return train_seeds(
        lambda seed: train(known, seed), lambda model: {"score": round(accuracy(model, held_out), 2)}, WEIGHTS, about
    )


if __name__ == "__main__":
    sys.exit(main())
