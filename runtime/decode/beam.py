"""The best texts of a decoder that makes steps: beam search over symbols, greedy with a width of 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.op import Array
from edgernn.runtime.decode.arithmetic import LOG_ONE, log_row
from edgernn.runtime.session import Session

Resumable = Callable[[int, Any], tuple[Array, Any]]
"""Reads a symbol in a state; gives the scores [n] of those that may follow, and the next state."""


@dataclass(frozen=True)
class Hypothesis:
    """Symbols after the first one, without the end.

    log2   of their probability, the end included where it was reached
    ended  whether it was
    """

    symbols: tuple[int, ...]
    log2: float
    ended: bool


@dataclass(frozen=True)
class _Line:
    symbols: tuple[int, ...]
    total: int
    state: Any


def beam_search(
    step: Resumable, begin: int, state: Any, *, width: int = 4, length: int = 100, end: int | None = None,
    normalization: float = 0.0, scale: float | None = None,
) -> list[Hypothesis]:  # fmt: skip
    """The likeliest texts after the symbol ``begin``, best first, at most ``width``.

    step           may be an attention decoder, a language model, anything that can go on from a state
    length         symbols at the most; texts that have not ended by then count as they are
    end            symbol after which nothing follows
    normalization  texts are compared by log2 / (number of symbols, the end included) ** normalization: 0 compares
                   probabilities, which favours short texts, 1 the mean over symbols
    scale          of integer scores

    Probabilities are summed in integers (Q.20), so equal scores give equal texts. Of equal ones the first found, by the
    rank of the text before, then by number of the symbol, is first. Raises UsageError for values out of range.
    """
    if width < 1 or length < 1 or not 0 <= normalization <= 2:
        raise UsageError(f"width and length are at least 1, normalization in 0..2: {width}, {length}, {normalization}")
    lines, ended = [_Line((), 0, (begin, state))], list[Hypothesis]()
    for _ in range(length):
        grown = _grown(step, lines, width, scale)
        over = [line for line in grown if line.symbols[-1] == end]
        ended += [Hypothesis(line.symbols[:-1], line.total / LOG_ONE, True) for line in over]
        lines = [line for line in grown if line.symbols[-1] != end]
        if not lines or _is_decided(ended, lines[0].total / LOG_ONE, width, normalization, length):
            lines = []
            break
    found = ended + [Hypothesis(line.symbols, line.total / LOG_ONE, False) for line in lines]
    return sorted(found, key=lambda h: -_rank(h, normalization))[:width]


def resumable(session: Session) -> Resumable:
    """Steps of a session from any of its states, which are snapshots: ``session.snapshot()`` is where to begin.

    Scores are those of the session: real values, or integers if it is ``raw``.
    """

    def step(symbol: int, state: bytes) -> tuple[Array, bytes]:
        session.restore(state)
        scores = np.asarray(session.step(symbol)).reshape(-1)
        return scores, session.snapshot()

    return step


def _grown(step: Resumable, lines: list[_Line], width: int, scale: float | None) -> list[_Line]:
    """The likeliest texts of one more symbol."""
    found: list[_Line] = []
    for line in lines:
        scores, after = step(*line.state)
        row = log_row(scores, scale)
        for symbol in np.argsort(-row, kind="stable")[:width].tolist():
            found.append(_Line((*line.symbols, symbol), line.total + int(row[symbol]), (symbol, after)))
    return sorted(found, key=lambda line: -line.total)[:width]


def _rank(hypothesis: Hypothesis, normalization: float) -> float:
    length = max(1, len(hypothesis.symbols) + hypothesis.ended)
    return hypothesis.log2 / float(length**normalization)


def _is_decided(ended: list[Hypothesis], best: float, width: int, normalization: float, length: int) -> bool:
    """Whether no text that goes on, of log2 probability ``best`` at most, can come before the ones that have ended."""
    ranks = sorted((_rank(h, normalization) for h in ended), reverse=True)
    return len(ranks) >= width and best / (length + 1) ** normalization <= ranks[width - 1]
