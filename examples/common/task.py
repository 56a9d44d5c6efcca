"""A trained model with the data it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

Frames = NDArray[Any]
"""One sequence of input, [T, *frame]."""
Answer = NDArray[np.float32]
"""What a model says of one sequence: its last answer, or an answer for each frame."""


@dataclass(frozen=True)
class Task:
    """One example.

    metric       what ``score`` is: "accuracy" and the like
    unit         "%" where the score is a share, else the unit it is printed with
    inputs       what ``edgernn.convert`` takes
    module       the model with new weights
    calibration  training sequences from which ranges are taken
    held_out     sequences that training never saw
    score        of the answers to the held-out sequences, in this order
    package      that the data come with, as one installs it
    """

    name: str
    metric: str
    unit: str
    inputs: str
    module: Callable[[], nn.Module]
    weights: Path
    calibration: Callable[[], list[Frames]]
    held_out: Callable[[], list[Frames]]
    score: Callable[[Sequence[Answer]], float]
    package: str

    def trained(self, scheme: str | None = None) -> nn.Module:
        """The committed weights: those trained for the integers of ``scheme`` where there are such."""
        path = self.weights if scheme is None else self.weights_of(scheme)
        module = self.module()
        module.load_state_dict(load_file(path))
        return module.eval()

    def weights_of(self, scheme: str) -> Path:
        """The file of the weights that ``scheme`` uses."""
        own = self.weights.with_name(f"{self.weights.stem}_{scheme}{self.weights.suffix}")
        return own if own.is_file() else self.weights


def answers(module: nn.Module, sequences: Sequence[Frames]) -> list[Answer]:
    """The module's answer to each sequence; sequences of the same length are computed together."""
    found: dict[int, Answer] = {}
    for group in by_length(sequences):
        with torch.no_grad():
            result = module(torch.from_numpy(np.stack([sequences[k] for k in group])))
        found.update(zip(group, result.numpy(), strict=True))
    return [found[k] for k in range(len(sequences))]


def by_length(sequences: Sequence[Frames], limit: int = 256) -> Iterable[list[int]]:
    """Indices of sequences of one length, at most ``limit`` at a time."""
    order = sorted(range(len(sequences)), key=lambda k: (len(sequences[k]), k))
    group: list[int] = []
    for k in order:
        if group and (len(group) == limit or len(sequences[k]) != len(sequences[group[0]])):
            yield group
            group = []
        group.append(k)
    if group:
        yield group


def share_right(labels: Sequence[int] | NDArray[np.int64]) -> Callable[[Sequence[Answer]], float]:
    """The score of a classifier: the share of answers whose largest element stands at the label, in percent."""
    wanted = np.asarray(labels)
    return lambda found: 100 * float(np.mean(np.stack(found).argmax(axis=-1) == wanted))
