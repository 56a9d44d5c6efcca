"""How well an engine recognises recordings that arrive frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns

import numpy as np
import torch
from numpy.typing import NDArray

from edgernn.runtime import Session
from examples.spoken_digits.data import Recordings
from examples.spoken_digits.model import SpokenDigits


@dataclass(frozen=True)
class Score:
    """What came of streaming recordings, from PyTorch's point of view.

    accuracy: share of recordings whose digit is recognised after the last frame.
    agreement: share of recordings with the same decision as PyTorch.
    max_error: largest difference of a score from PyTorch's.
    step_us: median time of one ``session.step``, in microseconds.
    frames: number of steps.
    """

    accuracy: float
    agreement: float
    max_error: float
    step_us: float
    frames: int


def pytorch_scores(model: SpokenDigits, recordings: Recordings) -> NDArray[np.float32]:
    """The module's scores [N, 10], each recording whole and alone."""
    with torch.no_grad():
        rows = [model(torch.from_numpy(frames)[None])[0].numpy() for frames in recordings.frames]
    return np.stack(rows)


def share_right(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of rows whose largest score stands at the label."""
    return float(np.mean(scores.argmax(axis=1) == labels))


def stream(session: Session, recordings: Recordings, expected: NDArray[np.float32]) -> Score:
    """Step through every recording, the state set back before each, and compare the last answers.

    expected: PyTorch's scores [N, 10].
    """
    answers, times_ns = [], []
    step = session.step
    for frames in recordings.frames:
        session.reset()
        for frame in frames:
            start = perf_counter_ns()
            scores = step(frame)
            times_ns.append(perf_counter_ns() - start)
        answers.append(scores)
    found = np.asarray(answers)
    return Score(
        accuracy=share_right(found, recordings.labels),
        agreement=share_right(found, expected.argmax(axis=1)),
        max_error=float(np.abs(found - expected).max()),
        step_us=median(times_ns) / 1000,
        frames=len(times_ns),
    )
