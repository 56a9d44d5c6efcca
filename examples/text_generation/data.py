"""Characters of ``examples.common.kjv`` as numbers. A chapter begins and ends with a line feed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgernn.ir.tokenizer import Tokenizer
from examples.common import kjv
from examples.common.kjv import PACKAGE

__all__ = ["ALPHABET", "PACKAGE", "TOKENIZER", "Corpus", "load", "unigram_bits"]

TOKENIZER = Tokenizer.from_mapping(json.loads(Path(__file__).with_name("tokenizer.json").read_text(encoding="utf-8")))
"""What artifacts hold: all characters of the text; the line feed begins and ends a chapter."""

ALPHABET = TOKENIZER.vocabulary


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
    return Corpus(*(tuple(_chapter(text) for text in texts) for texts in kjv.train_and_held_out()))


def _chapter(text: str) -> NDArray[np.int64]:
    return np.asarray([*TOKENIZER.prompt(text), TOKENIZER.end], np.int64)


def unigram_bits(corpus: Corpus) -> float:
    """Bits for each held-out character when it is predicted by its frequency alone."""
    counts = np.bincount(np.concatenate(corpus.known), minlength=len(ALPHABET)) + 1
    wanted = np.concatenate([chapter[1:] for chapter in corpus.held_out])
    return float(-np.log2(counts / counts.sum())[wanted].mean())
