"""The sample generator in float and in integers, on phrases never heard: python -m examples.audio_generation.run"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import ValidationError
from examples.audio_generation import data
from examples.audio_generation.analysis import HOP, LOUDEST_DB, QUIETEST_DB, RATE_HZ, Conditions, analyse
from examples.audio_generation.codec import encode, synthesize
from examples.audio_generation.data import Spoken
from examples.audio_generation.generate import Samples, on_board, on_engine
from examples.audio_generation.model import WEIGHTS, SampleGenerator
from examples.common import pictures
from examples.common.integers import main
from examples.common.sound import write_wav
from examples.common.task import Answer, Frames, Run, Task

CALIBRATION_PHRASES, CALIBRATION_SAMPLES = 16, 4000
BOARDS = ("rpi4", "nucleo-h743zi", "nucleo-f446re")
SEED = 1
SPOKEN = 2
"""Held-out phrases that are generated."""
CHECKED_FRAMES, CHECKED_ON = 4, ("rpi4", "nucleo-f446re")
"""So many frames are generated on all engines and on these boards."""

SHOWN_S = 0.04
SPECTRUM, STEP = 256, 32
FLOOR_DB = 60.0


def calibration() -> list[Frames]:
    """The middles of phrases of chapters trained on."""
    rows = [phrase.encoded()[0] for phrase in data.known(CALIBRATION_PHRASES)]
    starts = [(len(row) - CALIBRATION_SAMPLES) // 2 for row in rows]
    return [row[start : start + CALIBRATION_SAMPLES] for row, start in zip(rows, starts, strict=True)]


def held_out() -> list[Frames]:
    """What the network reads while the held-out phrases are said."""
    return [phrase.encoded()[0] for phrase in data.held_out()]


def surprise(frames: Frames, scores: Answer) -> Answer:
    """Bits of the code of each sample of a held-out phrase."""
    phrase = next(p for p in data.held_out() if len(p.samples) == len(frames))
    codes = phrase.encoded()[1]
    rows = scores.astype(np.float64)
    highest = rows.max(axis=1)
    total = np.log(np.exp(rows - highest[:, None]).sum(axis=1)) + highest
    found: Answer = ((total - rows[np.arange(len(rows)), codes]) / np.log(2)).astype(np.float32)
    return found


def bits(found: Sequence[Answer]) -> float:
    """For each sample, over all phrases."""
    return float(np.concatenate(found).mean(dtype=np.float64))


def noise_excited(conditions: Conditions, seed: int) -> Samples:
    """What needs no network: white noise through the same predictors."""
    return synthesize(np.random.default_rng(seed).standard_normal(len(conditions.period) * HOP), conditions)


def pulse_excited(conditions: Conditions, seed: int) -> Samples:
    """A pulse in each period, beside noise as far as there is no voice: the classical vocoder."""
    errors, voicing = np.zeros(len(conditions.period) * HOP), np.repeat(conditions.voicing, HOP)
    place = 0
    while place < len(errors):
        period = int(conditions.period[place // HOP])
        errors[place] = np.sqrt(period)
        place += period
    noise = np.random.default_rng(seed).standard_normal(len(errors))
    return synthesize(errors * np.sqrt(voicing) + noise * np.sqrt(1 - voicing), conditions)


def spectrum(samples: NDArray[np.int16]) -> NDArray[Any]:
    """Levels in dB of windows of 32 ms, [windows, frequencies], of what one hears; at the least FLOOR_DB below the
    loudest."""
    sound = data.heard(samples)
    parts = np.lib.stride_tricks.sliding_window_view(sound, SPECTRUM)[::STEP] * np.hanning(SPECTRUM)
    level = 20 * np.log10(np.abs(np.fft.rfft(parts)) + 1e-9)
    floored: NDArray[Any] = np.maximum(level, level.max() - FLOOR_DB)
    return floored


def distance(found: NDArray[np.int16], wanted: NDArray[np.int16]) -> float:
    """Root mean square difference of their spectra, in dB."""
    return float(np.sqrt(np.square(spectrum(found) - spectrum(wanted)).mean()))


def mel_error(found: NDArray[np.int16], phrase: Spoken) -> float:
    """The same of the mel spectra: of those that were asked for, and of what came of them."""
    return float(np.sqrt(np.square(analyse(found).mel - phrase.conditions.mel).mean())) * (LOUDEST_DB - QUIETEST_DB) / 2


def show(run: Run) -> list[Path]:
    """Held-out phrases as they were said and as they are generated, without a network, too; how alike they are."""
    instructions = _require_same(run)
    phrases = data.held_out()[:SPOKEN]
    library = run.artifacts["int16x8"]
    said: dict[str, list[NDArray[np.int16]]] = {
        "said": [p.samples for p in phrases],
        "codes": [encode(p.samples, p.conditions)[2] for p in phrases],
        "int16x8": [on_engine(library, "native", p.conditions, SEED) for p in phrases],
        "pulses": [pulse_excited(p.conditions, SEED) for p in phrases],
        "noise": [noise_excited(p.conditions, SEED) for p in phrases],
    }
    found = {
        name: {
            "spectrum_db": round(float(np.mean([distance(a, b) for a, b in zip(rows, said["said"], strict=True)])), 2),
            "mel_db": round(float(np.mean([mel_error(a, p) for a, p in zip(rows, phrases, strict=True)])), 2),
        }
        for name, rows in said.items()
    }
    alike = run.folder / "sounds.json"
    alike.write_text(json.dumps({"distances": found, "instructions_a_sample": instructions}, indent=2) + "\n")
    files = [
        write_wav(run.folder / f"{name}.wav", data.heard(np.concatenate(rows)), RATE_HZ) for name, rows in said.items()
    ]
    return [_draw({name: rows[0] for name, rows in said.items()}, run.folder / "spectra.png"), *files, alike]


def _require_same(run: Run) -> dict[str, int]:
    """Instructions for each sample on boards. Raises ValidationError where boards or engines generate other ones."""
    conditions = data.held_out()[0].conditions
    voiced = int(np.convolve(conditions.voicing, np.ones(CHECKED_FRAMES), mode="valid").argmax())
    short = conditions.frames(voiced, voiced + CHECKED_FRAMES)
    library = run.artifacts["int16x8"]
    portable = library.with_suffix(".ern")
    found = {engine: on_engine(portable, engine, short, SEED) for engine in ("numba", "reference")}
    instructions: dict[str, float] = {}
    for name in CHECKED_ON:
        with on_board(portable, name) as speak:
            found[name], instructions[name] = speak(short, SEED)
    wanted = on_engine(library, "native", short, SEED)
    if different := [name for name, samples in found.items() if not np.array_equal(samples, wanted)]:
        raise ValidationError(f"audio_generation: {', '.join(different)} generated other samples than native did")
    return {name: round(count) for name, count in instructions.items()}


def _draw(said: dict[str, NDArray[np.int16]], path: Path) -> Path:
    """Spectra of a phrase, and some hundredths of a second of it."""
    names = ("said", "int16x8", "pulses", "noise")
    drawn = pictures.figure(12, 7)
    plots = pictures.axes(drawn, len(names), 2, width_ratios=(3, 1), sharex="col")
    loudest = int(np.abs(said["said"].astype(np.int64)).argmax())
    shown = np.arange(max(0, loudest - int(SHOWN_S * RATE_HZ / 2)), loudest + int(SHOWN_S * RATE_HZ / 2))
    for (spectra, wave), name in zip(plots, names, strict=True):
        level = spectrum(said[name]).T
        end_s = len(said[name]) / RATE_HZ
        spectra.imshow(level, aspect="auto", origin="lower", extent=(0, end_s, 0, RATE_HZ / 2000), cmap="magma")
        spectra.set_ylabel(f"{name}\nkHz")
        wave.plot(shown / RATE_HZ, data.heard(said[name])[shown], color="C1", linewidth=1)
        wave.set_yticks([])
    for plot in plots[-1]:
        plot.set_xlabel("s")
    return pictures.write(drawn, path)


TASK = Task(
    name="audio_generation",
    metric="entropy",
    unit="bits/sample",
    inputs="1,T,30",
    module=SampleGenerator,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=bits,
    package=data.PACKAGE.install,
    lower_is_better=True,
    loss=1.0,
    rate_hz=RATE_HZ,
    boards=BOARDS,
    summary=surprise,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
