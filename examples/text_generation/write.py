"""What the model writes after a prompt: on an engine of this machine, or as firmware of an emulated board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import edgernn
from edgernn.boards.artifacts import build_artifact, open_artifact
from edgernn.boards.catalog import load_board
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.boards.emulators.generation import FUNCTIONS
from edgernn.boards.emulators.generation import generate as generate_on_board
from edgernn.runtime.decode import Sampler, generate
from examples.text_generation.data import TOKENIZER

TEMPERATURE, TOP_K = 0.6, 20


def sampler(seed: int) -> Sampler:
    """The twenty likeliest characters; likely ones more often than the model says."""
    return Sampler(TEMPERATURE, TOP_K, seed=seed)


def on_engine(artifact: Path, engine: str, prompts: Sequence[str], length: int) -> list[str]:
    """The texts after the prompts, whose seeds are 1, 2, ..."""
    texts = []
    with edgernn.load(artifact, engine) as session:
        for seed, prompt in enumerate(prompts, 1):
            session.reset()
            texts.append(generate(session, prompt, length, sampler(seed)))
    return texts


def on_board(artifact: Path, name: str, prompts: Sequence[str], length: int) -> list[str]:
    """The same from an .ern file, by the function ``text_generation_generate`` of the compiled C."""
    board, texts = load_board(name), []
    with TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        image = build_artifact(open_artifact(artifact), board, work / "model.elf", work, functions=FUNCTIONS)
    model = EmulatedModel(open_emulator(board, image))
    for seed, prompt in enumerate(prompts, 1):
        model.reset()
        read = TOKENIZER.prompt(prompt)
        texts.append(TOKENIZER.after(read, generate_on_board(model, read, length, sampler(seed), TOKENIZER.end)))
    return texts
