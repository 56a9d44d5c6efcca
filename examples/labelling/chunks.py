"""The tagger as a stream that looks some words ahead, against whole sentences: python -m examples.labelling.chunks

Prints a table: words that a step takes and words that it looks ahead of them, words from a word to its answer, and the
scores of PyTorch and of the int16x8 model, streamed word by word, on the held-out sentences.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgernn
from examples.common.integers import stream
from examples.common.task import Answer, Frames, answers
from examples.labelling.data import NO_SYMBOL
from examples.labelling.run import TASK

SIZES = ((1, 0), (1, 1), (1, 2), (1, 4), (4, 4))
"""Words of a chunk, and of the look-ahead."""

HEAD = ("chunk", "look-ahead", "words until the answer", "parts of speech", "names", "parts, int16x8", "names, int16x8")


def row(chunk: int, lookahead: int, folder: Path) -> tuple[str, ...]:
    """Of one size."""
    module = TASK.trained()
    model = edgernn.convert(module, inputs=TASK.inputs, mode="chunk", chunk=chunk, lookahead=lookahead, name="tagger")
    integers = model.quantize([in_chunks(words, chunk) for words in TASK.calibration()], "int16x8")
    path = folder / f"tagger_{chunk}_{lookahead}.so"
    integers.save(path)
    held_out = TASK.held_out()
    with edgernn.load(path) as session:
        found = stream(session, [in_chunks(words, chunk) for words in held_out])
        delay = session.delay * session.hop + session.hop - 1
    labels = found[0].shape[-1]
    cut = [answer.reshape(-1, labels)[: len(words)] for answer, words in zip(found, held_out, strict=True)]
    whole = answers(edgernn.with_lookahead(module, chunk, lookahead), held_out)
    return str(chunk), str(lookahead), str(delay), *_scores(whole), *_scores(cut)


def in_chunks(words: Frames, chunk: int) -> Frames:
    """A sentence [T, 6], with words of NO_SYMBOL after it up to a whole number of chunks."""
    return np.pad(words, ((0, -len(words) % chunk), (0, 0)), constant_values=NO_SYMBOL)


def _scores(found: Sequence[Answer]) -> tuple[str, ...]:
    return tuple(f"{measure.score(found):.2f} %" for measure in TASK.measures)


def main() -> int:
    """Print the table; the exit code."""
    print("| " + " | ".join(HEAD) + " |")
    print("| " + " | ".join("---" for _ in HEAD) + " |")
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        for size in SIZES:
            print("| " + " | ".join(row(*size, Path(folder))) + " |", flush=True)
    whole = _scores(answers(TASK.trained(), TASK.held_out()))
    print("| whole sentences | | | " + " | ".join(whole) + " | | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
