"""A board in this process, emulated by Unicorn together with the registers of its serial port.

The program that would be flashed answers as it would over a cable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgernn.boards import Board, Emulator, Image
from edgernn.boards.manifest import Serial
from edgernn.boards.serialport import BAUD
from edgernn.errors import EmulationError

PAGE = 4096
POLLS, NOWHERE = 4, 0xFFFF_FFFE
"""A program that looks at a status so often without doing anything else waits for a byte."""

CYCLE_COUNTER = 0xE000_1004
"""DWT CYCCNT of a Cortex-M: here it counts instructions, as of a core that takes a cycle for each."""

ILLEGAL_INSTRUCTION, SYSTEM = 2, 0x73
"""Cause of an exception of RISC-V, and the opcode of instructions on control registers."""

Registers = dict[int, int]


@dataclass(frozen=True)
class Uart:
    """Registers by their offset, as the data sheets have them.

    received, sent  of the data
    status          offset -> what is read there while so many received bytes wait; there is always room to send
    baud            of the rate that the registers set, from a clock
    """

    received: int
    sent: int
    status: Mapping[int, Callable[[int], int]]
    baud: Callable[[Registers, int], float]


def _stm32_v2(steps: int) -> Uart:
    status = {0x1C: lambda n: 1 << 7 | (n > 0) << 5}
    return Uart(0x24, 0x28, status, lambda r, hz: steps * hz / r[0x0C] if r[0x00] == 0xD else 0)


UARTS: Mapping[str, Uart] = {
    "cmsdk": Uart(0, 0, {0x04: lambda n: 2 * (n > 0)}, lambda r, hz: hz / r[0x10] if r[0x08] == 3 else 0),
    "pl011": Uart(
        0, 0, {0x18: lambda n: (n == 0) << 4},
        lambda r, hz: hz / (16 * (r[0x24] + r[0x28] / 64)) if r[0x30] == 0x301 else 0,
    ),
    "stm32-v1": Uart(
        4, 4, {0x00: lambda n: 1 << 7 | (n > 0) << 5}, lambda r, hz: hz / r[0x08] if r[0x0C] == 0x200C else 0
    ),
    "stm32-v2": _stm32_v2(1),
    "stm32-lpuart": _stm32_v2(256),
    "nrf": Uart(
        0x518, 0x51C, {0x108: lambda n: int(n > 0), 0x11C: lambda n: 1},
        lambda r, hz: r[0x524] * 16e6 / 2**32 if r[0x500] == 4 and r[0x000] == r[0x008] == 1 else 0,
    ),
    "esp32c3": Uart(
        0, 0, {0x1C: lambda n: min(n, 1023), 0x80: lambda n: 0},
        lambda r, hz: hz / ((r[0x14] & 0xFFF) + (r[0x14] >> 20) / 16),
    ),
    "esp32c3-usb": Uart(0, 0, {0x04: lambda n: 2 | (n > 0) << 2}, lambda r, hz: BAUD),
}  # fmt: skip


@dataclass
class UnicornUart:
    """``edgernn.boards.links.client.Transport`` to the program of ``image`` on ``board``.

    written  every access that wrote to a peripheral: address and value
    """

    board: Board
    image: Image
    where: str = "emulated UART"
    bytes_per_s: float = 1e6
    written: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        serial = self.board.serial
        if serial is None:
            raise ValueError(f"{self.board.id} has no serial port")
        self._serial: Serial = serial
        self._uart = UARTS[serial.driver]
        self._waits = {s.address: s.value for s in serial.setup if s.wait}
        self.reset()

    def reset(self) -> None:
        """Switch the board off and on: the program starts again, what was on its way is lost."""
        import unicorn

        self.registers: dict[int, int] = {}
        self._in: deque[int] = deque()
        self._failed = ""
        self._out, self._polls = bytearray(), 0
        self._emulator = Emulator(self.board, self.image)
        pages = {s.address // PAGE for s in self._serial.setup} | {self._serial.address // PAGE}
        if self.board.core.family == "cortex-m":
            pages.add(CYCLE_COUNTER // PAGE)
        for page in sorted(pages):
            self._emulator._machine.mmio_map(page * PAGE, PAGE, self._read, page * PAGE, self._write, page * PAGE)
        if self.board.core.family == "riscv32":
            self._emulator._machine.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self._place = self.image.symbol("main").address

    @property
    def baud(self) -> float:
        """The rate that the program has set."""
        own = {a - self._serial.address: v for a, v in self.registers.items()}
        return self._uart.baud(own, self._serial.clock_hz)

    def _read(self, machine: Any, offset: int, size: int, page: int) -> int:
        address = page + offset
        place = address - self._serial.address
        if place in self._uart.status:
            self._polls += 1
            if not self._in and self._polls >= POLLS:
                machine.emu_stop()
            return self._uart.status[place](len(self._in))
        self._polls = 0
        if address == CYCLE_COUNTER:
            return self._instructions() & 0xFFFF_FFFF
        if place == self._uart.received:
            return self._in.popleft() if self._in else 0
        return self._waits.get(address, self.registers.get(address, 0))

    def _write(self, machine: Any, offset: int, size: int, value: int, page: int) -> None:
        address, self._polls = page + offset, 0
        self.registers[address] = value
        self.written.append((address, value))
        if address - self._serial.address == self._uart.sent:
            self._out.append(value & 0xFF)

    def _instructions(self) -> int:
        """Executed since the board was switched on."""
        emulator = self._emulator
        return sum(emulator.block(*block)[0] * n for block, n in emulator._counter.executions().items())

    def write(self, data: bytes) -> None:
        self._in.extend(data)

    def read(self, timeout_s: float) -> bytes:
        self._run()
        data, self._out = bytes(self._out), bytearray()
        return data

    def _run(self) -> None:
        """Until the program waits for a byte and none is left."""
        machine, abi = self._emulator._machine, self._emulator._abi
        self._polls = 0
        machine.emu_start(self._place | abi.code_bit, NOWHERE)
        self._place = self._emulator._pc()
        if self._failed:
            raise EmulationError(f"{self.board.id}: {self._failed}")

    def _on_exception(self, machine: Any, number: int, user: object) -> None:
        """Unicorn's RV32 lacks the control registers that count cycles: they stand still at 0."""
        from unicorn.riscv_const import UC_RISCV_REG_X0

        abi = self._emulator._abi
        word = int.from_bytes(machine.mem_read(self._emulator._pc() - abi.exception_skip, 4), "little")
        if number != ILLEGAL_INSTRUCTION or word & 0x7F != SYSTEM:
            self._failed = f"exception {number} at {self._emulator._pc():#x}"
            machine.emu_stop()
        elif rd := word >> 7 & 31:
            machine.reg_write(UC_RISCV_REG_X0 + rd, 0)

    def reopen(self) -> None:
        """A cable that is always plugged in."""

    def close(self) -> None:
        """Nothing is held."""
