"""Running the machine code of a board in this process, with Unicorn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgernn.boards.emulators.arena import Arena, Buffer
from edgernn.boards.emulators.cores import load_unicorn, unicorn_core
from edgernn.boards.emulators.counting import INSTRUCTIONS, Block, make_counter
from edgernn.boards.emulators.faults import Explainer, Fault
from edgernn.boards.emulators.stack import GUARD_BYTES, PaintedStack
from edgernn.boards.emulators.watchdog import Watchdog
from edgernn.boards.image import Image, read_image
from edgernn.boards.manifest import Board
from edgernn.errors import EmulationError, UsageError

PAGE = 4096
RETURN_ADDRESS = 0x7FFF_0000
SYSTEM_CONTROL_SPACE = 0xE000_E000
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


class Emulator:
    """One processor of ``board`` with a program, started and waiting in ``main``; its functions can be called.

    The program is loaded where flash is, and the start-up code runs as after a reset. Flash cannot be written, and
    outside of the memory map nothing can be read, written or executed: the granularity is a page of 4 KiB. After
    an EmulationError the state of the program is unknown: make a new emulator.

    native     whether numba counts (True), Python does (False), or whichever is there (None)
    timeout_s  what a single call may take

    Raises BoardError for a board that Unicorn cannot emulate, MissingExtraError without unicorn,
    UsageError for a program of another family.
    """

    def __init__(
        self, board: Board, program: Image | Path, *, native: bool | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._unicorn = load_unicorn(board)
        self.board = board
        self.image = program if isinstance(program, Image) else read_image(program)
        if self.image.family != board.core.family:
            raise UsageError(
                f"{self.image.where}: a program for {self.image.family}; {board.id} needs one for {board.core.family}"
            )
        core = unicorn_core(board.emulation.unicorn)
        self._abi = core.abi
        self._machine: Any = self._unicorn.Uc(core.architecture, core.mode)
        self._machine.ctl_set_cpu_model(core.model)
        if self._machine.ctl_get_cpu_model() != core.model:
            raise EmulationError(f"{board.id}: Unicorn does not take the model {board.emulation.unicorn!r}")
        self._watchdog = Watchdog(self._machine.emu_stop, timeout_s)
        self._map_memory()
        self._fault: Fault | None = None
        self._machine.hook_add(self._unicorn.UC_HOOK_MEM_INVALID, self._on_fault)
        self._explainer = Explainer(board, self.image, self._machine)
        self._counter = make_counter(self._machine, self._unicorn.UC_HOOK_BLOCK, native)
        self._blocks: dict[Block, tuple[int, str]] = {}
        for register, value in core.prepare:
            self._machine.reg_write(register, value)
        self._boot()

    @property
    def counter(self) -> str:
        """Which hook counts: "native" or "python"."""
        return self._counter.kind

    def _map_memory(self) -> None:
        uc = self._unicorn
        pages = {RETURN_ADDRESS: uc.UC_PROT_READ | uc.UC_PROT_EXEC}
        if self.image.family == "cortex-m":
            pages[SYSTEM_CONTROL_SPACE] = uc.UC_PROT_READ | uc.UC_PROT_WRITE
        for name, region in self.board.memory.regions().items():
            access = uc.UC_PROT_READ
            access |= uc.UC_PROT_EXEC if name == "flash" or self._executes(region.address, region.end) else 0
            access |= uc.UC_PROT_WRITE if name not in ("flash", "constants") else 0
            for page in range(region.address // PAGE, -(-region.end // PAGE)):
                pages[page * PAGE] = pages.get(page * PAGE, 0) | access
        for start, size, access in _runs(pages):
            self._machine.mem_map(start, size, access)
        for segment in self.image.segments:
            self._machine.mem_write(segment.load_address, segment.data)

    def _executes(self, low: int, high: int) -> bool:
        return any(s.executable and low <= s.address < high for s in self.image.segments)

    def _boot(self) -> None:
        """Run from reset to ``main``, and take the memory that the program leaves."""
        if self.image.family == "cortex-m":
            vectors = bytes(self._machine.mem_read(self.board.memory.flash.start, 4))
            self._machine.reg_write(self._abi.stack_pointer, int.from_bytes(vectors, "little"))
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
        except self._unicorn.UcError:
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
        self._machine.reg_write(self._abi.link, RETURN_ADDRESS | self._abi.code_bit)
        self._run(self.address(function), RETURN_ADDRESS)
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

    def _run(self, start: int, end: int) -> None:
        self._fault = None
        self._watchdog.arm()
        try:
            self._machine.emu_start(start | self._abi.code_bit, end)
        except self._unicorn.UcError as error:
            raise EmulationError(f"{self.board.id}: {self._reason(error)}") from None
        finally:
            late = self._watchdog.disarm()
        if (stopped := self._pc()) != end:
            why = f"did not return within {self._watchdog.limit_s:g} s" if late else "stopped by itself"
            raise EmulationError(f"{self.board.id}: {why}; it is at {self._explainer.instruction(stopped)}")

    def _pc(self) -> int:
        return int(self._machine.reg_read(self._abi.program_counter)) & ~self._abi.code_bit

    def _reason(self, error: Any) -> str:
        if self._fault is not None:
            return self._explainer.fault(self._fault, self._pc())
        skipped = self._abi.exception_skip if error.errno == self._unicorn.UC_ERR_EXCEPTION else 0
        return f"{error} at {self._explainer.instruction(self._pc() - skipped)}"

    def _on_fault(self, machine: Any, access: int, address: int, size: int, value: int, user: object) -> bool:
        uc = self._unicorn
        kinds = {
            uc.UC_MEM_READ_UNMAPPED: "read", uc.UC_MEM_READ_PROT: "read",
            uc.UC_MEM_WRITE_UNMAPPED: "write", uc.UC_MEM_WRITE_PROT: "write",
        }  # fmt: skip
        self._fault = Fault(kinds.get(access, "fetch"), address, size, value)
        return False

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
            if block not in self._blocks:
                self._blocks[block] = self._describe(block)
            number, name = self._blocks[block]
            by_function[name] = by_function.get(name, 0) + number * executions
        most_first = dict(sorted(by_function.items(), key=lambda item: (-item[1], item[0])))
        value = int(self._machine.reg_read(self._abi.result))
        return CallResult(value, sum(by_function.values()), most_first, stack_bytes)

    def _describe(self, block: Block) -> tuple[int, str]:
        """Instructions of a block, and the function it belongs to."""
        address, size = block
        symbol = self.image.at(address)
        number = INSTRUCTIONS[self.image.family](bytes(self._machine.mem_read(address, size)))
        return number, symbol.name if symbol is not None else f"{address:#010x}"


def _runs(pages: Mapping[int, int]) -> list[tuple[int, int, int]]:
    """Neighbouring pages with the same access, as start, size and access."""
    runs: list[tuple[int, int, int]] = []
    for page, access in sorted(pages.items()):
        if runs and runs[-1][0] + runs[-1][1] == page and runs[-1][2] == access:
            start, size, _ = runs.pop()
            runs.append((start, size + PAGE, access))
        else:
            runs.append((page, PAGE, access))
    return runs
