"""Train the phase estimator: python -m examples.streaming_control.train

Three seeds, trained on one person and scored on the other, who takes no part in training; the weights written are those
of the first. The other direction of the split is trained too, once. About eight minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from examples.common.task import answers
from examples.common.training import SEEDS, Optimization, optimize, train_seeds
from examples.streaming_control import data
from examples.streaming_control.data import RATE_HZ, Recording
from examples.streaming_control.model import WEIGHTS, GaitPhase

CONFIG = Optimization(epochs=50, learning_rate=5e-3)
BATCHES, BATCH = 10, 32
LENGTH, UNSCORED = 6 * RATE_HZ, 2 * RATE_HZ

VARIANTS = 40
NODE_HZ, HIGHEST_HZ = 0.7, 12.0
GAIN_STD, SHIFT_STD_RAD = 0.39, 0.65
CADENCE, STRENGTH = 0.3, 0.4
OFFSET_STD_RAD, NOISE_RAD_S = 0.3, 0.1


def variant(recording: Recording, rng: np.random.Generator) -> Recording:
    """The walk of somebody else: each frequency is weakened or strengthened and shifted a little; half of them run
    backwards. Labels are made anew."""
    hz, nodes = data.frequencies(len(recording)), np.arange(0, HIGHEST_HZ, NODE_HZ)
    gain = np.interp(hz, nodes, GAIN_STD * rng.standard_normal(len(nodes)))
    shift = np.interp(hz, nodes, SHIFT_STD_RAD * rng.standard_normal(len(nodes)))
    response = np.exp(gain + 1j * shift * (hz > 0))
    hip = np.stack([data.filtered(column, response) for column in recording.hip.T.astype(np.float64)], axis=1)
    if rng.random() < 0.5:
        hip = hip[::-1] * (1, -1)
    phase, walking = data.label(hip[:, 0])
    return Recording(hip.astype(np.float32), phase.astype(np.float32), walking)


def window(recording: Recording, rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Six seconds [T, 2] from a random place, faster or slower, stronger or weaker, off centre, with noise; cosine and
    sine of the phase [T, 2]."""
    speed = np.exp(rng.uniform(-CADENCE, CADENCE))
    places = rng.integers(0, len(recording) - int(LENGTH * speed) - 2) + np.arange(LENGTH) * speed
    left, share = places.astype(int), (places % 1)[:, None]
    hip = recording.hip[left] * (1 - share) + recording.hip[left + 1] * share
    hip = hip * (1, speed) * np.exp(rng.uniform(-STRENGTH, STRENGTH))
    hip[:, 0] += OFFSET_STD_RAD * rng.standard_normal()
    hip[:, 1] += NOISE_RAD_S * rng.random() * rng.standard_normal(LENGTH)
    phase = recording.phase[np.round(places).astype(int)]
    return hip, np.stack([np.cos(phase), np.sin(phase)], axis=1)


def epoch(recordings: Sequence[Recording], rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of windows, from long recordings more often than from short ones."""
    lengths = np.asarray([len(recording) for recording in recordings], float)
    for _ in range(BATCHES):
        chosen = rng.choice(len(recordings), BATCH, p=lengths / lengths.sum())
        pairs = [window(recordings[k], rng) for k in chosen]
        yield tuple(torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*pairs, strict=True))  # type: ignore[misc]


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Distance in the plane of cosine and sine, without the first two seconds."""
    hip, wanted = batch
    squares: Tensor = (model(hip) - wanted)[:, UNSCORED:].square().sum(dim=-1)
    return (squares + 1e-3).sqrt().mean()


def train(known: Sequence[Recording], seed: int, config: Optimization = CONFIG) -> GaitPhase:
    """A trained estimator; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    recordings = [*known, *(variant(recording, rng) for _ in range(VARIANTS) for recording in known)]
    model = GaitPhase()
    optimize(model, lambda: epoch(recordings, rng), lambda batch: loss(model, batch), config, f"seed {seed}")
    return model.eval()


def score(model: nn.Module, recordings: Sequence[Recording]) -> dict[str, Any]:
    """Mean errors in rad: that over all frames is the score."""
    found = data.mean_errors(recordings, answers(model, [recording.hip for recording in recordings]))
    return {"score": round(found["all"], 4), "walking": round(found["walking"], 4)}


def main() -> int:
    """Train the other direction, then every seed; write the weights and the metrics."""
    torch.set_num_threads(1)
    known, held_out = data.load(data.KNOWN), data.load(data.HELD_OUT)
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.FOLDER}_*.csv",
        "split": f"by person: {data.KNOWN} is trained on, {data.HELD_OUT} is held out",
        "held_out_samples": sum(len(recording) for recording in held_out),
        "trained_on_the_other_person": {"seed": SEEDS[0], **score(train(held_out, SEEDS[0]), known)},
        "config": asdict(CONFIG),
    }

    def scores(model: nn.Module) -> dict[str, Any]:
        return {**score(model, held_out), "on_the_person_trained_on": score(model, known)["score"]}

    return train_seeds(lambda seed: train(known, seed), scores, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
