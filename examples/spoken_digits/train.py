"""Train the spoken-digit classifier: python -m examples.spoken_digits.train

Three seeds are trained; every seed is scored on the 600 held-out recordings, which take no part in
training or in choosing anything. The weights written are those of the first seed. One core, about
two minutes in all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.common.training import train_seeds
from examples.spoken_digits import data
from examples.spoken_digits.data import Recordings
from examples.spoken_digits.model import WEIGHTS, SpokenDigits


@dataclass(frozen=True)
class Config:
    """What training depends on, besides the data and the seed."""

    epochs: int = 40
    batch: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    gradient_norm: float = 1.0
    noise_std: float = 0.3  # of each normalised coefficient
    level_std: float = 0.5  # one shift per recording and normalised coefficient
    max_stretch: float = 0.2  # speed between 1/(1+s) and 1+s


def normalise_from(model: SpokenDigits, recordings: Recordings) -> None:
    """Put the mean and deviation of each coefficient over all training frames into the model."""
    frames = np.concatenate(recordings.frames)
    model.mean.copy_(torch.from_numpy(frames.mean(axis=0)))
    model.std.copy_(torch.from_numpy(frames.std(axis=0)))


def stretched(frames: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """The recording at another speed, by linear interpolation between frames."""
    length = max(2, round(len(frames) / speed))
    position = np.linspace(0, len(frames) - 1, length)
    left = np.minimum(position.astype(int), len(frames) - 2)
    weight = (position - left)[:, None].astype(np.float32)
    between: NDArray[np.float32] = frames[left] * (1 - weight) + frames[left + 1] * weight
    return between


def augmented(
    frames: NDArray[np.float32], std: NDArray[np.float32], config: Config, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A variation of a recording: other speed, other microphone (constant shift), noise."""
    speed = float(np.exp(rng.uniform(-1, 1) * np.log1p(config.max_stretch)))
    varied = stretched(frames, speed)
    level = rng.normal(0, config.level_std, std.shape)
    noise = rng.normal(0, config.noise_std, varied.shape)
    return (varied + (level + noise) * std).astype(np.float32)


def padded(sequences: list[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Frames [B, T, 13] padded with zeros at the end, and lengths [B]."""
    tensors = [torch.from_numpy(sequence) for sequence in sequences]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True), torch.tensor([len(t) for t in tensors])


def scores(model: SpokenDigits, frames: Tensor, lengths: Tensor) -> Tensor:
    """What `model.forward` gives for each recording alone, for a padded batch at once."""
    last = model.hidden_states(frames)[torch.arange(len(lengths)), lengths - 1]
    result: Tensor = model.head(model.dropout(last))
    return result


def batches(
    recordings: Recordings, std: NDArray[np.float32], config: Config, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """One epoch of augmented batches: frames, lengths, labels."""
    order = rng.permutation(len(recordings))
    for start in range(0, len(order), config.batch):
        chosen = recordings.take(order[start : start + config.batch])
        frames, lengths = padded([augmented(sequence, std, config, rng) for sequence in chosen.frames])
        yield frames, lengths, torch.from_numpy(chosen.labels)


def train(recordings: Recordings, config: Config, seed: int) -> SpokenDigits:
    """A trained classifier; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = SpokenDigits()
    normalise_from(model, recordings)
    std = model.std.numpy()
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    steps = config.epochs * -(-len(recordings) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    for epoch in range(config.epochs):
        total = 0.0
        for frames, lengths, labels in batches(recordings, std, config, rng):
            optimizer.zero_grad()
            loss = loss_of(scores(model, frames, lengths), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.gradient_norm)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(labels)
        print(f"\rseed {seed}  epoch {epoch + 1}/{config.epochs}  loss {total / len(recordings):.3f}", end="")
    print()
    return model.eval()


@torch.no_grad()
def accuracy(model: SpokenDigits, recordings: Recordings) -> float:
    """The share of recordings, each run whole and alone, whose digit is recognised."""
    right = sum(int(model(torch.from_numpy(frames)[None]).argmax()) == label for frames, label in recordings)
    return right / len(recordings)


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    config = Config()
    known, held_out = data.train_and_held_out()

    def score(model: SpokenDigits) -> dict[str, float]:
        found = {"train_accuracy": accuracy(model, known), "held_out_accuracy": accuracy(model, held_out)}
        return {"score": round(100 * found["held_out_accuracy"], 2), **{k: round(v, 4) for k, v in found.items()}}

    about = {
        "data": f"{data.PACKAGE}=={data.VERSION} {data.MEMBER}",
        "split": "random recordings, the same number of each digit; speakers are in both parts",
        "train_recordings": len(known),
        "held_out_recordings": len(held_out),
        "config": asdict(config),
    }
    return train_seeds(lambda seed: train(known, config, seed), score, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
