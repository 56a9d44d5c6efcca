"""Synthetic voices, English with seven accents, and which of them are held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from examples.common.synthesis import Manner, Waveform, synthesizer

ACCENTS = ("en", "en-us", "en-us-nyc", "en-029", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan")
VARIANTS = (
    "Alex", "Alicia", "Andrea", "Andy", "Annie", "AnxiousAndy", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo",
    "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Mr serious", "Nguyen", "Reed", "RicishayMax", "RicishayMax2",
    "RicishayMax3", "Storm", "adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david",
    "edward", "edward2", "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "gustave", "ian", "iven", "iven2", "iven3",
    "iven4", "john", "kaukovalta", "linda", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max", "michel",
    "miguel", "mike2", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph",
    "steph2", "steph3", "travis", "victor", "zac",
)  # fmt: skip
EVERY = 4
"""Every so many groups of variants is held out."""

QUIET = 0.02


def variants(held_out: bool) -> list[str]:
    """The voices of one side. Those whose names differ in a digit at the end, but f1 to m8, are on the same."""
    names = sorted(VARIANTS, key=lambda name: (_group(name), name))
    groups = [list(same) for _, same in groupby(names, key=_group)]
    return [name for k, group in enumerate(groups, 1) if (k % EVERY == 0) == held_out for name in group]


def _group(name: str) -> str:
    return name if len(name) == 2 else name.rstrip("0123456789").lower()


def said(text: str, held_out: bool, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """The text by a voice of one side, with an accent, fast or slow and high or low by chance.

    Raises:
        UsageError: as ``synthesizer``.
    """
    manner = Manner(int(rng.integers(120, 221)), int(rng.integers(25, 76)), int(rng.integers(20, 81)))
    voice = f"{rng.choice(ACCENTS)}+{rng.choice(variants(held_out))}"
    return synthesizer().speak(text, voice, manner, rate_hz)


def words(texts: Sequence[str], held_out: bool, rate_hz: int, rng: np.random.Generator) -> list[Waveform]:
    """Each text by a voice of one side, without silence at its ends."""
    return [trimmed(said(text, held_out, rate_hz, rng)) for text in texts]


def trimmed(sound: Waveform) -> Waveform:
    """Without what is quiet at both ends."""
    heard = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max())
    return sound[heard[0] : heard[-1] + 1]


def kept(path: Path, make: Callable[[], Sequence[Waveform]]) -> list[Waveform]:
    """What ``make`` says, which it says once: it is kept in a file.

    The library carries on from what it said before, so a process of its own says the same each time.
    """
    if not path.is_file():
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            sounds = pool.submit(make).result()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp.npz")
        np.savez_compressed(temporary, samples=np.concatenate(sounds), lengths=[len(sound) for sound in sounds])
        temporary.replace(path)
    with np.load(path, allow_pickle=False) as archive:
        samples, lengths = archive["samples"], archive["lengths"]
    return np.split(samples, np.cumsum(lengths)[:-1])
