"""What predicts bases without a network: how often each followed the last k bases."""

from __future__ import annotations

import numpy as np

from examples.dna_lm.data import Corpus, words

PRIOR = 400.0
"""Bases that the order below counts for."""


def bits(corpus: Corpus, most: int) -> list[float]:
    """For each held-out base but the first of each stretch, by orders 0 to ``most``.

    Order k takes its counts and PRIOR times the prediction of order k - 1 (Dirichlet smoothing); where fewer bases went
    before, the order is lower.
    """
    predicted = [np.full((len(row), 4), 0.25) for row in corpus.held_out]
    found = []
    for order in range(most + 1):
        seen_words = np.concatenate([words(row, order + 1) for row in corpus.known])
        table = np.bincount(seen_words, minlength=4 ** (order + 1)).reshape(-1, 4)
        for row, shares in zip(corpus.held_out, predicted, strict=True):
            context = words(row, order)[: len(row) - order] if order else np.zeros(len(row), np.int64)
            seen = table[context]
            shares[order:] = (seen + PRIOR * shares[order:]) / (seen.sum(axis=1, keepdims=True) + PRIOR)
        chosen = [s[np.arange(1, len(r)), r[1:]] for r, s in zip(corpus.held_out, predicted, strict=True)]
        found.append(float(-np.log2(np.concatenate(chosen)).mean()))
    return found
