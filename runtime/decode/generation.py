"""Models that write: what was drawn is read next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.op import Array
from edgernn.ir.scores import symbols
from edgernn.runtime.decode.sampling import Sampler
from edgernn.runtime.session import Session

LENGTH = 200
LIKELY = Sampler()
NEAR_ONE = 1e-3

Step = Callable[[int], Array]
"""Reads a symbol; gives the scores of those that may follow."""


def written(
    step: Step, prompt: Sequence[int], sampler: Sampler, length: int, end: int | None = None, scale: float | None = None
) -> Iterator[int]:
    """What a model writes after ``prompt``, symbol by symbol: at most ``length``, up to the symbol ``end``.

    step   scores are float32, or integers in units of ``scale``
    end    it is not given itself; the model does not read it, nor the last symbol

    Raises UsageError for an empty prompt, and for a model that gives probabilities instead of scores.
    """
    if not len(prompt):
        raise UsageError("the prompt is empty: a model has to read a symbol before it can say what follows")
    for symbol in prompt:
        scores = step(int(symbol))
    _refuse_probabilities(scores, scale)
    for position in range(length):
        chosen = sampler.choose(scores, position, scale)
        if chosen == end:
            return
        yield chosen
        if position + 1 < length:
            scores = step(chosen)


@overload
def generate(
    session: Session, prompt: str, length: int = ..., sampler: Sampler = ..., end: int | None = ...
) -> str: ...  # fmt: skip
@overload
def generate(
    session: Session, prompt: Sequence[int], length: int = ..., sampler: Sampler = ..., end: int | None = ...
) -> list[int]: ...
def generate(
    session: Session, prompt: str | Sequence[int], length: int = LENGTH, sampler: Sampler = LIKELY,
    end: int | None = None,
) -> str | list[int]:  # fmt: skip
    """What a model writes after ``prompt``: the text after a text, the symbols after symbols.

    It is at most ``length`` symbols long, and ends before the symbol ``end``, by default that of the tokenizer. The
    state goes on from where the session is: ``reset`` it for a new text. The same seed writes the same on every engine
    and board that runs an integer model.

    Raises UsageError for a model that does not give a score to each symbol that it may read next, and for a text where
    the artifact has no tokenizer; FrameError for symbols that the model does not know.
    """
    if not isinstance(prompt, str):
        return list(stream(session, prompt, length, sampler, end))
    tokenizer = session.tokenizer
    if tokenizer is None:
        raise UsageError(
            f"model {session.interface.name!r} has no tokenizer: give the numbers of symbols, or export the model with "
            f"--tokenizer"
        )
    read = tokenizer.prompt(prompt)
    return tokenizer.after(read, list(stream(session, read, length, sampler, end)))


def stream(
    session: Session, prompt: Sequence[int], length: int = LENGTH, sampler: Sampler = LIKELY, end: int | None = None
) -> Iterator[int]:
    """As ``generate`` of symbols, each as soon as it is there. Until the last one the session is ``raw``."""
    face = session.interface
    if symbols(face.inputs, face.outputs, face.hop, face.delay) is None:
        takes = ", ".join(f"{p.dtype}{list(p.shape)}" for p in (*face.inputs, *face.outputs))
        raise UsageError(
            f"model {face.name!r} does not write: that takes one input, the number of a symbol, and one output, "
            f"a score for each of them; found {takes}"
        )
    if end is None and face.tokenizer is not None:
        end = face.tokenizer.end
    scale, raw = face.outputs[0].scale, session.raw
    session.raw = True
    try:
        yield from written(
            lambda symbol: np.asarray(session.step(symbol)).reshape(-1), prompt, sampler, length, end, scale
        )
    finally:
        session.raw = raw


def _refuse_probabilities(scores: Array, scale: float | None) -> None:
    real = scores.astype(np.float64) * (scale or 1.0)
    if len(real) > 1 and real.min() >= 0 and abs(real.sum() - 1) < NEAR_ONE:
        raise UsageError("the model gives probabilities: end it in scores, or in log_softmax instead of softmax")
