"""The program that is flashed: built for every microcontroller, answering over its own serial port."""

from __future__ import annotations

import functools
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import EmulatedModel, Emulator, Image, list_boards, load_board
from edgernn.boards.artifacts import Artifact, build_firmware
from edgernn.boards.boot import RESERVED_BYTES
from edgernn.boards.formats import convert, installed_formats
from edgernn.boards.links.client import Client
from edgernn.boards.links.serial import SNAPSHOT_EVERY, SerialLink
from edgernn.boards.manifest import SERIAL_DRIVERS, Serial
from edgernn.boards.ports import ports_header
from edgernn.boards.profile import Frames, Job, Way
from edgernn.boards.profile import serial as serial_profile
from edgernn.boards.serialport import serial_defines
from edgernn.boards.serve import build_served
from edgernn.boards.sources import write_sources
from edgernn.boards.toolchain import find_compiler
from edgernn.errors import BoardError, LinkError
from tests.boards.test_model import stream
from tests.support import write

from .emulated_uart import UARTS, UnicornUart
from .native import FIRMWARE, WARNINGS, Clock, interface

MICROCONTROLLERS = [name for name in list_boards() if load_board(name).kind == "mcu"]
UNICORN = [name for name in MICROCONTROLLERS if load_board(name).emulation.unicorn]
BAUD_ERROR = 0.015
"""Of the rate: with that of the other side, what ten bits of a byte bear."""

BOARDS = Path(__file__).parents[3] / "boards"

AROUND_THE_CALL = 40
"""Instructions beside the step between the two readings of the counter."""

BuildFirmware = Callable[..., Image]

pytestmark = pytest.mark.usefixtures("boards_extra")


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> BuildFirmware:
    """Builds the program of the test model for a board, once."""
    folder = tmp_path_factory.mktemp("firmware")
    artifact = Artifact(folder / "small.ern", "small", stream("int16x8")[0])

    @functools.lru_cache
    def build(name: str, compiler: str = "zig") -> Image:
        return build_firmware(
            artifact, load_board(name), folder / f"{Path(name).name}-{compiler}.elf", folder, compiler=compiler
        )

    return build


def serial_of(name: str) -> Serial:
    serial = load_board(name).serial
    assert serial is not None, f"{name} has no serial port"
    return serial


@pytest.mark.parametrize("name", MICROCONTROLLERS)
@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_firmware_is_built_for_every_microcontroller(firmware: BuildFirmware, name: str, compiler: str) -> None:
    board = load_board(name)
    if compiler == "gcc" and (board.toolchain is None or shutil.which(board.toolchain.gcc) is None):
        pytest.skip(f"GCC: {board.toolchain and board.toolchain.gcc} is not installed")
    image = firmware(name, compiler)
    assert board.memory.flash.start <= image.entry < board.memory.flash.end
    functions = {s.name for s in image.symbols if s.kind == "function"}
    assert {"main", "edgernn_link_take", "edgernn_serial_get", "edgernn_serial_put"} <= functions
    assert image.model().interface.fingerprint == interface().fingerprint
    assert image.sizes.data == 0 and image.sizes.code < 8000 and image.sizes.zero < 1000
    forms, notes = installed_formats(board)
    assert "bin" in forms or notes
    smallest = image.sizes.flash - RESERVED_BYTES[board.flashing.boot]
    assert all(len(convert(image, board, form)) >= smallest for form in forms)


def connect(uart: UnicornUart, name: str) -> SerialLink:
    clock = Clock()
    client = Client(uart, patience_s=1000, clock=clock, pause=clock.pause)
    return SerialLink(uart, interface(), name, emulated=True, client=client)


