"""The example of the pedal: the circuit, guitars, errors."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.boards.catalog import load_board
from edgernn.errors import UsageError
from examples import __main__ as command
from examples.audio_effect import data, device
from examples.common import guitars

needs_guitars = pytest.mark.skipif(not guitars.PACKAGE.installed, reason=guitars.PACKAGE.install)


def test_the_pedal_amplifies_small_sounds_as_its_circuit_does() -> None:
    """Against the transfer function, with the diodes as the resistor that they are near 0 V."""
    hz, count = 1000.0, 4410
    time_s = np.arange(count) / device.RATE_HZ
    wet = device.play((1e-5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32))
    s = 2j * np.pi * hz
    in_series = 1 / (device.RESISTOR_OHM + 1 / (s * device.CAPACITOR_F))
    feedback = 1 / device.FEEDBACK_OHM + s * device.FEEDBACK_F + 1.5 * device.DIODE_A / device.DIODE_V
    gain = device.VOLUME * (1 + in_series / feedback) / (1 + s / (2 * np.pi * device.TONE_HZ))
    found = 2 * np.mean(wet[882:] * np.exp(-s * time_s[882:])) * 1j / 1e-5
    assert abs(found / gain - 1) < 0.01


def test_the_pedal_limits_one_side_more_than_the_other() -> None:
    time_s = np.arange(4410) / device.RATE_HZ
    soft, loud = (device.play((v * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32))[882:] for v in (0.1, 0.4))
    assert -loud.min() > 1.2 * loud.max()
    assert np.ptp(loud) < 2 * np.ptp(soft)


@needs_guitars
def test_guitars_play_passages() -> None:
    one = guitars.passage(guitars.HELD_OUT, 1.5, 7)
    assert one.dtype == np.float32 and len(one) == 1.5 * guitars.RATE_HZ
    assert np.abs(one).max() == pytest.approx(1)
    assert np.array_equal(one, guitars.passage(guitars.HELD_OUT, 1.5, 7))
    assert not np.array_equal(one, guitars.passage(guitars.KNOWN, 1.5, 7))
    open_string = guitars.recording(guitars.KNOWN, "E1")
    spectrum = np.abs(np.fft.rfft(open_string[:44_100]))
    assert abs(spectrum.argmax() - 330) <= 2 and np.abs(open_string[:2205]).max() == pytest.approx(1, abs=0.3)


@needs_guitars
def test_a_file_that_a_source_distribution_lacks_is_named() -> None:
    with pytest.raises(UsageError, match=r"guitarsounds-1\.2\.0\.tar\.gz holds no file nonesuch"):
        guitars.PACKAGE.read("nonesuch")


def test_errors_are_compared_after_pre_emphasis() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.standard_normal(5000)
    assert data.error_to_signal(wanted, 0.9 * wanted) == pytest.approx(1.0)
    low = 0.1 * np.ones(5000)
    assert data.error_to_signal(wanted, wanted + low) < 0.05 * data.error_to_signal(wanted, wanted + low, 0)


def test_a_board_keeps_up_with_the_sound() -> None:
    """By the table of what steps cost."""
    start = "| audio_effect | nucleo-h743zi"
    row = next(line for line in command.DOCUMENT.read_text().splitlines() if line.startswith(start)).split(" | ")
    assert float(row[4].replace(",", "")) * data.RATE_HZ < load_board("nucleo-h743zi").core.clock_hz
    assert float(row[6].strip(" |")) < 1


def test_a_finer_solution_of_the_circuit_sounds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    time_s = np.arange(4410) / device.RATE_HZ
    dry = (0.4 * np.sin(2 * np.pi * 196 * time_s) * np.sin(2 * np.pi * 5 * time_s)).astype(np.float32)
    wet = device.play(dry)
    monkeypatch.setattr(device, "OVERSAMPLING", 4 * device.OVERSAMPLING)
    assert 1e-7 < data.error_to_signal(device.play(dry), wet) < 0.01
