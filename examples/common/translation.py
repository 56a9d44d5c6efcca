"""What the applications that write texts share: pairs of texts, training on them, and what a model writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgernn import Seq2Seq
from examples.common import pictures
from examples.common.attention import END
from examples.common.task import by_length
from examples.common.training import Optimization, optimize

NOT_WANTED = -100

Symbols = NDArray[np.int64]
Batch = tuple[Tensor, Tensor]
"""Sources [B, T] of one length; targets [B, U], each with END after it as often as the longest needs it."""


@dataclass(frozen=True)
class Pairs:
    """sources, targets: symbols [T] and [U] of each pair; targets without START and END."""

    sources: tuple[Symbols, ...]
    targets: tuple[Symbols, ...]

    def __len__(self) -> int:
        return len(self.sources)


def train(model: Seq2Seq, pairs: Pairs, batch: int, seed: int, config: Optimization) -> Seq2Seq:
    """Train ``model`` in place, batches in random order; in ``eval()`` mode afterwards."""
    rng = np.random.default_rng(seed)

    def loss(given: Batch) -> Tensor:
        sources, targets = given
        ends = targets == END
        wanted = targets.masked_fill(ends.cumsum(1) - ends.long() > 0, NOT_WANTED)
        return nn.functional.cross_entropy(model(sources, targets).transpose(1, 2), wanted, ignore_index=NOT_WANTED)

    optimize(model, lambda: epoch(pairs, batch, rng), loss, config, f"seed {seed}")
    return model.eval()


def epoch(pairs: Pairs, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
    """All pairs, ``batch`` sources of one length at a time."""
    order = rng.permutation(len(pairs))
    groups = list(by_length([pairs.sources[k] for k in order], batch))
    for chosen in rng.permutation(len(groups)):
        indices = order[groups[chosen]]
        longest = max(len(pairs.targets[k]) for k in indices) + 1
        targets = np.full((len(indices), longest), END)
        for row, k in zip(targets, indices, strict=True):
            row[: len(pairs.targets[k])] = pairs.targets[k]
        yield torch.from_numpy(np.stack([pairs.sources[k] for k in indices])), torch.from_numpy(targets)


def share_exact(wanted: Sequence[Symbols], found: Sequence[NDArray[Any]]) -> float:
    """Percent of the targets that are written without an error."""
    return 100 * float(np.mean([np.array_equal(a, b) for a, b in zip(wanted, found, strict=True)]))


@torch.no_grad()
def attention(model: Seq2Seq, source: Symbols) -> tuple[Symbols, NDArray[np.float32]]:
    """What ``model``, with the modules of ``examples.common.attention``, writes for a source [T], up to END, and how
    much of the source each symbol of it looked at, [U, T]."""
    memory, state, mask = model.encode(torch.from_numpy(source)[None])
    token = torch.tensor([model.start])
    symbols: list[int] = []
    rows = []
    while not symbols or (symbols[-1] != model.end and len(symbols) < model.max_output):
        rows.append(model.decoder.weights(state, memory, mask)[0].numpy())  # type: ignore[operator]
        scores, state = model.step(token, state, memory, mask)
        token = scores.argmax(-1)
        symbols.append(int(token))
    return np.asarray(symbols), np.stack(rows)


def draw_attention(
    model: Seq2Seq, sources: Sequence[Symbols], read: Sequence[Sequence[str]], written: Sequence[str], path: Path
) -> Path:
    """A picture of ``attention`` for each source; ``read`` is the text of each of its symbols, ``written`` that of each
    symbol of the outputs."""
    drawn = pictures.figure(12, 3.2 * -(-len(sources) // 3))
    plots = drawn.subplots(-(-len(sources) // 3), 3, squeeze=False).flat
    for plot, source, texts in zip(plots, sources, read, strict=False):
        symbols, weights = attention(model, source)
        plot.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        plot.set_xticks(range(len(texts)), texts, fontsize="small")
        plot.set_yticks(range(len(symbols)), [written[k] for k in symbols], fontsize="small")
    return pictures.write(drawn, path)
