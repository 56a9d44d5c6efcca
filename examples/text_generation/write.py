"""The model writes: python -m examples.text_generation.write --seed 3 "And God said"

It runs the integer model that ``make example NAME=text_generation`` has written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import edgernn
from edgernn.boards.artifacts import build_artifact, open_artifact
from edgernn.boards.catalog import load_board
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.errors import EdgeRNNError, UsageError
from edgernn.runtime.quantized import dequantize
from examples.common.exporting import BUILD
from examples.common.task import Answer
from examples.text_generation import data

ARTIFACT = BUILD / "text_generation" / "int16x8" / "text_generation.so"
CHARACTERS = 300

Step = Callable[[int], Answer]
"""Number of a character to the scores of the next."""


@dataclass(frozen=True)
class Sampler:
    """Chooses the next character.

    temperature  0 always takes the likeliest; below 1 likely ones are taken more often than the model says
    top          how many of the likeliest may be taken
    """

    seed: int = 1
    temperature: float = 0.6
    top: int = 20

    def choose(self, scores: Answer, position: int) -> int:
        """The character at ``position``: the same for the same seed, position and scores."""
        if not self.temperature:
            return int(scores.argmax())
        order = np.argsort(-scores, kind="stable")[: self.top]
        likely = scores[order].astype(np.float64) / self.temperature
        chances = np.cumsum(np.exp(likely - likely[0]))
        drawn = np.random.Generator(np.random.Philox(key=self.seed, counter=position)).random()
        return int(order[np.searchsorted(chances, drawn * chances[-1], side="right")])


def write(step: Step, prompt: str, count: int, sampler: Sampler) -> str:
    """``count`` characters after the prompt, or fewer, up to the end of a chapter."""
    for character in data.as_numbers("\n" + prompt):
        scores = step(int(character))
    written: list[int] = []
    for position in range(count):
        written.append(sampler.choose(scores, position))
        if data.ALPHABET[written[-1]] == "\n":
            break
        scores = step(written[-1])
    return data.as_text(np.asarray(written))


@contextmanager
def on_engine(artifact: Path, engine: str = "auto") -> Iterator[Step]:
    """Steps of an engine of this machine."""
    with edgernn.load(artifact, engine) as session:
        yield lambda character: np.asarray(session.step(np.array([character], np.int32)))


@contextmanager
def on_board(artifact: Path, name: str) -> Iterator[Step]:
    """Steps of an emulated board, of an .ern file."""
    board = load_board(name)
    with TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        image = build_artifact(open_artifact(artifact), board, work / "model.elf", work)
        model = EmulatedModel(open_emulator(board, image))
        port, answer = model.inputs[0], model.outputs[0]

        def step(character: int) -> Answer:
            frame: NDArray[np.int32] = np.full(port.shape, character, port.dtype)
            return dequantize(model.step(**{port.name: frame}).outputs[answer.name], answer)

        yield step


def main(arguments: Sequence[str] | None = None, artifact: Path = ARTIFACT) -> int:
    """Print what the model writes; the exit code."""
    parser = argparse.ArgumentParser(description="text after a prompt")
    parser.add_argument("prompt", nargs="?", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=0.6)
    parser.add_argument("--count", type=int, default=CHARACTERS)
    options = parser.parse_args(arguments)
    try:
        if not artifact.is_file():
            raise UsageError(f"{artifact} is missing: make example NAME=text_generation")
        with on_engine(artifact) as step:
            sampler = Sampler(options.seed, options.temperature)
            print(options.prompt + write(step, options.prompt, options.count, sampler))
    except EdgeRNNError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
