"""Characters of ``examples.common.kjv`` as numbers. A chapter begins and ends with a line feed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common import kjv
from examples.common.kjv import PACKAGE

__all__ = ["ALPHABET", "PACKAGE", "Corpus", "as_numbers", "as_text", "load", "unigram_bits"]

ALPHABET = "\n !'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvwxyz"
"""All characters of the text."""


@dataclass(frozen=True)
class Corpus:
    """Chapters as numbers of characters in ALPHABET, int64 [T] each."""

    known: tuple[NDArray[np.int64], ...]
    held_out: tuple[NDArray[np.int64], ...]


@cache
def load() -> Corpus:
    """The chapters.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    return Corpus(*(tuple(as_numbers(f"\n{text}\n") for text in texts) for texts in kjv.train_and_held_out()))


def as_numbers(text: str) -> NDArray[np.int64]:
    """What the model reads of a text. Raises ValueError for a character that the alphabet lacks."""
    return np.asarray([ALPHABET.index(character) for character in text], np.int64)


def as_text(numbers: NDArray[np.int64]) -> str:
    """The text that numbers stand for."""
    return "".join(ALPHABET[number] for number in numbers)


def unigram_bits(corpus: Corpus) -> float:
    """Bits for each held-out character when it is predicted by its frequency alone."""
    counts = np.bincount(np.concatenate(corpus.known), minlength=len(ALPHABET)) + 1
    wanted = np.concatenate([chapter[1:] for chapter in corpus.held_out])
    return float(-np.log2(counts / counts.sum())[wanted].mean())
