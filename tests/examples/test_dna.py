"""The split of the model of DNA, and what predicts bases without a network."""

from itertools import product

import numpy as np
import pytest

from examples.dna_lm import data, markov
from examples.dna_lm.data import Corpus

pytestmark = pytest.mark.skipif(not data.PACKAGE.installed, reason=data.PACKAGE.install)


def spelled(bases: np.ndarray) -> str:
    return "".join(data.BASES[b] for b in bases)


def test_training_reads_nothing_that_is_held_out() -> None:
    """No 16 bases in a row on either strand, which the same gene of a relative has."""
    corpus = data.load()
    held_out = [spelled(strand) for row in corpus.held_out for strand in (row, data.paired(row))]
    theirs = {row[k : k + 16] for row in held_out for k in range(len(row) - 15)}
    known = [spelled(row) for row in corpus.known]
    assert not any(row[k : k + 16] in theirs for row in known for k in range(len(row) - 15))
    assert sum(map(len, corpus.known)) > 8 * sum(map(len, corpus.held_out))


def test_the_other_strand() -> None:
    assert spelled(data.paired(np.array([0, 0, 1, 3]))) == "AGTT"


def test_genes_begin_and_end_as_genes_do() -> None:
    """Most with ATG, and with one of three words for the end."""
    chromosome = data._read(*data.YEAST)
    ends = []
    for begin, end, strand in data.genes():
        gene = chromosome[begin:end] if strand == "+" else data.paired(chromosome[begin:end])
        ends.append((spelled(gene[:3]) == "ATG", spelled(gene[-3:]) in ("TAA", "TAG", "TGA")))
    assert np.mean(ends, axis=0).min() > 0.9


def test_counts_find_the_order_of_a_source() -> None:
    """A source whose bases depend on the last two: order 1 learns nothing of it, higher ones no more."""
    rng = np.random.default_rng(5)
    likely = {pair: sum(pair) % 4 for pair in product(range(4), repeat=2)}
    bases = [0, 0]
    for _ in range(60_000):
        bases.append(likely[bases[-2], bases[-1]] if rng.random() < 0.8 else int(rng.integers(4)))
    row = np.asarray(bases)
    found = markov.bits(Corpus((row[:50_000],), (row[50_000:],), (0,)), 4)
    entropy = -(0.85 * np.log2(0.85) + 0.15 * np.log2(0.05))
    assert found[2] == pytest.approx(entropy, abs=0.03)
    assert found[1] > found[2] + 0.5
    assert found[4] < found[2] + 0.1
