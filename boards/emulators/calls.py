"""Calling the C functions of a program on an emulated board: memory for the caller, arguments, and what a call cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgernn.boards.emulators.arena import Arena, Buffer
from edgernn.boards.emulators.cores import Abi
from edgernn.boards.emulators.counting import INSTRUCTIONS, Block, Counter
from edgernn.boards.emulators.faults import Explainer
from edgernn.boards.emulators.stack import GUARD_BYTES, PaintedStack
from edgernn.boards.image import Image, read_image
from edgernn.boards.manifest import Board
from edgernn.errors import EmulationError, UsageError

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class CallResult:
    """What a call did.

    value         the first result register, unsigned
    instructions  executed from the first to the return; a skipped conditional instruction counts
    by_function   instructions of each function by itself, most first
    stack_bytes   from the stack pointer at the call down to the lowest byte written
    """

    value: int
    instructions: int
    by_function: Mapping[str, int]
    stack_bytes: int


class MachineError(Exception):
    """A machine cannot read or write its memory at an address."""


class ProgramEmulator(ABC):
    """One processor of ``board`` with a program, started and waiting in ``main``; its functions can be called.

    The program is loaded where flash is, and the start-up code runs as after a reset. After an EmulationError the
    state of the program is unknown: make a new emulator.

    Subclasses run the machine: they set ``_abi``, ``_machine`` (mem_read, mem_write, reg_read, reg_write),
    ``_counter`` and ``_return_address``, then call ``_boot``.
    """

    _abi: Abi
    _machine: Any
    _counter: Counter
    _return_address: int

    def __init__(self, board: Board, program: Image | Path) -> None:
        self.board = board
        self.image = program if isinstance(program, Image) else read_image(program)
        if self.image.family != board.core.family:
            raise UsageError(
                f"{self.image.where}: a program for {self.image.family}; {board.id} needs one for {board.core.family}"
            )
        self._blocks: dict[Block, tuple[int, str]] = {}

    @abstractmethod
    def _run(self, start: int, end: int) -> None:
        """Run from ``start`` until the address ``end`` is reached. Raises EmulationError where it is not."""

    @property
    @abstractmethod
    def _memory_error(self) -> type[Exception]:
        """What the machine raises for memory that is not there."""

    def _boot(self) -> None:
        """Run from reset to ``main``, and take the memory that the program leaves."""
        self._explainer = Explainer(self.board, self.image, self._machine)
        self._run(self.image.entry, self.image.symbol("main").address)
        top, limit = (self.image.symbol(f"edgernn_stack_{name}").address for name in ("top", "limit"))
        end = self.image.symbol("edgernn_bss_end").address
        self._stack = PaintedStack(self._machine, max(end, limit - GUARD_BYTES), limit, top)
        self._arena = Arena(self._machine, end, self._stack.guard, f"{self.board.id}: {self.image.where}")

    def allocate(self, name: str, size_bytes: int, alignment: int = 16) -> int:
        """Address of a new buffer in the board's RAM, zeroed, for arguments and results.

        Writes of the program just beside it are found after each call. Raises EmulationError where the RAM is full.
        """
        return self._arena.allocate(name, size_bytes, alignment).address

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """What has been allocated."""
        return tuple(self._arena.buffers)

    def address(self, place: str | int) -> int:
        """``place`` itself, or the address of the symbol of this name."""
        return self.image.symbol(place).address if isinstance(place, str) else place

    def write(self, place: str | int, data: bytes) -> None:
        """Put ``data`` at an address or symbol. Raises EmulationError outside of the memory map."""
        self._access("write", place, len(data), lambda at: self._machine.mem_write(at, bytes(data)))

    def read(self, place: str | int, size_bytes: int) -> bytes:
        """Bytes at an address or symbol. Raises EmulationError outside of the memory map."""
        return bytes(self._access("read", place, size_bytes, lambda at: self._machine.mem_read(at, size_bytes)))

    def _access(self, kind: str, place: str | int, size_bytes: int, action: Any) -> Any:
        address = self.address(place)
        try:
            return action(address)
        except self._memory_error:
            where = self._explainer.place(address)
            raise EmulationError(f"{self.board.id}: cannot {kind} {size_bytes} bytes at {where}") from None

    def call(self, function: str | int, *arguments: int) -> CallResult:
        """Call a C function with integers and addresses, and return what it returned and what it cost.

        Raises EmulationError where the program reads, writes or executes what it may not, overflows its stack, or
        does not return in time.
        """
        stack_pointer = self._place_arguments(arguments)
        self._stack.paint(stack_pointer)
        self._counter.clear()
        self._machine.reg_write(self._abi.link, self._return_address | self._abi.code_bit)
        self._run(self.address(function), self._return_address)
        stack_bytes = self._stack_bytes(stack_pointer)
        self._arena.check()
        return self._result(stack_bytes)

    def _place_arguments(self, arguments: tuple[int, ...]) -> int:
        """Write the registers and the stack; returns the stack pointer at the call."""
        word = self._abi.word_bytes
        words = [value & ((1 << 8 * word) - 1) for value in arguments]
        count = len(self._abi.arguments)
        for register, value in zip(self._abi.arguments, words, strict=False):
            self._machine.reg_write(register, value)
        pushed = b"".join(value.to_bytes(word, "little") for value in words[count:])
        stack_pointer = (self._stack.top - len(pushed)) & ~15
        self._machine.mem_write(stack_pointer, pushed)
        self._machine.reg_write(self._abi.stack_pointer, stack_pointer)
        return stack_pointer

    def _pc(self) -> int:
        return int(self._machine.reg_read(self._abi.program_counter)) & ~self._abi.code_bit

    def _stack_bytes(self, stack_pointer: int) -> int:
        lowest, limit = self._stack.lowest(), self._stack.limit
        if lowest < limit or lowest == self._stack.guard:
            raise EmulationError(
                f"{self.board.id}: the stack used more than its {self._stack.top - limit} bytes and may have "
                f"overwritten variables\n  what to do: build the program with a larger stack_bytes"
            )
        return max(0, stack_pointer - lowest)

    def _result(self, stack_bytes: int) -> CallResult:
        by_function: dict[str, int] = {}
        for block, executions in self._counter.executions().items():
            number, name = self.block(*block)
            by_function[name] = by_function.get(name, 0) + number * executions
        most_first = dict(sorted(by_function.items(), key=lambda item: (-item[1], item[0])))
        value = int(self._machine.reg_read(self._abi.result))
        return CallResult(value, sum(by_function.values()), most_first, stack_bytes)

    def block(self, address: int, size_bytes: int) -> tuple[int, str]:
        """Instructions of a basic block, and the function it belongs to."""
        if (address, size_bytes) not in self._blocks:
            symbol = self.image.at(address)
            number = INSTRUCTIONS[self.image.family](bytes(self._machine.mem_read(address, size_bytes)))
            name = symbol.name if symbol is not None else f"{address:#010x}"
            self._blocks[address, size_bytes] = number, name
        return self._blocks[address, size_bytes]
