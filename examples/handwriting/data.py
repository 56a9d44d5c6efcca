"""Strokes of Japanese characters, as the pen goes, and the kind of each.

Source: the PyPI package ``kanjivg`` 20260714 (CC BY-SA 3.0, copyright Ulrich Apel, https://kanjivg.tagaini.net): for
each character an SVG file with its strokes, Bezier curves in a square of 109 x 109, and their kinds. A kind is the
first letter of its code: variants ("㇕a") are what they vary, and of two that fit ("㇔/㇏") the first is taken. The 24
kinds that have more than 100 strokes are used. The pen draws each stroke with a speed of its own, 2 to 4 units from one
position to the next. A tenth of the characters, chosen by SHA-256, is held out: none of their strokes is trained on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("kanjivg", "20260714", "strokes of characters")
FOLDER = "kanji"
PATTERN = "?????.svg"

KINDS = "㇐㇑㇒㇔㇕㇏㇀㇆㇇㇟㇜㇚㇖㇄㇁㇛㇙㇂㇓㇈㇗㇃㇋㇉"
SIDE = 109
SPEED = (2.0, 4.0)
TENTHS = 10
PAIRS = {"m": 1, "c": 3, "s": 2}
"""Pairs of numbers that a command of a path takes."""

_T = np.linspace(0, 1, 33)[1:, None]
BERNSTEIN = np.hstack([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3])
"""Points on a cubic curve, but for its first, by its four control points: [32, 4]."""

Points = NDArray[np.float64]

_PATH = re.compile(r'<path [^>]*?kvg:type="(.)[^>]*? d="([^"]*)"')
_COMMAND = re.compile(r"([MmCcSs])([^MmCcSs]*)")
_NUMBER = re.compile(r"-?(?:\d*\.)?\d+")


@dataclass(frozen=True)
class Stroke:
    """curve: float64 [N, 2] points on it, x to the right, y down; label: index in KINDS; speed: units a position."""

    curve: Points
    label: int
    speed: float

    @property
    def positions(self) -> NDArray[np.float32]:
        """Where the pen is, [T, 2]."""
        return along(self.curve, self.speed)


@cache
def known(every: int = 1) -> list[Stroke]:
    """The strokes of the characters that training may see, or of one of ``every`` of them.

    Raises:
        UsageError: as ``PackagedData.files``.
    """
    return _strokes(held_out=False, every=every)


@cache
def held_out() -> list[Stroke]:
    """The strokes of the held-out characters.

    Raises:
        UsageError: as ``PackagedData.files``.
    """
    return _strokes(held_out=True, every=1)


def _strokes(held_out: bool, every: int) -> list[Stroke]:
    chosen = [path for path in PACKAGE.files(FOLDER, PATTERN) if _is_held_out(path) == held_out]
    return [stroke for path in chosen[::every] for stroke in strokes(path)]


def _is_held_out(path: Path) -> bool:
    return int(hashlib.sha256(path.stem.encode()).hexdigest(), 16) % TENTHS == 0


def strokes(path: Path) -> Iterator[Stroke]:
    """The strokes of one file whose kind is in KINDS, in the order they are drawn."""
    rng = np.random.default_rng(int(path.stem, 16))
    for kind, curves in _PATH.findall(path.read_text(encoding="utf-8")):
        if kind in KINDS:
            yield Stroke(sampled(curves), KINDS.index(kind), rng.uniform(*SPEED))


def sampled(curves: str) -> Points:
    """Points [N, 2] on the Bezier curves of an SVG path, which has moves and cubic curves alone, as those of the files.

    Raises:
        ValueError: a command lacks numbers.
    """
    here, pull = np.zeros(2), np.zeros(2)
    points: list[Points] = []
    for command, text in _COMMAND.findall(curves):
        numbers = np.array([float(number) for number in _NUMBER.findall(text)])
        for pairs in numbers.reshape(-1, PAIRS[command.lower()], 2):
            pairs = pairs + (0 if command.isupper() else here)
            if command in "Mm":
                points.append(pairs)
            else:
                first = pairs[0] if command in "Cc" else 2 * here - pull
                points.append(BERNSTEIN @ np.stack([here, first, pairs[-2], pairs[-1]]))
            pull, here = pairs[-2:][0], pairs[-1]
    return np.concatenate(points)


def along(curve: Points, step: float) -> NDArray[np.float32]:
    """Positions every ``step`` units along a polygon [N, 2], the last at its end."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    wanted = np.append(np.arange(0, lengths[-1], step), lengths[-1])
    return np.stack([np.interp(wanted, lengths, curve[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)
