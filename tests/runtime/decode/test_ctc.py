"""CTC: what all alignments say, the same bits in Python and C, and streams without end."""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgernn.boards import load_board
from edgernn.boards.build import build_program
from edgernn.boards.emulators import open_emulator
from edgernn.errors import UsageError
from edgernn.export.c import write_decoders
from edgernn.ir.scores import score_unit
from edgernn.runtime.decode import CtcBeam, CtcGreedy
from edgernn.runtime.decode.arithmetic import LOG_ONE, LOG_ZERO, log2_q31, log_add, log_row
from tests.runtime.decode.c_library import Unit, library

Scores = NDArray[np.generic]


class CPath(ctypes.Structure):
    """ern_ctc_path"""

    _fields_ = (("blank", ctypes.c_int32), ("symbol", ctypes.c_int32), ("total", ctypes.c_int32),
                ("node", ctypes.c_uint16), ("next", ctypes.c_int16))  # fmt: skip


class Beam(ctypes.Structure):
    """ern_ctc_beam"""

    _fields_ = (
        ("nodes", ctypes.c_void_p), ("paths", ctypes.POINTER(CPath)), ("work", ctypes.POINTER(CPath)),
        ("capacity", ctypes.c_uint16), ("width", ctypes.c_uint16), ("count", ctypes.c_uint16),
        ("free", ctypes.c_uint16), ("room", ctypes.c_uint16), ("blank", ctypes.c_int16),
        ("threshold", ctypes.c_int32), ("log2_best", ctypes.c_int64),
    )  # fmt: skip


class InC:
    """The search in C, with memory of exact size."""

    def __init__(self, width: int, blank: int, nodes: int, threshold: int) -> None:
        self.memory = (ctypes.c_uint8 * (8 * nodes))(), (CPath * width)(), (CPath * width)()
        self.beam = Beam()
        library().ern_ctc_begin(
            ctypes.byref(self.beam), self.memory[0], ctypes.c_uint16(nodes), self.memory[1], self.memory[2],
            ctypes.c_uint16(width), ctypes.c_int16(blank),
        )  # fmt: skip
        self.beam.threshold = threshold

    def step(self, row: NDArray[np.int32]) -> bool:
        return bool(library().ern_ctc_frame(ctypes.byref(self.beam), row_pointer(row), ctypes.c_size_t(len(row))))

    def best(self, length: int = 64) -> list[int]:
        symbols = (ctypes.c_int16 * length)()
        count = library().ern_ctc_best(ctypes.byref(self.beam), symbols, ctypes.c_size_t(length))
        return list(symbols)[:count]

    def settle(self, count: int) -> list[int]:
        symbols = (ctypes.c_int16 * max(count, 1))()
        settled = library().ern_ctc_settle(ctypes.byref(self.beam), symbols, ctypes.c_size_t(count))
        return list(symbols)[:settled]

    def probabilities(self) -> list[float]:
        paths = self.memory[1][: self.beam.count]
        return [(self.beam.log2_best + path.total) / LOG_ONE for path in paths]


def row_pointer(row: NDArray[np.int32]) -> ctypes.c_void_p:
    return ctypes.c_void_p(row.ctypes.data)


def row_in_c(scores: Scores, scale: float) -> tuple[NDArray[np.int32], int]:
    """Logarithms of a row, and its likeliest symbol, from C."""
    name = {"float32": "f32", "int16": "s16", "int8": "s8"}[str(scores.dtype)]
    unit = [] if name == "f32" else [Unit(*score_unit(scale))]
    row = np.empty(len(scores), np.int32)
    data = np.ascontiguousarray(scores)
    function = getattr(library(), f"ern_log_row_{name}")
    best = function(ctypes.c_void_p(data.ctypes.data), ctypes.c_size_t(len(data)), *unit, row_pointer(row))
    return row, best


