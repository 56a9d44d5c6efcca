"""Running the machine code of a board in this process, with Unicorn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgernn.boards.emulators.calls import TIMEOUT_S, CallResult, ProgramEmulator
from edgernn.boards.emulators.cores import load_unicorn, unicorn_core
from edgernn.boards.emulators.counting import Counter, make_counter
from edgernn.boards.emulators.faults import Fault
from edgernn.boards.emulators.reads import LineCounter
from edgernn.boards.emulators.tracing import Trace, TracingCounter
from edgernn.boards.emulators.watchdog import Watchdog
from edgernn.boards.image import Image, Symbol
from edgernn.boards.manifest import Board
from edgernn.errors import EmulationError, UsageError

__all__ = ["CallResult", "Emulator"]

PAGE = 4096
RETURN_ADDRESS = 0x7FFF_0000
SYSTEM_CONTROL_SPACE = 0xE000_E000


class Emulator(ProgramEmulator):
    """A board emulated by Unicorn: one of its processors with a program, whose functions can be called.

    Flash cannot be written, and outside of the memory map nothing can be read, written or executed: the
    granularity is a page of 4 KiB.

    native     whether numba counts (True), Python does (False), or whichever is there (None)
    timeout_s  what a single call may take
    trace      a function (name or place): blocks are counted apart for each of its own blocks that reached them,
               and ``traces`` has them with what cycles depend on; needs numba
    line_bytes with ``trace``, of what is read from flash at once: ``lines_read`` counts them; 0 counts nothing

    Raises BoardError for a board that Unicorn cannot emulate, MissingExtraError without unicorn,
    UsageError for a program of another family.
    """

    def __init__(
        self, board: Board, program: Image | Path, *, native: bool | None = None, timeout_s: float = TIMEOUT_S,
        trace: str | Symbol | None = None, line_bytes: int = 0,
    ) -> None:  # fmt: skip
        self._unicorn = load_unicorn(board)
        super().__init__(board, program)
        core = unicorn_core(board.emulation.unicorn)
        self._abi, self._return_address = core.abi, RETURN_ADDRESS
        self._machine = self._unicorn.Uc(core.architecture, core.mode)
        self._machine.ctl_set_cpu_model(core.model)
        if self._machine.ctl_get_cpu_model() != core.model:
            raise EmulationError(f"{board.id}: Unicorn does not take the model {board.emulation.unicorn!r}")
        self._watchdog = Watchdog(self._machine.emu_stop, timeout_s)
        self._map_memory()
        self._fault: Fault | None = None
        self._machine.hook_add(self._unicorn.UC_HOOK_MEM_INVALID, self._on_fault)
        self._counter = self._make_counter(native, trace)
        memory, kind = board.memory, self._unicorn.UC_HOOK_MEM_READ
        regions = [memory.flash, *filter(None, [memory.constants])]
        self._lines = LineCounter(self._machine, kind, regions, line_bytes) if trace and line_bytes else None
        for register, value in core.prepare:
            self._machine.reg_write(register, value)
        if self.image.family == "cortex-m":
            vectors = bytes(self._machine.mem_read(board.memory.flash.start, 4))
            self._machine.reg_write(self._abi.stack_pointer, int.from_bytes(vectors, "little"))
        self._boot()

    def _make_counter(self, native: bool | None, trace: str | Symbol | None) -> Counter:
        if trace is None:
            return make_counter(self._machine, self._unicorn.UC_HOOK_BLOCK, native)
        part = self.image.symbol(trace) if isinstance(trace, str) else trace
        low, high = part.address, part.address + part.size_bytes
        return TracingCounter(self._machine, self._unicorn.UC_HOOK_BLOCK, low, high)

    def traces(self) -> list[Trace]:
        """The blocks of the last call. Raises UsageError unless the emulator was made with ``trace``."""
        if not isinstance(self._counter, TracingCounter):
            raise UsageError("traces are counted only where the emulator is made with trace=FUNCTION")
        return self._counter.traces()

    def lines_read(self) -> int:
        """Lines of flash and constants that were read as data since the emulator was made, each read after another.

        Raises UsageError unless the emulator was made with ``line_bytes``.
        """
        if self._lines is None:
            raise UsageError("lines are counted only where the emulator is made with trace=FUNCTION and line_bytes=N")
        return self._lines.count

    @property
    def counter(self) -> str:
        """Which hook counts: "native" or "python"."""
        return self._counter.kind

    @property
    def _memory_error(self) -> type[Exception]:
        error: type[Exception] = self._unicorn.UcError
        return error

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
