"""Exported models on emulated cores: the same streams as the NumPy reference, integers to the bit."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import Board, EmulatedModel, Emulator, Image, build_model, load_board
from edgernn.boards.emulators.model import Array
from edgernn.boards.sources import packing_key, write_sources
from edgernn.errors import EmulationError, FrameError, OutputError
from edgernn.export.c import write
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Gru, Linear, Lstm
from edgernn.ops.evaluate import run_block
from edgernn.quant import quantize

from .conftest import BOARDS

WITH_FPU = ("nucleo-f446re", "nucleo-h743zi", "mps2-an505", "rpi4", "rpi5")
IN, LSTM, GRU, OUT = 5, 17, 12, 3
STEPS = 2000
FLOAT_TOLERANCE = 2e-5
"""Of outputs below 1 in size: float32 sums in another order, with functions exact to about 1e-7, on carried state."""


def small_model() -> Graph:
    """LSTM 5 to 17, GRU to 12, Linear to 3."""
    graph = Graph("small")
    b, rng = Builder(graph), np.random.default_rng(7)

    def draw(*shape: int) -> str:
        return b.constant(rng.uniform(-0.35, 0.35, shape).astype(np.float32))

    def state(name: str, size: int) -> str:
        return b.value(name, ValueType("float32", (size,), StreamInfo()))

    x = b.value("x", ValueType("float32", (IN,), StreamInfo()))
    graph.inputs.append(Port("x", (IN,), "float32", value=x))
    h, c, g = state("h", LSTM), state("c", LSTM), state("g", GRU)
    h2, c2 = b.add(Lstm(LSTM), [x, h, c, draw(4 * LSTM, IN), draw(4 * LSTM, LSTM), draw(4 * LSTM)])
    g2 = b.add1(Gru(GRU), [h2, g, draw(3 * GRU, LSTM), draw(3 * GRU, GRU), draw(3 * GRU), draw(3 * GRU)])
    y = b.add1(Linear(), [g2, draw(OUT, GRU), draw(OUT)])
    for before, after, size in ((h, h2, LSTM), (c, c2, LSTM), (g, g2, GRU)):
        graph.states.append(State(before, (size,), "float32", np.zeros(size, np.float32), before=before, after=after))
    graph.outputs.append(Port("y", (OUT,), "float32", value=y))
    return graph


@lru_cache
def stream(scheme: str) -> tuple[Graph, Array, Array]:
    """Graph, STEPS frames and the outputs of the reference."""
    graph = small_model()
    frames = np.random.default_rng(8).standard_normal((STEPS, IN)).astype(np.float32)
    if scheme != "float32":
        graph = quantize(graph, [{"x": frames[:500]}], scheme).graph
        scale = graph.inputs[0].scale
        assert scale is not None
        frames = np.clip(np.round(frames / scale), -32768, 32767).astype(np.int16)
    return graph, frames, run_block(graph, {graph.inputs[0].name: frames})[graph.outputs[0].name]


BuildModel = Callable[[str, str], Image]


@pytest.fixture(scope="module")
def built_model(boards_extra: None, tmp_path_factory: pytest.TempPathFactory) -> BuildModel:
    """Exports and builds the model for a board and scheme, once."""
    folder = tmp_path_factory.mktemp("models")

    @lru_cache
    def build(name: str, scheme: str) -> Image:
        board = load_board(name)
        source = folder / folder_name(board, scheme)
        if not source.exists():
            source.mkdir()
            write_sources(stream(scheme)[0], board, source / "small.c")
        functions = ("init", "step", "sequence")
        return build_model(board, source, folder / f"{name}-{scheme}.elf", functions=functions, stack_bytes=1536)

    return build


def folder_name(board: Board, scheme: str) -> str:
    """Folder of the C files that boards of this packing share."""
    return f"{scheme}-{packing_key(board)}"


def _digest(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


@pytest.mark.parametrize(("name", "scheme"), [*((name, "int16x8") for name in BOARDS)])
def test_integer_streams_are_the_reference_to_the_bit(built_model: BuildModel, name: str, scheme: str) -> None:
    _, frames, expected = stream(scheme)
    model = EmulatedModel(Emulator(load_board(name), built_model(name, scheme)), chunk=50)
    found = model.run(x=frames)["y"]
    assert found.dtype == expected.dtype == np.int16
    assert np.ptp(expected.astype(int)) > 1000
    assert _digest(found) == _digest(expected), f"first difference at step {np.argmax((found != expected).any(1))}"


@pytest.mark.parametrize(
    "name", ["microbit", "mps2-an385", "nucleo-f446re", "nucleo-h743zi", "mps2-an505", "esp32-c3-devkit"]
)
def test_gcc_makes_the_same_integers(built_model: BuildModel, name: str, tmp_path: Path) -> None:
    board = load_board(name)
    if board.toolchain is None or shutil.which(board.toolchain.gcc) is None:
        pytest.skip(f"the GCC for {board.core.name} is not installed")
    _, frames, expected = stream("int16x8")
    source = Path(built_model(name, "int16x8").where).parent / folder_name(board, "int16x8")
    functions = ("init", "step", "sequence")
    image = build_model(board, source, tmp_path / "p.elf", functions=functions, compiler="gcc", stack_bytes=1536)
    found = EmulatedModel(Emulator(board, image), chunk=50).run(x=frames[:500])["y"]
    assert _digest(found) == _digest(expected[:500])


@pytest.mark.parametrize("name", WITH_FPU)
def test_float_streams_agree_with_the_reference(built_model: BuildModel, name: str) -> None:
    _, frames, expected = stream("float32")
    model = EmulatedModel(Emulator(load_board(name), built_model(name, "float32")), chunk=50)
    np.testing.assert_allclose(model.run(x=frames)["y"], expected, rtol=0, atol=FLOAT_TOLERANCE)
    assert np.ptp(expected) > 0.3


def test_a_core_without_floating_point_runs_float_models_in_software(built_model: BuildModel) -> None:
    _, frames, expected = stream("float32")
    image = built_model("pico2-riscv", "float32")
    assert any("mulsf3" in symbol.name for symbol in image.symbols)
    model = EmulatedModel(Emulator(load_board("pico2-riscv"), image), chunk=50)
    np.testing.assert_allclose(model.run(x=frames[:30])["y"], expected[:30], rtol=0, atol=FLOAT_TOLERANCE)


@pytest.mark.parametrize("name", ["microbit", "mps2-an385", "esp32-c3-devkit"])
def test_integer_models_need_no_floating_point_and_no_run_time_library(built_model: BuildModel, name: str) -> None:
    image = built_model(name, "int16x8")
    own = ("small_", "ern_", "edgernn_", "mem", "__aeabi_mem", "main")
    assert [s.name for s in image.symbols if s.kind == "function" and not s.name.startswith(own)] == []


def test_steps_are_those_of_a_sequence_and_cost_the_same(built_model: BuildModel) -> None:
    board, image = load_board("nucleo-f446re"), built_model("nucleo-f446re", "int16x8")
    _, frames, expected = stream("int16x8")
    model = EmulatedModel(Emulator(board, image))
    steps = [model.step(x=frame) for frame in frames[:20]]
    assert np.array_equal([s.outputs["y"] for s in steps], expected[:20])
    assert steps[0].cost.instructions > LSTM * 4 * (IN + LSTM)
    assert {"small_step", "ern_lstm_s16", "ern_gru_s16", "ern_linear_s16"} <= set(steps[0].cost.by_function)
    assert 0 < steps[0].cost.stack_bytes < 512
    model.reset()
    assert np.array_equal(model.step(x=frames[0]).outputs["y"], expected[0])


def test_the_program_tells_of_its_model(built_model: BuildModel) -> None:
    image, graph = built_model("microbit", "int16x8"), stream("int16x8")[0]
    layout = image.model()
    assert (layout.name, layout.interface.scheme) == ("small", "int16x8")
    assert [(p.name, p.shape, p.dtype, p.scale) for p in layout.interface.inputs] == [
        (p.name, p.shape, p.dtype, p.scale) for p in graph.inputs
    ]
    assert layout.state_bytes >= layout.interface.state_bytes == 2 * (2 * LSTM + GRU)
    weights = 4 * LSTM * (IN + LSTM) + 3 * GRU * (LSTM + GRU) + OUT * GRU
    flash = load_board("microbit").memory.flash
    assert weights <= sum(image.objects(flash.address, flash.end).values()) <= image.sizes.constants


def test_frames_that_do_not_fit_are_refused(built_model: BuildModel) -> None:
    model = EmulatedModel(Emulator(load_board("nucleo-f446re"), built_model("nucleo-f446re", "float32")))
    with pytest.raises(FrameError, match=r"expected the inputs x, found none"):
        model.step()
    with pytest.raises(FrameError, match=r"input x: expected float32 of shape \(5,\), found float64 of shape \(5,\)"):
        model.step(x=np.zeros(5))
    with pytest.raises(FrameError, match=r"small_step refuses the frame: an input holds NaN or infinity"):
        model.step(x=np.full(5, np.nan, np.float32))
    with pytest.raises(FrameError, match=r"small_sequence refuses frame 2"):
        model.run(x=np.array([[0] * 5, [1] * 5, [np.inf] * 5], np.float32))
    assert model.run(x=np.zeros((0, 5), np.float32))["y"].shape == (0, OUT)


def test_a_model_that_does_not_fit_in_ram_is_refused(built_model: BuildModel) -> None:
    emulator = Emulator(load_board("microbit"), built_model("microbit", "int16x8"))
    with pytest.raises(EmulationError, match=r"microbit: .*y needs \d+ bytes; between variables and stack"):
        EmulatedModel(emulator, chunk=1000)


def test_weights_packed_for_another_core_are_refused_by_the_compiler(built_model: BuildModel, tmp_path: Path) -> None:
    write(small_model(), tmp_path / "small.c", lanes=4)
    with pytest.raises(OutputError, match="the weights are packed for 4 lanes"):
        build_model(load_board("nucleo-f446re"), tmp_path, tmp_path / "p.elf")