@st.composite
def streams(draw: st.DrawFn) -> tuple[Scores, float]:
    """Frames [T, n] of any type, of symbols that stay for some time, some with many ties."""
    dtype = draw(st.sampled_from(["float32", "int16", "int8"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames, size = draw(st.integers(1, 40)), draw(st.integers(2, 9))
    values = rng.normal(size=(frames, size)) * draw(st.sampled_from([0.0, 0.5, 2.0, 30.0]))
    values += 4 * np.eye(size)[np.repeat(rng.integers(0, size, frames), 3)[:frames]]
    scale = draw(st.sampled_from([0.05, 1e-3, 1.0]))
    if dtype == "float32":
        return values.astype(np.float32), scale
    limits = np.iinfo(dtype)
    return np.clip(np.round(values / scale), limits.min, limits.max).astype(dtype), scale


@settings(max_examples=300, derandomize=True, deadline=None)
@given(streams(), st.integers(1, 9), st.integers(0, 1), st.sampled_from([None, 0.2, 1e-4]), st.integers(1, 30))
def test_c_finds_the_same(
    stream: tuple[Scores, float], width: int, blank: int, threshold: float | None, spare: int
) -> None:
    frames, scale = stream
    nodes = width + 1 + spare
    beam = CtcBeam(width, blank, nodes=nodes, threshold=threshold)
    in_c = InC(width, blank, nodes, beam.threshold_q20)
    greedy, last = CtcGreedy(blank), ctypes.c_int32(blank)
    for frame in frames:
        row, likeliest = row_in_c(frame, scale)
        np.testing.assert_array_equal(row, log_row(frame, scale))
        symbol = library().ern_ctc_greedy(likeliest, blank, ctypes.byref(last))
        assert (None if symbol < 0 else symbol) == greedy.step(frame, scale)
        while not in_c.step(row):
            with pytest.raises(UsageError, match="settle some symbols"):
                beam.step(frame, scale)
            half = len(beam.best()) // 2
            if half == 0:
                return
            assert in_c.settle(half) == beam.settle(half)
            assert in_c.best() == beam.best()
        beam.step(frame, scale)
        assert in_c.best() == beam.best()
        assert in_c.probabilities() == [probability for _, probability in beam.paths()]


def by_alignments(probabilities: NDArray[np.float64], blank: int) -> dict[tuple[int, ...], float]:
    """The probability of every text: the sum over all alignments."""
    found: dict[tuple[int, ...], float] = {}
    frames, size = probabilities.shape
    for line in itertools.product(range(size), repeat=frames):
        text = tuple(s for k, s in enumerate(line) if s != blank and (k == 0 or line[k - 1] != s))
        chance = float(np.prod(probabilities[np.arange(frames), line]))
        found[text] = found.get(text, 0.0) + chance
    return found


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_sums_over_all_alignments(seed: int, blank: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(6, 3)).astype(np.float32)
    chances = np.exp(scores.astype(np.float64))
    chances /= chances.sum(axis=1, keepdims=True)
    wanted = by_alignments(chances, blank)
    beam = CtcBeam(500, blank)
    assert beam.text(scores) == list(max(wanted, key=lambda text: wanted[text]))
    found = {tuple(text): 2.0**log2 for text, log2 in beam.paths()}
    assert found.keys() == wanted.keys()
    for text, chance in wanted.items():
        assert found[text] == pytest.approx(chance, rel=1e-4)


def test_a_text_that_is_never_the_likeliest_line_is_found() -> None:
    """In Graves' example the best line is all blanks, but more alignments say "a"."""
    scores = np.log(np.float32([[0.6, 0.4], [0.6, 0.4]]))
    assert CtcGreedy().text(scores) == []
    beam = CtcBeam(4)
    assert beam.text(scores) == [1]
    assert 2**beam.log2_probability == pytest.approx(0.64, rel=1e-4)


def repeated(text: Sequence[int], size: int, hold: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Frames that say a text: each symbol for some frames, then a blank."""
    lines = [line for symbol in text for line in (*[symbol] * hold, 0)]
    return (5 * np.eye(size)[lines] + rng.normal(size=(len(lines), size))).astype(np.float32)


def test_a_stream_goes_on_for_ever_in_a_small_pool() -> None:
    rng = np.random.default_rng(0)
    text = rng.integers(1, 6, 400).tolist()
    frames = repeated(text, 6, 2, rng)
    beam = CtcBeam(4, nodes=40)
    settled: list[int] = []
    for frame in frames:
        try:
            beam.step(frame)
        except UsageError:
            settled += beam.settle(8)
            beam.step(frame)
    assert settled + beam.best() == CtcBeam(4).text(frames) == text
    assert beam.log2_probability < 0


def test_partial_results_do_not_disturb_the_search() -> None:
    rng = np.random.default_rng(1)
    frames = (rng.normal(size=(50, 7)) * 2).astype(np.float32)
    watched, beam = CtcBeam(6), CtcBeam(6)
    for frame in frames:
        watched.step(frame)
        _ = watched.best(), watched.paths()
    assert watched.paths() == (beam.text(frames), beam.paths())[1]


def test_logarithms() -> None:
    for n in (1, 3, 1 << 31, (1 << 31) + 12345, (1 << 32) - 1, 1 << 32, 987654321987):
        assert log2_q31(n) / LOG_ONE == pytest.approx(np.log2(n) - 31, abs=2e-6)
    for a, b in ((0.0, 0.0), (-3.5, -3.0), (-1.0, -25.0), (-1.0, -40.0)):
        found = log_add(round(a * LOG_ONE), round(b * LOG_ONE)) / LOG_ONE
        assert found == pytest.approx(np.log2(2**a + 2**b), abs=3e-6)
    assert log_add(LOG_ZERO, LOG_ZERO) == LOG_ZERO
    scores = np.float32([3, -2, 0.5, -900])
    wanted = np.maximum((scores - np.log(np.exp(scores.astype(np.float64)).sum())) / np.log(2), -512)
    np.testing.assert_allclose(log_row(scores) / LOG_ONE, wanted, atol=4e-6)


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None or importlib.util.find_spec("unicorn") is None,
    reason="the extra edgernn[boards] is not installed",
)
@pytest.mark.parametrize("name", ["nucleo-f446re", "pico", "esp32-c3-devkit"])
def test_boards_find_the_same(name: str, tmp_path: Path) -> None:
    scale, size, width, nodes, longest = 1e-3, 9, 5, 64, 40
    rng = np.random.default_rng(2)
    frames = np.round(repeated([1, 2, 2, 8, 3, 1], size, 2, rng) / scale).astype(np.int16)
    files = write_decoders(tmp_path, ["ctc"])
    roots = ["ern_ctc_begin", "ern_ctc_frame", "ern_ctc_best", "ern_log_row_s16"]
    board = load_board(name)
    sources = [path for path in files if path.suffix == ".c"]
    image = build_program(board, sources, tmp_path / "ctc.elf", roots=roots, includes=[tmp_path])
    emulator = open_emulator(board, image)
    sizes = {"beam": 64, "nodes": 8 * nodes, "paths": 16 * width, "work": 16 * width}
    sizes |= {"frame": 2 * size, "row": 4 * size, "symbols": 2 * longest}
    at = {key: emulator.allocate(key, size_bytes) for key, size_bytes in sizes.items()}
    emulator.call("ern_ctc_begin", at["beam"], at["nodes"], nodes, at["paths"], at["work"], width, 0)
    beam = CtcBeam(width, nodes=nodes)
    for frame in frames:
        beam.step(frame, scale)
        emulator.write(at["frame"], frame.tobytes())
        emulator.call("ern_log_row_s16", at["frame"], size, *score_unit(scale), at["row"])
        assert emulator.call("ern_ctc_frame", at["beam"], at["row"], size).value == 1
        count = emulator.call("ern_ctc_best", at["beam"], at["symbols"], longest).value
        assert np.frombuffer(emulator.read(at["symbols"], 2 * count), np.int16).tolist() == beam.best()
    assert beam.best() == [1, 2, 2, 8, 3, 1]


def test_values_out_of_range_are_refused() -> None:
    for arguments in ({"width": 0}, {"width": 3, "nodes": 3}, {"nodes": 1 << 16}, {"threshold": 0.0}):
        with pytest.raises(UsageError):
            CtcBeam(**arguments)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="need the scale"):
        CtcBeam().step(np.zeros(3, np.int16))
