"""Writing: the same on every engine, in a compiled program and on boards; where it ends; what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn.boards.artifacts import build_artifact, open_artifact
from edgernn.boards.catalog import load_board
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.boards.emulators.generation import FUNCTIONS
from edgernn.boards.emulators.generation import generate as generate_on_board
from edgernn.errors import FrameError, UsageError
from edgernn.export.c.source import generate as generate_c
from edgernn.runtime.decode import Sampler, generate, stream, written
from tests.export.c_support import WARNINGS, compiler, run
from tests.runtime.decode.language import SYMBOLS, converted, saved
from tests.support import require

PROMPT, LENGTH = [3, 1, 4, 1, 5], 60
KINDS = {"int16x8": "int16_t", "int8": "int16_t", "float32": "float"}
SAMPLER = Sampler(0.9, top_k=12, top_p=0.97, seed=1 << 40 | 5)


@pytest.fixture(scope="module", params=["int16x8", "int8", "float32"], ids=str)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of one scheme."""
    path = tmp_path_factory.mktemp(request.param) / request.param
    path.mkdir()
    saved(converted(request.param), path, ".ern", ".so", ".c")
    return path


def from_session(path: Path, engine: str = "auto", sampler: Sampler = SAMPLER, end: int | None = None) -> list[int]:
    with edgernn.load(path, engine) as session:
        return generate(session, PROMPT, LENGTH, sampler, end)


def program(folder: Path, end: int = -1) -> str:
    """A C program that writes as ``from_session``."""
    kind = KINDS[folder.name]
    return f"""#include <stdio.h>
#include "writer.h"
int main(void)
{{
    static writer_state model;
    const int32_t prompt[] = {{{", ".join(map(str, PROMPT))}}};
    const ern_sampler sampler = {{{SAMPLER.temperature_q16}, {SAMPLER.top_k}, {SAMPLER.top_p_q16}, {SAMPLER.seed}}};
    int32_t symbols[{LENGTH}];
    {kind} scores[WRITER_OUTPUT_OUTPUT_SIZE];
    size_t written;
    writer_init(&model);
    if (writer_generate(&model, prompt, {len(PROMPT)}, &sampler, {end}, scores, symbols, {LENGTH}, &written) != ERN_OK)
        return 1;
    for (size_t k = 0; k < written; k++)
        printf("%d ", (int)symbols[k]);
    return 0;
}}
"""


def from_program(folder: Path, end: int = -1) -> list[int]:
    (folder / "main.c").write_text(program(folder, end))
    files = sorted(path.name for path in folder.glob("*.c"))
    run([*compiler(), *WARNINGS, "-O1", *files, "-o", "main"], folder)
    (folder / "main.c").unlink()
    return [int(word) for word in run(["./main"], folder).split()]


def test_engines_and_a_compiled_program_write_the_same(folder: Path) -> None:
    text = from_session(folder / "writer.ern", "reference")
    assert len(text) == LENGTH and len(set(text)) > 5
    assert from_session(folder / "writer.so") == text
    assert from_program(folder) == text
    assert from_session(folder / "writer.so", sampler=Sampler(0.9, seed=8)) != text
    require("numba")
    assert from_session(folder / "writer.ern", "numba") == text


def test_writing_ends_before_the_end_symbol(folder: Path) -> None:
    text = from_session(folder / "writer.so")
    end = text[20]
    assert from_session(folder / "writer.so", end=end) == text[: text.index(end)] == from_program(folder, end)


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None or importlib.util.find_spec("unicorn") is None,
    reason="the extra edgernn[boards] is not installed",
)
@pytest.mark.parametrize("folder", ["int16x8", "int8"], indirect=True)
@pytest.mark.parametrize("board", ["nucleo-f446re", "pico", "esp32-c3-devkit"])
def test_boards_write_the_same(folder: Path, board: str, tmp_path: Path) -> None:
    target = load_board(board)
    image = build_artifact(
        open_artifact(folder / "writer.ern"), target, tmp_path / "writer.elf", tmp_path, functions=FUNCTIONS
    )
    model = EmulatedModel(open_emulator(target, image))
    text = from_session(folder / "writer.ern", "reference")
    assert generate_on_board(model, PROMPT, LENGTH, SAMPLER) == text
    model.reset()
    assert generate_on_board(model, PROMPT, LENGTH, SAMPLER, text[20]) == text[: text.index(text[20])]
    with pytest.raises(FrameError, match="writer_generate refuses the prompt: an index is out of range"):
        generate_on_board(model, [SYMBOLS], LENGTH, SAMPLER)


