"""What chunks with look-ahead cost a trained model: its score, delay, memory and work, by chunk and look-ahead.

    python -m benchmarks.lookahead [--json results.json]

The model is the tagger of examples/labelling, a bidirectional LSTM that was trained on whole sentences, on its held-out
sentences; it is not trained with look-ahead. Scores are those of PyTorch. Multiply-accumulates are those of products,
for each word; those of the model over whole sentences are counted as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.report import show_table, write_json
from benchmarks.streamed_macs import module_macs
from edgernn.ir.op import Array
from edgernn.validation.layers import layer_rows

SIZES = ((1, 1), (1, 2), (1, 4), (2, 2), (4, 2), (4, 4), (8, 8))
"""(Chunk, look-ahead) in words."""

WORDS = 64
"""Length of the sequences whose multiply-accumulates are counted."""


@dataclass(frozen=True)
class Row:
    """One chunk size and look-ahead.

    parts, names    percent, as in the example; relative  RMS difference of the scores from those over whole sentences
    latest          words that come before an answer, at most
    work            multiply-accumulates over those of the model over whole sentences
    """

    chunk: int
    lookahead: int
    parts: float
    names: float
    relative: float
    latest: int
    state_bytes: int
    work: float


def measured(module: nn.Module, sizes: tuple[tuple[int, int], ...] = SIZES) -> Iterator[Row]:
    """Rows of ``sizes``; the first is of whole sentences, with chunk 0."""
    from examples.labelling import run

    torch.set_num_threads(1)
    sentences = run.held_out()
    whole = _answers(module, sentences)
    least = module_macs(module, torch.zeros(1, WORDS, 6, dtype=torch.int64)) / WORDS
    yield Row(0, 0, run.share_of_parts(whole), run.f1_of_names(whole), 0.0, 0, 0, 1.0)
    for chunk, ahead in sizes:
        found = _answers(edgernn.with_lookahead(module, chunk, ahead), sentences)
        model = edgernn.convert(module, inputs="int:1,T,6", mode="chunk", chunk=chunk, lookahead=ahead)
        work = sum(row.macs for row in layer_rows(model.graph)) / chunk / least
        latest = (model.interface.delay + 1) * chunk - 1
        yield Row(
            chunk, ahead, run.share_of_parts(found), run.f1_of_names(found), _relative(whole, found), latest,
            model.interface.state_bytes, work,
        )  # fmt: skip


def _answers(module: nn.Module, sentences: list[Array]) -> list[Array]:
    with torch.no_grad():
        return [module.eval()(torch.from_numpy(s[None]))[0].numpy() for s in sentences]


def _relative(whole: list[Array], found: list[Array]) -> float:
    a, b = np.concatenate(whole), np.concatenate(found)
    return float(np.sqrt(np.mean(np.square(b - a)) / np.mean(np.square(a))))


@click.command(help=__doc__)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results here, too.")
def main(json_path: Path | None) -> None:
    """Measure and print."""
    from examples.labelling.run import TASK

    rows = list(measured(TASK.trained()))
    columns = ("chunk", "look-ahead", "parts %", "names F1 %", "relative %", "words waited", "state", "work")
    show_table("The tagger of examples/labelling", columns, [_texts(row) for row in rows])
    write_json([asdict(row) for row in rows], json_path)


def _texts(row: Row) -> tuple[str, ...]:
    name, ahead = (str(row.chunk), str(row.lookahead)) if row.chunk else ("whole", "all")
    latest, state = (str(row.latest), f"{row.state_bytes:,}") if row.chunk else ("all", "")
    scores = f"{row.parts:.2f}", f"{row.names:.2f}", f"{100 * row.relative:.2f}"
    return name, ahead, *scores, latest, state, f"{row.work:.2f}"


if __name__ == "__main__":
    main()
