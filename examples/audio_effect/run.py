"""The model of the pedal in float and in integers, on a guitar never heard: python -m examples.audio_effect.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples.audio_effect import data
from examples.audio_effect.data import RATE_HZ
from examples.audio_effect.model import WEIGHTS, Pedal
from examples.common import pictures
from examples.common.guitars import Sound
from examples.common.integers import main
from examples.common.sound import write_wav
from examples.common.task import Answer, Frames, Run, Task

CALIBRATION_SPANS = 24
CALIBRATION_SAMPLES = RATE_HZ // 50
BOARDS = ("nucleo-h743zi", "nucleo-f446re", "rpi4")
SHOWN_S = 0.02
SPECTRUM_SAMPLES, SPECTRA = 1 << 12, 16


def calibration() -> list[Frames]:
    """Fiftieths of a second of the passage trained on, evenly spread."""
    dry = data.train_and_held_out()[0].dry[:, None]
    starts = np.linspace(0, len(dry) - CALIBRATION_SAMPLES, CALIBRATION_SPANS).astype(int)
    return [dry[start : start + CALIBRATION_SAMPLES] for start in starts]


def held_out() -> list[Frames]:
    """The passage on the other guitar."""
    return [data.train_and_held_out()[1].dry[:, None]]


def error(found: Sequence[Answer]) -> float:
    """The error-to-signal ratio in percent, after pre-emphasis."""
    return data.error_to_signal(data.train_and_held_out()[1].wet, found[0][:, 0])


def show(run: Run) -> list[Path]:
    """The passage before the pedal, after it, and after the model; a few milliseconds of it, and its spectrum."""
    played, found = data.train_and_held_out()[1], run.answers["int16x8"][0][:, 0]
    sounds = {"input": played.dry, "pedal": played.wet, "int16x8": found}
    files = [write_wav(run.folder / f"{name}.wav", sound, RATE_HZ) for name, sound in sounds.items()]
    return [_draw(sounds, run.folder / "waveforms.png"), *files]


def _draw(sounds: dict[str, Sound], path: Path) -> Path:
    """The loudest place, and the spectrum around it."""
    loudest = int(np.abs(sounds["input"][: -SPECTRUM_SAMPLES * SPECTRA]).argmax())
    drawn = pictures.figure(12, 4)
    wave, spectrum = pictures.axes(drawn, 1, 2)
    shown = np.arange(loudest - int(SHOWN_S * RATE_HZ / 4), loudest + int(SHOWN_S * RATE_HZ))
    styles = {"input": ("0.6", "-", 1.0), "pedal": ("black", "-", 1.8), "int16x8": ("C1", "--", 1.2)}
    for name, (color, style, width) in styles.items():
        sound = sounds[name]
        wave.plot((shown - loudest) / RATE_HZ * 1e3, sound[shown], style, color=color, linewidth=width, label=name)
        spectrum.semilogx(*_spectrum(sound[loudest:]), style, color=color, linewidth=1, label=name)
    error = sounds["pedal"] - sounds["int16x8"]
    spectrum.semilogx(*_spectrum(error[loudest:]), color="C3", linewidth=1, label="error")
    wave.set_xlabel("ms")
    wave.set_ylabel("V")
    wave.legend(frameon=False)
    spectrum.set_xlim(40, RATE_HZ / 2)
    spectrum.set_ylim(-50, None)
    spectrum.set_xlabel("Hz")
    spectrum.set_ylabel("dB")
    spectrum.legend(frameon=False)
    return pictures.write(drawn, path)


def _spectrum(sound: Sound) -> tuple[NDArray[Any], NDArray[Any]]:
    """Frequencies in Hz above 0, and levels in dB, of the beginning of ``sound``: the mean of several spectra."""
    parts = sound[: SPECTRUM_SAMPLES * SPECTRA].reshape(SPECTRA, SPECTRUM_SAMPLES)
    power = np.square(np.abs(np.fft.rfft(parts * np.hanning(SPECTRUM_SAMPLES)))).mean(axis=0)
    return np.fft.rfftfreq(SPECTRUM_SAMPLES, 1 / RATE_HZ)[1:], 10 * np.log10(power[1:] + 1e-12)


TASK = Task(
    name="audio_effect",
    metric="error-to-signal ratio",
    unit="%",
    inputs="1,T,1",
    module=Pedal,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=error,
    package=data.PACKAGE.install,
    target=1.0,
    lower_is_better=True,
    loss=0.2,
    rate_hz=RATE_HZ,
    boards=BOARDS,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
