"""Running the machine code of a board in QEMU, which has cores that Unicorn lacks, such as the Cortex-M55."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from edgernn.boards.emulators.calls import TIMEOUT_S, MachineError, ProgramEmulator
from edgernn.boards.emulators.cores import Abi
from edgernn.boards.emulators.counting import riscv_bytes, thumb_bytes
from edgernn.boards.emulators.gdb import GdbClient
from edgernn.boards.emulators.machine import Emulator
from edgernn.boards.emulators.qemu import QemuProcess, find_qemu
from edgernn.boards.emulators.qemu_counting import PluginCounter, plugin
from edgernn.boards.image import Image
from edgernn.boards.manifest import Board
from edgernn.errors import BoardError, EmulationError

ABIS: Mapping[str, Abi] = {
    "cortex-m": Abi((0, 1, 2, 3), result=0, stack_pointer=13, link=14, program_counter=15, word_bytes=4, code_bit=1),
    "riscv32": Abi(tuple(range(10, 18)), result=10, stack_pointer=2, link=1, program_counter=32, word_bytes=4),
}
"""Family -> registers by GDB's numbers."""

MACHINE_ARGUMENTS: Mapping[str, tuple[str, ...]] = {"riscv32": ("-bios", "none")}

START_S, END_S = 20.0, 1.0
RETURN_BYTES, FAULT_BYTES = 8, 4
EXCEPTIONS = range(2, 16)
FAULT_STATUS, FAULT_ADDRESS = 0xE000_ED28, 0xE000_ED38
STACKED_PC = 24


class QemuEmulator(ProgramEmulator):
    """A board emulated by QEMU: one of its processors with a program, whose functions can be called.

    Counts, stack and calls are as with ``Emulator``; the memory is that of QEMU's machine, whose flash can be written.
    Exceptions of the processor end a call. ``close``, or the end of the object, ends QEMU.

    Raises BoardError for a board that QEMU does not have and where QEMU is not installed, UsageError for a program of
    another family, MissingExtraError without a C compiler for the counting plugin.
    """

    def __init__(self, board: Board, program: Image | Path, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(board, program)
        if board.core.family not in ABIS:
            raise BoardError(f"{board.id}: calls through QEMU are for {', '.join(ABIS)}, not for {board.core.family}")
        self._timeout_s, self._abi = timeout_s, ABIS[board.core.family]
        self._return_address = board.memory.ram.end - RETURN_BYTES
        self._fault_address = self._return_address + FAULT_BYTES
        self._folder = Path(tempfile.mkdtemp(prefix="edgernn-"))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        counts, debugger = self._folder / "counts", self._folder / "gdb"
        self._counter = PluginCounter(counts, self._block_bytes)
        arguments = [
            *MACHINE_ARGUMENTS.get(self.board.core.family, ()), "-S",
            "-chardev", f"socket,id=gdb,path={debugger},server=on,wait=off", "-gdb", "chardev:gdb",
            "-plugin", f"{plugin(find_qemu(self.board))},counts={counts}",
        ]  # fmt: skip
        self._process = QemuProcess(self.board, Path(self.image.where), arguments=arguments)
        weakref.finalize(self, self._process.close)
        self._process.wait_until_there(debugger, START_S)
        self._machine = GdbClient(debugger, self._abi.word_bytes)
        self._catch_exceptions()
        self._boot()

    def _catch_exceptions(self) -> None:
        """Stop where an exception leads: a Cortex-M reads a vector; a RISC-V jumps to mtvec, which is 0 after reset."""
        if self.image.family == "riscv32":
            self._fault_address = 0
        else:
            vectors = self.board.memory.flash.start
            for number in EXCEPTIONS:
                self._machine.mem_write(vectors + 4 * number, (self._fault_address | 1).to_bytes(4, "little"))
        self._machine.set_breakpoint(self._fault_address)

    @property
    def counter(self) -> str:
        """What counts: "qemu"."""
        return "qemu"

    @property
    def _memory_error(self) -> type[Exception]:
        return MachineError

    def close(self) -> None:
        """End QEMU. May be called twice."""
        if hasattr(self, "_machine"):
            self._machine.close()
        if hasattr(self, "_process"):
            self._process.close()
        self._finalizer()

    def _run(self, start: int, end: int) -> None:
        self._machine.reg_write(self._abi.program_counter, start)
        self._machine.set_breakpoint(end)
        in_time = self._go_on()
        self._machine.remove_breakpoint(end)
        stopped = self._pc()
        if stopped == self._fault_address:
            raise EmulationError(f"{self.board.id}: {self._fault()}")
        if stopped != end:
            why = "stopped by itself" if in_time else f"did not return within {self._timeout_s:g} s"
            raise EmulationError(f"{self.board.id}: {why}; it is at {self._explainer.instruction(stopped)}")

    def _go_on(self) -> bool:
        try:
            return bool(self._machine.run(self._timeout_s))
        except EmulationError:
            if self._process.ended_within(END_S):
                raise self._process.error("ended") from None
            raise

    def _fault(self) -> str:
        """The exception in words: the instruction, and the address where that is known."""
        if self.image.family == "riscv32":
            return f"exception in a function called from {self._caller()}"
        stacked = self._machine.reg_read(self._abi.stack_pointer) + STACKED_PC
        instruction = int.from_bytes(self._machine.mem_read(stacked, 4), "little") & ~1
        status, address = (self._word(place) for place in (FAULT_STATUS, FAULT_ADDRESS))
        where = f" at {self._explainer.place(address)}" if status & 1 << 15 else ""
        return f"exception with fault status {status:#010x}{where} by {self._explainer.instruction(instruction)}"

    def _caller(self) -> str:
        """Where the last call came from, as the link register says."""
        return self._explainer.instruction(self._machine.reg_read(self._abi.link))

    def _block_bytes(self, address: int, number: int) -> int:
        """Bytes of ``number`` instructions from ``address``."""
        code = self._machine.mem_read(address, 4 * number)
        bytes_of = thumb_bytes if self.image.family == "cortex-m" else riscv_bytes
        at = 0
        for _ in range(number):
            at += bytes_of(code[at : at + 2])
        return at

    def _word(self, address: int) -> int:
        return int.from_bytes(self._machine.mem_read(address, 4), "little")


def open_emulator(board: Board, program: Image | Path, *, timeout_s: float = TIMEOUT_S) -> ProgramEmulator:
    """``program`` on ``board``: emulated by Unicorn if that has its core, otherwise by QEMU. Raises as they do."""
    if board.emulation.unicorn:
        return Emulator(board, program, timeout_s=timeout_s)
    return QemuEmulator(board, program, timeout_s=timeout_s)
