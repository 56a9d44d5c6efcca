"""Words and punctuation of ``examples.common.kjv`` as numbers: the 4,095 most frequent, and one for all others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgernn.ir.tokenizer import Tokenizer
from examples.common import kjv
from examples.common.kjv import PACKAGE

__all__ = ["PACKAGE", "TOKENIZER", "Corpus", "load", "unigram_perplexity", "vocabulary_of"]

WORDS = 4096
UNKNOWN = "<unk>"
TOKENIZER = Tokenizer.from_mapping(json.loads(Path(__file__).with_name("tokenizer.json").read_text(encoding="utf-8")))
"""What artifacts hold: UNKNOWN, and the words of ``vocabulary_of`` the chapters that training sees."""


@dataclass(frozen=True)
class Corpus:
    """Chapters as numbers of words in TOKENIZER, int64 [T] each."""

    known: tuple[NDArray[np.int64], ...]
    held_out: tuple[NDArray[np.int64], ...]


@cache
def load() -> Corpus:
    """The chapters.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    known, held_out = ([np.asarray(TOKENIZER.encode(t), np.int64) for t in ts] for ts in kjv.train_and_held_out())
    return Corpus(tuple(known), tuple(held_out))


def vocabulary_of(texts: Sequence[str]) -> tuple[str, ...]:
    """UNKNOWN, then the most frequent words and marks, the most frequent first."""
    counts = Counter(word for text in texts for word in TOKENIZER.split(text))
    return (UNKNOWN, *sorted(counts, key=lambda word: (-counts[word], word))[: WORDS - 1])


def unigram_perplexity(corpus: Corpus) -> float:
    """Of the held-out words when each is predicted by its frequency alone."""
    counts = np.bincount(np.concatenate(corpus.known), minlength=WORDS) + 1
    wanted = np.concatenate([chapter[1:] for chapter in corpus.held_out])
    return float(np.exp(-np.log(counts / counts.sum())[wanted].mean()))
