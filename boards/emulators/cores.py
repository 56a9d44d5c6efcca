"""The processors of Unicorn: how each is set up, and how its functions are called."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from edgernn.boards.manifest import Board
from edgernn.errors import BoardError, MissingExtraError


@dataclass(frozen=True)
class Abi:
    """A calling convention: registers by Unicorn's numbers.

    arguments       registers of the first arguments; the others are on the stack, ``word_bytes`` each
    code_bit        what is added to the address of a function
    exception_skip  how far behind the instruction Unicorn leaves the program counter at an exception
    """

    arguments: tuple[int, ...]
    result: int
    stack_pointer: int
    link: int
    program_counter: int
    word_bytes: int
    code_bit: int = 0
    exception_skip: int = 0


@dataclass(frozen=True)
class UnicornCore:
    """Unicorn's architecture, mode and processor model, with the calling convention of C.

    ``prepare`` are registers to set before the first instruction.
    """

    architecture: int
    mode: int
    model: int
    abi: Abi
    prepare: tuple[tuple[int, int], ...] = ()


def load_unicorn(board: Board) -> ModuleType:
    """The package. Raises MissingExtraError without it, BoardError for a board that it cannot emulate."""
    if not board.emulation.unicorn:
        qemu = board.emulation.qemu_machine
        other = f"; QEMU has it as -machine {qemu}" if qemu else ""
        raise BoardError(
            f"{board.id}: Unicorn has no model of its core, {board.core.name}{other}\n"
            f"  what to do: choose a board whose board.toml names one in [emulator] unicorn"
        )
    try:
        import unicorn
    except ImportError:
        raise MissingExtraError("unicorn", "boards", f"emulating {board.id}") from None
    return unicorn


def unicorn_core(name: str) -> UnicornCore:
    """The core called ``name``, one of ``manifest.UNICORN_CORES``."""
    if name == "rv32":
        return _riscv32()
    if name.startswith("cortex-m"):
        return _cortex_m(name)
    return _aarch64(name)


def _cortex_m(name: str) -> UnicornCore:
    import unicorn
    from unicorn import arm_const as arm

    models = {
        "cortex-m0": arm.UC_CPU_ARM_CORTEX_M0, "cortex-m3": arm.UC_CPU_ARM_CORTEX_M3,
        "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4, "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7,
        "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
    }  # fmt: skip
    registers = tuple(arm.UC_ARM_REG_R0 + k for k in range(4))
    abi = Abi(registers, registers[0], arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, 4, code_bit=1)
    # Not UC_MODE_MCLASS, with which Unicorn 2.1 emulates a Cortex-M33 whatever model is set.
    return UnicornCore(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB, models[name], abi)


def _riscv32() -> UnicornCore:
    import unicorn
    from unicorn import riscv_const as riscv

    registers = tuple(riscv.UC_RISCV_REG_A0 + k for k in range(8))
    abi = Abi(
        registers, registers[0], riscv.UC_RISCV_REG_SP, riscv.UC_RISCV_REG_RA, riscv.UC_RISCV_REG_PC, 4,
        exception_skip=4,
    )  # fmt: skip
    return UnicornCore(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32, riscv.UC_CPU_RISCV32_ANY, abi)


def _aarch64(name: str) -> UnicornCore:
    import unicorn
    from unicorn import arm64_const as arm64

    models = {
        "cortex-a53": arm64.UC_CPU_ARM64_A53, "cortex-a72": arm64.UC_CPU_ARM64_A72,
        "aarch64-max": arm64.UC_CPU_ARM64_MAX,
    }  # fmt: skip
    registers = tuple(arm64.UC_ARM64_REG_X0 + k for k in range(8))
    abi = Abi(registers, registers[0], arm64.UC_ARM64_REG_SP, arm64.UC_ARM64_REG_X30, arm64.UC_ARM64_REG_PC, 8)
    floating_point_on = (arm64.UC_ARM64_REG_CPACR_EL1, 3 << 20)
    return UnicornCore(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM, models[name], abi, (floating_point_on,))
