"""The model continues the beginning of a chorale: python -m examples.music.play --seed 3 --chorale 2

It runs the integer model that ``make example NAME=music`` has written, and writes a MIDI file, a WAV file and a
picture.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import NDArray

import edgernn
from edgernn.errors import EdgeRNNError, UsageError
from edgernn.runtime import Session
from edgernn.runtime.decode import Sampler, generate
from examples.common import pictures
from examples.common.exporting import BUILD
from examples.common.sound import write_wav
from examples.music import data
from examples.music.data import Chorale
from examples.music.scores import HOLD, REST, STEPS_PER_QUARTER, VOICES, Grid

ARTIFACT = BUILD / "music" / "int16x8" / "music.so"
GIVEN, LENGTH = 32, 128
"""Sixteenths: two bars are given, eight in all."""
SAMPLER = Sampler(temperature=0.8, top_p=0.95, seed=1)

QUARTERS_A_MINUTE = 84
TICKS_PER_QUARTER = 480
CHOIR = 52
"""The instrument "Choir Aahs" of General MIDI, counted from 0."""
VELOCITY = 80

RATE_HZ = 22050
PARTIALS = (1.0, 0.5, 0.35, 0.2, 0.12, 0.06)
ATTACK_S, RELEASE_S = 0.03, 0.12

NAMES = ("soprano", "alto", "tenor", "bass")

Sung = tuple[int, int, int, int]
"""Voice, first sixteenth, the one after the last, MIDI number."""


def continued(session: Session, chorale: Chorale, given: int, length: int, sampler: Sampler) -> Grid:
    """The first ``given`` sixteenths of a chorale as they are, then what the model makes of them, ``length`` in all or
    up to where it ends the piece."""
    session.reset()
    prompt = chorale.symbols[: 1 + given * VOICES].tolist()
    written = generate(session, prompt, (length - given) * VOICES, sampler, data.END)
    symbols = np.asarray(prompt[1:] + written, np.int64)
    return data.as_grid(symbols[: len(symbols) // VOICES * VOICES].reshape(-1, VOICES))


def sung(grid: Grid) -> Iterator[Sung]:
    """The notes of each voice, one after another."""
    for voice in range(VOICES):
        begins = [*np.flatnonzero(grid[:, voice] != HOLD).tolist(), len(grid)]
        for begin, end in pairwise(begins):
            if grid[begin, voice] != REST:
                yield voice, begin, end, int(grid[begin, voice])


def write_midi(grid: Grid, path: Path) -> Path:
    """A track for each voice; the path."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_QUARTER)
    for voice, name in enumerate(NAMES):
        track = file.add_track(name)
        track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(QUARTERS_A_MINUTE)))
        track.append(mido.Message("program_change", channel=voice, program=CHOIR))
        now = 0
        for _, begin, end, pitch in (note for note in sung(grid) if note[0] == voice):
            for kind, at in (("note_on", begin), ("note_off", end)):
                ticks = (at - now) * TICKS_PER_QUARTER // STEPS_PER_QUARTER
                track.append(mido.Message(kind, channel=voice, note=pitch, velocity=VELOCITY, time=ticks))
                now = at
    file.save(path)
    return path


def sound(grid: Grid) -> NDArray[np.float32]:
    """Each note as a sum of partials that swells and fades."""
    step_s = 60 / QUARTERS_A_MINUTE / STEPS_PER_QUARTER
    samples = np.zeros(int((len(grid) * step_s + RELEASE_S) * RATE_HZ) + 1, np.float32)
    for _, begin, end, pitch in sung(grid):
        length_s = (end - begin) * step_s + RELEASE_S
        time_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
        envelope = np.minimum(1, time_s / ATTACK_S) * np.minimum(1, (length_s - time_s) / RELEASE_S)
        phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time_s
        tone = sum(level * np.sin(k * phase) for k, level in enumerate(PARTIALS, 1))
        start = int(begin * step_s * RATE_HZ)
        samples[start : start + len(time_s)] += (envelope * tone).astype(np.float32)
    return samples


def draw(pieces: Sequence[tuple[Chorale, Grid]], path: Path) -> Path:
    """A piano roll for each piece: what was given is grey behind, what the model wrote is white."""
    drawn = pictures.figure(12, 2.6 * len(pieces))
    for plot, (chorale, grid) in zip(np.atleast_1d(pictures.axes(drawn, len(pieces), 1)), pieces, strict=True):
        _draw_roll(plot, grid)
        plot.set_title(f"after the first two bars of {chorale.name}", loc="left", fontsize="medium")
    plot.set_xlabel("quarter notes; grey: given")
    plot.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=VOICES, fontsize="small", frameon=False)
    return pictures.write(drawn, path)


def _draw_roll(plot: Any, grid: Grid) -> None:
    plot.axvspan(0, GIVEN / STEPS_PER_QUARTER, color="0.92", zorder=0)
    labels: set[int] = set()
    for voice, begin, end, pitch in sung(grid):
        left, width = begin / STEPS_PER_QUARTER, (end - begin) / STEPS_PER_QUARTER
        label = NAMES[voice] if voice not in labels else None
        labels.add(voice)
        plot.barh(pitch, width - 0.05, left=left, height=0.8, align="center", color=f"C{voice}", label=label)
    plot.set_xlim(0, LENGTH / STEPS_PER_QUARTER)
    plot.set_ylabel("MIDI number")


def main(arguments: Sequence[str] | None = None, artifact: Path = ARTIFACT) -> int:
    """Continue one held-out chorale; the exit code."""
    parser = argparse.ArgumentParser(description="a continuation of the first two bars of a held-out chorale")
    parser.add_argument("--chorale", type=int, default=0, help="which of the held-out ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=SAMPLER.temperature)
    parser.add_argument("--output", type=Path, default=Path("chorale"), help="the files, without their suffixes")
    options = parser.parse_args(arguments)
    try:
        if not artifact.is_file():
            raise UsageError(f"{artifact} is missing: make example NAME=music")
        chorales = data.load().held_out
        if not 0 <= options.chorale < len(chorales):
            raise UsageError(f"--chorale is from 0 to {len(chorales) - 1}, found {options.chorale}")
        chorale = chorales[options.chorale]
        sampler = Sampler(options.temperature, top_p=SAMPLER.top_p, seed=options.seed)
        with edgernn.load(artifact) as session:
            grid = continued(session, chorale, GIVEN, LENGTH, sampler)
    except EdgeRNNError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(write_midi(grid, options.output.with_suffix(".mid")))
    print(write_wav(options.output.with_suffix(".wav"), sound(grid), RATE_HZ))
    print(draw([(chorale, grid)], options.output.with_suffix(".png")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
