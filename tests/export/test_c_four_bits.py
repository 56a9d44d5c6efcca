"""Weights of four bits in C: half the bytes, and bit for bit the reference in every packing and on emulated cores."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import load_board
from edgernn.boards.build import build_model
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.export.c import write
from edgernn.export.c.source import Source, generate
from edgernn.ir.cpu import cpu_features
from edgernn.ops.integer import EmbeddingInt16
from tests.export.c_support import WARNINGS, compiler, merged, run, write_driver
from tests.ops.cases.base import Case
from tests.ops.integer_cases import integer_cases
from tests.ops.integer_cases.base import IntegerCaseBuilder
from tests.ops.test_engines import reference_run

AVX2 = ("avx2", "fma")
PACKINGS = [(1, "none"), (1, "dsp"), (4, "none"), *([(8, "none")] if cpu_features() >= set(AVX2) else [])]
LAYERS = ("lstm", "gru", "rnn", "linear")
PREFIXES = tuple(f"ern_{layer}_" for layer in (*LAYERS, "embedding"))
BOARDS = [("nucleo-f446re", "dsp"), ("mps2-an505", "dsp"), ("mps2-an385", "none"), ("pico", "words"),
          ("esp32-c3-devkit", "none")]  # fmt: skip
KERNELS = [f"ern_{layer}_w4.c" for layer in ("embedding", "gru", "linear", "lstm", "rnn")]


def four_bits(case: Case) -> Case:
    """``case`` with weights in -8..7, whose extremes stay the extremes, and multipliers 16 times as large."""
    graph = case.graph.copy()
    for name, array in graph.constants.items():
        if array.dtype == np.int8:
            graph.constants[name] = (array >> 4).astype(np.int8)
        elif name.startswith("m"):
            graph.constants[name] = np.minimum(array.astype(np.int64) * 16, 2**31 - 1).astype(np.int32)
    return replace(case, graph=graph)


def embedding(columns: int) -> Case:
    case = IntegerCaseBuilder(f"embedding_four_bits_{columns}")
    table = case.builder.constant(case.rng.integers(-8, 8, (11, columns)).astype(np.int8), "w")
    multiplier = case.builder.constant(case.rng.integers(1, 1 << 22, 11).astype(np.int32), "m")
    return case.done(case.builder.add1(EmbeddingInt16("int16"), [case.tokens(11, 3), table, multiplier]))


def layers(largest: int = 65) -> Case:
    """All layers with vectors of up to ``largest`` elements, side by side."""
    found = [four_bits(case) for case in integer_cases() if str(case).startswith(LAYERS)]
    found = [c for c in found if max(p.size for p in (*c.graph.inputs, *c.graph.outputs)) <= largest]
    return merged([*found, embedding(5), embedding(6)])


def expected(case: Case) -> np.ndarray:
    outputs, _ = reference_run(case)
    return np.concatenate([np.ravel(y) for step in outputs for y in step]).astype(np.int64)


def flags(lanes: int) -> list[str]:
    return [f"-DERN_LANES={lanes}", *(f"-m{name}" for name in AVX2 if lanes == 8)]


@pytest.mark.parametrize(("lanes", "simd"), PACKINGS)
def test_every_packing_equals_the_reference(lanes: int, simd: str, tmp_path: Path) -> None:
    case = layers()
    files = write_driver(case, tmp_path, lanes, simd)
    assert sorted(name for name in files if name.startswith(PREFIXES)) == KERNELS
    run([*compiler(), *WARNINGS, *flags(lanes), "-fsyntax-only", "model.c", *KERNELS], tmp_path)
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    run([*compiler(), "-std=c99", "-O1", *flags(lanes), *sanitize, *files, "-o", "main"], tmp_path)
    np.testing.assert_array_equal(np.array(run(["./main"], tmp_path).split(), np.int64), expected(case))


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None or importlib.util.find_spec("unicorn") is None,
    reason="the extra edgernn[boards] is not installed",
)
@pytest.mark.parametrize(("board", "simd"), BOARDS)
def test_emulated_steps_equal_the_reference(board: str, simd: str, tmp_path: Path) -> None:
    case = layers(17)
    (tmp_path / "model").mkdir()
    write(case.graph, tmp_path / "model" / "layers.c", simd=simd)
    image = build_model(load_board(board), tmp_path / "model", tmp_path / "layers.elf", stack_bytes=8192)
    model = EmulatedModel(open_emulator(load_board(board), image))
    names = [port.name for port in case.graph.inputs]
    for frames, want in zip(case.frames, reference_run(case)[0], strict=True):
        found = model.step(**dict(zip(names, frames, strict=True))).outputs
        for port, values in zip(case.graph.outputs, want, strict=True):
            np.testing.assert_array_equal(found[port.name], values, err_msg=port.name)


@pytest.mark.parametrize("simd", ["none", "words", "dsp"])
def test_weights_take_half_a_byte_each(simd: str) -> None:
    case = next(c for c in integer_cases() if str(c).startswith("lstm_int16_15_16"))
    wide, narrow = (generate(graph, "model", 1, simd=simd) for graph in (case.graph, four_bits(case).graph))
    columns = 31 if simd == "none" else 32
    assert weight_bytes(wide) - weight_bytes(narrow) == 4 * 16 * columns - 4 * 16 * 32 // 2


def weight_bytes(source: Source) -> int:
    lines = source.files["model.h"].splitlines()
    return int(next(line.split()[2] for line in lines if line.startswith("#define MODEL_WEIGHT_BYTES")))


def test_matrices_of_larger_numbers_stay_in_bytes() -> None:
    case = next(c for c in integer_cases() if str(c).startswith("gru_int16_3_4"))
    source = generate(case.graph, "model", 1)
    assert "ern_gru_s16.c" in source.kernels and not [name for name in source.kernels if name.endswith("_w4.c")]
