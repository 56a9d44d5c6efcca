"""Boards of QEMU over a socket: the link that talks to /dev/ttyACM0 talks to them, whatever happens to the line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import load_board
from edgernn.boards.artifacts import Artifact, build_firmware
from edgernn.boards.links.client import Client
from edgernn.boards.links.protocol import STEP, Message, encode
from edgernn.boards.links.serial import SerialLink, payload_bytes
from edgernn.errors import LinkError
from tests.boards.test_model import stream
from tests.boards.test_qemu import RV32_VIRT

from .native import interface
from .qemu_board import FaultyTransport, QemuBoard, qemu_board

MACHINES = ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")
FRAMES = 40
BAUD = 115_200
WIRE_BYTES = len(encode(Message(STEP, 1, 1, 1, bytes([1]) * payload_bytes(interface().inputs))))

pytestmark = [
    pytest.mark.usefixtures("boards_extra"),
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU: qemu-system-arm is not installed"),
]


def build(name: str, folder: Path) -> Path:
    artifact = Artifact(folder / "small.ern", "small", stream("int16x8")[0])
    output = folder / f"{name}.elf"
    build_firmware(artifact, load_board(name), output, folder)
    return output


RV32_SERIAL = """
[links.serial]
driver = "ns16550"
address = 0x1000_0000
clock_hz = 3_686_400
core_clock_hz = 10_000_000
pins = "the first serial port of the machine"
"""


def test_a_board_of_ones_own_with_a_risc_v_core(tmp_path: Path) -> None:
    """QEMU's machine virt, described in a folder; its counter counts the host's time, which is not shown as cycles."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    if shutil.which("qemu-system-riscv32") is None:
        pytest.skip("QEMU: qemu-system-riscv32 is not installed")
    folder = tmp_path / "rv32-virt"
    folder.mkdir()
    (folder / "board.toml").write_text(RV32_VIRT + RV32_SERIAL)
    _, inputs, expected = stream("int16x8")
    artifact, program = Artifact(tmp_path / "small.ern", "small", stream("int16x8")[0]), tmp_path / "p.elf"
    build_firmware(artifact, load_board(folder), program, tmp_path)
    with qemu_board(folder, program) as board:
        link = SerialLink(FaultyTransport(board.url, BAUD), interface(), "rv32-virt", emulated=True)
        first = link.stream({"x": inputs[:20]})
        board.press_reset()
        second = link.stream({"x": inputs[20:FRAMES]})
        link.close()
    found = np.concatenate([first.outputs["y"], second.outputs["y"]])
    assert np.array_equal(found, expected[:FRAMES]) and link.recoveries == 1
    assert link.hello.counter == "mcycle" and first.counters[0].cycles is None


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_streams_over_a_socket(name: str, tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    _, inputs, expected = stream("int16x8")
    with qemu_board(name, build(name, tmp_path)) as board:
        link = SerialLink(FaultyTransport(board.url, BAUD), interface(), name, emulated=True)
        streamed = link.stream({"x": inputs[:FRAMES]})
        assert np.array_equal(streamed.outputs["y"], expected[:FRAMES])
        assert all(c.cycles is None and c.stack_bytes and c.stack_bytes < 400 for c in streamed.counters)
        blob = link.snapshot()
        link.reset()
        again = link.stream({"x": inputs[:5]}).outputs["y"]
        assert np.array_equal(again, expected[:5])
        link.restore(blob)
        more = link.stream({"x": inputs[FRAMES : FRAMES + 5]}).outputs["y"]
        assert np.array_equal(more, expected[FRAMES : FRAMES + 5])
        assert link.recoveries == 0
        link.close()


@pytest.fixture(scope="module")
def m4(boards_extra: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QemuBoard]:
    """One board for all faults."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    with qemu_board("mps2-an386", build("mps2-an386", tmp_path_factory.mktemp("m4"))) as board:
        yield board


def _connect(board: QemuBoard, patience_s: float = 20.0, *, recover: bool = True) -> tuple[SerialLink, FaultyTransport]:
    transport = FaultyTransport(board.url, BAUD)
    client = Client(transport, patience_s=patience_s)
    return SerialLink(transport, interface(), "mps2-an386", emulated=True, recover=recover, client=client), transport


Fault = Callable[[FaultyTransport], None]

FAULTS: dict[str, Fault] = {
    "byte to the board dropped": lambda t: t.drop_written.add(t.next_written + 9),
    "byte to the board changed": lambda t: t.change_written.add(t.next_written + 20),
    "end of a message to the board dropped": lambda t: t.drop_written.add(t.next_written + WIRE_BYTES - 1),
    "byte from the board dropped": lambda t: t.drop_read.add(t.next_read + 12),
    "byte from the board changed": lambda t: t.change_read.add(t.next_read + 25),
    "cable pulled": lambda t: t.cut.add(t.writes + 1),
    "cable pulled before the answer": lambda t: t.cut_answers.add(t.writes + 1),
    "cable pulled twice": lambda t: t.cut.update({t.writes + 1, t.writes + 2}),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_of_the_line_loses_and_doubles_no_frame(m4: QemuBoard, fault: str) -> None:
    _, inputs, expected = stream("int16x8")
    link, transport = _connect(m4)
    first = link.stream({"x": inputs[:10]}).outputs["y"]
    FAULTS[fault](transport)
    second = link.stream({"x": inputs[10:20]}).outputs["y"]
    assert np.array_equal(np.concatenate([first, second]), expected[:20])
    troubles = link.client.troubles
    assert link.recoveries == 0 and (troubles.reconnects if "cable" in fault else troubles.repeats) >= 1
    link.close()


def test_a_board_that_is_reset_gets_its_state_back(m4: QemuBoard) -> None:
    _, inputs, expected = stream("int16x8")
    link, _ = _connect(m4)
    first = link.stream({"x": inputs[:15]}).outputs["y"]
    m4.press_reset()
    second = link.stream({"x": inputs[15:30]}).outputs["y"]
    assert np.array_equal(np.concatenate([first, second]), expected[:30])
    assert link.recoveries == 1
    link.close()


def test_without_recovery_a_reset_is_an_error(m4: QemuBoard) -> None:
    link, _ = _connect(m4, recover=False)
    link.stream({"x": stream("int16x8")[1][:3]})
    m4.press_reset()
    with pytest.raises(LinkError, match=r"socket://127\.0\.0\.1:\d+: the board was reset, or .*, 3 steps after"):
        link.stream({"x": stream("int16x8")[1][:3]})
    link.close()


def test_a_board_that_is_switched_off_and_one_that_is_not_there_are_errors(tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    inputs = stream("int16x8")[1]
    with qemu_board("mps2-an386", build("mps2-an386", tmp_path)) as board:
        link, _ = _connect(board, patience_s=20.0)
        link.stream({"x": inputs[:3]})
        board.process.close()
        with pytest.raises(LinkError, match=r"the port is gone: .*\n.*plug the board in again"):
            link.stream({"x": inputs[:3]})
    with pytest.raises(LinkError, match=r"socket://.*: cannot be opened: .*\n.*check cable and name"):
        FaultyTransport(board.url, BAUD)


def test_a_port_with_something_else_behind_it_is_an_error(tmp_path: Path) -> None:
    """A program that waits, as the tests of the emulator use it, answers nothing."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    from edgernn.boards.artifacts import build_artifact

    artifact = Artifact(tmp_path / "small.ern", "small", stream("int16x8")[0])
    build_artifact(artifact, load_board("mps2-an386"), tmp_path / "p.elf", tmp_path)
    with (
        qemu_board("mps2-an386", tmp_path / "p.elf") as board,
        pytest.raises(LinkError, match=r"'open' has not been answered within 1 s\n.*check power, cable and port"),
    ):
        _connect(board, patience_s=1.0)
