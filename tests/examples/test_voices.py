"""Synthetic voices and noise, and scenes made of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import UsageError
from examples.common import noise, synthesis, voices
from examples.common.synthesis import Manner, resampled, synthesizer
from examples.keywords import data as keywords
from examples.keywords.train import hastened
from examples.voice_activity import data as activity

needs_voices = pytest.mark.skipif(not synthesis.PACKAGE.installed, reason=synthesis.PACKAGE.install)
RATE_HZ = 8000


@needs_voices
def test_the_same_is_said_the_same_way_twice(tmp_path: Path) -> None:
    make = partial(voices.words, ["stop", "go"], True, RATE_HZ, np.random.default_rng(1))
    (stop, go), again = (voices.kept(tmp_path / f"{k}.npz", make) for k in range(2))
    assert np.array_equal(stop, again[0]) and np.array_equal(go, again[1])
    assert 0.2 < len(stop) / RATE_HZ < 1 and np.abs(stop).max() > 0.1
    voices.kept(tmp_path / "0.npz", pytest.fail)


@needs_voices
def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(UsageError, match="no voice 'nonesuch'"):
        synthesizer().speak("stop", "nonesuch", Manner(), RATE_HZ)


def test_no_voice_is_on_both_sides() -> None:
    known, held_out = voices.variants(False), voices.variants(True)
    assert sorted(known + held_out) == sorted(voices.VARIANTS)
    assert not {name.rstrip("0123456789").lower() for name in known if len(name) > 2} & {
        name.rstrip("0123456789").lower() for name in held_out if len(name) > 2
    }
    assert 0.15 < len(held_out) / len(voices.VARIANTS) < 0.35


def test_a_tone_keeps_its_pitch_at_another_rate() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050) * np.hanning(22050)
    lower = resampled(tone, 22050, RATE_HZ)
    wanted = np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ) * np.hanning(RATE_HZ)
    np.testing.assert_allclose(lower, wanted, atol=2e-3)
    above = np.sin(2 * np.pi * 6000 * np.arange(22050) / 22050) * np.hanning(22050)
    assert np.abs(resampled(above, 22050, RATE_HZ)).max() < 1e-3


def test_noise_has_its_slope_and_level() -> None:
    rng = np.random.default_rng(1)
    assert np.square(noise.any_kind(8000, RATE_HZ, rng)).mean() == pytest.approx(1, rel=1e-4)
    power = np.square(np.abs(np.fft.rfft(noise.coloured(1 << 16, 2.0, rng))))
    octaves = [power[1 << k : 2 << k].mean() for k in range(4, 14)]
    np.testing.assert_allclose(np.diff(np.log2(octaves)), -2, atol=1.0)
    assert noise.unit(np.zeros(0, np.float32)).size == 0
    assert noise.decibels(-20.0) == pytest.approx(0.1)


def test_speech_is_where_the_voice_is_loud_and_in_short_gaps() -> None:
    loudness = np.repeat([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], [3, 2, activity.GAP_FRAMES - 1, 2, activity.GAP_FRAMES + 1, 1])
    sound = np.repeat(loudness, activity.HOP).astype(np.float32)
    found = activity.speech_in(sound)
    gap = activity.GAP_FRAMES + 1
    assert found.tolist() == [False] * 3 + [True] * (activity.GAP_FRAMES + 3) + [False] * gap + [True]


@pytest.mark.skipif(not activity.PACKAGE.installed, reason=activity.PACKAGE.install)
def test_the_call_is_louder_where_people_say_that_somebody_speaks() -> None:
    scenes = activity.held_out()
    assert len(scenes) == 1 + activity.DRAWS * len(activity.CONDITIONS_DB)
    power = np.square(scenes[0].frames).mean(axis=1)
    assert power[scenes[0].speech].mean() > 100 * power[~scenes[0].speech].mean()
    added = np.square(scenes[-1].frames - scenes[0].frames).mean()
    assert 10 * np.log10(power[scenes[0].speech].mean() / added) == pytest.approx(5, abs=0.3)


def test_words_that_are_scored_are_not_trained_on() -> None:
    assert not set(keywords.OTHER_HELD_OUT) & {*keywords.OTHER_KNOWN, *keywords.COMMANDS}
    assert not set(keywords.OTHER_KNOWN) & set(keywords.COMMANDS)


def test_a_clip_holds_its_word_somewhere_in_noise() -> None:
    rng = np.random.default_rng(2)
    background = noise.any_kind(keywords.SAMPLES, RATE_HZ, rng)
    clips = [keywords.clip(np.ones(800, np.float32), background, rng) for _ in range(8)]
    places = {int(np.convolve(clip, np.ones(800), "valid").argmax()) for clip in clips}
    assert len(places) > 4 and all(clip.shape == (keywords.SAMPLES,) and np.abs(clip).max() <= 1 for clip in clips)
    longer = keywords.clip(np.ones(2 * keywords.SAMPLES, np.float32), background, rng)
    assert longer.shape == (keywords.SAMPLES,) and longer.min() > 0


def test_a_hastened_sound_is_shorter_and_higher() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    faster = hastened(tone, 1.25)
    assert len(faster) == pytest.approx(RATE_HZ / 1.25, abs=2)
    assert np.abs(np.fft.rfft(faster)).argmax() * RATE_HZ / len(faster) == pytest.approx(550, abs=2)
    assert hastened(np.zeros(0, np.float32), 1.25).size == 0
