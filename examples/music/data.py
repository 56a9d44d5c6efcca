"""Four-part chorales of Johann Sebastian Bach, voice by voice and sixteenth by sixteenth, as symbols.

Source: the corpus of the PyPI package ``music21`` 10.5.1, ``music21/corpus/bach/*.mxl``: the scores that have four
parts, 364 of 408. The music is in the public domain; the encodings come with permissions of their own, so nothing of
them is kept here but weights. Scores with the same beginning of the melody, in any key, are on the same side of the
split.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from examples.common.exporting import BUILD
from examples.common.packaged import PackagedData
from examples.music import scores
from examples.music.scores import HOLD, REST, VOICES, Grid

PACKAGE = PackagedData("music21", "10.5.1", "chorales")
FOLDER, PATTERN = "music21/corpus/bach", "*.mxl"
CACHE = BUILD / "music" / f"chorales-{PACKAGE.version}.npz"

LOWEST, HIGHEST = 35, 82
PITCHES = HIGHEST - LOWEST + 1
FIRST_HOLD, FIRST_REST = PITCHES, PITCHES + VOICES
END = PITCHES + 2 * VOICES
SYMBOLS = END + 1
"""A note by its pitch, for each voice that it holds on or rests, and the beginning and end of a chorale."""

OPENING = 8
EVERY = 10
"""Melodies that begin with the same so many intervals are the same; every so many of them is held out."""


@dataclass(frozen=True)
class Chorale:
    """One chorale; name as the corpus has it."""

    name: str
    grid: Grid

    @property
    def symbols(self) -> NDArray[np.int64]:
        """The voices from soprano to bass, sixteenth by sixteenth, between two END."""
        return np.concatenate([[END], as_symbols(self.grid).reshape(-1), [END]])

    @property
    def notes(self) -> int:
        """How many notes all voices sing."""
        return int((self.grid > 0).sum())

    @property
    def opening(self) -> tuple[int, ...]:
        """The first intervals of the melody."""
        melody = self.grid[:, 0]
        return tuple(int(interval) for interval in np.diff(melody[melody > 0])[:OPENING])


@dataclass(frozen=True)
class Corpus:
    """What training may see, and what it may not."""

    known: tuple[Chorale, ...]
    held_out: tuple[Chorale, ...]


def as_symbols(grid: Grid) -> NDArray[np.int64]:
    """[T, 4] of a grid as [T, 4] of numbers below END. Raises ValueError for a note that is too low or too high."""
    notes = grid[grid > 0]
    if len(notes) and not LOWEST <= notes.min() <= notes.max() <= HIGHEST:
        raise ValueError(f"notes from {notes.min()} to {notes.max()}; they are from {LOWEST} to {HIGHEST}")
    voice = np.arange(VOICES)
    symbols = np.where(grid == HOLD, FIRST_HOLD + voice, np.where(grid == REST, FIRST_REST + voice, grid - LOWEST))
    return symbols.astype(np.int64)


def as_grid(symbols: NDArray[np.int64]) -> Grid:
    """The inverse of ``as_symbols``, of [T, 4]."""
    rests = np.where(symbols >= FIRST_REST, REST, HOLD)
    return np.where(symbols < PITCHES, symbols + LOWEST, rests).astype(np.int16)


@cache
def load() -> Corpus:
    """The chorales, read once and kept in the folder of the example's artifacts.

    Raises:
        UsageError: as ``PackagedData.files``.
    """
    chorales = _cached()
    chorales.sort(key=lambda chorale: (chorale.opening, chorale.name))
    known: list[Chorale] = []
    held_out: list[Chorale] = []
    for number, (_, same) in enumerate(groupby(chorales, key=lambda chorale: chorale.opening), 1):
        (held_out if number % EVERY == 0 else known).extend(same)
    return Corpus(tuple(known), tuple(held_out))


def _cached() -> list[Chorale]:
    if not CACHE.is_file():
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        found = {path.stem: scores.read(path) for path in PACKAGE.files(FOLDER, PATTERN)}
        grids = {name: grid for name, grid in found.items() if grid is not None}
        temporary = CACHE.with_suffix(".tmp.npz")
        np.savez_compressed(temporary, **grids)  # type: ignore[arg-type]
        temporary.replace(CACHE)
    with np.load(CACHE, allow_pickle=False) as archive:
        return [Chorale(name, archive[name]) for name in archive.files]


def unigram_nats(corpus: Corpus) -> float:
    """For each held-out note, over all symbols, when each is predicted by its frequency in its voice alone."""
    known, held_out = (np.concatenate([as_symbols(c.grid) for c in side]) for side in (corpus.known, corpus.held_out))
    nats = 0.0
    for voice in range(VOICES):
        counts = np.bincount(known[:, voice], minlength=SYMBOLS) + 1
        nats -= np.log(counts / counts.sum())[held_out[:, voice]].sum()
    return float(nats / sum(chorale.notes for chorale in corpus.held_out))
