"""Integer models on microcontroller cores: bit for bit the reference under emulation, without soft float."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import load_board
from edgernn.boards.build import build_model
from edgernn.boards.emulators.machine import Emulator
from edgernn.boards.emulators.model import EmulatedModel
from edgernn.export.c import write
from edgernn.export.c.source import generate
from tests.export.c_support import ZIG, merged, run, write_sources
from tests.export.test_c_integer import packable
from tests.ops.cases.base import Case
from tests.ops.test_engines import reference_run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None or importlib.util.find_spec("unicorn") is None,
    reason="the extra edgernn[boards] is not installed",
)
BOARDS = [("nucleo-f446re", True), ("nucleo-h743zi", True), ("mps2-an505", True), ("nucleo-f446re", False),
          ("mps2-an385", False), ("pico", False), ("esp32-c3-devkit", False), ("rpi4", False)]  # fmt: skip
LAYERS = ("lstm_int16", "gru_int16", "rnn_int16", "linear_int16")
SOFT_FLOAT = re.compile(rb"__aeabi_c?[fd][a-z0-9]+|__aeabi_(?:i|ui|l|ul)2[fd]|__[a-z]+[sd]f[23i]*\b")
LONG_DIVISION = re.compile(rb"__aeabi_u?ldivmod|__u?divdi3")


def layers(dsp: bool) -> Case:
    """The recurrent and linear layers whose vectors have up to 17 elements, side by side."""
    cases = [case for case in packable(dsp) if str(case).startswith(LAYERS)]
    return merged([c for c in cases if max(p.size for p in (*c.graph.inputs, *c.graph.outputs)) <= 17])


@pytest.mark.parametrize(("board", "dsp"), BOARDS)
@pytest.mark.parametrize("optimize", ["-Os", "-O2"])
def test_emulated_steps_equal_the_reference(board: str, dsp: bool, optimize: str, tmp_path: Path) -> None:
    case = layers(dsp)
    (tmp_path / "model").mkdir()
    target = load_board(board)
    assert target.toolchain is not None
    write(case.graph, tmp_path / "model" / "layers.c", target.toolchain.lanes, dsp=dsp)
    image = build_model(target, tmp_path / "model", tmp_path / "layers.elf", optimize=optimize)
    model = EmulatedModel(Emulator(target, image))
    names = [port.name for port in case.graph.inputs]
    for frames, want in zip(case.frames, reference_run(case)[0], strict=True):
        found = model.step(**dict(zip(names, frames, strict=True))).outputs
        for port, expected in zip(case.graph.outputs, want, strict=True):
            np.testing.assert_array_equal(found[port.name], expected, err_msg=port.name)


@pytest.mark.parametrize("cpu", ["cortex_m0plus", "cortex_m3"])
def test_no_floating_point_and_no_long_division(cpu: str, tmp_path: Path) -> None:
    """All integer ops without soft-float calls; the layers with weights also without 64-bit division."""
    target = ["-target", "thumb-freestanding-eabi", f"-mcpu={cpu}", "-std=c99", "-Os", "-fno-sanitize=all"]
    for case, forbidden in ((merged(packable(False)), [SOFT_FLOAT]), (layers(False), [SOFT_FLOAT, LONG_DIVISION])):
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
