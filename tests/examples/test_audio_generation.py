"""The vocoder around the sample generator: its analysis, its codec, the loop on an engine and on a board."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import edgernn
from examples.audio_generation import analysis, codec, generate
from examples.audio_generation.analysis import HOP, RATE_HZ, Conditions
from examples.audio_generation.model import COLUMNS, SampleGenerator

FRAMES = 40
PERIOD = 40


@pytest.fixture(scope="module")
def vowel() -> np.ndarray:
    """Pulses through two resonances, [FRAMES * HOP] int16."""
    pulses = np.zeros(FRAMES * HOP)
    pulses[::PERIOD] = 4000.0
    for hz, width_hz in ((700, 90), (1200, 120)):
        radius, angle = np.exp(-np.pi * width_hz / RATE_HZ), 2 * np.pi * hz / RATE_HZ
        a, b = 2 * radius * np.cos(angle), -(radius**2)
        out = np.zeros(len(pulses) + 2)
        for k, pulse in enumerate(pulses):
            out[k + 2] = (1 - radius) * pulse * 4 + a * out[k + 1] + b * out[k]
        pulses = out[2:]
    return np.rint(pulses * 4000 / np.abs(pulses).max()).astype(np.int16)


@pytest.fixture(scope="module")
def conditions(vowel: np.ndarray) -> Conditions:
    return analysis.analyse(vowel)


def test_the_pitch_is_found(conditions: Conditions) -> None:
    inside = slice(8, -4)
    assert set(conditions.period[inside]) == {PERIOD}
    assert conditions.voicing[inside].min() > 0.8


def test_the_predictor_of_a_mel_spectrum_predicts(vowel: np.ndarray, conditions: Conditions) -> None:
    """And its errors are of the size that the mel spectrum lets expect."""
    past = np.concatenate([np.zeros(analysis.LONGEST + 2, np.int64), vowel.astype(np.int64)])
    start = len(past) - len(vowel)
    places = np.arange(8 * HOP, (FRAMES - 4) * HOP)
    expected = [codec.predict(past, start + t, conditions.lpc[t // HOP].astype(np.int64)) for t in places]
    error = np.asarray(expected) - vowel[places]
    assert np.sqrt(np.square(error).mean()) < 0.5 * np.sqrt(np.square(vowel[places].astype(float)).mean())
    units = error / conditions.gain[places // HOP]
    assert 0.5 < np.sqrt(np.square(units).mean()) < 2.0


def test_codes_are_decoded_to_the_sound(vowel: np.ndarray, conditions: Conditions) -> None:
    past, codes, heard = codec.encode(vowel, conditions)
    error = heard.astype(float) - vowel
    assert 10 * np.log10(np.square(vowel.astype(float)).sum() / np.square(error).sum()) > 25
    assert past.shape == (len(vowel), codec.PAST) and np.abs(past).max() <= 1
    np.testing.assert_array_equal(codec.synthesize(codec.LEVELS[codes] / 2**codec.LEVEL_BITS, conditions), heard)


def test_noise_is_corrected_by_the_codes_that_follow(vowel: np.ndarray, conditions: Conditions) -> None:
    noise = np.random.default_rng(1).integers(-1, 2, len(vowel))
    _, _, heard = codec.encode(vowel, conditions, noise)
    error = heard.astype(float) - vowel
    assert 10 * np.log10(np.square(vowel.astype(float)).sum() / np.square(error).sum()) > 10


@pytest.mark.parametrize("scheme", ["int16x8", "int8"])
def test_a_board_says_the_same_samples(scheme: str, vowel: np.ndarray, conditions: Conditions, tmp_path: Path) -> None:
    torch.manual_seed(1)
    columns = np.repeat(conditions.columns(), HOP, axis=0)
    frames = np.concatenate([codec.encode(vowel, conditions)[0], columns], axis=1)[800:1600]
    model = edgernn.convert(SampleGenerator(), inputs=f"1,T,{COLUMNS}", name="audio_generation")
    path = tmp_path / "audio_generation.ern"
    model.quantize([frames], scheme).save(path)
    short = conditions.frames(10, 12)
    wanted = generate.on_engine(path, "numba", short, 7)
    assert len(wanted) == 2 * HOP and len(set(wanted)) > HOP
    with generate.on_board(path, "nucleo-f446re") as speak:
        samples, instructions = speak(short, 7)
        np.testing.assert_array_equal(samples, wanted)
        assert not np.array_equal(speak(short, 8)[0], wanted)
    assert 10_000 < instructions < 60_000
