"""Integer models on microcontroller cores: bit for bit the reference under emulation, without soft float."""

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import load_board
from edgernn.boards.build import build_model
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.export.c import write
from edgernn.export.c.source import generate
from tests.export.c_support import ZIG, merged, run, write_sources
from tests.export.test_c_integer import packable
from tests.ops.cases import recurrent as float_cases
from tests.ops.cases.base import Case
from tests.ops.test_engines import reference_run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None or importlib.util.find_spec("unicorn") is None,
    reason="the extra edgernn[boards] is not installed",
)
BOARDS = [("nucleo-f446re", "dsp"), ("nucleo-h743zi", "dsp"), ("mps2-an505", "dsp"), ("nucleo-f446re", "none"),
          ("mps2-an385", "none"), ("pico", "none"), ("pico", "words"), ("mps2-an385", "words"),
          ("esp32-c3-devkit", "none"), ("rpi4", "none"), ("rpi5", "dot"), ("rpi4", "dot"), ("mps3-an547", "helium"),
          ("mps3-an547", "dsp"), ("nucleo-f446re", "helium")]  # fmt: skip
LAYERS = tuple(f"{layer}_{dtype}" for layer in ("lstm", "gru", "rnn", "linear") for dtype in ("int16", "int8"))
SOFT_FLOAT = re.compile(rb"__aeabi_c?[fd][a-z0-9]+|__aeabi_(?:i|ui|l|ul)2[fd]|__[a-z]+[sd]f[23i]*\b")
LONG_DIVISION = re.compile(rb"__aeabi_u?ldivmod|__u?divdi3")


def layers(simd: str, dtypes: tuple[str, ...] = ("int16", "int8"), sizes: range = range(18)) -> Case:
    """The recurrent and linear layers over ``dtypes`` whose longest vectors are of a length in ``sizes``, merged."""
    names = tuple(name for name in LAYERS if name.endswith(dtypes))
    cases = [case for case in packable(simd) if str(case).startswith(names)]
    return merged([c for c in cases if max(p.size for p in (*c.graph.inputs, *c.graph.outputs)) in sizes])


@pytest.mark.parametrize(("board", "simd"), BOARDS)
@pytest.mark.parametrize("optimize", ["-Os", "-O2"])
def test_emulated_steps_equal_the_reference(board: str, simd: str, optimize: str, tmp_path: Path) -> None:
    check_steps(layers(simd), board, simd, optimize, tmp_path)


@pytest.mark.parametrize("dtype", ["int16", "int8"])
def test_helium_equals_the_reference_at_larger_sizes(dtype: str, tmp_path: Path) -> None:
    check_steps(layers("helium", (dtype,), range(18, 66)), "mps3-an547", "helium", "-O2", tmp_path)


def check_steps(case: Case, board: str, simd: str, optimize: str, tmp_path: Path) -> None:
    """Compile ``case`` for ``board``, emulate its steps and compare all outputs."""
    (tmp_path / "model").mkdir()
    target = load_board(board)
    assert target.toolchain is not None
    write(case.graph, tmp_path / "model" / "layers.c", target.toolchain.lanes, simd=simd)
    image = build_model(target, tmp_path / "model", tmp_path / "layers.elf", optimize=optimize, stack_bytes=8192)
    if not target.emulation.unicorn and shutil.which("qemu-system-arm") is None:
        pytest.skip("QEMU: qemu-system-arm is not installed")
    emulator = open_emulator(target, image)
    model = EmulatedModel(emulator)
    names = [port.name for port in case.graph.inputs]
    for frames, want in zip(case.frames, reference_run(case)[0], strict=True):
        found = model.step(**dict(zip(names, frames, strict=True))).outputs
        for port, expected in zip(case.graph.outputs, want, strict=True):
            np.testing.assert_array_equal(found[port.name], expected, err_msg=port.name)


@pytest.mark.parametrize("board", ["nucleo-f446re", "mps2-an505"])
def test_emulated_float_steps_agree_with_the_reference(board: str, tmp_path: Path) -> None:
    """Rows of 1 to 73 columns, for the kernels that load whole groups of them."""
    found = [case for case in float_cases.CASES if str(case).startswith(("lstm", "gru", "rnn_relu"))]
    case = merged(found)
    (tmp_path / "model").mkdir()
    write(case.graph, tmp_path / "model" / "layers.c")
    image = build_model(load_board(board), tmp_path / "model", tmp_path / "layers.elf", stack_bytes=8192)
    model = EmulatedModel(open_emulator(load_board(board), image))
    names = [port.name for port in case.graph.inputs]
    for frames, want in zip(case.frames, reference_run(case)[0], strict=True):
        step = model.step(**dict(zip(names, frames, strict=True))).outputs
        for port, expected in zip(case.graph.outputs, want, strict=True):
            np.testing.assert_allclose(step[port.name], expected, atol=1e-5, err_msg=port.name)


@pytest.mark.parametrize("cpu", ["cortex_m0plus", "cortex_m3"])
def test_no_floating_point_and_no_long_division(cpu: str, tmp_path: Path) -> None:
    """All integer ops without soft-float calls; the layers with weights also without 64-bit division."""
    target = ["-target", "thumb-freestanding-eabi", f"-mcpu={cpu}", "-std=c99", "-Os", "-fno-sanitize=all"]
    for case, forbidden in ((merged(packable("none")), [SOFT_FLOAT]), (layers("none"), [SOFT_FLOAT, LONG_DIVISION])):
        source = generate(case.graph, "model", 1)
        write_sources(source, tmp_path)
        for name in ("model.c", *source.kernels):
            run([*ZIG, *target, "-c", name, "-o", "one.o"], tmp_path)
            for pattern in forbidden:
                assert not pattern.findall((tmp_path / "one.o").read_bytes()), name


def test_soft_float_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "one.c").write_text("float one(float x, int y) { return x * (float)y; }\n")
    run([*ZIG, "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3", "-Os", "-c", "one.c", "-o", "one.o"], tmp_path)
    assert SOFT_FLOAT.findall((tmp_path / "one.o").read_bytes())
