"""The sentences: tweets, reviews of films and of goods, and editorials, each rated by twenty people.

Source: the source distribution of ``vaderSentiment`` 3.3.2 (MIT), ``additional_resources/hutto_ICWSM_2014.tar.gz``
(Hutto and Gilbert, ICWSM 2014): 23,699 sentences with their mean rating from -4 to 4. Sentences whose rating is within
half a point of zero are left out. All sentences of one review or editorial are on one side of the split.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import SourceData

PACKAGE = SourceData(
    "vaderSentiment", "3.3.2", "rated sentences", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
)
MEMBER = "additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = ("tweets", "movieReviewSnippets", "amazonReviewSnippets", "nytEditorialSnippets")

CLASSES = ("negative", "positive")
MIN_RATING = 0.5
HELD_OUT_TENTH = 0
WORDS = 6144
UNKNOWN = "<unk>"
MAX_WORDS = 64
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[:;=]-?[()dp]|[!?.,:;]|[0-9]+")


@dataclass(frozen=True)
class Sentences:
    """words: one array int64 [T] each; labels: int64 [N], 1 for positive; texts: as they were written."""

    words: tuple[NDArray[np.int64], ...]
    labels: NDArray[np.int64]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)


@cache
def train_and_held_out() -> tuple[Sentences, Sentences]:
    """Nine tenths and one tenth of the documents, chosen by the SHA-256 of their names.

    Raises:
        UsageError: as ``SourceData.archive``.
    """
    sides: tuple[list[tuple[str, int]], list[tuple[str, int]]] = ([], [])
    for document, rating, text in _rows():
        if abs(rating) >= MIN_RATING and split(text):
            tenth = int(hashlib.sha256(document.encode()).hexdigest(), 16) % 10
            sides[tenth == HELD_OUT_TENTH].append((text, int(rating > 0)))
    index = {word: k for k, word in enumerate(_vocabulary([text for text, _ in sides[0]]))}
    known, held_out = (_sentences(rows, index) for rows in sides)
    return known, held_out


def _rows() -> list[tuple[str, float, str]]:
    """Name of the document, rating and text of each sentence."""
    rows = []
    with PACKAGE.archive(MEMBER) as archive:
        for name in FILES:
            file = archive.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            lines = (file.read() if file else b"").decode("utf-8", "replace").splitlines()
            for number, rating, text in (line.split("\t", 2) for line in lines if line.count("\t") >= 2):
                rows.append((f"{name} {number.partition('_')[0]}", float(rating), text))
    return rows


def split(text: str) -> list[str]:
    """Words in lower case, marks, faces and numbers."""
    return _TOKEN.findall(text.lower().replace("''", '"').replace("&amp;", "and"))[:MAX_WORDS]


def _vocabulary(texts: list[str]) -> list[str]:
    counts = Counter(word for text in texts for word in split(text))
    order = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
    return [UNKNOWN, *order[: WORDS - 1]]


def _sentences(rows: list[tuple[str, int]], index: dict[str, int]) -> Sentences:
    words = tuple(np.asarray([index.get(word, 0) for word in split(text)], np.int64) for text, _ in rows)
    return Sentences(words, np.asarray([label for _, label in rows]), tuple(text for text, _ in rows))
