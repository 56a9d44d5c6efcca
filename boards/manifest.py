"""What a board is, as its ``board.toml`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FAMILIES: Mapping[str, str] = {
    "cortex-m0": "cortex-m", "cortex-m0plus": "cortex-m", "cortex-m3": "cortex-m", "cortex-m4": "cortex-m",
    "cortex-m7": "cortex-m", "cortex-m33": "cortex-m", "cortex-m55": "cortex-m",
    "esp32-c3": "riscv32", "hazard3": "riscv32",
    "cortex-a53": "aarch64", "cortex-a72": "aarch64", "cortex-a76": "aarch64",
    "host": "host",
}  # fmt: skip
"""Core -> family, which decides start-up code, linker script and calling convention."""

UNICORN_CORES: Mapping[str, str] = {
    "cortex-m0": "cortex-m", "cortex-m3": "cortex-m", "cortex-m4": "cortex-m", "cortex-m7": "cortex-m",
    "cortex-m33": "cortex-m", "rv32": "riscv32",
    "cortex-a53": "aarch64", "cortex-a72": "aarch64", "aarch64-max": "aarch64",
}  # fmt: skip
"""Processors that Unicorn emulates, under this project's names -> family."""

KINDS = ("mcu", "linux", "host")
FPUS = ("none", "single", "double")
SIMD = ("none", "dsp", "helium", "neon", "neon-dotprod")


@dataclass(frozen=True)
class Core:
    """A processor. ``clock_hz`` is the highest of the data sheet, 0 for the host, where it is unknown."""

    name: str
    count: int
    clock_hz: int
    fpu: str
    simd: str

    @property
    def family(self) -> str:
        """cortex-m, riscv32, aarch64 or host."""
        return FAMILIES[self.name]


@dataclass(frozen=True)
class Region:
    """Memory of ``size_bytes`` at ``address``. The first ``reserved_bytes`` belong to a boot loader."""

    address: int
    size_bytes: int
    reserved_bytes: int = 0

    @property
    def end(self) -> int:
        """Address of the first byte behind."""
        return self.address + self.size_bytes

    @property
    def start(self) -> int:
        """Address of the first byte that a program may use."""
        return self.address + self.reserved_bytes


@dataclass(frozen=True)
class FlashReads:
    """What reading flash costs that is not buffered: ``wait_cycles`` of the core, at its highest clock, a line."""

    wait_cycles: int
    line_bytes: int


@dataclass(frozen=True)
class Memory:
    """Where a program goes.

    flash      holds the code, and the constants unless they have a region of their own
    constants  where the processor reads constants, if over another bus than code
    ram        holds variables and the stack
    more       other RAM, by name, which a program may use by itself
    reads      of flash and constants; None where it is not known
    """

    flash: Region
    ram: Region
    constants: Region | None = None
    more: Mapping[str, Region] | None = None
    reads: FlashReads | None = None

    def regions(self) -> dict[str, Region]:
        """All regions by name."""
        found = {"flash": self.flash, "ram": self.ram}
        if self.constants is not None:
            found["constants"] = self.constants
        return {**found, **(self.more or {})}


PROCESS_MEMORY = Memory(Region(0x0040_0000, 64 << 20), Region(0x1000_0000, 64 << 20))
"""The address space in which code for an application processor is emulated, without its operating system."""


@dataclass(frozen=True)
class Toolchain:
    """How code for the core is compiled.

    ``lanes`` is what ``edgernn.export.c.write`` is given: the floats that one instruction processes.
    """

    zig_target: str
    zig_cpu: str
    gcc: str
    gcc_flags: tuple[str, ...]
    lanes: int


@dataclass(frozen=True)
class Emulation:
    """What emulates the board: a processor of Unicorn, a machine and processor of QEMU; "" for neither."""

    unicorn: str = ""
    qemu_machine: str = ""
    qemu_cpu: str = ""


BOOTS = ("none", "rp2040", "rp2350-arm", "rp2350-riscv", "esp32-c3")


@dataclass(frozen=True)
class Flashing:
    """How a program starts from flash, and what puts it there.

    boot        what stands before or in the program for the loader in ROM, one of BOOTS
    uf2_family  what UF2 files name as their target, 0 where the board takes none
    uf2_board   the Board-ID in INFO_UF2.TXT on the drive that the board shows
    pyocd       the target of pyOCD, "" for none
    esptool     the chip of esptool, "" for none
    """

    boot: str = "none"
    uf2_family: int = 0
    uf2_board: str = ""
    pyocd: str = ""
    esptool: str = ""


SERIAL_DRIVERS: Mapping[str, str] = {
    "cmsdk": "serial_cmsdk.c", "stm32-v1": "serial_stm32_v1.c", "stm32-v2": "serial_stm32_v2.c",
    "stm32-lpuart": "serial_stm32_v2.c", "nrf": "serial_nrf.c", "pl011": "serial_pl011.c",
    "esp32c3": "serial_esp32c3.c", "esp32c3-usb": "serial_esp32c3_usb.c", "ns16550": "serial_ns16550.c",
}  # fmt: skip
"""Kind of serial port -> its driver in ``firmware``."""


@dataclass(frozen=True)
class Setup:
    """One access to a register: the bits of ``mask`` become those of ``value``, or are waited for.

    A mask of all ones writes without reading.
    """

    address: int
    mask: int
    value: int
    wait: bool = False


@dataclass(frozen=True)
class Serial:
    """The serial port over which a program of this project talks.

    driver         one of SERIAL_DRIVERS
    address        of its registers
    clock_hz       that its rate is divided from, after ``setup``
    core_clock_hz  of the core after ``setup``: what cycles are counted in
    baud           bits a second
    tx_pin, rx_pin for drivers that choose pins by number
    pins           where it comes out, for people
    setup          accesses that give it clock and pins, in order
    """

    driver: str
    address: int
    clock_hz: int
    core_clock_hz: int
    baud: int
    tx_pin: int
    rx_pin: int
    pins: str
    setup: tuple[Setup, ...]


@dataclass(frozen=True)
class Board:
    """One board. ``ram_bytes`` are the sizes that it is sold with, where it has no fixed memory map."""

    id: str
    title: str
    kind: str
    core: Core
    toolchain: Toolchain | None
    emulation: Emulation
    memory: Memory
    ram_bytes: tuple[int, ...]
    documents: tuple[str, ...]
    notes: str
    flashing: Flashing = Flashing()
    serial: Serial | None = None