@pytest.mark.parametrize("name", UNICORN)
def test_the_program_answers_over_the_port_of_its_board(firmware: BuildFirmware, name: str) -> None:
    board, serial = load_board(name), serial_of(name)
    uart = UnicornUart(board, firmware(name))
    link = connect(uart, name)
    _, inputs, expected = stream("int16x8")
    streamed = link.stream({"x": inputs[:150]})
    assert np.array_equal(streamed.outputs["y"], expected[:150])
    assert all(c.stack_bytes and 50 < c.stack_bytes < 400 and c.cycles is None for c in streamed.counters)
    assert link.hello.clock_hz == serial.core_clock_hz and link.hello.board == name
    assert (link.client.troubles.repeats, link.client.troubles.damaged, link.recoveries) == (0, 0, 0)
    assert uart.baud == pytest.approx(serial.baud, rel=BAUD_ERROR)
    setup = [s.address for s in serial.setup if not s.wait]
    assert [address for address, _ in uart.written[: len(setup)]] == setup


@pytest.mark.parametrize("name", ["pico", "nucleo-f446re", "nrf52840-dk", "esp32-c3-devkit"])
def test_a_board_is_reset_and_its_line_is_noisy(firmware: BuildFirmware, name: str) -> None:
    """Bytes are dropped and changed both ways, the button is pressed: every output comes once, and in order."""
    uart = UnicornUart(load_board(name), firmware(name))
    link = connect(uart, name)
    rng, write, read = random.Random(3), uart.write, uart.read

    def spoil(data: bytes) -> bytes:
        choices = [(b"",), (b"\x55",), (b"\x00",)]
        parts = [rng.choice(choices)[0] if rng.random() < 0.002 else bytes([byte]) for byte in data]
        return b"".join(parts)

    def noisy_write(data: bytes) -> None:
        write(spoil(data))

    def noisy_read(timeout_s: float) -> bytes:
        data = spoil(read(timeout_s))
        if not data:
            link.client._pause(timeout_s)
        return data

    uart.write, uart.read = noisy_write, noisy_read  # type: ignore[method-assign]
    _, inputs, expected = stream("int16x8")
    found = [link.stream({"x": inputs[:60]}).outputs["y"]]
    uart.reset()
    found.append(link.stream({"x": inputs[60 : SNAPSHOT_EVERY + 80]}).outputs["y"])
    uart.reset()
    found.append(link.stream({"x": inputs[SNAPSHOT_EVERY + 80 : 250]}).outputs["y"])
    assert np.array_equal(np.concatenate(found), expected[:250])
    assert link.recoveries >= 2 and link.client.troubles.repeats > 10


def test_a_board_with_another_model_or_of_another_kind_is_refused(firmware: BuildFirmware) -> None:
    uart = UnicornUart(load_board("pico"), firmware("pico"))
    with pytest.raises(LinkError, match="the board says that it is pico, expected microbit"):
        SerialLink(uart, interface(), "microbit", emulated=True)
    with pytest.raises(LinkError, match=r"the board has another model: fingerprint [0-9a-f]{12}, small has"):
        SerialLink(uart, interface("float32"), "pico", emulated=True)


@pytest.fixture
def counted(firmware: BuildFirmware) -> SerialLink:
    """A board whose counter counts."""
    uart = UnicornUart(load_board("nucleo-f446re"), firmware("nucleo-f446re"))
    return SerialLink(uart, interface(), "nucleo-f446re")


def test_cycles_are_those_of_the_counter_around_the_step_alone(counted: SerialLink, firmware: BuildFirmware) -> None:
    """The counter of this board counts instructions, which the emulator knows for the same machine code."""
    assert counted.measures_cycles and counted.hello.counter == "dwt"
    _, inputs, _ = stream("int16x8")
    counters = counted.stream({"x": inputs[:30]}).counters
    model = EmulatedModel(Emulator(load_board("nucleo-f446re"), firmware("nucleo-f446re")))
    for frame, counter in zip(inputs[:30], counters, strict=True):
        step = model.step(x=frame).cost
        assert counter.cycles is not None and abs(counter.cycles - step.instructions) <= AROUND_THE_CALL
        assert counter.time_us == counter.cycles / 16 and counter.instructions is None