def test_a_session_goes_on_and_gives_real_values_again(folder: Path) -> None:
    with edgernn.load(folder / "writer.so") as session:
        first = generate(session, PROMPT, 5, SAMPLER)
        again = generate(session, first[-1:], 5, SAMPLER)
        session.reset()
        for symbol in PROMPT + first:
            scores = session.step(symbol)
        assert isinstance(scores, np.ndarray) and scores.dtype == np.float32
        session.reset()
        assert generate(session, PROMPT + first, 5, SAMPLER) == again


def test_symbols_come_one_by_one(folder: Path) -> None:
    with edgernn.load(folder / "writer.so") as session:
        symbols = stream(session, PROMPT, LENGTH, SAMPLER)
        first = [next(symbols) for _ in range(7)]
        symbols.close()  # type: ignore[attr-defined]
        assert not session.raw
    assert first == from_session(folder / "writer.so")[:7]


def test_the_last_symbol_is_not_read() -> None:
    read: list[int] = []

    def step(symbol: int) -> np.ndarray:  # type: ignore[type-arg]
        read.append(symbol)
        return np.float32([0.0, 0.0, 0.0, symbol + 1.0])[np.roll(np.arange(4), symbol)]

    assert len(list(written(step, [2, 1], Sampler(), 3))) == 3
    assert len(read) == 4 and read[:2] == [2, 1]


def test_what_does_not_write_is_refused(tmp_path: Path) -> None:
    (path,) = saved(converted("float32", "probabilities"), tmp_path, ".ern")
    with edgernn.load(path) as session, pytest.raises(UsageError, match="probabilities: end it in scores"):
        generate(session, PROMPT)
    (path,) = saved(converted("float32", outputs=SYMBOLS - 1), tmp_path, ".ern")
    with edgernn.load(path) as session, pytest.raises(UsageError, match="does not write"):
        generate(session, PROMPT)
    (path,) = saved(converted("float32", "logarithms"), tmp_path, ".ern")
    with edgernn.load(path) as session:
        assert generate(session, PROMPT, 4, Sampler(0.0))
        with pytest.raises(UsageError, match="prompt is empty"):
            generate(session, [])
        with pytest.raises(FrameError, match=r"not in 0\.\.28"):
            generate(session, [SYMBOLS])


@pytest.mark.parametrize(
    ("end", "outputs", "writes"),
    [("scores", 29, True), ("logarithms", 29, True), ("probabilities", 29, False), ("scores", 28, False)],
)
def test_c_writes_where_the_model_gives_scores(end: str, outputs: int, writes: bool) -> None:
    files = generate_c(converted("int16x8", end, outputs).graph, "writer", 1).files
    assert ("writer_generate" in files["writer.h"]) == writes
    assert ("ern_sample_s16.c" in files) == writes
    assert "writer_generate" not in generate_c(converted("float32").graph, "writer", 1, embed=True).files["writer.c"]


@pytest.mark.parametrize("folder", ["int16x8"], indirect=True)
def test_c_refuses_wrong_prompts(folder: Path) -> None:
    main = program(folder).replace("!= ERN_OK)", "!= ERN_OUT_OF_RANGE || written)")
    for wrong in (f", {len(PROMPT)}, &sampler", ", 0, &sampler"):
        text = main.replace(f", {len(PROMPT)}, &sampler", wrong)
        (folder / "main.c").write_text(text if wrong.startswith(", 0") else text.replace("{3, 1,", "{3, 29,"))
        files = sorted(path.name for path in folder.glob("*.c"))
        run([*compiler(), *files, "-o", "main"], folder)
        run(["./main"], folder)
    (folder / "main.c").unlink()
