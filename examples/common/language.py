"""What the language models share: training on parts of a long text with the state carried on, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.common.task import Answer, Frames
from examples.common.training import Optimization, optimize

State = tuple[Tensor, Tensor]
Part = tuple[bool, Tensor, Tensor]
"""Whether an epoch begins; symbols [B, T]; those that follow them [B, T]."""


Carried = Callable[[Tensor, State | None], tuple[Tensor, State]]
"""Symbols [B, T] and a state to scores [B, T, symbols] and the next state, without its gradients."""


def train(
    model: nn.Module, carried: Carried, chapters: Sequence[NDArray[np.int64]], size: tuple[int, int], seed: int,
    config: Optimization,
) -> None:  # fmt: skip
    """Train ``model``, which computes ``carried``, on parts of ``size`` [B, T] symbols; chapters in random order."""
    rng = np.random.default_rng(seed)
    state: State | None = None

    def loss(part: Part) -> Tensor:
        nonlocal state
        begins, symbols, following = part
        scores, state = carried(symbols, None if begins else state)
        return nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten())

    optimize(model, lambda: parts(chapters, size, rng), loss, config, f"seed {seed}")


def parts(chapters: Sequence[NDArray[np.int64]], size: tuple[int, int], rng: np.random.Generator) -> Iterator[Part]:
    """The chapters one after the other, in random order, as B streams cut into parts of T symbols: ``size``."""
    batch, length = size
    text = np.concatenate([chapters[k] for k in rng.permutation(len(chapters))])
    columns = len(text) // batch
    streams = torch.from_numpy(text[: columns * batch].reshape(batch, columns))
    for start in range(0, columns - length, length):
        yield start == 0, streams[:, start : start + length], streams[:, start + 1 : start + length + 1]


def surprise(frames: Frames, scores: Answer) -> Answer:
    """Of each symbol but the first, the negative logarithm of the probability that it was given: [T - 1], in nats."""
    rows = scores[:-1].astype(np.float64)
    highest = rows.max(axis=1)
    total = np.log(np.exp(rows - highest[:, None]).sum(axis=1)) + highest
    wanted = rows[np.arange(len(rows)), frames[1:]]
    surprises: Answer = (total - wanted).astype(np.float32)
    return surprises


def perplexity(found: Sequence[Answer]) -> float:
    """Of all symbols together."""
    return float(np.exp(np.concatenate(found).mean(dtype=np.float64)))


def bits(found: Sequence[Answer]) -> float:
    """For each symbol, over all together."""
    return float(np.concatenate(found).mean(dtype=np.float64) / np.log(2))