def test_a_profile_over_a_port_is_measured(
    counted: SerialLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(stream("int16x8")[0], tmp_path / "small.ern")
    monkeypatch.setattr(serial_profile, "open_link", lambda url, interface, board: counted)
    board = load_board("nucleo-f446re")
    job = Job(tmp_path / "small.ern", board, Way("serial", "test"), Frames(steps=20), tmp_path, period_us=1000.0)
    found = serial_profile.profile(job, lambda stage, done, total: None)
    assert found.cycles is not None and found.time_us is not None and found.load is not None
    assert found.cycles.how == found.time_us.how == "measured" and found.instructions is None
    assert found.clock_hz == 16_000_000 and found.time_us.median == found.cycles.median / 16
    assert found.ram is not None and 50 < found.ram.stack < 400
    assert len(found.notes) == 1 and "runs the core at 16 MHz" in found.notes[0] and "is 180 MHz" in found.notes[0]
    told = serial_profile.summary_of(counted, list(counted.stream({"x": stream("int16x8")[1][:3]}).counters))
    assert told["cycles"] and told["clock_hz"] == 16_000_000 and told["cycle_counter"] == "dwt"


def test_the_usb_port_of_an_esp32_c3(firmware: BuildFirmware, tmp_path: Path) -> None:
    folder = tmp_path / "esp32-c3-usb"
    folder.mkdir()
    text = (BOARDS / "esp32-c3-devkit" / "board.toml").read_text()
    changed = text.replace('"esp32c3"\naddress = 0x6000_0000', '"esp32c3-usb"\naddress = 0x6004_3000')
    assert changed != text
    (folder / "board.toml").write_text(changed)
    board = load_board(folder)
    uart = UnicornUart(board, firmware(str(folder)))
    _, inputs, expected = stream("int16x8")
    assert np.array_equal(connect(uart, board.id).stream({"x": inputs[:20]}).outputs["y"], expected[:20])
    flushes = sum(address == 0x6004_3004 for address, _ in uart.written)
    assert flushes == 2 * 21, "a message is sent when it ends, and when it begins"


@pytest.mark.parametrize("driver", sorted(SERIAL_DRIVERS))
def test_the_firmware_compiles_without_warnings(driver: str, tmp_path: Path) -> None:
    users = [name for name in MICROCONTROLLERS if serial_of(name).driver == driver]
    board = load_board(users[0] if users else "esp32-c3-devkit")
    write_sources(stream("int16x8")[0], board, tmp_path / "small.c")
    (tmp_path / "ports.h").write_text(ports_header((tmp_path / "small.h").read_text(), "small.h", "small.h"))
    defines = serial_defines(replace(serial_of(board.id), driver=driver), board.id, board.core.name)
    arguments = [*(f"-D{define}" for define in defines), '-DEDGERNN_PORTS="ports.h"', f"-I{tmp_path}"]
    compiler = find_compiler(board, "zig")
    for source in (SERIAL_DRIVERS[driver], "serve.c", "target.c", "link.c"):
        compiler.run([*WARNINGS, "-Os", *arguments, "-c", str(FIRMWARE / source), "-o", "x.o"], tmp_path)


def test_every_driver_is_tested_and_boards_without_a_port_are_told_apart(tmp_path: Path) -> None:
    used = {serial_of(name).driver for name in UNICORN}
    with_qemu = {"ns16550"}
    assert set(UARTS) == set(SERIAL_DRIVERS) - with_qemu == {*used, "esp32c3-usb"}
    folder = tmp_path / "mine"
    folder.mkdir()
    text = (BOARDS / "microbit" / "board.toml").read_text()
    (folder / "board.toml").write_text(text.partition("[links.serial]")[0])
    with pytest.raises(BoardError, match="mine: its description names no serial port"):
        build_served(load_board(folder), tmp_path, tmp_path / "p.elf")
