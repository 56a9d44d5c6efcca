"""What integer models take of a microcontroller, and what they do without: floating point."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import GATES, Model, frames, step_program
from edgernn.boards import Image, load_board
from edgernn.boards.build import build_model
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.boards.sources import packing, write_sources
from edgernn.ir.graph import Graph
from edgernn.quant import quantize
from edgernn.runtime.quantized import quantize as to_units
from tests.export.c_support import merged
from tests.export.test_c_four_bits import layers as four_bit_layers
from tests.export.test_c_integer import packable
from tests.ops.cases import recurrent as float_cases

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ziglang", "unicorn", "capstone")),
    reason="the extra edgernn[boards] is not installed",
)
SOFT_FLOAT = re.compile(r"__aeabi_c?[fd][a-z0-9]+|__aeabi_(?:i|ui|l|ul)2[fd]|__[a-z]+[sd]f[23i]*")
LIBRARY_BOARDS = ["pico", "mps2-an385"]
SCHEMES = ["int16x8", "int8", "int16x4"]
FLASH_BYTES = 6000
MODELS = [Model("lstm_16_32", "lstm", 16, 32), Model("lstm_64_128", "lstm", 64, 128), Model("gru_40_64", "gru", 40, 64)]


def image_of(graph: Graph, board: str, folder: Path) -> Image:
    (folder / "model").mkdir(parents=True)
    write_sources(graph, load_board(board), folder / "model" / "small.c")
    return build_model(load_board(board), folder / "model", folder / "small.elf", stack_bytes=8192)


def called(image: Image) -> set[str]:
    """Names of the functions that instructions branch to, by disassembly of every function."""
    import capstone

    functions = {s.address & ~1: s for s in image.symbols if s.kind == "function"}
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.skipdata = True
    found = set()
    for segment in (s for s in image.segments if s.executable):
        for instruction in decoder.disasm(segment.data, segment.address):
            if instruction.mnemonic.split(".")[0] in ("b", "bl", "beq", "bne"):
                target = functions.get(int(instruction.op_str.lstrip("#"), 16))
                found |= {target.name} if target is not None else set()
    return found


def float_functions(names: set[str]) -> list[str]:
    return sorted(name for name in names if SOFT_FLOAT.fullmatch(name))


@pytest.mark.parametrize("board", LIBRARY_BOARDS)
@pytest.mark.parametrize("scheme", ["int16x8 and int8", "int16x4"])
def test_no_op_of_an_integer_model_calls_soft_float(board: str, scheme: str, tmp_path: Path) -> None:
    case = four_bit_layers(17) if scheme == "int16x4" else merged(packable(packing(load_board(board))))
    names = called(image_of(case.graph, board, tmp_path))
    assert {"ern_lstm_s16_w4" if scheme == "int16x4" else "ern_lstm_s16", "ern_all_between_i32"} <= names
    assert float_functions(names) == []


@pytest.mark.parametrize("board", LIBRARY_BOARDS)
def test_soft_float_of_a_float_model_is_seen(board: str, tmp_path: Path) -> None:
    names = called(image_of(float_cases.lstm(3, 4).graph, board, tmp_path))
    assert {"__aeabi_fmul", "__mulsf3"} & set(float_functions(names))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_flash_and_ram_of_a_layer_and_a_linear_output(model: Model, scheme: str, tmp_path: Path) -> None:
    """Flash beside the weights on a Cortex-M4, and RAM against int16 states and the widest layer's int16 gates."""
    calibration = [{"x": np.stack(frames(model, 64, seed=1))}]
    graph = quantize(step_program(model), calibration, scheme).graph
    image = image_of(graph, "nucleo-f446re", tmp_path)
    emulated = EmulatedModel(open_emulator(load_board("nucleo-f446re"), image))
    port = emulated.inputs[0]
    cost = emulated.step(x=to_units(frames(model, 1)[0], port)).cost
    matrices = sum(array.size for array in graph.constants.values() if array.dtype == np.int8)
    packed = matrices // 2 if scheme == "int16x4" else matrices
    rows = 8 * (GATES[model.cell] + (model.cell == "gru")) * model.hidden + 8 * 10
    assert packed < image.sizes.flash <= packed + rows + FLASH_BYTES
    states = model.hidden * (2 if model.cell == "lstm" else 1)
    assert emulated.layout.state_bytes <= 1.1 * 2 * (states + GATES[model.cell] * model.hidden)
    assert cost.stack_bytes <= 256
