"""Three suggestions for the next word, as keyboards show: python -m examples.word_lm.suggest "and the lord said"

It runs the integer model that ``make example NAME=word_lm`` has written.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import edgernn
from edgernn.errors import EdgeRNNError, UsageError
from edgernn.runtime import Session
from edgernn.runtime.decode import likeliest
from examples.common.exporting import BUILD
from examples.common.task import Answer, Frames
from examples.word_lm import data

ARTIFACT = BUILD / "word_lm" / "int16x8" / "word_lm.so"
SUGGESTIONS = 3


def suggestions(scores: Answer, count: int = SUGGESTIONS) -> list[str]:
    """The words that are most likely next, the most likely first; never the one for all rare words."""
    vocabulary = data.TOKENIZER.vocabulary
    return [vocabulary[k] for k in likeliest(scores, count + 1) if k != data.TOKENIZER.unknown][:count]


def after_each(session: Session, words: Frames) -> list[list[str]]:
    """The suggestions after each word [T]."""
    session.reset()
    return [suggestions(np.asarray(session.step(np.array([word], np.int32)))) for word in words]


def share_suggested(session: Session, chapters: list[Frames]) -> float:
    """Percent of the words that stood among the suggestions before they were written."""
    vocabulary = data.TOKENIZER.vocabulary
    hits = [
        vocabulary[word] in offered
        for chapter in chapters
        for word, offered in zip(chapter[1:], after_each(session, chapter), strict=False)
    ]
    return 100 * float(np.mean(hits))


def main(arguments: list[str], artifact: Path = ARTIFACT) -> int:
    """Print what a keyboard would offer after the text; the exit code."""
    try:
        print(" | ".join(_offered(" ".join(arguments), artifact)))
    except EdgeRNNError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _offered(text: str, artifact: Path) -> list[str]:
    words = np.asarray(data.TOKENIZER.encode(text))
    if not len(words):
        raise UsageError('give a text: python -m examples.word_lm.suggest "and the lord said"')
    if not artifact.is_file():
        raise UsageError(f"{artifact} is missing: make example NAME=word_lm")
    with edgernn.load(artifact) as session:
        return after_each(session, words)[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
