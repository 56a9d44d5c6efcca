"""Train the reader of dates: python -m examples.dates.train

Three seeds, each scored on the held-out dates and languages, which take no part in training or in choosing anything;
the weights written are those of the first. About nine minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import torch

from edgernn import Seq2Seq
from examples.common import translation
from examples.common.task import answers
from examples.common.training import Optimization, train_seeds
from examples.common.translation import share_exact
from examples.dates import data
from examples.dates.model import WEIGHTS, dates

CONFIG = Optimization(epochs=5, learning_rate=6e-3, weight_decay=1e-3)
BATCH = 96


def train(seed: int, config: Optimization = CONFIG) -> Seq2Seq:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    return translation.train(dates(), data.train().pairs, BATCH, seed, config)


def score(model: Seq2Seq) -> dict[str, Any]:
    """Percent of the dates that are right."""
    held_out, other = data.held_out().pairs, data.other_languages().pairs
    return {
        "score": round(share_exact(held_out.targets, answers(model, held_out.sources)), 2),
        "languages_never_seen": round(share_exact(other.targets, answers(model, other.sources)), 2),
    }


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    ways = data.writers()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} format_date",
        "split": "a tenth of the dates is held out, and a twentieth of the languages",
        "languages": len({way.language for way in ways}),
        "languages_held_out": len({way.language for way in ways if data.is_other(way.language)}),
        "ways_to_write": len(ways),
        "train_texts": data.TRAINED,
        "held_out_texts": data.HELD_OUT,
        "config": asdict(CONFIG),
    }
    return train_seeds(train, score, WEIGHTS, about, torch.float16)


if __name__ == "__main__":
    sys.exit(main())
