"""Dates as people write them: in full, long and in medium length, in the languages that the CLDR knows well.

Source: the PyPI package ``Babel`` 2.18.0 (BSD-3), its ``format_date`` (Unicode CLDR), over all locales of languages in
which the CLDR names 290 territories or more. A way to write that several locales share counts once. Texts that mean
different dates in different languages ("13 Mar 2019", or 03/07/2019) are left to the meaning that most locales give
them. A tenth of the dates is held out, and a twentieth of the languages.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError
from edgernn.ir.tokenizer import Tokenizer
from examples.common.attention import SYMBOLS
from examples.common.packaged import PackagedData
from examples.common.translation import Pairs

PACKAGE = PackagedData("Babel", "2.18.0", "ways to write dates")
LENGTHS = ("full", "long", "medium")
FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
ALPHABET = "0123456789-"
ISO_LENGTH = 10
MAX_CHARACTERS = 72
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
SOURCES, TARGETS = (
    Tokenizer.from_mapping(json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8")))
    for name in ("tokenizer.json", "target.json")
)
"""What artifacts hold: the ``characters`` of texts, and those of ISO dates."""

TRAINED, HELD_OUT, OTHER_LANGUAGES = 40_000, 2_000, 1_000
SEED = 0
PROBE_DAY = 13
OTHER = 12
TERRITORIES = 290
EITHER_ORDER = (date(2019, 3, 7), date(2019, 7, 3))


@dataclass(frozen=True)
class Writer:
    """A way to write dates: the first locale that has it, the length, and the months that it writes clearly."""

    locale: str
    length: str
    months: tuple[int, ...]

    @property
    def language(self) -> str:
        """As ISO 639 has it."""
        return self.locale.partition("_")[0]

    def write(self, day: date) -> str:
        """The text of a date."""
        return _format(day, self.length, self.locale)


@dataclass(frozen=True)
class Dates:
    """pairs: characters of texts and of ISO dates; texts: as they are written; locales: of each."""

    pairs: Pairs
    texts: tuple[str, ...]
    locales: tuple[str, ...]


def _format(day: date, length: str, locale: str) -> str:
    from babel.dates import format_date

    return format_date(day, length, locale=locale)


@cache
def writers() -> tuple[Writer, ...]:
    """All ways to write dates that differ.

    Raises:
        UsageError: Babel is not installed, or is another version.
    """
    if not PACKAGE.installed:
        raise UsageError(f"the {PACKAGE.what} come with {PACKAGE.package} {PACKAGE.version}: {PACKAGE.install}")
    from babel.localedata import locale_identifiers

    probes = [date(2019, month, PROBE_DAY) for month in range(1, 13)] + list(EITHER_ORDER)
    found: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for locale in filter(_is_known_well, sorted(locale_identifiers())):
        for length in LENGTHS:
            found[tuple(_format(day, length, locale) for day in probes)].append((locale, length))
    meanings: dict[str, Counter[date]] = defaultdict(Counter)
    for texts, locales in found.items():
        for text, day in zip(texts, probes, strict=True):
            meanings[text][day] += len(locales)
    ways = []
    for texts, locales in found.items():
        clear = [meanings[text].most_common(1)[0][0] == day for text, day in zip(texts, probes, strict=True)]
        if all(clear[12:]):
            ways.append(Writer(*locales[0], tuple(month for month in range(1, 13) if clear[month - 1])))
    return tuple(ways)


def _is_known_well(locale: str) -> bool:
    from babel import Locale

    return len(Locale.parse(locale).territories) >= TERRITORIES


def characters() -> tuple[str, ...]:
    """All that texts of the languages trained on have, after one for all others."""
    used = {
        c for way in writers() if not is_other(way.language) for month in way.months
        for k in range(7) for c in way.write(date(2019, month, 10 + k))
    }  # fmt: skip
    return UNKNOWN, *sorted(used | set("0123456789"))


def is_held_out(day: date) -> bool:
    """Whether training never sees this date."""
    return int(hashlib.sha256(day.isoformat().encode()).hexdigest(), 16) % 10 == 0


def is_other(language: str) -> bool:
    """Whether training never sees this language."""
    return int(hashlib.sha256(language.encode()).hexdigest(), 16) % 20 == OTHER


@cache
def train(every: int = 1) -> Dates:
    """Dates and languages that are not held out: all that training sees, or one of ``every`` so many."""
    return _drawn(TRAINED, SEED, False, False, every)


@cache
def held_out() -> Dates:
    """Dates that training never sees, in languages that it does."""
    return _drawn(HELD_OUT, SEED + 1, True, False)


@cache
def other_languages() -> Dates:
    """Dates that training never sees, in languages that it does not see either."""
    return _drawn(OTHER_LANGUAGES, SEED + 2, True, True)


def encode(text: str) -> NDArray[np.int64]:
    """What the model reads of a text."""
    return np.asarray(SOURCES.encode(text), np.int64)


def iso(symbols: NDArray[Any]) -> str:
    """What the model has written."""
    return TARGETS.decode([int(k) for k in symbols])


def _drawn(count: int, seed: int, held_out: bool, other: bool, every: int = 1) -> Dates:
    rng = np.random.default_rng(seed)
    ways = [way for way in writers() if is_other(way.language) == other]
    days = [FIRST + timedelta(k) for k in range((LAST - FIRST).days + 1)]
    days = [day for day in days if is_held_out(day) == held_out]
    rows: list[tuple[Writer, date]] = []
    while len(rows) < count:
        way, day = ways[rng.integers(len(ways))], days[rng.integers(len(days))]
        if day.month in way.months:
            rows.append((way, day))
    rows = rows[::every]
    texts = tuple(way.write(day) for way, day in rows)
    targets = tuple(
        np.asarray([ALPHABET.index(c) + SYMBOLS for c in day.isoformat()], np.int64) for _, day in rows
    )
    pairs = Pairs(tuple(encode(text) for text in texts), targets)
    return Dates(pairs, texts, tuple(way.locale for way, _ in rows))
