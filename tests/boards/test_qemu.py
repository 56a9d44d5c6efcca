"""QEMU as emulator: what it counts is what Unicorn counts, and what goes wrong is said."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import Board, EmulatedModel, Emulator, build_model, build_program, list_boards, load_board
from edgernn.boards.emulators import QemuEmulator, QemuProcess, open_emulator
from edgernn.boards.emulators.qemu import find_qemu
from edgernn.boards.sources import write_sources
from edgernn.errors import BoardError, EmulationError, UsageError

from .conftest import PROGRAM, ROOTS, BuildProgram
from .test_model import stream

BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "rv32-virt")
"""Emulated by both: M0 (whose instructions are those of the M0+), M3, M4F, M7, M33, rv32imc."""

WITHOUT_FPU = ("microbit", "mps2-an385", "rv32-virt")

RV32_VIRT = """
title = "QEMU's machine virt, with the code that an ESP32-C3 gets"
kind = "mcu"
documents = ["QEMU, hw/riscv/virt.c"]
[core]
name = "esp32-c3"
clock_hz = 10_000_000
[memory.flash]
address = 0x8000_0000
size_bytes = 1_048_576
[memory.ram]
address = 0x8010_0000
size_bytes = 1_048_576
[toolchain]
zig_target = "riscv32-freestanding-none"
zig_cpu = "generic_rv32+m+c"
gcc = "riscv64-unknown-elf-gcc"
gcc_flags = ["-march=rv32imc", "-mabi=ilp32"]
[emulator]
unicorn = "rv32"
qemu_machine = "virt"
qemu_cpu = "rv32"
"""

CALLS = (
    ("weighted", (1, 2, 3, 4, 5, 6, 7, 8, 9)), ("loop", (1000,)), ("next_count", ()), ("next_count", ()),
    ("use_stack", (7,)), ("recurse", (30,)), ("conditional", (0,)), ("conditional", (1,)),
)  # fmt: skip
STEPS = 20

pytestmark = [
    pytest.mark.usefixtures("boards_extra"),
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU: qemu-system-arm is not installed"),
]


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Board:
    """Each board that both emulate."""
    if request.param != "rv32-virt":
        return load_board(request.param)
    if shutil.which("qemu-system-riscv32") is None:
        pytest.skip("QEMU: qemu-system-riscv32 is not installed")
    (tmp_path / request.param).mkdir()
    (tmp_path / request.param / "board.toml").write_text(RV32_VIRT)
    return load_board(tmp_path / request.param)


def test_calls_cost_what_they_cost_under_unicorn(built: BuildProgram, board: Board, tmp_path: Path) -> None:
    image = built(board.id) if board.id in list_boards() else build_program(
        board, [PROGRAM], tmp_path / "program.elf", roots=ROOTS
    )  # fmt: skip
    qemu, unicorn = QemuEmulator(board, image), Emulator(board, image)
    for function, arguments in CALLS:
        assert qemu.call(function, *arguments) == unicorn.call(function, *arguments), function
    qemu.close()


@pytest.mark.parametrize("scheme", ["float32", "int16x8"])
def test_steps_of_a_model_cost_what_they_cost_under_unicorn(board: Board, scheme: str, tmp_path: Path) -> None:
    steps = 3 if scheme == "float32" and board.id in WITHOUT_FPU else STEPS
    graph, frames, _ = stream(scheme)
    (tmp_path / "c").mkdir()
    write_sources(graph, board, tmp_path / "c" / "small.c")
    image = build_model(board, tmp_path / "c", tmp_path / "small.elf")
    emulators = (QemuEmulator(board, image), Emulator(board, image))
    qemu, unicorn = (EmulatedModel(emulator) for emulator in emulators)
    for frame in frames[:steps]:
        a, b = qemu.step(x=frame), unicorn.step(x=frame)
        assert a.cost == b.cost
        assert np.array_equal(a.outputs["y"], b.outputs["y"])
    emulators[0].close()


@pytest.fixture
def m55(built: BuildProgram) -> Iterator[QemuEmulator]:
    emulator = open_emulator(load_board("mps3-an547"), built("mps3-an547"), timeout_s=0.5)
    assert isinstance(emulator, QemuEmulator)
    yield emulator
    emulator.close()


def test_the_cortex_m55_is_emulated(m55: QemuEmulator) -> None:
    assert m55.call("loop", 1000).instructions == 3001
    buffer = m55.allocate("buffer", 5000)
    m55.write(buffer, bytes(range(250)) * 20)
    m55.call("fill", buffer + 100, 50, 9)
    assert m55.read(buffer, 5000) == (bytes(range(100)) + bytes([9] * 50) + bytes(range(150, 250))) + bytes(
        range(250)
    ) * 19


def test_a_write_beside_a_buffer_is_found(m55: QemuEmulator) -> None:
    buffer = m55.allocate("buffer", 20)
    with pytest.raises(EmulationError, match="wrote behind the buffer buffer"):
        m55.call("fill", buffer, 21, 1)


def test_a_program_that_does_not_return_is_stopped(m55: QemuEmulator) -> None:
    start = time.monotonic()
    with pytest.raises(EmulationError, match=r"mps3-an547: did not return within 0.5 s; it is at .*spin"):
        m55.call("spin")
    assert time.monotonic() - start < 5


def test_an_overflow_of_the_stack_is_found(m55: QemuEmulator) -> None:
    with pytest.raises(EmulationError, match="the stack used more than its 2048 bytes"):
        m55.call("recurse", 200)


def test_an_exception_of_the_processor_is_told(built: BuildProgram) -> None:
    emulator = QemuEmulator(load_board("mps2-an386"), built("mps2-an386"))
    with pytest.raises(EmulationError, match=r"0x70000000, not in the memory map\) by 'ldr r0, \[r0\]' in read_word"):
        emulator.call("read_word", 0x7000_0000)
    with pytest.raises(EmulationError, match="cannot read 4 bytes at"):
        emulator.read(0x7000_0000, 4)
    emulator.close()
    emulator.close()


def test_the_end_of_qemu_is_told(built: BuildProgram) -> None:
    emulator = QemuEmulator(load_board("mps2-an386"), built("mps2-an386"))
    emulator._process.close()
    with pytest.raises(EmulationError, match=r"QEMU has ended|the connection to QEMU has ended"):
        emulator.call("loop", 3)


def test_a_jump_to_nowhere_is_told(built: BuildProgram) -> None:
    emulator = QemuEmulator(load_board("mps2-an386"), built("mps2-an386"))
    with pytest.raises(EmulationError, match=r"0x60000000, not in the memory map|ended: (.|\n)*outside RAM or ROM"):
        emulator.call("jump", 0x6000_0001)
    emulator.close()


def test_a_process_prints_and_ends(built: BuildProgram) -> None:
    board = load_board("mps2-an385")
    with QemuProcess(board, Path(built("mps2-an385").where)) as process:
        assert process.running
        assert not process.ended_within(0.05)
        with pytest.raises(EmulationError, match=r"has not ended within 0\.01 s"):
            process.wait(0.01)
    with QemuProcess(board, Path("none.elf")) as process:
        assert process.wait(5) != 0
        assert "none.elf" in process.words()


def test_boards_that_qemu_does_not_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BoardError, match="pico: QEMU has no machine like it"):
        find_qemu(load_board("pico"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="qemu-system-arm is not installed"):
        find_qemu(load_board("mps2-an385"))
