"""A trained model with the data it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from edgernn import Seq2Seq

Frames = NDArray[Any]
"""One sequence of input, [T, *frame]."""
Answer = NDArray[np.float32]
"""What a model says of one sequence: its last answer, or an answer for each frame."""

BOARDS = ("nucleo-f446re", "pico", "esp32-c3-devkit")
"""Where the cost of a step is found: a Cortex-M4F, a Cortex-M0+ and a RISC-V without floating point."""


def whole(frames: Frames, answer: Answer) -> Answer:
    """The answer as it is."""
    return answer


@dataclass(frozen=True)
class Run:
    """What an application shows itself by.

    folder     for what it writes
    artifacts  scheme -> its fastest artifact, for ``edgernn.load``
    answers    "pytorch" or scheme -> summaries of the answers to the held-out sequences
    """

    folder: Path
    artifacts: Mapping[str, Path]
    answers: Mapping[str, Sequence[Answer]]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How well a model does.

    metric  what ``score`` is: "accuracy" and the like
    unit    "%" where the score is a share, else the unit it is printed with
    score   of the answers to the held-out sequences, in their order
    target  the score to reach, at least or, where lower is better, at most; None where it is only stated
    loss    by how much int16x8 may be worse than PyTorch: points where the score is a share, else percent of it
    """

    metric: str
    unit: str
    score: Callable[[Sequence[Answer]], float]
    target: float | None = None
    lower_is_better: bool = False
    loss: float = 0.5

    def difference(self, score: float, reference: float) -> float:
        """How ``score`` differs: in points where it is a share, else in percent of ``reference``."""
        return score - reference if self.unit == "%" else 100 * (score / reference - 1)

    def reaches_target(self, score: float) -> bool:
        """Whether a score is as good as ``target``."""
        return self.target is None or self._sign * (score - self.target) >= 0

    def keeps(self, integer: float, score: float) -> bool:
        """Whether the score of integers is worse than ``score`` by no more than ``loss``."""
        return self._sign * self.difference(integer, score) >= -self.loss

    @property
    def _sign(self) -> int:
        return -1 if self.lower_is_better else 1


@dataclass(frozen=True, kw_only=True)
class Task(Measure):
    """One example, and the measure it is judged by first.

    inputs       what ``edgernn.convert`` takes
    module       the model with new weights
    calibration  training sequences from which ranges are taken
    held_out     sequences that training never saw
    package      that the data come with, as one installs it
    mode         "stream", frame by frame; "segment", whole segments; "seq2seq", an ``edgernn.Seq2Seq``: its answers are
                 the symbols that it writes
    max_frames   the most frames of a segment, or of what a Seq2Seq reads; None for streams
    also         other measures of the same answers
    rate_hz      steps a second in use; None where nothing says how many
    boards       whose costs are reported
    summary      of a sequence and the answer to it: what ``score`` needs, where answers are large
    show         writes pictures, sounds or texts into the folder of a run; the files, most telling first
    """

    name: str
    inputs: str
    module: Callable[[], nn.Module]
    weights: Path
    calibration: Callable[[], list[Frames]]
    held_out: Callable[[], list[Frames]]
    package: str
    mode: str = "stream"
    max_frames: int | None = None
    also: tuple[Measure, ...] = ()
    rate_hz: float | None = None
    boards: tuple[str, ...] = BOARDS
    summary: Callable[[Frames, Answer], Answer] = whole
    show: Callable[[Run], list[Path]] | None = None

    @property
    def folder(self) -> Path:
        """The folder of the example."""
        return self.weights.parent

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The main one, and the others."""
        return (self, *self.also)

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


def answers(
    module: nn.Module, sequences: Sequence[Frames], summary: Callable[[Frames, Answer], Answer] = whole
) -> list[Answer]:
    """Of the module's answer to each sequence the summary; sequences of the same length are computed together."""
    found: dict[int, Answer] = {}
    for group in by_length(sequences):
        batch = torch.from_numpy(np.stack([sequences[k] for k in group]))
        with torch.no_grad():
            rows = module.generate_batch(batch) if isinstance(module, Seq2Seq) else module(batch).numpy()
        for k, row in zip(group, rows, strict=True):
            found[k] = summary(sequences[k], np.asarray(row, np.float32))
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
