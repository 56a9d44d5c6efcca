"""What went wrong in an emulated program, in words: the instruction, the function, the address and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgernn.boards.image import Image
from edgernn.boards.manifest import Board

ACCESS_KINDS = ("read", "write", "fetch")


@dataclass(frozen=True)
class Fault:
    """An access of ``size_bytes`` at ``address`` that the memory map forbids. ``kind`` is one of ACCESS_KINDS."""

    kind: str
    address: int
    size_bytes: int
    value: int


class Explainer:
    """Names addresses of one program on one board."""

    def __init__(self, board: Board, image: Image, machine: Any) -> None:
        self._board, self._image, self._machine = board, image, machine

    def place(self, address: int) -> str:
        """``address`` as symbol and offset, with the region it lies in."""
        symbol = self._image.at(address)
        near = f"{symbol.name}+{address - symbol.address:#x} " if symbol else ""
        return f"{near}({address:#010x}, {self.region(address)})"

    def region(self, address: int) -> str:
        """The region of the memory map that holds ``address``."""
        for name, region in self._board.memory.regions().items():
            if region.address <= address < region.end:
                return name
        return "not in the memory map"

    def fault(self, fault: Fault, program_counter: int) -> str:
        """A sentence about an access."""
        what = f"{fault.kind} of {fault.size_bytes} bytes at {self.place(fault.address)}"
        if fault.kind == "fetch":
            return f"jump to {self.place(fault.address)}, where there is no code"
        reason = ": flash cannot be written" if fault.kind == "write" and self._in_flash(fault.address) else ""
        return f"{what} by {self.instruction(program_counter)}{reason}"

    def _in_flash(self, address: int) -> bool:
        return self.region(address) in ("flash", "constants")

    def instruction(self, address: int) -> str:
        """The instruction at ``address``, in assembly where capstone is installed."""
        text = self._disassemble(address)
        return f"{text!r} in {self.place(address)}" if text else self.place(address)

    def _disassemble(self, address: int) -> str:
        try:
            import capstone
        except ImportError:
            return ""
        modes = {
            "cortex-m": (capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS),
            "riscv32": (capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC),
            "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
        }
        if self._image.at(address) is None:
            return ""
        code = bytes(self._machine.mem_read(address, 4))
        for found in capstone.Cs(*modes[self._image.family]).disasm(code, address, 1):
            return f"{found.mnemonic} {found.op_str}".strip()
        return ""
