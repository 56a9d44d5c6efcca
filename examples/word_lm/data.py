"""Words and punctuation of ``examples.common.kjv`` as numbers: the 4,095 most frequent, and one for all others."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common import kjv
from examples.common.kjv import PACKAGE

__all__ = ["PACKAGE", "Corpus", "load", "unigram_perplexity"]

WORDS = 4096
UNKNOWN = "<unk>"
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[.,;:?!()]")


@dataclass(frozen=True)
class Corpus:
    """vocabulary: word of each number, the most frequent first, after UNKNOWN; chapters: int64 [T] each."""

    vocabulary: tuple[str, ...]
    known: tuple[NDArray[np.int64], ...]
    held_out: tuple[NDArray[np.int64], ...]

    def numbers(self, text: str) -> NDArray[np.int64]:
        """What the model reads of a text."""
        return _numbers(text, {word: k for k, word in enumerate(self.vocabulary)})


@cache
def load() -> Corpus:
    """The chapters; the vocabulary is that of the ones that training sees.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    known, held_out = kjv.train_and_held_out()
    counts = Counter(word for text in known for word in words(text))
    order = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = (UNKNOWN, *order[: WORDS - 1])
    index = {word: k for k, word in enumerate(vocabulary)}
    return Corpus(vocabulary, *(tuple(_numbers(text, index) for text in texts) for texts in (known, held_out)))


def words(text: str) -> list[str]:
    """Words in lower case, and marks of punctuation."""
    return _TOKEN.findall(text.lower())


def _numbers(text: str, index: dict[str, int]) -> NDArray[np.int64]:
    return np.asarray([index.get(word, 0) for word in words(text)], np.int64)


def unigram_perplexity(corpus: Corpus) -> float:
    """Of the held-out words when each is predicted by its frequency alone."""
    counts = np.bincount(np.concatenate(corpus.known), minlength=WORDS) + 1
    wanted = np.concatenate([chapter[1:] for chapter in corpus.held_out])
    return float(np.exp(-np.log(counts / counts.sum())[wanted].mean()))
