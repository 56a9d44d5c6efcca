"""Train the tagger: python -m examples.labelling.train

Three seeds, each scored on the held-out sentences, which take no part in training; the symbols of a word, the size and
the number of epochs were chosen by the score of the first seed, whose weights are written. While it is trained, the
model says parts of speech in full as well ("noun, proper, place, country"), with a head that is then dropped: what a
word is in detail tells where names are. About five minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds
from examples.labelling import data
from examples.labelling.data import NAMES, PARTS, RARE_CHARACTER, RARE_WORD, Sentences
from examples.labelling.model import WEIGHTS, Tagger
from examples.labelling.run import TASK, f1_of_names

CONFIG = Optimization(epochs=40, learning_rate=6e-3)
BATCH = 16
RARE_WORDS, RARE_CHARACTERS = 0.4, 0.1
"""Shares that are hidden, so that the model learns to do without them."""

DETAIL_WEIGHT = 1.0
NOT_WANTED = -100

Batch = tuple[Tensor, Tensor, Tensor]
"""Symbols [B, T, 6], padded; how many words each sentence has; labels [B, T, 3]: part, name, detail."""


def epoch(known: Sentences, rng: np.random.Generator) -> Iterator[Batch]:
    """All sentences, with some words and characters hidden."""
    order = rng.permutation(len(known))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        symbols = [torch.from_numpy(hidden(known.symbols[k], rng)) for k in chosen]
        labels = [
            torch.from_numpy(np.stack([known.parts[k], known.names[k], known.details[k]], axis=1)) for k in chosen
        ]
        yield (
            nn.utils.rnn.pad_sequence(symbols, batch_first=True),
            torch.tensor([len(each) for each in symbols]),
            nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=NOT_WANTED),
        )


def hidden(symbols: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Symbols of words [T, 6], some of which are rare all of a sudden."""
    found = symbols.copy()
    found[rng.random(len(found)) < RARE_WORDS, 0] = RARE_WORD
    characters = found[:, 1:-1]
    characters[(rng.random(characters.shape) < RARE_CHARACTERS) & (characters > RARE_CHARACTER)] = RARE_CHARACTER
    return found


def loss(model: Tagger, detail_head: nn.Linear, batch: Batch) -> Tensor:
    """The three cross entropies of words together."""
    symbols, lengths, labels = batch
    features = model.padded(symbols, lengths)
    parts, names = model.head(features).split([len(PARTS), len(NAMES)], dim=-1)

    def entropy(scores: Tensor, column: int) -> Tensor:
        return nn.functional.cross_entropy(scores.transpose(1, 2), labels[..., column], ignore_index=NOT_WANTED)

    return entropy(parts, 0) + entropy(names, 1) + DETAIL_WEIGHT * entropy(detail_head(features), 2)


def train(known: Sentences, seed: int, config: Optimization = CONFIG) -> Tagger:
    """A trained tagger; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Tagger()
    detail_head = nn.Linear(model.head.in_features, data.details())
    both = nn.ModuleList([model, detail_head])
    optimize(
        both, lambda: epoch(known, rng), lambda batch: loss(model, detail_head, batch), config, f"seed {seed}"
    )
    return model.eval()


def score(model: nn.Module) -> dict[str, Any]:
    """Of the held-out sentences."""
    found = answers(model, TASK.held_out())
    return {"score": round(TASK.score(found), 2), "f1_of_names": round(f1_of_names(found), 2)}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.MEMBER}",
        "split": f"the last {len(held_out)} sentences of {len(known) + len(held_out)}, in the order of the articles",
        "train_words": sum(map(len, known.words)),
        "held_out_words": sum(map(len, held_out.words)),
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(known, seed), score, WEIGHTS, about, torch.float16)


if __name__ == "__main__":
    sys.exit(main())
